/* A walk over the whole log that trusts nothing: checksums, positions without a gap, times
 * that never go back, streams numbered in order of birth, revisions without a gap, and events
 * that say the same as their record. Only for files of this folder.
 *
 * Memory: 16 bytes for each stream, up to WALK_STREAMS_MAX of them; with more streams than
 * that the log is read once more for each further WALK_STREAMS_MAX. */
#ifndef STORAGE_LOG_LOG_WALK_H
#define STORAGE_LOG_LOG_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/engine/engine.h"
#include "storage/log/record.h"

enum { WALK_STREAMS_MAX = 4 << 20 };

struct walked_stream {
    uint64_t next_revision; /* 0: not seen yet */
    uint64_t name_hash;
};

struct log_walk {
    struct engine *engine;
    void (*found)(void *context,
                  const char *what); /* what is wrong with the log, without "log: " */
    /* A sound record, each once; false ends the walk, and `status` says why. NULL: none. */
    bool (*visit)(void *context, const struct record *record, size_t record_bytes);
    void (*progress)(void *context, uint64_t position); /* after each record, NULL: none */
    void *context;
    size_t streams_max; /* 0: WALK_STREAMS_MAX */
    bool records_only;  /* streams are not followed: one walk, no memory */

    /* What came of it. */
    uint64_t end;          /* behind the newest record */
    uint64_t stream_count; /* the highest number */
    bool damaged;          /* something is wrong or missing; told by `found` */
    bool end_known;        /* the newest record was sound */

    /* Its own. */
    bool repeats; /* a further walk, for further streams */
    bool ended;   /* by visit */
    int64_t created_us;
    uint64_t first_number; /* of the streams that this walk follows */
    struct walked_stream *streams;
    size_t stream_capacity;
    struct status status;
};

/* Fill in the first part. DATA_LOSS is never its status: damage is told by `found`. */
struct status log_walk(struct log_walk *walk);

/* The sound record that holds a position, by lookup: a copy in `arena`. False: there is none. */
struct status log_find_record(struct engine *engine, uint64_t position, struct arena *arena,
                              struct record *record, size_t *record_bytes, bool *found);

#endif
