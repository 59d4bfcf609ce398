/* Admin.Checkpoint: a thread of its own, since it waits for the disk.
 *
 *   queue thread            thread                  queue thread
 *   read, start      --->   copy, wake       --->   reply
 */
#include <ctype.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "sagabase/v1/admin.pb-c.h"
#include "server/services/methods.h"
#include "server/services/services.h"
#include "storage/log/event_log.h"

struct checkpoint {
    struct call *call;
    struct services *services;
    char directory[PATH_MAX];
    int64_t started_us; /* monotonic */
    struct status status;
    struct step copied;
};

static void on_copied(struct step *step, bool ok);

/* No name leads out of the operator's directory, or hides in it. */
static bool is_name(const char *name)
{
    size_t size = strlen(name);

    if (size == 0 || size > CHECKPOINT_NAME_BYTES_MAX || *name == '.')
        return false;
    for (; *name; name++)
        if (!isascii((unsigned char)*name) ||
            !(isalnum((unsigned char)*name) || strchr("-_.", *name)))
            return false;
    return true;
}

static struct status read_request(struct checkpoint *self,
                                  const Sagabase__V1__CheckpointRequest *request)
{
    const char *parent = self->services->checkpoint_directory;

    if (!is_name(request->name))
        return status_make(STATUS_INVALID_ARGUMENT,
                           "name: 1 to %d bytes of letters, digits, \"-\", \"_\" and \".\", the "
                           "first one no \".\"",
                           CHECKPOINT_NAME_BYTES_MAX);
    if (!parent)
        return status_make(STATUS_FAILED_PRECONDITION,
                           "checkpoint: the server was started without --checkpoint-directory");
    int size = snprintf(self->directory, sizeof self->directory, "%s/%s", parent, request->name);
    if (size >= (int)sizeof self->directory)
        return status_make(STATUS_FAILED_PRECONDITION, "checkpoint directory: 1 to %d bytes",
                           PATH_MAX - CHECKPOINT_NAME_BYTES_MAX - 2);
    return OK;
}

static void *copy(void *argument)
{
    struct checkpoint *self = argument;

    self->status = event_log_checkpoint(self->services->log, self->directory);
    call_wake(self->call, &self->copied);
    return NULL;
}

static struct status start(struct checkpoint *self)
{
    pthread_t thread;

    if (atomic_exchange(&self->services->is_copying, true)) {
        counter_add(&self->services->checkpoints_busy, 1);
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "checkpoint: another one is being made; one at a time");
    }
    call_hold(self->call); /* and so the server waits for the thread's last word */
    if (pthread_create(&thread, NULL, copy, self) == 0) {
        pthread_detach(thread);
        return OK;
    }
    call_release(self->call);
    atomic_store(&self->services->is_copying, false);
    return status_make(STATUS_RESOURCE_EXHAUSTED, "checkpoint: cannot start its thread");
}

void checkpoint(struct call *call, const ProtobufCMessage *message)
{
    struct checkpoint *self = arena_alloc(call_arena(call), sizeof *self);

    if (!self)
        return call_fail(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
    self->call = call;
    self->services = call_context(call);
    self->copied.run = on_copied;
    self->started_us = clock_monotonic_us(system_clock());
    struct status status = read_request(self, (const void *)message);
    if (status_ok(status))
        status = start(self);
    if (!status_ok(status))
        call_fail(call, status);
}

static void on_copied(struct step *step, bool ok)
{
    struct checkpoint *self = container_of(step, struct checkpoint, copied);
    Sagabase__V1__CheckpointResponse response = SAGABASE__V1__CHECKPOINT_RESPONSE__INIT;

    atomic_store(&self->services->is_copying, false);
    if (ok && status_ok(self->status)) {
        response.directory = self->directory;
        response.duration_us = clock_monotonic_us(system_clock()) - self->started_us;
        call_reply(self->call, &response.base);
    } else if (ok) {
        call_fail(self->call, self->status);
    }
    call_release(self->call); /* if nobody waits any more, the call may be gone now */
}
