#include "server/services/reducers/registry_call.h"

/* On the writer thread: back to the thread that owns the call. */
static void on_done(struct registry_change *change)
{
    struct registry_call *self = container_of(change, struct registry_call, change);

    call_wake(self->call, &self->committed);
}

static void on_committed(struct step *step, bool ok)
{
    struct registry_call *self = container_of(step, struct registry_call, committed);
    struct call *call = self->call;
    struct status status = registry_change_settle(&self->change, call_arena(call));

    if (ok && status_ok(status))
        self->reply(call, &self->change);
    else if (ok)
        call_fail(call, status);
    call_release(call); /* if nobody waits any more, the call may be gone now */
}

struct registry_call *registry_call_begin(struct call *call,
                                          void (*reply)(struct call *call,
                                                        const struct registry_change *change))
{
    struct registry_call *self = arena_alloc(call_arena(call), sizeof *self);

    if (!self) {
        call_fail(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
        return NULL;
    }
    self->call = call;
    self->change.done = on_done;
    self->reply = reply;
    self->committed.run = on_committed;
    call_hold(call);
    return self;
}

void registry_call_submitted(struct registry_call *self, struct status status)
{
    if (status_ok(status))
        return;
    call_release(self->call);
    call_fail(self->call, status);
}
