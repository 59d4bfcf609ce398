/* The newest records in memory, shared by all subscribers, and the place where
 * subscribers sleep until something for them is committed. Any thread; one
 * leaf lock. */
#ifndef STORAGE_LOG_TAIL_H
#define STORAGE_LOG_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct event_log;

/* One record, reference counted. Read it with tail_record_frames. */
struct tail_record;

void tail_record_release(struct tail_record *record);

/* The record's first position, and the one after its last. */
uint64_t tail_record_first(const struct tail_record *record);
uint64_t tail_record_end(const struct tail_record *record);

/* The frames (event.h) of all its events, or of one stream's only where they
 * are contiguous in the record; {NULL, 0} if it holds none of that stream.
 * Valid while a reference is held. `stream_number` 0: all. */
struct bytes tail_record_frames(const struct tail_record *record, uint64_t stream_number);

enum tail_state {
    TAIL_RECORDS, /* *count of them */
    TAIL_EMPTY,   /* nothing at or behind `from` yet */
    TAIL_BEHIND,  /* `from` is older than what is kept: read pages from the log */
};

/* Acquires up to `max` records, consecutive, the first one containing
 * position `from`. */
enum tail_state tail_take(struct event_log *log, uint64_t from, size_t max,
                          struct tail_record **records, size_t *count);

/* Someone who waits. Wakes once: park again for more. */
struct waiter {
    /* @thread writer, with the lock of the tail held: may not call into the tail,
     * may not block. */
    void (*wake)(struct waiter *waiter);

    struct bytes stream; /* wait for this stream only; empty: for any. Must
                          * outlive the wait */
    /* First position of the record that woke it; nothing for this waiter lies
     * between where it parked and here. */
    uint64_t woken_at;

    struct waiter *next, *previous; /* the tail's */
    uint64_t stream_hash;
    bool parked;
};

/* False, and not parked, if something for the waiter was committed at or
 * behind `from` (waiter->woken_at then tells where), or `from` is older than
 * what is kept (woken_at is then `from`). */
bool tail_park(struct event_log *log, uint64_t from, struct waiter *waiter);

/* After it returns, wake will not be called (again). Also allowed when not parked. */
void tail_unpark(struct event_log *log, struct waiter *waiter);

#endif
