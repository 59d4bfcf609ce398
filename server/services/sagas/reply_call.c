#include "server/services/sagas/reply_call.h"

#include "server/services/conflict.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/pending.h"
#include "server/services/sagas/reply_ack.h"
#include "server/services/services.h"

struct reply_call {
    struct pending pending;
    Sagabase__V1__Reply message;
    struct saga_reply reply;
    struct append append; /* of message.appends */
    void (*answer)(struct call *call, Sagabase__V1__ReplyAck *ack);
};

/* @thread writer */
static void on_done(struct intent *intent)
{
    pending_done(&container_of(intent, struct reply_call, reply.intent)->pending);
}

static void answer_outcome(struct reply_call *self)
{
    struct call *call = self->pending.call;
    const char *message = self->reply.message;
    Sagabase__V1__ReplyAck ack;
    struct status status;

    switch ((int)self->reply.outcome) {
    case SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_WRONG_EXPECTED_REVISION:
        return conflict_fail(call, status_make(STATUS_ABORTED, "%s", message),
                             &self->append.conflict);
    case SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_INVALID:
        return call_fail(call, status_make(STATUS_INVALID_ARGUMENT, "%s", message));
    case SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNAVAILABLE:
        return call_fail(call, status_make(STATUS_UNAVAILABLE, "%s", message));
    default:
        status = reply_ack_answer(&self->reply, call_arena(call), &ack);
        if (!status_ok(status))
            return call_fail(call, status);
        return self->answer(call, &ack);
    }
}

static void answer(struct pending *pending)
{
    struct reply_call *self = container_of(pending, struct reply_call, pending);
    struct status status = saga_reply_settle(&self->reply, call_arena(pending->call));

    if (!status_ok(status))
        return call_fail(pending->call, status);
    answer_outcome(self);
}

void reply_call(struct call *call, const Sagabase__V1__Reply *message,
                void (*reply)(struct call *call, Sagabase__V1__ReplyAck *ack))
{
    const struct services *services = call_context(call);
    struct reply_call *self = arena_alloc(call_arena(call), sizeof *self);
    struct status status;

    if (!self)
        return call_fail(call, request_too_large());
    self->message = *message;
    self->answer = reply;
    self->reply.intent.done = on_done;
    self->reply.intent.trace = trace_of(call);
    struct trace_entries trace = trace_entries_of(call);
    status = reply_read(services->gateway, &self->message, &trace, call_arena(call), &self->append,
                        &self->reply);
    if (!status_ok(status))
        return call_fail(call, status);
    pending_begin(&self->pending, call, answer);
    status = saga_reply_submit(services->gateway, &self->reply, call_arena(call));
    if (!status_ok(status))
        pending_refuse(&self->pending, status);
}
