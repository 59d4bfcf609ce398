/* The port to durable storage: ordered families of byte strings, and atomic
 * commits over several of them. storage/rocksdb and memory_engine.c implement
 * it; nothing above knows which one it talks to.
 *
 * Kept to what a distributed key-value store can also give. Every function
 * may be called from any thread, commit() from one thread at a time. */
#ifndef STORAGE_ENGINE_ENGINE_H
#define STORAGE_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/metric.h"
#include "base/status.h"

/* Names and layouts are the on-disk format: append, never reorder. Layouts
 * are in storage/log/keys.h. */
enum family {
    FAMILY_META,        /* format version */
    FAMILY_LOG,         /* records, by position */
    FAMILY_STREAMS,     /* where the events of a stream are */
    FAMILY_NAMES,       /* stream name -> stream number */
    FAMILY_TYPES,       /* event type -> type number */
    FAMILY_INDEX,       /* events by what they carry */
    FAMILY_POLICIES,    /* what of a stream is to be seen */
    FAMILY_SNAPSHOTS,   /* states of streams (storage/snapshots/rows.h) */
    FAMILY_VALUES,      /* plain cached values (the same) */
    FAMILY_SAGAS,       /* sagas, by number (server/sagas/saga_keys.h) */
    FAMILY_SAGA_IDS,    /* saga type and id -> number of its newest run (the same) */
    FAMILY_SAGA_INDEX,  /* sagas by status, type and attribute (the same) */
    FAMILY_DEFINITIONS, /* saga definitions (the same) */
    FAMILY_COUNT,
};

/* "meta", "log" ...; static memory. */
const char *family_name(enum family family);

enum write_kind { WRITE_PUT, WRITE_DELETE };

struct write {
    enum family family;
    enum write_kind kind;
    struct bytes key;
    struct bytes value; /* of a put */
};

enum { SCAN_FORWARDS = 0, SCAN_BACKWARDS = 1 };

/* The keys in [from, to), in byte order or against it. A `to` without bytes
 * means the end of the family. */
struct scan {
    enum family family;
    struct bytes from;
    struct bytes to;
    bool backwards;
    bool bulk;              /* a long read that should not push others out of the cache */
    size_t readahead_bytes; /* about so much will be read, so fetch it in one; 0: little */
};

/* Key and value are borrowed for that one call. False ends the scan. */
typedef bool scan_visit(void *context, struct bytes key, struct bytes value);

struct engine;

struct engine_operations {
    const char *name; /* "rocksdb", "memory" */

    /* *value is a copy in `arena`; value->data is NULL if there is no such key.
     * RESOURCE_EXHAUSTED when the arena is full. */
    struct status (*get)(struct engine *engine, enum family family, struct bytes key,
                         struct arena *arena, struct bytes *value);

    /* As `get` for each of `count` keys, which must be in ascending order. */
    struct status (*multi_get)(struct engine *engine, enum family family, const struct bytes *keys,
                               size_t count, struct arena *arena, struct bytes *values);

    /* Calls `visit` for each key of one consistent state of the family. */
    struct status (*scan)(struct engine *engine, const struct scan *scan, scan_visit *visit,
                          void *context);

    /* All of the writes or none. With `durable` they are on disk (fsync) when
     * it returns OK. Later writes of the same key win. Readers see the writes
     * only once they are durable. Borrows everything for the call.
     *
     * After an error the outcome is unknown and the engine refuses further
     * commits: the kernel may have dropped the pages, so nothing is retried.
     * Close it, open it again, look. */
    struct status (*commit)(struct engine *engine, const struct write *writes, size_t count,
                            bool durable);

    /* Whether commits may go on, asked before anything is tried. RESOURCE_EXHAUSTED:
     * room on disk is short; ask again later. Reads go on. */
    struct status (*admit)(struct engine *engine);

    /* A consistent copy of the store in a new directory, on disk when it returns OK: everything
     * of some moment after the call began. Commits go on meanwhile; one at a time.
     * FAILED_PRECONDITION: the directory exists and is not empty. UNIMPLEMENTED: nothing is
     * kept on disk. */
    struct status (*checkpoint)(struct engine *engine, const char *directory);

    /* Gives back the room of what was deleted or overwritten among the keys in [from, to), as
     * scan() bounds them. When it returns OK, files hold no value of that any more, and no key
     * but of the log; nor does a write-ahead log. Long; commits and reads go on meanwhile; it waits
     * for a checkpoint. UNAVAILABLE: some of it could not be rewritten, and is still there. */
    struct status (*compact)(struct engine *engine, enum family family, struct bytes from,
                             struct bytes to);

    /* Tells what the engine counts; NULL: it counts nothing. Reads memory only. */
    void (*statistics)(struct engine *engine, metric_visit *visit, void *context);

    /* No other call may be running. Frees the engine. */
    void (*close)(struct engine *engine);
};

struct engine {
    const struct engine_operations *operations;
};

static inline struct status engine_get(struct engine *engine, enum family family, struct bytes key,
                                       struct arena *arena, struct bytes *value)
{
    return engine->operations->get(engine, family, key, arena, value);
}

static inline struct status engine_multi_get(struct engine *engine, enum family family,
                                             const struct bytes *keys, size_t count,
                                             struct arena *arena, struct bytes *values)
{
    return engine->operations->multi_get(engine, family, keys, count, arena, values);
}

static inline struct status engine_scan(struct engine *engine, const struct scan *scan,
                                        scan_visit *visit, void *context)
{
    return engine->operations->scan(engine, scan, visit, context);
}

static inline struct status engine_commit(struct engine *engine, const struct write *writes,
                                          size_t count, bool durable)
{
    return engine->operations->commit(engine, writes, count, durable);
}

static inline struct status engine_admit(struct engine *engine)
{
    return engine->operations->admit(engine);
}

static inline struct status engine_checkpoint(struct engine *engine, const char *directory)
{
    return engine->operations->checkpoint(engine, directory);
}

static inline struct status engine_compact(struct engine *engine, enum family family,
                                           struct bytes from, struct bytes to)
{
    return engine->operations->compact(engine, family, from, to);
}

static inline void engine_statistics(struct engine *engine, metric_visit *visit, void *context)
{
    if (engine->operations->statistics)
        engine->operations->statistics(engine, visit, context);
}

static inline void engine_close(struct engine *engine)
{
    engine->operations->close(engine);
}

#endif
