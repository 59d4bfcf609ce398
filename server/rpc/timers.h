/* When the calls of a loop are to be woken: a heap, the earliest first. A call is in it at
 * most once. On the loop's thread. */
#ifndef SERVER_RPC_TIMERS_H
#define SERVER_RPC_TIMERS_H

#include <stddef.h>
#include <stdint.h>

/* Embedded in a call. */
struct timer {
    int64_t due_us; /* monotonic */
    size_t place;   /* in the heap, from 1; 0: not in it */
};

struct timers {
    struct timer **heap; /* heap[1 .. count] */
    size_t count, capacity;
};

/* Sets a timer, also one that is set already. */
void timers_set(struct timers *timers, struct timer *timer, int64_t due_us);

/* Also allowed when it is not set. */
void timers_unset(struct timers *timers, struct timer *timer);

/* INT64_MAX: none is set. */
int64_t timers_due_us(const struct timers *timers);

/* Takes the earliest if it is due by then; NULL: none is. */
struct timer *timers_take(struct timers *timers, int64_t now_us);

/* None may be set. */
void timers_destroy(struct timers *timers);

#endif
