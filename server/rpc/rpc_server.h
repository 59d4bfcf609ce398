/* The gRPC runtime: completion queues and their threads, the table of methods.
 * The only room that includes <grpc/...>; it knows no service by name. */
#ifndef SERVER_RPC_RPC_SERVER_H
#define SERVER_RPC_RPC_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/metric.h"
#include "base/status.h"
#include "server/rpc/call.h"

struct rpc_server;

struct rpc_options {
    const char *listen;                   /* "host:port", "[v6]:port"; port 0 picks a free one */
    const struct method *const *services; /* tables of methods, ended by NULL; static */
    void *context;                        /* for call_context() */
    struct tracer *tracer;                /* takes a span of each call; NULL: none */

    unsigned threads;              /* queue threads, 1..64; 0: 1 */
    int64_t busy_poll_us;          /* see base/busy_poll.h; 0: they sleep at once */
    size_t message_bytes_max;      /* of a request; 0: 4 MiB */
    size_t arena_bytes_max;        /* of a call; 0: 16 x message_bytes_max */
    unsigned connection_calls_max; /* open calls of one connection; 0: 1,000 */
    int64_t stall_timeout_ms;      /* a stream whose client takes nothing of what is sent for so
                                      long ends with RESOURCE_EXHAUSTED; 0: no limit */
};

/* Initialises gRPC, binds, starts the threads: calls may arrive before it returns.
 * UNAVAILABLE: the address is in use or cannot be bound; the message says which. */
struct status rpc_server_start(const struct rpc_options *options, struct rpc_server **server);

/* The port that is listened on. */
int rpc_server_port(const struct rpc_server *server);

/* Any thread. log_set_level(), and gRPC's own log is written with LOG_DEBUG. */
void rpc_set_log_level(enum log_level level);

/* Any thread, until the server is freed. Limits are told apart, because their metric is one for
 * all rooms. */
void rpc_server_statistics(const struct rpc_server *server, metric_visit *visit, void *context);
void rpc_server_limits(const struct rpc_server *server, metric_visit *visit, void *context);

/* Refuses new calls, ends streams with UNAVAILABLE "server shutting down", or tells those that
 * asked for it (call_on_stopping), lets these and unary calls finish for `grace_ms`, then cancels
 * what is left. Returns when no call is left and all threads have ended. What the handlers wait
 * for (the log) must still be running. */
void rpc_server_stop(struct rpc_server *server, int64_t grace_ms);

/* After stop: frees the server, shuts gRPC down. */
void rpc_server_free(struct rpc_server *server);

#endif
