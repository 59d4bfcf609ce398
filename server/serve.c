/* The composition root: puts the rooms together, and takes them apart in reverse.
 *
 *   configuration -> engine -> event log -> saga gateway -> health, reflection -> rpc server
 *
 * Signals are blocked everywhere. The main thread waits for the first one; a thread of its
 * own waits for the second, or for the shutdown to take too long, and ends the process at once. */
#define _GNU_SOURCE /* program_invocation_name */
#include "server/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "base/version.h"
#include "server/config/config.h"
#include "server/observe/health.h"
#include "server/observe/reflection.h"
#include "server/rpc/rpc_server.h"
#include "server/sagas/gateway.h"
#include "server/services/sagas/tables.h"
#include "server/services/services.h"
#include "storage/engine/memory_engine.h"
#include "storage/log/event_log.h"
#include "storage/rocksdb/rocksdb_engine.h"

enum {
    GRACE_MS = 5000,        /* for unary calls to finish */
    GRACE_FAILED_MS = 1000, /* the same, when the store has failed */
    SHUTDOWN_S_MAX = 60,    /* then the process ends anyway */
    SHUTDOWN_FAILED_S_MAX = 10,
};

struct server {
    struct config config;
    sigset_t signals;
    struct engine *engine;
    struct event_log *log;
    struct gateway *gateway;
    struct health *health;
    struct rpc_server *rpc;
    struct services services;
    _Atomic bool failed; /* the store, while serving */
};

static const struct method *const method_tables[] = {
    event_store_methods,      admin_methods, health_methods,      reflection_methods,
    saga_definitions_methods, sagas_methods, participant_methods, NULL,
};

static const char *const service_names[] = {
    "sagabase.v1.EventStore", "sagabase.v1.Admin",       "sagabase.v1.SagaDefinitions",
    "sagabase.v1.Sagas",      "sagabase.v1.Participant", NULL,
};

/* --- starting ----------------------------------------------------------------------- */

/* @thread writer. What is in memory may be ahead of the disk now, so the process ends and
 * the next start recovers. */
static void on_store_failed(void *context, struct status status)
{
    struct server *server = context;

    log_line(LOG_ERROR, "store", "failed", "cause=\"%s\"", status.message);
    atomic_store(&server->failed, true);
    health_set_serving(server->health, false);
    kill(getpid(), SIGTERM);
}

static struct status open_engine(struct server *server)
{
    struct rocksdb_engine_options options = {
        .directory = server->config.data,
        .block_cache_bytes = server->config.block_cache,
        .write_buffer_bytes = server->config.write_buffer,
        .disk_reserve_bytes = server->config.disk_reserve,
        .create_if_missing = true,
    };

    if (server->config.in_memory)
        return memory_engine_open(&server->engine);
    return rocksdb_engine_open(&options, &server->engine);
}

static struct status open_log(struct server *server)
{
    struct event_log_options options = {
        .engine = server->engine,
        .queue_intents_max = server->config.queue_appends,
        .queue_bytes_max = server->config.queue_memory,
        .tail_bytes_max = server->config.tail_memory,
        .heads_max = server->config.stream_cache,
        .failed = on_store_failed,
        .context = server,
    };

    return event_log_open(&options, &server->log);
}

static struct status open_gateway(struct server *server)
{
    struct gateway_options options = {
        .log = server->log,
        .memory_bytes_max = server->config.saga_memory,
    };

    return gateway_open(&options, &server->gateway);
}

static struct status start_rpc(struct server *server)
{
    struct rpc_options options = {
        .listen = server->config.listen,
        .services = method_tables,
        .context = &server->services,
        .threads = (unsigned)server->config.rpc_threads,
        .connection_calls_max = (unsigned)server->config.connection_calls,
    };

    TRY(reflection_start());
    server->services = (struct services){
        .log = server->log,
        .gateway = server->gateway,
        .health = server->health,
        .version = sagabase_version,
        .commit = sagabase_commit,
        .started_us = clock_wall_us(system_clock()),
        .checkpoint_directory = server->config.checkpoint_directory,
    };
    return rpc_server_start(&options, &server->rpc);
}

static struct status start(struct server *server)
{
    server->health = health_create(service_names);
    if (!server->health)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "health: out of memory");
    TRY(open_engine(server));
    TRY(open_log(server));
    TRY(open_gateway(server));
    return start_rpc(server);
}

/* Takes apart what start() has put together, as far as it came. */
static void stop(struct server *server)
{
    if (server->rpc) {
        health_set_serving(server->health, false);
        rpc_server_stop(server->rpc, atomic_load(&server->failed) ? GRACE_FAILED_MS : GRACE_MS);
        rpc_server_free(server->rpc);
    }
    reflection_stop();
    if (server->gateway)
        gateway_close(server->gateway);
    if (server->log)
        event_log_close(server->log);
    if (server->engine)
        engine_close(server->engine);
    if (server->health)
        health_free(server->health);
}

