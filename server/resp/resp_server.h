/* The face that clients of Redis see: RESP2 and RESP3 on a port of its own, served by one thread.
 *
 *   request.h  bytes -> requests      session.h  buffers   , order, limits     command.h  the table
 *   reply.h    values -> bytes        keys.h     what keys stand for */
#ifndef SERVER_RESP_RESP_SERVER_H
#define SERVER_RESP_RESP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metric.h"
#include "base/status.h"

struct snapshot_cache;
struct snapshot_store;
struct value_store;
struct resp_server;

struct resp_options {
    const char *listen;         /* "host:port", borrowed */
    const char *password_file;  /* its first line is what AUTH must give; NULL: nobody is asked */
    size_t clients_max;         /* connections; lowered to what the open-file limit allows */
    int64_t busy_poll_us;       /* see base/busy_poll.h; 0: it sleeps at once */
    int64_t idle_s_max;         /* a connection silent for so long is closed; 0: never */
    bool always_saved;          /* plain values are on disk before they are acknowledged */
    struct value_store *values; /* borrowed, as the next two */
    struct snapshot_store *snapshots;
    struct snapshot_cache *cache;
};

/* Listens and starts the thread. INVALID_ARGUMENT, UNAVAILABLE, RESOURCE_EXHAUSTED. */
struct status resp_server_start(const struct resp_options *options, struct resp_server **server);

int resp_server_port(const struct resp_server *server);

/* Any thread. What it has done, and which limits were hit. */
void resp_server_statistics(const struct resp_server *server, metric_visit *visit, void *context);
void resp_server_limits(const struct resp_server *server, metric_visit *visit, void *context);

/* Refuses new connections, lets changes that were begun reach the disk and be answered for at most
 * `grace_ms`, closes all connections, ends the thread. The stores must still be open. Once. */
void resp_server_stop(struct resp_server *server, int64_t grace_ms);

/* After resp_server_stop. */
void resp_server_free(struct resp_server *server);

#endif
