/* What the parts of this room share. Only for files of this folder. */
#ifndef SERVER_SNAPSHOTS_DUE_STATE_H
#define SERVER_SNAPSHOTS_DUE_STATE_H

#include <pthread.h>

#include "server/snapshots/due_streams.h"
#include "server/snapshots/due_table.h"
#include "storage/log/tail.h"

/* The one snapshot that the server is making (due_maker.c). */
struct due_maker {
    struct reduction reduction;
    uint8_t stream[STREAM_NAME_BYTES_MAX];
    bool is_underway; /* submitted */
    bool is_done;     /* with the lock */
    int64_t begun_us; /* by the machine's clock, as all that is about rest */
    int64_t rests_until_us;
    struct counter made, failed;
};

/* A walk over the streams of policies that were set since the last one. */
struct due_walk {
    bool is_underway;
    uint64_t seen_version;              /* policies up to this one are walked over */
    uint64_t version;                   /* of the policies when this walk began */
    struct snapshot_policy_info policy; /* where it is */
    uint8_t after[STREAM_NAME_BYTES_MAX];
    size_t after_size; /* of its streams, the last one that was looked at; 0: none */
    int64_t rests_until_us;
};

/* A look at what is known, because policies or reducers have changed. */
struct due_sweep {
    bool is_underway;
    size_t bucket;
    uint64_t version;  /* of the policies when it began; 0: none yet */
    bool reducers_too; /* it also asks who has a reducer */
};

struct due_streams {
    struct due_streams_options options;
    const struct clock *clock;
    struct snapshot_watcher watcher;
    struct registry_watcher reducers_watcher;

    pthread_mutex_t lock; /* leaf; never held while the disk is read */
    pthread_cond_t changed;
    struct due_table table; /* with the lock; only the thread lets a stream go */
    bool is_woken;          /* with the lock: something is to be done */
    bool reducers_changed;  /* with the lock: there are others than in the newest sweep */
    bool is_stopping;       /* with the lock */
    uint64_t subscribers_full;

    /* The thread's own. */
    pthread_t thread;
    struct waiter waiter;
    bool is_following;
    uint64_t next; /* the position from which it follows */
    struct due_walk walk;
    struct due_sweep sweep;
    struct due_maker maker;
};

/* Any thread: the thread of this room has something to do. With the lock. */
void due_wake(struct due_streams *due);

/* @thread of the room, all of these: one bounded step; false: there is nothing to do now. */
bool due_follow(struct due_streams *due);
bool due_look_on(struct due_streams *due);
bool due_walk_on(struct due_streams *due);
bool due_sweep_on(struct due_streams *due);
bool due_make(struct due_streams *due);

/* When the maker wants to be asked again, monotonic; INT64_MAX: when it is woken. With the lock. */
int64_t due_make_at_us(const struct due_streams *due);

/* The same of the walk. */
int64_t due_walk_at_us(const struct due_streams *due);

/* Gives up the snapshot that is underway, and waits for its end. When the thread has ended. */
void due_make_end(struct due_streams *due);

/* Whether the server itself makes the snapshots of a stream. Any thread. */
bool due_is_servers(const struct due_streams *due, struct bytes stream);

/* The thread, started by due_streams_open. */
void *due_run(void *due);

#endif
