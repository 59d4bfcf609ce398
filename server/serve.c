/* The composition root: puts the rooms together, and takes them apart in reverse.
 *
 *   configuration -> engine -> event log -> cache, values, snapshots -> reducers -> what is due
 *     -> saga gateway -> health, reflection -> rpc server -> RESP -> HTTP
 *
 * The main thread waits for signals (signals.h). */
#include "server/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "base/version.h"
#include "server/banner.h"
#include "server/config/config.h"
#include "server/observe/health.h"
#include "server/observe/http.h"
#include "server/observe/otlp.h"
#include "server/observe/process.h"
#include "server/observe/reflection.h"
#include "server/reducers/reducers.h"
#include "server/resp/resp_server.h"
#include "server/rpc/rpc_server.h"
#include "server/sagas/gateway.h"
#include "server/sagas/gateway_statistics.h"
#include "server/services/reducers/tables.h"
#include "server/services/sagas/tables.h"
#include "server/services/services.h"
#include "server/services/snapshots/tables.h"
#include "server/signals.h"
#include "server/snapshots/due_streams.h"
#include "server/subscriptions/census.h"
#include "storage/engine/memory_engine.h"
#include "storage/keys/key_store.h"
#include "storage/log/event_log.h"
#include "storage/log/read.h"
#include "storage/log/statistics.h"
#include "storage/rocksdb/rocksdb_engine.h"
#include "storage/snapshots/snapshot_cache.h"
#include "storage/snapshots/snapshot_store.h"
#include "storage/snapshots/value_store.h"

enum {
    TEXTS_BYTES_MAX = 1 << 20,
    GRACE_MS = 5000,        /* for unary calls to finish */
    GRACE_FAILED_MS = 1000, /* the same, when the store has failed */
    SHUTDOWN_S_MAX = 60,    /* then the process ends anyway */
    SHUTDOWN_FAILED_S_MAX = 10,
};

struct server {
    int argc;
    char **argv;
    struct config config;
    struct engine *engine;
    struct key_store *keys;
    struct event_log *log;
    struct gateway *gateway;
    struct health *health;
    struct rpc_server *rpc;
    struct snapshot_cache *cache;
    struct value_store *values;
    struct snapshot_store *snapshots;
    struct due_streams *due;
    struct reducers *reducers;
    struct resp_server *resp; /* NULL: none */
    struct http *http;        /* NULL: none */
    struct otlp_options otlp_options;
    struct tracer *tracer; /* NULL: no traces */
    struct otlp *otlp;
    struct arena texts; /* of the options of traces */
    struct census census;
    struct services services;
    _Atomic bool failed; /* the store, while serving */
};

static const struct method *const method_tables[] = {
    event_store_methods,      admin_methods, health_methods,      reflection_methods,
    saga_definitions_methods, sagas_methods, participant_methods, snapshots_methods,
    reducers_methods,         NULL,
};

