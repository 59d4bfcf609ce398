/* The tail's own state. Only for files of this folder. */
#ifndef STORAGE_LOG_TAIL_STATE_H
#define STORAGE_LOG_TAIL_STATE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/log/tail.h"

enum {
    TAIL_RECORDS_MAX = 1 << 18, /* records kept, however small */
    TAIL_BUCKETS = 1 << 12,     /* of waiters, by stream */
};

struct tail {
    pthread_mutex_t lock;
    struct tail_record **ring; /* grows up to TAIL_RECORDS_MAX */
    size_t ring_size;          /* a power of two */
    size_t oldest;             /* index in the ring */
    size_t count;
    size_t bytes;
    size_t bytes_max;
    uint64_t begin; /* first position kept */
    uint64_t end;   /* position after the newest */
    size_t waiters; /* parked */

    struct waiter *any;      /* waiting for whatever comes */
    struct waiter **streams; /* TAIL_BUCKETS lists, by stream hash */
};

bool tail_init(struct tail *tail, size_t bytes_max, uint64_t end);
void tail_destroy(struct tail *tail);

struct commit;

/* @thread writer. Keeps copies of the group's records, publishes the heads with the new end and
 * wakes those who wait for something in it. */
void tail_publish(struct event_log *log, const struct commit *commit);

/* @thread writer. Nothing is kept; whoever was to read it reads the log. */
void tail_forget(struct tail *tail);

#endif
