#include "server/services/sagas/pending.h"

static void on_decided(struct step *step, bool ok)
{
    struct pending *self = container_of(step, struct pending, decided);

    call_release(self->call);
    if (ok)
        self->answer(self); /* otherwise nobody waits any more; the call may be gone */
}

void pending_begin(struct pending *self, struct call *call, void (*answer)(struct pending *self))
{
    self->call = call;
    self->answer = answer;
    self->decided.run = on_decided;
    call_hold(call);
}

void pending_refuse(struct pending *self, struct status status)
{
    call_release(self->call);
    call_fail(self->call, status);
}

void pending_done(struct pending *self)
{
    call_wake(self->call, &self->decided);
}
