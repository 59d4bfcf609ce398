#include "server/services/append_call.h"

#include "server/services/conflict.h"
#include "server/services/proposal.h"
#include "server/services/services.h"

static void on_done(struct intent *intent);
static void on_committed(struct step *step, bool ok);
static void fail_with_conflict(struct append_call *self, struct status status);

struct append_call *append_call_create(struct call *call, void (*reply)(struct append_call *self))
{
    const struct services *services = call_context(call);
    struct append_call *self = arena_alloc(call_arena(call), sizeof *self);

    if (!self) {
        call_fail(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
        return NULL;
    }
    self->call = call;
    self->services = services;
    self->reply = reply;
    self->committed.run = on_committed;
    self->submission.append.intent.done = on_done;
    return self;
}

struct status append_call_submit(struct append_call *self)
{
    trace_append(self->call, &self->submission.append);
    call_hold(self->call);
    struct status status =
        submission_submit(self->services, &self->submission, call_arena(self->call));
    if (!status_ok(status))
        call_release(self->call);
    return status;
}

/* On the writer thread: back to the thread that owns the call. */
static void on_done(struct intent *intent)
{
    struct append_call *self = container_of(intent, struct append_call, submission.append.intent);

    call_wake(self->call, &self->committed);
}

static void on_committed(struct step *step, bool ok)
{
    struct append_call *self = container_of(step, struct append_call, committed);
    struct status status;

    call_release(self->call);
    if (!ok)
        return; /* nobody waits for the answer any more; the call may be gone */
    status = submission_settle(self->services, &self->submission, call_arena(self->call));
    if (status.code == STATUS_ABORTED)
        return fail_with_conflict(self, status);
    if (!status_ok(status))
        return call_fail(self->call, status);
    self->reply(self);
}

static void fail_with_conflict(struct append_call *self, struct status status)
{
    Sagabase__V1__ConditionConflict matched = SAGABASE__V1__CONDITION_CONFLICT__INIT;
    const struct append *append = &self->submission.append;

    if (!append->matched)
        return conflict_fail(self->call, status, &append->conflict);
    proposal_condition_conflict(append, &matched);
    call_fail_with(self->call, status, &matched.base);
}
