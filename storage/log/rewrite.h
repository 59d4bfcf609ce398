/* Changing records that are stored. What follows from them (derive.h) changes in the same commit:
 * the entries of the old records that the new ones do not have are deleted. Names, categories and
 * types stay. Only for files of this folder.
 *
 *   init  ->  remove and put, record by record  ->  commit  ->  destroy
 *
 * Hold log->deriving from before the records are read until it is committed. Any thread but the
 * writer. */
#ifndef STORAGE_LOG_REWRITE_H
#define STORAGE_LOG_REWRITE_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "storage/log/record.h"
#include "storage/log/sequencer.h"

enum { REWRITE_MEMORY_MAX = 256 << 20 };

struct rewrite_entry;

struct rewrite {
    struct event_log *log;
    struct arena arena; /* of all that follows, and of what is to be put */
    struct rewrite_entry *entries;
    size_t entry_count, entry_capacity;
    struct write *writes;
    size_t write_count, write_capacity;
    uint64_t bytes_removed, bytes_added; /* keys and values */
    struct status status;                /* of what was added so far */

    struct intent intent;
    /* @thread writer, as intent.decide; NULL: nothing more is to be decided. */
    struct status (*decide)(void *context, struct commit *commit);
    void *context;
    sem_t done;
};

void rewrite_init(struct rewrite *rewrite, struct event_log *log);
void rewrite_destroy(struct rewrite *rewrite);

/* A record as it is stored, which must stay until the commit, and one as it is to be. */
void rewrite_remove(struct rewrite *rewrite, struct bytes stored);
void rewrite_put(struct rewrite *rewrite, struct bytes stored);

/* Waits for the disk. OK also if there was nothing to change. RESOURCE_EXHAUSTED: the queue is
 * full, or memory. Else as event_log_submit() and `decide`. */
struct status rewrite_commit(struct rewrite *rewrite);

/* A record in the making. Its spans and their frames are the caller's. */
struct draft_span {
    struct span span;
    struct bytes frames;
};

/* Sets the spans' frame_bytes. {NULL, 0}: the arena is full. */
struct bytes record_encode(struct arena *arena, uint64_t position, int64_t created_us,
                           struct draft_span *spans, size_t span_count);

#endif
