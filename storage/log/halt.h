/* A wait that can be ended from outside: how long-running work keeps its pace and is stopped.
 * Only for files of this folder. */
#ifndef STORAGE_LOG_HALT_H
#define STORAGE_LOG_HALT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct halt {
    pthread_mutex_t lock;
    pthread_cond_t called; /* on the monotonic clock */
    bool is_called;
};

void halt_init(struct halt *halt);
void halt_destroy(struct halt *halt);

/* Any thread, both. */
void halt_call(struct halt *halt);
void halt_lift(struct halt *halt);

/* Waits so long, unless a halt is called. False: it was. */
bool halt_wait_us(struct halt *halt, int64_t us);

#endif
