/* Snapshots: the state of one stream as of one of its revisions, opaque bytes. Durable before they
 * are acknowledged; the newest of a stream is also in the cache.
 *
 *   any thread           writer thread            any thread
 *   submit  --->         decide, commit, done --> intent.status
 *
 * A snapshot is right for ever for its revision, because events do not change. It is not shown
 * if the events behind it are not all to be seen (retention), or if the stream was deleted
 * at or after its revision, or if its time has come. What is not shown is taken off the disk when
 * the log is scavenged.
 *
 * Of a stream whose policy says so, the state is sealed on disk as payloads are, and lost with
 * the stream's key. In memory it is plain.
 *
 * What is answered is never older than a snapshot that was acknowledged before the call. */
#ifndef STORAGE_SNAPSHOTS_SNAPSHOT_STORE_H
#define STORAGE_SNAPSHOTS_SNAPSHOT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "storage/engine/engine.h"
#include "storage/log/sequencer.h"
#include "storage/snapshots/limits.h"
#include "storage/snapshots/snapshot_cache.h"

struct event_log;
struct snapshot_store;
struct stream_head; /* storage/log/read.h */

struct snapshot_store_options {
    struct event_log *log;        /* borrowed */
    struct engine *engine;        /* borrowed */
    struct snapshot_cache *cache; /* borrowed */
    const struct clock *clock;    /* NULL: the machine's */
};

struct status snapshot_store_open(const struct snapshot_store_options *options,
                                  struct snapshot_store **store);

/* Before the log is closed, when nothing is submitted any more. */
void snapshot_store_close(struct snapshot_store *store);

/* Is told of each change, on the writer thread, when it is durable and before its caller hears of
 * it. Short; may not block; the names are borrowed for the call. */
struct snapshot_watcher {
    /* Snapshots of the stream are not what they were: one was put, or else some are gone or get
     * another expiry. */
    void (*changed)(struct snapshot_watcher *watcher, struct bytes stream, bool is_put);
    void (*policy_changed)(struct snapshot_watcher *watcher, bool is_category, struct bytes name);
};

/* Once, before anything is submitted; the watcher is borrowed. */
void snapshot_store_watch(struct snapshot_store *store, struct snapshot_watcher *watcher);

#define SNAPSHOT_NO_EXPIRY INT64_MAX
#define SNAPSHOT_NEWEST    UINT64_MAX

/* --- changing ---------------------------------------------------------------------------- */

enum snapshot_change_kind {
    SNAPSHOT_PUT,
    SNAPSHOT_DELETE,     /* one, by its revision */
    SNAPSHOT_DELETE_ALL, /* of the stream */
    SNAPSHOT_EXPIRE,     /* the newest gets another expiry */
    SNAPSHOT_TRIM,       /* those that are not to be seen any more */
};

struct snapshot_plan; /* snapshot_store.c */

/* The caller owns it and all it points to, until `done`. */
struct snapshot_change {
    struct intent intent; /* the caller sets `done`; see intent.status */

    enum snapshot_change_kind kind;
    struct bytes stream;
    uint64_t revision;         /* of PUT, of the stream's newest event that the state knows; of
                                * DELETE */
    struct bytes content_type; /* of PUT: at most CONTENT_TYPE_BYTES_MAX */
    struct bytes state;        /* of PUT: at most SNAPSHOT_STATE_BYTES_MAX */
    int64_t expires_us;        /* of PUT, EXPIRE: wall clock; SNAPSHOT_NO_EXPIRY: never */
    bool has_newer_than;       /* of PUT: refuse if there is a snapshot newer than this */
    uint64_t newer_than;
    bool keep_newest; /* of PUT: refuse if the newest has this very revision, too */
    bool hidden_too;  /* of DELETE_ALL: though nothing of the stream is to be seen any more */
    uint32_t keep;    /* of PUT: so many newest stay, 1..SNAPSHOTS_KEPT_MAX; 0: as the stream's
                       * policy says (snapshot_policy.h), else 1 */

    /* Results. */
    bool found;      /* something was there: of all but PUT */
    bool has_newest; /* with ABORTED: what was found */
    uint64_t newest_revision;

    struct snapshot_store *store;
    void (*told)(struct intent *intent); /* the caller's `done` */
    struct snapshot_plan *plan;
};

/* Any thread but the writer. INVALID_ARGUMENT names field and rule; NOT_FOUND: no such
 * stream; OUT_OF_RANGE: the stream has no such revision. Then `done` will not run. After `done`,
 * intent.status may also be ABORTED: `newer_than` did not hold, or a PUT would go back behind
 * the newest snapshot (an equal revision replaces it). `arena` must live until `done`. */
struct status snapshot_change_submit(struct snapshot_store *store, struct snapshot_change *change,
                                     struct arena *arena);

/* Takes the bytes of deleted snapshots out of the files, and out of the write-ahead log. Long; any
 * thread. */
struct status snapshot_store_compact(struct snapshot_store *store);

/* --- looking ----------------------------------------------------------------------------- */

/* Borrows from `entry`. */
struct snapshot {
    uint64_t revision;
    struct bytes content_type;
    struct bytes state;
    int64_t created_us;
    int64_t expires_us;        /* SNAPSHOT_NO_EXPIRY: never */
    bool cached;               /* it was answered from memory */
    struct cache_entry *entry; /* a reference */
};

void snapshot_release(struct snapshot *snapshot);

/* The newest snapshot of the stream at or before `at` (SNAPSHOT_NEWEST: of all). NOT_FOUND: there
 * is none, or no such stream. *snapshot is to be released. Any thread but the writer. */
struct status snapshot_get(struct snapshot_store *store, struct bytes stream, uint64_t at,
                           struct arena *arena, struct snapshot *snapshot);

/* What is known of a snapshot without its state. */
struct snapshot_info {
    uint64_t revision;
    uint32_t state_bytes;
    int64_t created_us;
    int64_t expires_us;
};

/* Those that are to be seen, newest first: at most SNAPSHOTS_KEPT_MAX, in the arena. None is no
 * error; NOT_FOUND: no such stream. */
struct status snapshot_list(struct snapshot_store *store, struct bytes stream, struct arena *arena,
                            struct snapshot_info **infos, size_t *count);

/* The newest snapshot that is to be seen of a stream with this head, as snapshot_list tells it.
 * *found: there is one. Any thread but the writer. */
struct status snapshot_find_newest(struct snapshot_store *store, const struct stream_head *head,
                                   struct snapshot_info *info, bool *found);

/* How many streams have a snapshot, expired ones included. */
uint64_t snapshot_stream_count(struct snapshot_store *store);

/* One step of a walk over the streams that have a snapshot, as value_scan(): at most `max`
 * (1..1000), in the order of the streams' creation; cursors below 2^62. */
struct status snapshot_scan(struct snapshot_store *store, uint64_t cursor, size_t max,
                            void (*visit)(void *context, struct bytes stream), void *context,
                            uint64_t *next);

#endif
