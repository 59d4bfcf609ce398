#include "storage/log/halt.h"

#include <errno.h>
#include <time.h>

void halt_init(struct halt *halt)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&halt->lock, NULL);
    pthread_cond_init(&halt->called, &attributes);
    pthread_condattr_destroy(&attributes);
    halt->is_called = false;
}

void halt_destroy(struct halt *halt)
{
    pthread_cond_destroy(&halt->called);
    pthread_mutex_destroy(&halt->lock);
}

void halt_call(struct halt *halt)
{
    pthread_mutex_lock(&halt->lock);
    halt->is_called = true;
    pthread_cond_broadcast(&halt->called);
    pthread_mutex_unlock(&halt->lock);
}

void halt_lift(struct halt *halt)
{
    pthread_mutex_lock(&halt->lock);
    halt->is_called = false;
    pthread_mutex_unlock(&halt->lock);
}

bool halt_wait_us(struct halt *halt, int64_t us)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += us / 1000000;
    until.tv_nsec += us % 1000000 * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&halt->lock);
    while (!halt->is_called &&
           pthread_cond_timedwait(&halt->called, &halt->lock, &until) != ETIMEDOUT)
        continue;
    bool goes_on = !halt->is_called;
    pthread_mutex_unlock(&halt->lock);
    return goes_on;
}
