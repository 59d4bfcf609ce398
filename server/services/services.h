/* The API: one table of methods for each service, and what they work on. One file
 * for each method, named after it. */
#ifndef SERVER_SERVICES_SERVICES_H
#define SERVER_SERVICES_SERVICES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/metric.h"
#include "server/rpc/call.h"

enum { CHECKPOINT_PERIOD_US = 5000000, CHECKPOINT_NAME_BYTES_MAX = 128 };

struct census;      /* server/subscriptions/census.h */
struct due_streams; /* server/snapshots/due_streams.h */
struct event_log;
struct gateway;        /* server/sagas/gateway.h */
struct health;         /* server/observe/health.h */
struct reducers;       /* server/reducers/reducers.h */
struct snapshot_store; /* storage/snapshots/snapshot_store.h */

/* call_context() of every call. */
struct services {
    struct event_log *log;
    struct gateway *gateway;
    struct snapshot_store *snapshots;
    struct due_streams *due;
    struct reducers *reducers;
    struct health *health;
    struct census *census; /* of subscriptions; NULL: nobody asks */
    const char *version;   /* static */
    const char *commit;    /* static */
    int64_t started_us;    /* wall clock */

    /* How often a subscription that is live, but sends nothing, tells how far it is; 0: every
     * CHECKPOINT_PERIOD_US. */
    int64_t checkpoint_period_us;

    const char *checkpoint_directory; /* where copies of the store go; NULL: nowhere */
    _Atomic bool is_copying;          /* one is being made */

    struct counter sessions_full;    /* reading waited until results had left */
    struct counter checkpoints_busy; /* refused, because one was being made */
    struct counter replies_full;     /* reading waited until acks had left */
    struct counter heartbeats_full;  /* the same for answers to heartbeats */
};

/* Any thread: how often limits of the services were hit. */
void services_limits(const struct services *services, metric_visit *visit, void *context);

extern const struct method event_store_methods[]; /* sagabase.v1.EventStore */
extern const struct method admin_methods[];       /* sagabase.v1.Admin */

#endif
