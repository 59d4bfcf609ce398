/* The trailing index: which events are of a category, of a type, or of a
 * correlation id. A thread of its own reads the log in batches and submits what it
 * found as intents, so no append ever waits for it; the newest events, fewer than
 * a batch while it keeps up, are looked at instead. Lost, it is built again from the log.
 *
 * Tags are not here: appends write them themselves (keys.h). */
#ifndef STORAGE_LOG_INDEX_H
#define STORAGE_LOG_INDEX_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

struct event_log;

enum {
    INDEX_BATCH_EVENTS = 1024,
    INDEX_TEXT_BYTES_MAX = 256, /* of a value; longer ones share the entry of their beginning */
    INDEX_BLOCK_POSTINGS_MAX = 1 << 10, /* a value that has more begins another block */
    INDEX_KEY_BYTES = 1 + INDEX_TEXT_BYTES_MAX + 1 + 8,
};

enum index_kind { INDEX_CATEGORY = 'c', INDEX_TYPE = 'y', INDEX_CORRELATION = 'r' };

struct index {
    _Atomic(uint64_t) end; /* events before it are in the index */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;        /* under the lock */
    bool committed;       /* under the lock: the batch on its way has come back */
    bool refused;         /* under the lock: no room for a batch, it waits for the next commit */
    bool stopped;         /* under the lock: the thread has ended */
    struct status status; /* of that batch */
};

/* Key of the block of postings that begins at `position`. */
struct bytes index_key(uint8_t key[INDEX_KEY_BYTES], enum index_kind kind, struct bytes value,
                       uint64_t position);

/* A block: the events of one batch that have one value in common. */
struct index_cursor {
    struct bytes rest;
    uint64_t position; /* of the event before */
};

struct index_posting {
    uint64_t position; /* of the event */
    uint32_t event;    /* its index in its record */
};

/* Begin with {value of the block, position in its key}. False: no more, or damaged. */
bool index_next(struct index_cursor *cursor, struct index_posting *posting);

/* Reads how far the index goes, starts the thread. The writer runs. */
struct status index_start(struct event_log *log);

/* Waits until fewer events than a batch are left out. Else: why the index stopped. While
 * nothing is appended. */
struct status index_wait(struct event_log *log);

/* Before the writer stops. */
void index_stop(struct event_log *log);

/* @thread writer. Something was committed. */
void index_notify(struct event_log *log);

#endif
