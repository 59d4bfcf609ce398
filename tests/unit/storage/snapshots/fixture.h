/* Both stores over one log and one cache, on either engine, with a clock that tests set. */
#ifndef TESTS_UNIT_STORAGE_SNAPSHOTS_FIXTURE_H
#define TESTS_UNIT_STORAGE_SNAPSHOTS_FIXTURE_H

#include "storage/engine/engine.h"
#include "storage/keys/key_store.h"
#include "storage/log/event_log.h"
#include "storage/snapshots/snapshot_store.h"
#include "storage/snapshots/value_store.h"

enum { SECOND_US = 1000000 };

struct fixture {
    bool on_disk;
    char directory[64];
    char key_directory[80];
    struct engine *engine;
    struct key_store *keys;
    struct event_log *log;
    struct snapshot_cache *cache;
    struct snapshot_store *snapshots;
    struct value_store *values;
    size_t cache_bytes;
    enum cache_policy policy;
    bool intents_alone; /* each intent is a commit of its own; from reopen() on */
};

/* The time of the stores, wall and monotonic: from 1 s on. */
void set_now_us(int64_t now_us);
int64_t now(void);

/* cmocka set-ups: with the memory engine, with RocksDB; and their tear-down. */
int open_in_memory(void **state);
int open_on_disk(void **state);
int close_stores(void **state);

/* A new cache of this size and policy; what is on disk stays. */
void reopen(struct fixture *fixture, size_t cache_bytes, enum cache_policy policy);

/* Submits, waits for `done`. */
struct status run_change(struct fixture *fixture, struct snapshot_change *change);

#endif
