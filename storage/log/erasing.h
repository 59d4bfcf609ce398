/* The state of erasures. Only for files of this folder. */
#ifndef STORAGE_LOG_ERASING_H
#define STORAGE_LOG_ERASING_H

#include <pthread.h>
#include <stdbool.h>

#include "base/metric.h"
#include "storage/log/halt.h"

struct event_log;

struct erasing {
    pthread_mutex_t one_at_a_time;
    struct counter refused; /* because another one was under way */
    bool is_pending;        /* under the lock: one was begun and did not finish */
    struct halt halt;
    bool has_thread; /* which finishes what another process began */
    pthread_t thread;
};

void erasing_init(struct erasing *erasing);
void erasing_destroy(struct erasing *erasing);

/* Finishes, in a thread of its own, what another process began. The writer runs. */
struct status erasing_start(struct event_log *log);

/* Before the writer stops. */
void erasing_stop(struct event_log *log);

#endif
