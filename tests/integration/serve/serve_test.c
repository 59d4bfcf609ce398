/* `sagabase serve` as an operator meets it. Goal: it says where it is, it ends when told, and
 * what keeps it from starting is one clear line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "storage/log/event_log.h"
#include "storage/rocksdb/rocksdb_engine.h"
#include "tests/support/event_store_client.h"
#include "tests/support/server_process.h"

enum { READY_MS = 30000, FILE_BYTES_MAX = 1 << 20 };

static const char *binary;

struct fixture {
    char directory[64]; /* of this test */
    char data[96];
    char log[96]; /* what the server under test writes to stderr */
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *parent = getenv("TEST_TMPDIR");

    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/serve_test.XXXXXX");
    if (parent && strlen(parent) < 40)
        snprintf(fixture->directory, sizeof fixture->directory, "%s/serve_test.XXXXXX", parent);
    if (!mkdtemp(fixture->directory))
        return -1;
    snprintf(fixture->data, sizeof fixture->data, "%s/data", fixture->directory);
    snprintf(fixture->log, sizeof fixture->log, "%s/log", fixture->directory);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    free(*state); /* Bazel removes the directory */
    return 0;
}

static struct server_process start(const char *const *options, const char *log)
{
    struct server_process server;

    server_start(&server, binary, options, log);
    return server;
}

static struct server_process start_ready(const struct fixture *fixture)
{
    const char *const options[] = {"--data", fixture->data, NULL};
    char log[128];

    snprintf(log, sizeof log, "%s.first", fixture->log);
    struct server_process server = start(options, log);
    assert_true(server_wait_ready(&server, READY_MS));
    return server;
}

/* Starts a server that must not start: its exit code, and one line that says `part`. */
static void refuses_to_start(const struct fixture *fixture, const char *const *options, int code,
                             const char *part)
{
    struct server_process server = start(options, fixture->log);
    char text[1024] = "";

    assert_int_equal(server_wait(&server), code);
    FILE *file = fopen(fixture->log, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    if (!strstr(text, part) || strchr(text, '\n') != text + strlen(text) - 1)
        fail_msg("not one line that says \"%s\": %s", part, text);
}

static struct rpc_client *connect_to(const struct server_process *server)
{
    const char *colon = strrchr(server->address, ':');

    assert_non_null(colon);
    return rpc_client_create((int)strtol(colon + 1, NULL, 10));
}

static void server_keeps_its_events_over_an_orderly_restart(void **state)
{
    struct fixture *fixture = *state;
    struct server_process server = start_ready(fixture);
    struct rpc_client *client = connect_to(&server);
    Sagabase__V1__GetStreamRequest request = SAGABASE__V1__GET_STREAM_REQUEST__INIT;
    Sagabase__V1__GetStreamResponse *response = NULL;
    struct status status = append_new(client, "order-1", 3);

    rpc_client_free(client);
    assert_string_equal(status.message, "");
    assert_int_equal(server_stop(&server), 0);
    server = start_ready(fixture);
    client = connect_to(&server);
    request.stream = (char *)"order-1";
    status = rpc_client_ask(client, EVENT_STORE("GetStream"), &request.base,
                            &sagabase__v1__get_stream_response__descriptor, &response);
    rpc_client_free(client);
    assert_string_equal(status.message, "");
    assert_int_equal(response->stream->last_revision, 2);
    forget(response);
    assert_int_equal(server_stop(&server), 0);
}

static void open_subscription_does_not_hold_up_the_end(void **state)
{
    struct fixture *fixture = *state;
    struct server_process server = start_ready(fixture);
    struct rpc_client *client = connect_to(&server);
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    struct rpc_call *call = open_with(client, EVENT_STORE("Subscribe"), &request.base);

    for (int i = 0; i < 2; i++) { /* confirmed, caught up */
        void *message = rpc_call_receive(call, &sagabase__v1__subscribe_response__descriptor);
        assert_non_null(message);
        forget(message);
    }
    kill(server.pid, SIGTERM);
    assert_int_equal(rpc_call_finish(call).code, STATUS_UNAVAILABLE);
    rpc_call_free(call);
    rpc_client_free(client);
    assert_int_equal(server_wait(&server), 0);
}

static void second_server_on_the_same_data_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct server_process server = start_ready(fixture);
    const char *const options[] = {"--data", fixture->data, NULL};

    refuses_to_start(fixture, options, 1, "already open in another process");
    assert_int_equal(server_stop(&server), 0);
}

static void second_server_on_the_same_port_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct server_process server = start_ready(fixture);
    const char *const options[] = {"--in-memory", "--listen", server.address, NULL};

    refuses_to_start(fixture, options, 1, server.address);
    assert_int_equal(server_stop(&server), 0);
}