/* --- telling ------------------------------------------------------------------------- */

/* "0.0.0.0:2113" with the port that was picked; a wildcard is reached by loopback. */
static void format_address(const struct server *server, bool to_connect, char text[300])
{
    const char *listen = server->config.listen;
    const char *colon = strrchr(listen, ':');
    int host_size = colon ? (int)(colon - listen) : (int)strlen(listen);
    bool wildcard = strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0;

    if (to_connect && wildcard)
        snprintf(text, 300, "127.0.0.1:%d", rpc_server_port(server->rpc));
    else
        snprintf(text, 300, "%.*s:%d", host_size > 250 ? 250 : host_size, listen,
                 rpc_server_port(server->rpc));
}

static void print_banner(const struct server *server)
{
    char listen[300], connect[300];

    format_address(server, false, listen);
    format_address(server, true, connect);
    printf("sagabase %s (%s) is serving\n", sagabase_version, sagabase_commit);
    if (server->config.in_memory)
        printf("  data     in memory only: nothing is kept\n");
    else
        printf("  data     %s\n", server->config.data);
    printf("  endpoint grpc %s\n", connect);
    printf("try it:\n"
           "  grpcurl -plaintext %s list\n"
           "  %s info --server %s\n"
           "  pip install ./clients/python && python3 examples/python/append_and_read.py %s\n",
           connect, program_invocation_name, connect, connect);
    printf("listening on %s\n", listen);
    fflush(stdout);
}

/* --- ending ---------------------------------------------------------------------------- */

/* The operator asks again, or the shutdown hangs: no more courtesy. What was acknowledged is
 * on disk. */
static void *force_end(void *argument)
{
    const struct server *server = argument;
    struct timespec limit = {.tv_sec = atomic_load(&server->failed) ? SHUTDOWN_FAILED_S_MAX
                                                                    : SHUTDOWN_S_MAX};
    int received;

    do
        received = sigtimedwait(&server->signals, NULL, &limit);
    while (received < 0 && errno == EINTR); /* someone looks at the process, say */
    log_line(LOG_WARN, "server", "killed", "cause=\"%s\"",
             received > 0 ? "second signal" : "shutdown took too long");
    _exit(1);
}

static void wait_for_signal(struct server *server)
{
    pthread_t forced;
    int received = 0;

    sigwait(&server->signals, &received);
    log_line(LOG_INFO, "server", "stopping", "signal=%d", received);
    if (pthread_create(&forced, NULL, force_end, server) == 0)
        pthread_detach(forced);
}

static void block_signals(struct server *server)
{
    sigemptyset(&server->signals);
    sigaddset(&server->signals, SIGINT);
    sigaddset(&server->signals, SIGTERM);
    sigaddset(&server->signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &server->signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Until it serves, only what went wrong is told: one line. */
static void quiet_until_started(const struct server *server)
{
    log_set_level(server->config.log_level == LOG_INFO ? LOG_WARN : server->config.log_level);
}

static void tell_started(const struct server *server)
{
    struct event_log_counts counts = event_log_counts(server->log);

    log_set_level(server->config.log_level);
    log_line(LOG_INFO, "server", "started", "port=%d events=%" PRIu64 " streams=%" PRIu64,
             rpc_server_port(server->rpc), counts.events, counts.streams);
}

static int serve(struct server *server)
{
    struct status status;

    block_signals(server);
    quiet_until_started(server);
    status = start(server);
    if (!status_ok(status)) {
        fprintf(stderr, "sagabase serve: %s\n", status.message);
        stop(server);
        return 1;
    }
    tell_started(server);
    print_banner(server);
    wait_for_signal(server);
    stop(server);
    log_line(LOG_INFO, "server", "stopped", "%s", "");
    return atomic_load(&server->failed) ? 1 : 0;
}

int serve_main(int argc, char **argv)
{
    static struct server server; /* read by force_end until the process is gone */
    struct status status = config_read(argc, argv, getenv, &server.config);

    if (!status_ok(status)) {
        fprintf(stderr, "sagabase serve: %s\n", status.message);
        return 2;
    }
    if (server.config.help) {
        printf("sagabase serve [OPTION...]\n\n"
               "Serves the event store until it gets SIGINT, SIGTERM or SIGHUP. What flags do not "
               "set comes\nfrom the environment.\n\n");
        config_print_help(stdout);
        return 0;
    }
    return serve(&server);
}

const char *serve_flag(size_t index)
{
    return config_flag(index);
}
