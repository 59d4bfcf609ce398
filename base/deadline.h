/* Waiting on a condition for so long, by the clock that nobody sets. */
#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* A condition for pthread_cond_timedwait() with the times below; pthread_cond_destroy() it. */
void deadline_cond_init(pthread_cond_t *condition);

/* That many microseconds from now. */
struct timespec deadline_after_us(int64_t duration_us);

#endif
