/* What all clients share: the keys, the counters, who else is there. Belongs to the RESP
 * thread. */
#ifndef SERVER_RESP_FACE_H
#define SERVER_RESP_FACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/resp/client.h"
#include "server/resp/wake.h"
#include "storage/snapshots/snapshot_cache.h"
#include "storage/snapshots/snapshot_store.h"
#include "storage/snapshots/value_store.h"

/* Since the start. */
struct face_counts {
    uint64_t connections; /* accepted */
    uint64_t refused;     /* of these, over the limit */
    uint64_t commands;
    uint64_t input_bytes;
    uint64_t output_bytes;
    uint64_t closed_full; /* connections that needed more memory than they may have */
    uint64_t closed_idle; /* that were silent for too long */
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

    struct client *clients;  /* the one that was active last first */
    struct client *quietest; /* the last of them */
    size_t client_count;
    size_t buffer_bytes; /* of all connections' buffers */
    struct face_counts counts;
};

#endif
