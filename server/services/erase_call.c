#include "server/services/erase_call.h"

#include <pthread.h>

#include "server/services/services.h"

struct erasing_call {
    struct call *call;
    struct erasure erasure;
    erase_reply *reply;
    struct status status;
    struct step erased;
};

static void on_erased(struct step *step, bool ok)
{
    struct erasing_call *self = container_of(step, struct erasing_call, erased);

    if (ok && status_ok(self->status))
        self->reply(self->call, &self->erasure);
    else if (ok)
        call_fail(self->call, self->status);
    call_release(self->call); /* if nobody waits any more, the call may be gone now */
}

static void *erase(void *argument)
{
    struct erasing_call *self = argument;
    const struct services *services = call_context(self->call);

    self->status = event_log_erase(services->log, &self->erasure, call_arena(self->call));
    call_wake(self->call, &self->erased);
    return NULL;
}

void erase_call(struct call *call, const struct erasure *erasure, erase_reply *reply)
{
    struct erasing_call *self = arena_alloc(call_arena(call), sizeof *self);
    pthread_t thread;

    if (!self)
        return call_fail(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
    *self = (struct erasing_call){.call = call, .erasure = *erasure, .reply = reply};
    self->erased.run = on_erased;
    call_hold(call); /* and so the server waits for the thread's last word */
    if (pthread_create(&thread, NULL, erase, self) == 0) {
        pthread_detach(thread);
        return;
    }
    call_release(call);
    call_fail(call, status_make(STATUS_RESOURCE_EXHAUSTED, "erasure: cannot start its thread"));
}
