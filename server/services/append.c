/* EventStore.Append: several streams, checks and a condition, all or nothing (append_call.h). */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/append_call.h"
#include "server/services/methods.h"
#include "server/services/proposal.h"

static void reply(struct append_call *self);

void append(struct call *call, const ProtobufCMessage *message)
{
    struct append_call *self = append_call_create(call, reply);
    struct trace_entries trace;
    struct status status;

    if (!self)
        return;
    trace = trace_entries_of(call);
    status =
        proposal_read((const void *)message, &trace, call_arena(call), &self->submission.append);
    if (!status_ok(status))
        return call_fail(call, status);
    status = append_call_submit(self);
    if (!status_ok(status))
        call_fail(call, proposal_refusal(status, &self->submission.append));
}

static void reply(struct append_call *self)
{
    Sagabase__V1__AppendResponse response = SAGABASE__V1__APPEND_RESPONSE__INIT;
    struct status status =
        proposal_answer(&self->submission.append, call_arena(self->call), &response);

    if (!status_ok(status))
        return call_fail(self->call, status);
    call_reply(self->call, &response.base);
}
