#include "server/services/erase_call.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

#include "server/services/services.h"
#include "server/snapshots/due_streams.h"
#include "storage/log/event_log.h"
#include "storage/snapshots/snapshot_store.h"

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

/* --- snapshots: states that were made from the events ----------------------------------------- */

struct forgetting {
    struct snapshot_change change;
    sem_t ended;
};

/* On the writer thread. */
static void on_forgotten(struct intent *intent)
{
    sem_post(&container_of(intent, struct forgetting, change.intent)->ended);
}

/* All of the stream's, because nobody knows what an event has left in which of them. */
static struct status forget_snapshots(const struct services *services, struct bytes stream,
                                      struct arena *arena)
{
    struct forgetting forgetting = {
        .change = {.kind = SNAPSHOT_DELETE_ALL, .stream = stream, .hidden_too = true}};

    forgetting.change.intent.done = on_forgotten;
    sem_init(&forgetting.ended, 0, 0);
    struct status status = snapshot_change_submit(services->snapshots, &forgetting.change, arena);
    if (status_ok(status)) {
        while (sem_wait(&forgetting.ended) != 0 && errno == EINTR)
            continue;
        status = forgetting.change.intent.status;
    }
    sem_destroy(&forgetting.ended);
    if (status_ok(status) && forgetting.change.found)
        status = snapshot_store_compact(services->snapshots);
    return status.code == STATUS_NOT_FOUND ? OK : status; /* no stream, no states */
}

static void *erase(void *argument)
{
    struct erasing_call *self = argument;
    const struct services *services = call_context(self->call);
    struct arena *arena = call_arena(self->call);

    self->status = OK;
    if (services->snapshots)
        self->status = forget_snapshots(services, self->erasure.stream, arena);
    if (status_ok(self->status))
        self->status = event_log_erase(services->log, &self->erasure, arena);
    if (services->snapshots && status_ok(self->status)) /* what was put meanwhile */
        self->status = forget_snapshots(services, self->erasure.stream, arena);
    if (services->due && status_ok(self->status))
        due_streams_look_again(services->due, self->erasure.stream);
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