static const char *const service_names[] = {
    "sagabase.v1.EventStore",      "sagabase.v1.Admin",
    "sagabase.v1.SagaDefinitions", "sagabase.v1.Sagas",
    "sagabase.v1.Participant",     "sagabase.v1.Snapshots",
    "sagabase.v1.Reducers",        NULL,
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

/* What is in memory only needs no keys. */
static struct status open_keys(struct server *server)
{
    char directory[PATH_MAX];
    struct key_store_options options = {.directory = server->config.key_directory,
                                        .master_key_file = server->config.master_key_file};

    if (server->config.in_memory)
        return OK;
    if (!options.directory) {
        if (snprintf(directory, sizeof directory, "%s/keys", server->config.data) >= PATH_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "--data: a shorter path");
        options.directory = directory;
    }
    return key_store_open(&options, &server->keys);
}

static struct status open_log(struct server *server)
{
    struct event_log_options options = {
        .engine = server->engine,
        .keys = server->keys,
        .queue_intents_max = server->config.queue_appends,
        .queue_bytes_max = server->config.queue_memory,
        .scavenge_bytes_per_s = server->config.scavenge_rate,
        .tail_bytes_max = server->config.tail_memory,
        .heads_max = server->config.stream_cache,
        .tracer = server->tracer,
        .failed = on_store_failed,
        .context = server,
    };

    return event_log_open(&options, &server->log);
}

static struct status open_gateway(struct server *server)
{
    struct gateway_options options = {
        .log = server->log,
        .tracer = server->tracer,
        .memory_bytes_max = server->config.saga_memory,
    };

    return gateway_open(&options, &server->gateway);
}

static struct status open_snapshots(struct server *server)
{
    _Static_assert(CACHE_ALLKEYS_LRU == 0 && CACHE_NOEVICTION == 3, "the order in config.c");
    struct cache_options cache = {
        .bytes_max = server->config.cache_memory,
        .policy = (enum cache_policy)server->config.cache_policy,
    };

    TRY(snapshot_cache_create(&cache, &server->cache));
    TRY(value_store_open(&(struct value_store_options){.log = server->log,
                                                       .engine = server->engine,
                                                       .cache = server->cache},
                         &server->values));
    TRY(snapshot_store_open(&(struct snapshot_store_options){.log = server->log,
                                                             .engine = server->engine,
                                                             .cache = server->cache},
                            &server->snapshots));
    TRY(reducers_open(
        &(struct reducers_options){.log = server->log, .snapshots = server->snapshots},
        &server->reducers));
    return due_streams_open(&(struct due_streams_options){.log = server->log,
                                                          .snapshots = server->snapshots,
                                                          .reducers = {.reducers = server->reducers,
                                                                       .has = reducers_has,
                                                                       .submit = reducers_submit,
                                                                       .watch = reducers_watch,
                                                                       .clear = reduction_clear}},
                            &server->due);
}

static void close_snapshots(struct server *server)
{
    if (server->due)
        due_streams_close(server->due);
    if (server->reducers)
        reducers_close(server->reducers);
    if (server->snapshots)
        snapshot_store_close(server->snapshots);
    if (server->values)
        value_store_close(server->values);
    if (server->cache)
        snapshot_cache_free(server->cache);
}

static struct status start_rpc(struct server *server)
{
    struct rpc_options options = {
        .listen = server->config.listen,
        .services = method_tables,
        .context = &server->services,
        .tracer = server->tracer,
        .threads = (unsigned)server->config.rpc_threads,
        .busy_poll_us = (int64_t)server->config.busy_poll,
        .connection_calls_max = (unsigned)server->config.connection_calls,
        .stall_timeout_ms = (int64_t)server->config.stall_timeout * 1000,
    };

    TRY(reflection_start());
    server->services = (struct services){
        .log = server->log,
        .gateway = server->gateway,
        .snapshots = server->snapshots,
        .due = server->due,
        .reducers = server->reducers,
        .health = server->health,
        .census = &server->census,
        .version = sagabase_version,
        .commit = sagabase_commit,
        .started_us = clock_wall_us(system_clock()),
        .checkpoint_directory = server->config.checkpoint_directory,
    };
    return rpc_server_start(&options, &server->rpc);
}

/* --- what is counted ------------------------------------------------------------------- */

static void visit_log(void *room, metric_visit *visit, void *context)
{
    const struct server *server = room;

    event_log_statistics(server->log, visit, context);
}

static void visit_rpc(void *room, metric_visit *visit, void *context)
{
    const struct server *server = room;

    rpc_server_statistics(server->rpc, visit, context);
}

static void visit_cache(void *room, metric_visit *visit, void *context)
{
    const struct server *server = room;

    snapshot_cache_statistics(server->cache, visit, context);
    if (server->resp)
        resp_server_statistics(server->resp, visit, context);
}

static void visit_subscriptions(void *room, metric_visit *visit, void *context)
{
    struct server *server = room;

    census_statistics(&server->census, event_log_end(server->log), visit, context);
}

static void visit_sagas(void *room, metric_visit *visit, void *context)
{
    const struct server *server = room;

    gateway_statistics(server->gateway, visit, context);
}

static void visit_due(void *room, metric_visit *visit, void *context)
{
    const struct server *server = room;

    due_streams_statistics(server->due, visit, context);
}

static void visit_reducers(void *room, metric_visit *visit, void *context)
{
    const struct server *server = room;

    reducers_statistics(server->reducers, visit, context);
}

static void visit_traces(void *room, metric_visit *visit, void *context)
{
    const struct server *server = room;

    if (server->otlp)
        otlp_statistics(server->otlp, visit, context);
}

/* Of all rooms: one metric, so one after another. */
static void visit_limits(void *room, metric_visit *visit, void *context)
{
    struct server *server = room;

    event_log_limits(server->log, visit, context);
    rpc_server_limits(server->rpc, visit, context);
    services_limits(&server->services, visit, context);
    snapshot_cache_limits(server->cache, visit, context);
    census_limits(&server->census, visit, context);
    gateway_limits(server->gateway, visit, context);
    if (server->http)
        http_limits(server->http, visit, context);
    metric_limit(visit, context, "log_lines", log_lines_left_out());
    due_streams_limits(server->due, visit, context);
    reducers_limits(server->reducers, visit, context);
    if (server->otlp)
        otlp_limits(server->otlp, visit, context);
    if (server->resp)
        resp_server_limits(server->resp, visit, context);
}

/* Another room that counts is one more row. */
static const struct metric_source *metric_sources(struct server *server)
{
    static struct metric_source sources[16];
    const struct metric_source all[] = {
        {process_statistics, NULL},
        {visit_rpc, server},
        {visit_log, server},
        {visit_subscriptions, server},
        {visit_sagas, server},
        {visit_traces, server},
        {visit_cache, server},
        {visit_reducers, server},
        {visit_due, server},
        {visit_limits, server},
        {NULL, NULL},
    };

    _Static_assert(sizeof all <= sizeof sources, "room for all");
    memcpy(sources, all, sizeof all);
    return sources;
}

/* Where nobody asked for an address, a taken one is no reason not to serve. */
static struct status start_resp(struct server *server)
{
    const char *listen = server->config.resp_listen;
    struct resp_options options = {
        .listen = listen ? listen : CONFIG_RESP_LISTEN,
        .password_file = server->config.resp_password_file,
        .clients_max = server->config.resp_clients,
        .busy_poll_us = (int64_t)server->config.busy_poll,
        .idle_s_max = (int64_t)server->config.resp_idle,
        .always_saved = server->config.resp_durability == SAVING_ALWAYS,
        .values = server->values,
        .snapshots = server->snapshots,
        .cache = server->cache,
    };

    if (listen && strcmp(listen, "off") == 0)
        return OK;
    struct status status = resp_server_start(&options, &server->resp);
    if (listen || status.code != STATUS_UNAVAILABLE)
        return status;
    log_line(LOG_WARN, "resp", "refused", "cause=\"%s\" option=--resp-listen", status.message);
    return OK;
}

static struct status start_http(struct server *server)
{
    const char *listen = server->config.http_listen;
    struct http_options options = {
        .listen = listen ? listen : CONFIG_HTTP_LISTEN,
        .sources = metric_sources(server),
        .health = server->health,
    };

    if (listen && strcmp(listen, "off") == 0)
        return OK;
    struct status status = http_start(&options, &server->http);
    if (status_ok(status) || listen)
        return status;
    log_line(LOG_WARN, "http", "refused", "cause=\"%s\" option=--http-listen", status.message);
    return OK;
}

/* --- traces ---------------------------------------------------------------------------- */

static struct status start_traces(struct server *server)
{
    const struct config *config = &server->config;
    const struct otlp_texts texts = {
        .endpoint = config->otlp_endpoint,
        .headers = config->otlp_headers,
        .timeout = config->otlp_timeout,
        .certificate_file = config->otlp_certificate,
        .client_certificate_file = config->otlp_client_certificate,
        .client_key_file = config->otlp_client_key,
        .service_name = config->otel_service_name,
        .resource_attributes = config->otel_resource_attributes,
        .exporter = config->otel_traces_exporter,
        .sampler = config->otel_traces_sampler,
        .sampler_arg = config->otel_traces_sampler_arg,
        .disabled = config->otel_sdk_disabled,
        .schedule_delay = config->otel_bsp_schedule_delay,
        .export_timeout = config->otel_bsp_export_timeout,
        .queue_max = config->otel_bsp_max_queue_size,
        .batch_max = config->otel_bsp_max_export_batch_size,
    };

    arena_init(&server->texts, TEXTS_BYTES_MAX);
    if (!otlp_options_read(&texts, &server->texts, &server->otlp_options))
        return OK;
    server->tracer = tracer_create(server->otlp_options.sampler, server->otlp_options.queue_max);
    if (!server->tracer)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "traces: out of memory");
    return otlp_start(&server->otlp_options, server->tracer, &server->otlp);
}

