/* EventStore.ReadAll: the store up to the newest event at the time of the call, page by
 * page (reading.h), all on the queue thread. */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/methods.h"
#include "server/services/reading.h"
#include "server/services/services.h"
#include "storage/log/read.h"

static struct status read_request(struct reading *self,
                                  const Sagabase__V1__ReadAllRequest *request);

void read_all(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__ReadAllRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    struct reading *self = arena_alloc(call_arena(call), sizeof *self);
    struct status status;

    if (!self)
        return call_end(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
    self->call = call;
    self->log = services->log;
    status = read_request(self, request);
    if (!status_ok(status))
        return call_end(call, status);
    if (request->upcast)
        reading_upcast(self, services->reducers);
    reading_start(self);
}

static struct status read_request(struct reading *self, const Sagabase__V1__ReadAllRequest *request)
{
    struct reading_from from = {
        .given_index = request->from_case == SAGABASE__V1__READ_ALL_REQUEST__FROM_POSITION,
        .given_edge = request->from_case == SAGABASE__V1__READ_ALL_REQUEST__FROM_EDGE,
        .given_time = request->from_case == SAGABASE__V1__READ_ALL_REQUEST__FROM_TIME_US,
    };

    if (from.given_index)
        from.index = request->position;
    if (from.given_edge)
        from.edge = (int)request->edge;
    if (from.given_time)
        from.time_us = request->time_us;
    TRY(reading_select(self, request->query, request->filter));
    return reading_aim(self, (int)request->direction, from, request->count, 0,
                       event_log_end(self->log));
}
