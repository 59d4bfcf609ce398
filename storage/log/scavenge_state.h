/* A scavenge's own state. Only for files of this folder. */
#ifndef STORAGE_LOG_SCAVENGE_STATE_H
#define STORAGE_LOG_SCAVENGE_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/log/halt.h"
#include "storage/log/scavenge.h"

struct scavenge {
    pthread_mutex_t lock;
    struct counter refused; /* because one was running */
    struct scavenge_progress progress;
    struct halt halt;
    bool has_thread; /* to be joined */
    pthread_t thread;
    pthread_mutex_t following; /* held while the follower is called; before `lock` */
    struct scavenge_follower *follower;
};

void scavenge_init(struct scavenge *scavenge);
void scavenge_destroy(struct scavenge *scavenge);

/* Cancels it and waits for its end. Before the index and the writer stop. */
void scavenge_stop(struct event_log *log);

/* What one batch did. scavenge_batch.c */
struct scavenge_batch {
    uint64_t next;       /* where the next one begins */
    uint64_t position;   /* how far the walk is; not before `next` */
    uint64_t bytes_read; /* of records */
    uint64_t events_removed;
    uint64_t bytes_removed;
    bool is_hollow; /* it met or made something that compaction may have left */
};

/* From `begin`, the beginning of a record, up to `end`. ABORTED: a policy changed meanwhile, or
 * RESOURCE_EXHAUSTED: the queue is full; try again. DATA_LOSS: a record is damaged. */
struct status scavenge_batch(struct event_log *log, uint64_t begin, uint64_t end,
                             struct scavenge_batch *batch);

#endif
