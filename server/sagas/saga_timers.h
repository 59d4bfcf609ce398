/* The gateway's one thread: it sleeps until something is due, a saga or a lease, and then submits
 * an intent that lets it happen. At most one is underway; it takes the overdue in the order of
 * their times, each saga once, so that none can keep the others waiting. */
#ifndef SERVER_SAGAS_SAGA_TIMERS_H
#define SERVER_SAGAS_SAGA_TIMERS_H

#include <pthread.h>
#include <stdbool.h>

#include "server/sagas/dispatch_feed.h"
#include "server/sagas/gateway.h"

enum { TICK_COMMANDS_MAX = 256, TICK_SAGAS_MAX = 256 };

struct tick {
    struct intent intent;
    struct gateway_part part;
    struct expired expired[TICK_COMMANDS_MAX];
    size_t expired_count;
};

struct saga_timers {
    struct gateway *gateway;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_looking; /* something may be due earlier than was thought */
    bool is_stopping;
    bool is_underway; /* the tick */
    struct tick tick; /* the thread's, or the writer's while it is underway */
};

void saga_timers_init(struct saga_timers *timers, struct gateway *gateway);
void saga_timers_destroy(struct saga_timers *timers); /* it was stopped, or never started */

struct status saga_timers_start(struct saga_timers *timers);

/* When it returns, nothing is underway. */
void saga_timers_stop(struct saga_timers *timers);

/* Any thread: look at the clock and at what is due. */
void saga_timers_look(struct saga_timers *timers);

#endif