static void store_of_a_newer_version_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *const options[] = {"--data", fixture->data, NULL};
    struct rocksdb_engine_options engine_options = {.directory = fixture->data,
                                                    .block_cache_bytes = 8 << 20,
                                                    .write_buffer_bytes = 8 << 20,
                                                    .create_if_missing = true};
    struct engine *engine = NULL;
    uint8_t format[4];
    struct write write = {.family = FAMILY_META,
                          .kind = WRITE_PUT,
                          .key = bytes_of_text("format"),
                          .value = bytes_of(format, sizeof format)};

    put_u32_little_endian(format, STORE_FORMAT + 1);
    assert_string_equal(rocksdb_engine_open(&engine_options, &engine).message, "");
    assert_string_equal(engine_commit(engine, &write, 1, true).message, "");
    engine_close(engine);
    refuses_to_start(fixture, options, 1, "written by a newer version");
}

static void wrong_options_are_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *const unknown[] = {"--lisen", "x", NULL};

    refuses_to_start(fixture, unknown, 2, "--lisen: unknown option; did you mean --listen?");
}

/* Of the process, in bytes. */
static long resident_bytes(const struct server_process *server)
{
    char path[64];
    long pages = 0;

    snprintf(path, sizeof path, "/proc/%d/statm", (int)server->pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static struct rpc_call *subscribe_until_caught_up(struct rpc_client *client)
{
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    struct rpc_call *call = open_with(client, EVENT_STORE("Subscribe"), &request.base);
    bool caught_up = false;

    while (!caught_up) {
        Sagabase__V1__SubscribeResponse *message =
            rpc_call_receive(call, &sagabase__v1__subscribe_response__descriptor);
        assert_non_null(message);
        caught_up = message->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CAUGHT_UP;
        forget(message);
    }
    return call;
}

static void sleeping_subscription_costs_little(void **state)
{
#ifdef __SANITIZE_ADDRESS__
    skip(); /* its own bookkeeping is most of what is measured */
#endif
    enum { FIRST = 100, ALL = 900, BYTES_MAX = 32 << 10 };
    struct fixture *fixture = *state;
    struct server_process server = start_ready(fixture);
    struct rpc_client *client = connect_to(&server);
    static struct rpc_call *calls[ALL];
    long before = 0;

    assert_int_equal(append_new(client, "order-1", 1000).code, STATUS_OK);
    for (int i = 0; i < ALL; i++) {
        if (i == FIRST) /* by then the server has what it needs for itself */
            before = resident_bytes(&server);
        calls[i] = subscribe_until_caught_up(client);
    }
    long each = (resident_bytes(&server) - before) / (ALL - FIRST);
    for (int i = 0; i < ALL; i++)
        rpc_call_free(calls[i]);
    rpc_client_free(client);
    assert_int_equal(server_stop(&server), 0);
    print_message("a sleeping subscription takes %ld bytes\n", each);
    assert_true(each <= BYTES_MAX);
}

/* Files may not grow beyond a limit, so the store's journal fails in the middle of a write. */
static void failed_commit_ends_the_process_with_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before, small;
    struct server_process server;
    struct rpc_client *client;
    int appends = 0;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = FILE_BYTES_MAX, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN); /* the server inherits it: its writes fail instead */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    server = start_ready(fixture);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    client = connect_to(&server);
    while (status_ok(append_new(client, "order-1", 1000)) && appends < 1000)
        appends++;
    rpc_client_free(client);
    assert_true(appends < 1000);
    assert_int_equal(server_wait(&server), 1);

    /* What was acknowledged is there after the next start. */
    server = start_ready(fixture);
    client = connect_to(&server);
    Sagabase__V1__GetStreamRequest request = SAGABASE__V1__GET_STREAM_REQUEST__INIT;
    Sagabase__V1__GetStreamResponse *response = NULL;
    request.stream = (char *)"order-1";
    rpc_client_ask(client, EVENT_STORE("GetStream"), &request.base,
                   &sagabase__v1__get_stream_response__descriptor, &response);
    rpc_client_free(client);
    assert_int_equal(server_stop(&server), 0);
    assert_non_null(response);
    assert_true(response->stream->last_revision + 1 >= (uint64_t)appends * 1000);
    assert_int_equal((response->stream->last_revision + 1) % 1000, 0);
    forget(response);
}

#define behaves(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        behaves(server_keeps_its_events_over_an_orderly_restart),
        behaves(open_subscription_does_not_hold_up_the_end),
        behaves(second_server_on_the_same_data_is_refused),
        behaves(second_server_on_the_same_port_is_refused),
        behaves(store_of_a_newer_version_is_refused),
        behaves(wrong_options_are_refused),
        behaves(sleeping_subscription_costs_little),
        behaves(failed_commit_ends_the_process_with_an_error),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: serve_test PATH-OF-SAGABASE\n");
        return 2;
    }
    binary = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
