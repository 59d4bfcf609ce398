/* A whole server in this process, on a port of its own: engine, log, runtime, services. */
#ifndef TESTS_SUPPORT_SERVER_H
#define TESTS_SUPPORT_SERVER_H

#include "server/rpc/rpc_server.h"
#include "server/services/services.h"
#include "storage/engine/engine.h"
#include "storage/log/event_log.h"
#include "tests/support/rpc_client.h"

struct test_server {
    struct engine *engine;
    struct event_log *log;
    struct gateway *gateway;
    struct snapshot_cache *cache;
    struct snapshot_store *snapshots;
    struct due_streams *due;
    struct reducers *reducers;
    struct rpc_server *rpc;
    struct services services;
    struct rpc_client *client;
};

/* Takes the engine; NULL: a memory engine. tail_bytes_max 0: the default. Aborts the test
 * program if it does not start. */
struct test_server *test_server_start(struct engine *engine, size_t tail_bytes_max);

/* The same in memory, whose live subscriptions tell how far they are after so short a time. */
struct test_server *test_server_start_telling(int64_t checkpoint_period_us);

/* The same with checkpoints, below a directory that the caller keeps. */
struct test_server *test_server_start_copying(struct engine *engine,
                                              const char *checkpoint_directory);

/* Stops the server and closes the engine; then no call of the client may be open. */
void test_server_stop(struct test_server *server);

/* The first half of that: the runtime alone, while calls are open. Once. */
void test_server_stop_rpc(struct test_server *server);

#endif
