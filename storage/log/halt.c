#include "storage/log/halt.h"

#include <errno.h>

#include "base/deadline.h"

void halt_init(struct halt *halt)
{
    pthread_mutex_init(&halt->lock, NULL);
    deadline_cond_init(&halt->called);
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
    struct timespec until = deadline_after_us(us);

    pthread_mutex_lock(&halt->lock);
    while (!halt->is_called &&
           pthread_cond_timedwait(&halt->called, &halt->lock, &until) != ETIMEDOUT)
        continue;
    bool goes_on = !halt->is_called;
    pthread_mutex_unlock(&halt->lock);
    return goes_on;
}
