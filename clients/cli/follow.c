#include "clients/cli/follow.h"

#include <stdio.h>
#include <time.h>

enum { PAUSE_MS = 200 };

static void on_interrupt(void *context)
{
    struct follow *self = context;

    pthread_mutex_lock(&self->lock);
    self->interrupted = true;
    if (self->call)
        self->cancel(self->call);
    pthread_cond_signal(&self->woken);
    pthread_mutex_unlock(&self->lock);
}

void follow_start(struct follow *follow, void (*cancel)(void *call))
{
    follow->cancel = cancel;
    follow->call = NULL;
    follow->interrupted = false;
    pthread_mutex_init(&follow->lock, NULL);
    pthread_cond_init(&follow->woken, NULL);
    interrupt_catch(&follow->interrupt, on_interrupt, follow);
}

void follow_stop(struct follow *follow)
{
    interrupt_release(&follow->interrupt);
    pthread_cond_destroy(&follow->woken);
    pthread_mutex_destroy(&follow->lock);
}

void follow_call(struct follow *follow, void *call)
{
    pthread_mutex_lock(&follow->lock);
    follow->call = call;
    if (call && follow->interrupted)
        follow->cancel(call);
    pthread_mutex_unlock(&follow->lock);
}

bool follow_is_interrupted(struct follow *follow)
{
    pthread_mutex_lock(&follow->lock);
    bool interrupted = follow->interrupted;
    pthread_mutex_unlock(&follow->lock);
    return interrupted;
}

static void pause_ms(struct follow *follow, int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&follow->lock);
    while (!follow->interrupted &&
           pthread_cond_timedwait(&follow->woken, &follow->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&follow->lock);
}

bool follow_again(struct follow *follow, const char *command, const char *server,
                  const struct sagabase_status *why, const char *from)
{
    fprintf(stderr, "sagabase: %s: lost %s (%s), trying again%s\n", command, server, why->message,
            from);
    pause_ms(follow, PAUSE_MS);
    return !follow_is_interrupted(follow);
}
