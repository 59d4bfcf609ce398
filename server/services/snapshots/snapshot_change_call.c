#include "server/services/snapshots/snapshot_change_call.h"

#include "server/services/services.h"

struct change_call {
    struct call *call;
    struct snapshot_change change;
    void (*reply)(struct call *call, const struct snapshot_change *change);
    struct step committed;
};

/* On the writer thread: back to the thread that owns the call. */
static void on_done(struct intent *intent)
{
    struct change_call *self = container_of(intent, struct change_call, change.intent);

    call_wake(self->call, &self->committed);
}

static void on_committed(struct step *step, bool ok)
{
    struct change_call *self = container_of(step, struct change_call, committed);
    struct status status = self->change.intent.status;
    struct call *call = self->call;

    if (ok && status_ok(status))
        self->reply(call, &self->change);
    else if (ok)
        call_fail(call, status);
    call_release(call); /* if nobody waits any more, the call may be gone now */
}

void snapshot_change_call(struct call *call, const struct snapshot_change *change,
                          void (*reply)(struct call *call, const struct snapshot_change *change))
{
    const struct services *services = call_context(call);
    struct change_call *self = arena_alloc(call_arena(call), sizeof *self);

    if (!self)
        return call_fail(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
    self->call = call;
    self->change = *change;
    self->change.intent.done = on_done;
    self->reply = reply;
    self->committed.run = on_committed;
    call_hold(call);
    struct status status =
        snapshot_change_submit(services->snapshots, &self->change, call_arena(call));
    if (!status_ok(status)) {
        call_release(call);
        call_fail(call, status);
    }
}
