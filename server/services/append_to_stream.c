/* EventStore.AppendToStream: events for one stream (append_call.h). */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/append_call.h"
#include "server/services/methods.h"
#include "server/services/proposal.h"

static void reply(struct append_call *self);

void append_to_stream(struct call *call, const ProtobufCMessage *message)
{
    struct append_call *self = append_call_create(call, reply);
    struct trace_entries trace;
    struct status status;

    if (!self)
        return;
    trace = trace_entries_of(call);
    status = proposal_read_one((const void *)message, &trace, call_arena(call),
                               &self->submission.append);
    if (status_ok(status))
        status = append_call_submit(self);
    if (!status_ok(status))
        call_fail(call, status);
}

static void reply(struct append_call *self)
{
    Sagabase__V1__AppendToStreamResponse response = SAGABASE__V1__APPEND_TO_STREAM_RESPONSE__INIT;

    response.first_revision = self->submission.append.streams->first_revision;
    response.last_revision = self->submission.append.streams->last_revision;
    response.position = self->submission.append.position;
    response.replayed = self->submission.append.replayed;
    call_reply(self->call, &response.base);
}