static struct status start(struct server *server)
{
    census_init(&server->census);
    server->health = health_create(service_names);
    if (!server->health)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "health: out of memory");
    TRY(start_traces(server));
    TRY(open_engine(server));
    TRY(open_keys(server));
    TRY(open_log(server));
    TRY(open_snapshots(server));
    TRY(open_gateway(server));
    TRY(start_rpc(server));
    TRY(start_resp(server));
    return start_http(server);
}

/* Takes apart what start() has put together, as far as it came. */
static void stop(struct server *server)
{
    int64_t grace_ms = atomic_load(&server->failed) ? GRACE_FAILED_MS : GRACE_MS;

    if (server->rpc)
        health_set_serving(server->health, false);
    if (server->resp)
        resp_server_stop(server->resp, grace_ms);
    if (server->rpc)
        rpc_server_stop(server->rpc, grace_ms);
    if (server->http) /* until now it told that we are not ready */
        http_stop(server->http);
    if (server->rpc)
        rpc_server_free(server->rpc);
    if (server->resp)
        resp_server_free(server->resp);
    reflection_stop();
    close_snapshots(server);
    census_destroy(&server->census);
    if (server->gateway)
        gateway_close(server->gateway);
    if (server->log)
        event_log_close(server->log);
    if (server->otlp) /* nothing ends a span any more */
        otlp_stop(server->otlp);
    if (server->tracer)
        tracer_free(server->tracer);
    arena_destroy(&server->texts);
    if (server->engine)
        engine_close(server->engine);
    if (server->keys)
        key_store_close(server->keys);
    if (server->health)
        health_free(server->health);
}

