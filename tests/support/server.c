#include "tests/support/server.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/reducers/reducers.h"
#include "server/sagas/gateway.h"
#include "server/services/reducers/tables.h"
#include "server/services/sagas/tables.h"
#include "server/services/snapshots/tables.h"
#include "server/snapshots/due_streams.h"
#include "storage/engine/memory_engine.h"
#include "storage/snapshots/snapshot_store.h"

static const struct method *const tables[] = {
    event_store_methods, admin_methods,     saga_definitions_methods, sagas_methods,
    participant_methods, snapshots_methods, reducers_methods,         NULL,
};

static void must(const char *doing, struct status status)
{
    if (status_ok(status))
        return;
    fprintf(stderr, "%s: %s\n", doing, status.message);
    abort();
}

/* What the services are told cannot change once calls may arrive. */
static struct test_server *start(struct engine *engine, size_t tail_bytes_max,
                                 int64_t checkpoint_period_us, const char *checkpoint_directory)
{
    struct test_server *server = calloc(1, sizeof *server);

    server->engine = engine;
    if (!engine)
        must("memory_engine_open", memory_engine_open(&server->engine));
    must("event_log_open",
         event_log_open(&(struct event_log_options){.engine = server->engine,
                                                    .tail_bytes_max = tail_bytes_max},
                        &server->log));
    must("gateway_open",
         gateway_open(&(struct gateway_options){.log = server->log}, &server->gateway));
    must("snapshot_cache_create",
         snapshot_cache_create(&(struct cache_options){.bytes_max = 16 << 20}, &server->cache));
    must("snapshot_store_open",
         snapshot_store_open(&(struct snapshot_store_options){.log = server->log,
                                                              .engine = server->engine,
                                                              .cache = server->cache},
                             &server->snapshots));
    must("reducers_open", reducers_open(&(struct reducers_options){.log = server->log,
                                                                   .snapshots = server->snapshots},
                                        &server->reducers));
    must("due_streams_open",
         due_streams_open(&(struct due_streams_options){.log = server->log,
                                                        .snapshots = server->snapshots,
                                                        .reducers = {.reducers = server->reducers,
                                                                     .has = reducers_has,
                                                                     .submit = reducers_submit,
                                                                     .watch = reducers_watch,
                                                                     .clear = reduction_clear}},
                          &server->due));
    server->services = (struct services){.log = server->log,
                                         .snapshots = server->snapshots,
                                         .due = server->due,
                                         .reducers = server->reducers,
                                         .gateway = server->gateway,
                                         .version = "1.2.3",
                                         .commit = "0123456789ab",
                                         .started_us = 42,
                                         .checkpoint_period_us = checkpoint_period_us,
                                         .checkpoint_directory = checkpoint_directory};
    must("rpc_server_start", rpc_server_start(&(struct rpc_options){.listen = "127.0.0.1:0",
                                                                    .services = tables,
                                                                    .context = &server->services},
                                              &server->rpc));
    server->client = rpc_client_create(rpc_server_port(server->rpc));
    return server;
}

struct test_server *test_server_start(struct engine *engine, size_t tail_bytes_max)
{
    return start(engine, tail_bytes_max, 0, NULL);
}

struct test_server *test_server_start_telling(int64_t checkpoint_period_us)
{
    return start(NULL, 0, checkpoint_period_us, NULL);
}

struct test_server *test_server_start_copying(struct engine *engine,
                                              const char *checkpoint_directory)
{
    return start(engine, 0, 0, checkpoint_directory);
}

void test_server_stop_rpc(struct test_server *server)
{
    rpc_server_stop(server->rpc, 1000);
    rpc_server_free(server->rpc);
    server->rpc = NULL;
}

void test_server_stop(struct test_server *server)
{
    rpc_client_free(server->client);
    if (server->rpc)
        test_server_stop_rpc(server);
    due_streams_close(server->due);
    reducers_close(server->reducers);
    snapshot_store_close(server->snapshots);
    snapshot_cache_free(server->cache);
    gateway_close(server->gateway);
    event_log_close(server->log);
    engine_close(server->engine);
    free(server);
}
