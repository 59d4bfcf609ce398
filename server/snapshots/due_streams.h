/* Which streams are due for a snapshot, by their policies (storage/snapshots/snapshot_policy.h).
 *
 *   writer: commits, snapshots put           the thread of this room            any thread
 *   ----------------------------------->     follow, look, wait for time  --->  subscribers
 *                                            make, by a reducer           --->  server/reducers
 *
 * Nothing of it is on disk, because all of it follows from what is: when the server starts, or a
 * policy is set, the thread walks over the streams that it is for, resting as long as it works.
 * From then on it follows the log. Without a policy it sleeps, and appends do not know of it. */
#ifndef SERVER_SNAPSHOTS_DUE_STREAMS_H
#define SERVER_SNAPSHOTS_DUE_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/status.h"
#include "server/reducers/reducers.h"
#include "server/snapshots/due_list.h"
#include "storage/log/limits.h"
#include "storage/log/read.h"
#include "storage/snapshots/snapshot_store.h"

enum {
    DUE_MEMORY_MAX = 64 << 20,  /* of what is known of streams; who does not fit in is looked for
                                 * when half of it is free again */
    DUE_SUBSCRIBERS_MAX = 1000, /* at a time */
    DUE_CLOCK_LOOK_US = 500000, /* so late at most a moved wall clock is noticed */
};

struct due_streams;

/* Whoever makes states of streams: server/reducers/reducers.h. */
struct due_reducers {
    struct reducers *reducers; /* NULL: nobody */
    bool (*has)(struct reducers *reducers, struct bytes category);
    struct status (*submit)(struct reducers *reducers, struct reduction *reduction);
    void (*clear)(struct reduction *reduction); /* what a reduction has brought; NULL: nothing */
    void (*watch)(struct reducers *reducers, struct registry_watcher *watcher);
};

struct due_streams_options {
    struct event_log *log;            /* borrowed; its clock tells the time */
    struct snapshot_store *snapshots; /* borrowed; nothing was submitted to it yet */
    struct due_reducers reducers;
    size_t memory_max; /* 0: DUE_MEMORY_MAX */
};

struct status due_streams_open(const struct due_streams_options *options, struct due_streams **due);

/* When nothing else is submitted to the store any more, and before log and reducers are closed:
 * gives up the snapshot that is being made. No subscriber may be left. */
void due_streams_close(struct due_streams *due);

/* The stream is not what it was, in a way that the log does not tell: it was deleted, erased. Any
 * thread; never blocks. */
void due_streams_look_again(struct due_streams *due, struct bytes stream);

/* Whether the stream with this head and newest snapshot, which was looked up before the head, is
 * due, and a client is to make the snapshot. NULL: the snapshot was not looked up. Any thread but
 * the writer. */
bool due_streams_is_due(struct due_streams *due, struct bytes stream,
                        const struct stream_head *head, const struct snapshot *newest);

/* --- being told: any thread ------------------------------------------------------------------ */

/* Begins with those that are due now. RESOURCE_EXHAUSTED: DUE_SUBSCRIBERS_MAX. */
struct status due_streams_subscribe(struct due_streams *due, struct due_subscriber *subscriber);

/* True: `wake` was called and nobody has asked since. It will not be called after this. */
bool due_streams_unsubscribe(struct due_streams *due, struct due_subscriber *subscriber);

struct due_told {
    uint8_t name[STREAM_NAME_BYTES_MAX];
    size_t name_size;
    uint64_t revision; /* its newest when it became due */
    bool has_snapshot;
    uint64_t snapshot_revision;
};

enum due_turn due_streams_next(struct due_streams *due, struct due_subscriber *subscriber,
                               struct due_told *told);

/* --- for who shows it ------------------------------------------------------------------------ */

void due_streams_statistics(struct due_streams *due, metric_visit *visit, void *context);
void due_streams_limits(struct due_streams *due, metric_visit *visit, void *context);

#endif