/* --- telling ------------------------------------------------------------------------- */

static void print_banner(const struct server *server)
{
    const struct config *config = &server->config;

    banner_print(&(struct banner){
        .data = config->in_memory ? NULL : config->data,
        .listen = config->listen,
        .port = rpc_server_port(server->rpc),
        .resp_port = server->resp ? resp_server_port(server->resp) : 0,
        .http_listen = config->http_listen ? config->http_listen : CONFIG_HTTP_LISTEN,
        .http_port = server->http ? http_port(server->http) : 0,
    });
}

/* --- ending ---------------------------------------------------------------------------- */

/* SIGHUP. What can change while it serves is the level of the log; all else waits for a restart. */
static void reread(void *context)
{
    const struct server *server = context;
    struct config config;
    struct status status = config_read(server->argc, server->argv, getenv, &config);

    if (!status_ok(status)) {
        log_line(LOG_WARN, "server", "not_reread", "cause=\"%s\"", status.message);
        return;
    }
    rpc_set_log_level(config.log_level);
    log_line(LOG_INFO, "server", "reread", "log_level=%s", config_level_name(config.log_level));
    config_destroy(&config);
}

static void wait_for_end(struct server *server)
{
    int received = signals_wait(reread, server);

    log_line(LOG_INFO, "server", "stopping", "signal=%d", received);
    signals_limit_end(atomic_load(&server->failed) ? SHUTDOWN_FAILED_S_MAX : SHUTDOWN_S_MAX);
}

/* Until it serves, only what went wrong is told: one line. */
static void quiet_until_started(const struct server *server)
{
    log_set_level(server->config.log_level == LOG_INFO ? LOG_WARN : server->config.log_level);
}

static void tell_started(const struct server *server)
{
    struct event_log_counts counts = event_log_counts(server->log);

    rpc_set_log_level(server->config.log_level);
    log_line(LOG_INFO, "server", "started", "port=%d events=%" PRIu64 " streams=%" PRIu64,
             rpc_server_port(server->rpc), counts.events, counts.streams);
}

static int serve(struct server *server)
{
    struct status status;

    signals_block();
    log_set_format(server->config.log_format);
    quiet_until_started(server);
    status = start(server);
    if (!status_ok(status)) {
        fprintf(stderr, "sagabase serve: %s\n", status.message);
        stop(server);
        return 1;
    }
    tell_started(server);
    print_banner(server);
    wait_for_end(server);
    stop(server);
    log_line(LOG_INFO, "server", "stopped", "%s", "");
    return atomic_load(&server->failed) ? 1 : 0;
}

int serve_main(int argc, char **argv)
{
    struct server server = {.argc = argc, .argv = argv};
    struct status status = config_read(argc, argv, getenv, &server.config);

    if (!status_ok(status)) {
        fprintf(stderr, "sagabase serve: %s\n", status.message);
        return 2;
    }
    if (server.config.help) {
        printf(
            "sagabase serve [OPTION...]\n\n"
            "Serves the event store until it gets SIGINT or SIGTERM. What flags do not set comes "
            "from\nthe environment, then from the file of --config; SIGHUP has the level of the "
            "log read again.\n\n");
        config_print_help(stdout);
        return 0;
    }
    int code = serve(&server);
    config_destroy(&server.config);
    return code;
}

const char *serve_flag(size_t index)
{
    return config_flag(index);
}
