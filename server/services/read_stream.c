/* EventStore.ReadStream: find the stream, then page by page (reading.h), all on the
 * queue thread. */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/methods.h"
#include "server/services/reading.h"
#include "server/services/services.h"
#include "server/services/stream_name.h"
#include "storage/log/read.h"

static struct status read_request(struct reading *self,
                                  const Sagabase__V1__ReadStreamRequest *request);

void read_stream(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__ReadStreamRequest *request = (const void *)message;
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

/* The rules of the request come before the question whether the stream exists. */
static struct status read_request(struct reading *self,
                                  const Sagabase__V1__ReadStreamRequest *request)
{
    struct reading_from from = {
        .given_index = request->from_case == SAGABASE__V1__READ_STREAM_REQUEST__FROM_REVISION,
        .given_edge = request->from_case == SAGABASE__V1__READ_STREAM_REQUEST__FROM_EDGE,
        .given_time = request->from_case == SAGABASE__V1__READ_STREAM_REQUEST__FROM_TIME_US,
    };
    struct stream_head head = {0};
    struct bytes name;

    if (from.given_index)
        from.index = request->revision;
    if (from.given_edge)
        from.edge = (int)request->edge;
    if (from.given_time)
        from.time_us = request->time_us;
    TRY(stream_name_read(request->stream, &name));
    TRY(reading_select(self, NULL, request->filter));
    TRY(reading_aim(self, (int)request->direction, from, request->count, 0, 0));
    TRY(event_log_find_stream(self->log, name, &head));
    if (!head.exists)
        return stream_name_not_found(name);
    self->stream_number = head.number;
    return reading_aim(self, (int)request->direction, from, request->count, head.first_revision,
                       head.last_revision + 1);
}
