/* What is due, over a store that can be restarted, with a clock that stands still, a subscriber,
 * and reducers of the test's own. */
#ifndef TESTS_UNIT_SERVER_SNAPSHOTS_DUE_FIXTURE_H
#define TESTS_UNIT_SERVER_SNAPSHOTS_DUE_FIXTURE_H

#include <pthread.h>

#include "server/snapshots/due_streams.h"
#include "storage/log/event_log.h"
#include "storage/snapshots/snapshot_policy.h"
#include "storage/snapshots/snapshot_store.h"
#include "tests/support/log_fixture.h"
#include "tests/support/manual_clock.h"
#include "tests/support/store.h"

enum { SECOND_US = 1000000 };

enum making { MAKES, HAS_NO_ROOM, FAILS };

/* In the place of server/reducers: of the category "order", while it `runs`. */
struct reducers {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool runs;
    struct registry_watcher *watcher;
    enum making making;
    unsigned asked, made; /* submitted; put and told */
    bool is_held;         /* what is submitted waits until it is let go */
    bool is_underway;
    unsigned most_underway;
    struct reduction *reduction;
    struct snapshot_store *snapshots;
    struct event_log *log;
    struct snapshot_change change;
    struct arena arena;
};

struct due_fixture {
    struct store store;
    struct manual_clock clock;
    size_t tail_bytes_max, memory_max;
    struct event_log *log;
    struct snapshot_cache *cache;
    struct snapshot_store *snapshots;
    struct reducers reducers;
    struct due_streams *due;
};

/* cmocka set-ups and their tear-down. */
int due_fixture_in_memory(void **state);
int due_fixture_on_disk(void **state);
int due_fixture_close(void **state);

/* Stops everything and starts it on the same store. */
void due_fixture_restart(struct due_fixture *fixture);

/* The same with a rebuild of the store between. */
void due_fixture_rebuild(struct due_fixture *fixture);

void append(struct due_fixture *fixture, const char *stream, size_t count);
void put(struct due_fixture *fixture, const char *stream, uint64_t revision, int64_t expires_us);
void set_policy(struct due_fixture *fixture, const char *category, uint64_t every_events,
                int64_t every_us);

/* A subscriber with a thread that waits. */
struct listener {
    struct due_subscriber subscriber;
    struct due_streams *due;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_woken;
};

void listen(struct due_fixture *fixture, struct listener *listener);
void leave(struct listener *listener);

/* The next stream that it is told of. Waits. */
struct due_told hear(struct listener *listener);
void expect_heard(struct listener *listener, const char *stream);

/* Its reducer is registered, or gone, and the watcher is told. */
void let_run(struct reducers *reducers, bool runs);

/* Lets what is held go on. */
void let_go(struct reducers *reducers);

/* A thread: ends what is held once nobody waits for it any more. Of a struct reducers. */
void *end_abandoned(void *reducers);

/* Until so many were put and told, until so many were submitted. */
void wait_until_made(struct reducers *reducers, unsigned made);
void wait_until_asked(struct reducers *reducers, unsigned asked);

/* A gauge or counter of the room, summed over its labels. */
double metric_of(struct due_fixture *fixture, const char *name);

#endif
