/* Plain values: bytes under a key, with a time to live, as Redis' strings. A value lives in the
 * cache (snapshot_cache.h) and in the family `values`. Keys that begin with "snapshot:" are not
 * plain values: snapshot_store.h has those.
 *
 * Any thread but the writer. A call may look at the disk, if the cache does not hold the key.
 * Each call on one key is atomic: it happens at one moment between its beginning and its end.
 *
 * Writing. A change is seen at once and goes to disk with the next flush, which a thread of the
 * store's own makes once a second, all changes in one group (Redis: appendfsync everysec; a crash
 * loses at most the last second or so), or at once if somebody waits for it (appendfsync
 * always): pass a `struct value_saved`. Others may see such a change before it is saved.
 * What waits for the disk cannot be evicted; where that would come to more than a quarter of the
 * cache, value_store_has_room() says so, and whoever wants to change something waits for the
 * next flush: value_store_await_room(). Who does not is refused with RESOURCE_EXHAUSTED. With
 * `noeviction` a full cache refuses nothing either: what finds no room in it is read from disk.
 *
 * Times are wall-clock microseconds since 1970. A value whose time has come is gone from that
 * moment on; its row on disk is swept later. */
#ifndef STORAGE_SNAPSHOTS_VALUE_STORE_H
#define STORAGE_SNAPSHOTS_VALUE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "storage/engine/engine.h"
#include "storage/snapshots/snapshot_cache.h"

struct event_log;
struct value_store;

struct value_store_options {
    struct event_log *log;        /* borrowed: writes go through its sequencer */
    struct engine *engine;        /* borrowed: reads */
    struct snapshot_cache *cache; /* borrowed */
    const struct clock *clock;    /* NULL: the machine's */
    int64_t flush_period_us;      /* 0: one second */
};

struct status value_store_open(const struct value_store_options *options,
                               struct value_store **store);

/* Flushes what waits, stops the thread. Before the log is closed; no call may be running. */
void value_store_close(struct value_store *store);

/* Told when a change is on disk, or is known not to be. */
struct value_saved {
    /* @thread writer or the store's own. Called exactly once, with `status` set; short, may not
     * block. Other than OK: the change is seen, and will be tried again, but a crash may lose it.
     */
    void (*done)(struct value_saved *saved);
    struct status status;
    struct value_saved *next; /* the store's */
};

enum value_condition { VALUE_ALWAYS, VALUE_IF_ABSENT /* NX */, VALUE_IF_PRESENT /* XX */ };

#define VALUE_NO_EXPIRY INT64_MAX

struct value_set {
    struct bytes key; /* 1..VALUE_KEY_BYTES_MAX, not beginning with "snapshot:" */
    struct bytes value;
    enum value_condition condition;
    bool keep_expiry;   /* KEEPTTL: `expires_us` is not looked at */
    int64_t expires_us; /* VALUE_NO_EXPIRY: never. A time that has passed removes the value */
    bool want_previous; /* GET */
    struct value_saved *saved; /* NULL: with the next flush */

    /* Results, with OK. */
    bool is_set;                  /* the condition held */
    struct cache_entry *previous; /* of want_previous; NULL: there was none. The caller's to
                                   * release */
};

/* INVALID_ARGUMENT: a limit, or key of a snapshot; RESOURCE_EXHAUSTED: too much waits for the disk,
 * or the value is too large for the cache. If it fails, or
 * nothing was set, `saved->done` will not run. */
struct status value_set(struct value_store *store, struct value_set *set);

struct value_pair {
    struct bytes key, value; /* as value_set's */
};

/* All of them, without expiry, or none: nobody sees, and no crash leaves, one without the others.
 * Of pairs with one key the last one holds. As value_set. */
struct status value_set_all(struct value_store *store, const struct value_pair *pairs, size_t count,
                            struct value_saved *saved);

/* Whether changes of so many bytes, keys and values and VALUE_CHANGE_BYTES for each, may wait for
 * the disk beside those that do. If not, a flush is on its way. */
enum { VALUE_CHANGE_BYTES = 160 };
bool value_store_has_room(struct value_store *store, size_t bytes);

/* `flushed` is told at the end of the flush that is under way, if that succeeds, or else of the
 * next one. Other than OK: it failed, and a change for which there is no room will be refused. */
void value_store_await_room(struct value_store *store, struct value_saved *flushed);

/* *entry: a reference, the caller's to release; NULL: there is no such value. *expires_us:
 * VALUE_NO_EXPIRY without a TTL; may be NULL. */
struct status value_get(struct value_store *store, struct bytes key, struct cache_entry **entry,
                        int64_t *expires_us);

/* As value_get, but does not count as a look: for TTL, TYPE, MEMORY USAGE, OBJECT, EXISTS. */
struct status value_peek(struct value_store *store, struct bytes key, struct cache_entry **entry,
                         int64_t *expires_us);

/* *deleted: it was there. `saved` runs only if so. */
struct status value_delete(struct value_store *store, struct bytes key, struct value_saved *saved,
                           bool *deleted);

/* EXPIRE, PEXPIRE, PERSIST, GETEX: a new expiry, VALUE_NO_EXPIRY for none. *previous_us is the
 * one before. *found: the value is there; `saved` runs only if something changed. A time that has
 * passed deletes it. */
struct status value_expire(struct value_store *store, struct bytes key, int64_t expires_us,
                           struct value_saved *saved, bool *found, int64_t *previous_us);

/* How many values there are, those included whose time has come and that are not yet swept. */
uint64_t value_count(struct value_store *store);

/* One step of a walk over all keys, as Redis' SCAN: begin with cursor 0, go on with *next, stop
 * when it is 0. A key that is there during the whole walk is visited at least once. About `max`
 * keys (1..1000) a step; cursors are at most 2^62 - 1, so a caller may walk over something else,
 * too. `visit` gets each key, borrowed for that call; no lock is held. */
struct status value_scan(struct value_store *store, uint64_t cursor, size_t max,
                         void (*visit)(void *context, struct bytes key), void *context,
                         uint64_t *next);

/* Waits until every change made before the call is on disk: for shutdown and tests. */
struct status value_store_flush(struct value_store *store);

#endif
