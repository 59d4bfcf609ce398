/* What all clients share: the keys, the counters, who else is there. Belongs to the RESP
 * thread. */
#ifndef SERVER_RESP_FACE_H
#define SERVER_RESP_FACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metric.h"
#include "base/status.h"
#include "server/resp/client.h"
#include "server/resp/wake.h"
#include "storage/snapshots/snapshot_cache.h"
#include "storage/snapshots/snapshot_store.h"
#include "storage/snapshots/value_store.h"

enum { COMMANDS_MAX = 64, ERROR_CODES = 7 };

/* Since the start; others may read them. */
struct face_counts {
    struct counter connections; /* accepted */
    struct counter refused;     /* of these, over the limit */
    struct counter closed;
    struct counter commands;
    struct counter commands_by_row[COMMANDS_MAX + 1]; /* of command_table; the last: unknown */
    struct counter errors[ERROR_CODES];               /* in the order of face.c's table */
    struct counter protocol_errors;                   /* connections closed for what they sent */
    struct counter input_bytes;
    struct counter output_bytes;
    struct counter closed_full;   /* connections for which all together had no memory left */
    struct counter closed_output; /* that left more unread than they may */
    struct counter held;          /* changes that had to wait for a flush */
    struct counter closed_idle;   /* that were silent for too long */
};

struct face {
    struct value_store *values; /* all borrowed */
    struct snapshot_store *snapshots;
    struct snapshot_cache *cache;
    bool always_saved;    /* a change is on disk before it is replied to */
    struct wake wake;     /* how errands come back */
    const char *password; /* NULL: none is asked for */
    size_t clients_max;
    int64_t idle_us_max; /* 0: no limit */
    int port;
    int64_t started_us; /* monotonic */
    int64_t now_us;     /* monotonic, when the thread last woke up */

    struct status save_failure; /* the newest */
    size_t held_count;          /* clients that wait for room */

    struct client *clients;  /* the one that was active last first */
    struct client *quietest; /* the last of them */
    size_t client_count;
    uint64_t next_id;
    size_t buffer_bytes; /* of all connections' buffers */
    struct face_counts counts;
};

/* Counts a reply that is an error. */
void face_count_reply(struct face *face, struct bytes reply);

/* Any thread. */
void face_statistics(const struct face *face, metric_visit *visit, void *context);
void face_limits(const struct face *face, metric_visit *visit, void *context);

#endif
