/* EventStore.Append: several streams, checks and a condition, all or nothing.
 *
 *   queue thread            writer thread            queue thread
 *   read, submit     --->   commit, wake      --->   settle, reply
 */
#include "storage/log/append.h"

#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/methods.h"
#include "server/services/proposal.h"
#include "server/services/services.h"

struct append_call {
    struct call *call;
    struct event_log *log;
    struct append append;
    struct step committed;
};

static void on_done(struct intent *intent);
static void on_committed(struct step *step, bool ok);
static void reply(struct append_call *self);
static void fail_with_conflict(struct append_call *self);

void append(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__AppendRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    struct append_call *self = arena_alloc(call_arena(call), sizeof *self);
    struct status status;

    if (!self)
        return call_fail(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
    self->call = call;
    self->log = services->log;
    self->committed.run = on_committed;
    self->append.intent.done = on_done;

    status = proposal_read(request, call_arena(call), &self->append);
    if (!status_ok(status))
        return call_fail(call, status);
    call_hold(call);
    status = append_submit(self->log, &self->append, call_arena(call));
    if (!status_ok(status)) {
        call_release(call);
        return call_fail(call, proposal_refusal(status, &self->append));
    }
}

/* On the writer thread: back to the thread that owns the call. */
static void on_done(struct intent *intent)
{
    struct append_call *self = container_of(intent, struct append_call, append.intent);

    call_wake(self->call, &self->committed);
}

static void on_committed(struct step *step, bool ok)
{
    struct append_call *self = container_of(step, struct append_call, committed);
    struct status status;

    call_release(self->call);
    if (!ok)
        return; /* nobody waits for the answer any more; the call may be gone */
    status = append_settle(self->log, &self->append, call_arena(self->call));
    if (status.code == STATUS_ABORTED)
        return fail_with_conflict(self);
    if (!status_ok(status))
        return call_fail(self->call, status);
    reply(self);
}

static void reply(struct append_call *self)
{
    Sagabase__V1__AppendResponse response = SAGABASE__V1__APPEND_RESPONSE__INIT;
    struct status status = proposal_answer(&self->append, call_arena(self->call), &response);

    if (!status_ok(status))
        return call_fail(self->call, status);
    call_reply(self->call, &response.base);
}

static void fail_with_conflict(struct append_call *self)
{
    Sagabase__V1__ConditionConflict matched = SAGABASE__V1__CONDITION_CONFLICT__INIT;
    Sagabase__V1__RevisionConflict conflict = SAGABASE__V1__REVISION_CONFLICT__INIT;
    struct status status;

    if (self->append.matched) {
        proposal_condition_conflict(&self->append, &matched);
        return call_fail_with(self->call, self->append.intent.status, &matched.base);
    }
    status = proposal_conflict(&self->append.conflict, call_arena(self->call), &conflict);
    if (!status_ok(status))
        return call_fail(self->call, status);
    call_fail_with(self->call, self->append.intent.status, &conflict.base);
}
