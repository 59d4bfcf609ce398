#include "base/deadline.h"

enum { SECOND_NS = 1000000000, SECOND_US = 1000000, US_NS = 1000 };

void deadline_cond_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

struct timespec deadline_after_us(int64_t duration_us)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += duration_us / SECOND_US;
    until.tv_nsec += duration_us % SECOND_US * US_NS;
    if (until.tv_nsec >= SECOND_NS) {
        until.tv_sec++;
        until.tv_nsec -= SECOND_NS;
    }
    return until;
}
