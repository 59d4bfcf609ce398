/* Changes on their way to disk, with a disk that a test holds. Goal: nobody is told of a change
 * before it is safe, and nobody else waits for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/resp/resp_server.h"
#include "storage/engine/memory_engine.h"
#include "storage/log/event_log.h"
#include "storage/snapshots/snapshot_cache.h"
#include "storage/snapshots/snapshot_store.h"
#include "storage/snapshots/value_store.h"
#include "tests/support/fault_engine.h"
#include "tests/support/log_fixture.h"

enum { ANSWER_MS_MAX = 30000, GRACE_MS = 5000, CACHE_BYTES = 16 << 20, CLIENTS_MAX = 100 };

struct fixture {
    struct engine *inner;
    struct engine *engine;
    struct event_log *log;
    struct snapshot_cache *cache;
    struct value_store *values;
    struct snapshot_store *snapshots;
    struct resp_server *server;
};

static void start(struct fixture *fixture, bool always)
{
    struct cache_options cache = {.bytes_max = CACHE_BYTES};

    assert_ok(memory_engine_open(&fixture->inner));
    fixture->engine = fault_engine_open(fixture->inner);
    /* Each intent is a commit of its own, so that what is one intent can be seen. */
    assert_ok(event_log_open(
        &(struct event_log_options){.engine = fixture->engine, .group_intents_max = 1},
        &fixture->log));
    assert_ok(snapshot_cache_create(&cache, &fixture->cache));
    assert_ok(value_store_open(&(struct value_store_options){.log = fixture->log,
                                                             .engine = fixture->engine,
                                                             .cache = fixture->cache},
                               &fixture->values));
    assert_ok(snapshot_store_open(&(struct snapshot_store_options){.log = fixture->log,
                                                                   .engine = fixture->engine,
                                                                   .cache = fixture->cache},
                                  &fixture->snapshots));
    struct resp_options options = {.listen = "127.0.0.1:0",
                                   .clients_max = CLIENTS_MAX,
                                   .always_saved = always,
                                   .values = fixture->values,
                                   .snapshots = fixture->snapshots,
                                   .cache = fixture->cache};
    assert_ok(resp_server_start(&options, &fixture->server));
}

static int set_up_always(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    start(*state, true);
    return 0;
}

static int set_up_every_second(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    start(*state, false);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    resp_server_stop(fixture->server, GRACE_MS);
    resp_server_free(fixture->server);
    snapshot_store_close(fixture->snapshots);
    value_store_close(fixture->values);
    snapshot_cache_free(fixture->cache);
    event_log_close(fixture->log);
    engine_close(fixture->engine);
    engine_close(fixture->inner);
    free(fixture);
    return 0;
}

/* --- clients --------------------------------------------------------------------------------- */

static int connect_to(const struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)resp_server_port(fixture->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(client >= 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    return client;
}

static void say(int client, const char *lines)
{
    assert_int_equal(send(client, lines, strlen(lines), MSG_NOSIGNAL), strlen(lines));
}

/* Exactly these bytes come. */
static void hears(int client, const char *expected)
{
    char text[256];
    size_t size = 0, wanted = strlen(expected);

    while (size < wanted) {
        struct pollfd readable = {.fd = client, .events = POLLIN};
        assert_int_equal(poll(&readable, 1, ANSWER_MS_MAX), 1);
        ssize_t got = recv(client, text + size, wanted - size, 0);
        if (got <= 0)
            fail_msg("closed after \"%.*s\"", (int)size, text);
        size += (size_t)got;
    }
    text[size] = '\0';
    assert_string_equal(text, expected);
}

static bool has_heard(int client)
{
    struct pollfd readable = {.fd = client, .events = POLLIN};

    return poll(&readable, 1, 0) == 1;
}

/* Whatever else it says, in the end it closes. */
static void is_closed(int client)
{
    struct pollfd readable = {.fd = client, .events = POLLIN};
    char text[256];

    do
        assert_int_equal(poll(&readable, 1, ANSWER_MS_MAX), 1);
    while (recv(client, text, sizeof text, 0) > 0);
    close(client);
}

/* --- cases -------------------------------------------------------------------------------------
 */

static void replies_wait_for_the_disk_and_other_clients_do_not(void **state)
{
    struct fixture *fixture = *state;
    int writer = connect_to(fixture), other = connect_to(fixture);

    fault_engine_hold_commits(fixture->engine);
    say(writer, "SET a 1\r\nGET a\r\nDEL a nothing\r\nSET b 2\r\n");
    fault_engine_await_held_commit(fixture->engine);
    for (int i = 0; i < 100; i++) {
        say(other, "PING\r\n");
        hears(other, "+PONG\r\n");
    }
    assert_false(has_heard(writer));
    fault_engine_release_commits(fixture->engine);
    hears(writer, "+OK\r\n$1\r\n1\r\n:1\r\n+OK\r\n");
    close(writer);
    close(other);
}

static void a_client_that_leaves_while_it_waits_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    int writer = connect_to(fixture), other = connect_to(fixture);

    fault_engine_hold_commits(fixture->engine);
    say(writer, "SET a 1\r\n");
    fault_engine_await_held_commit(fixture->engine);
    close(writer);
    say(other, "PING\r\n");
    hears(other, "+PONG\r\n");
    fault_engine_release_commits(fixture->engine);
    say(other, "GET a\r\n");
    hears(other, "$1\r\n1\r\n");
    close(other);
}

static void a_change_that_cannot_be_saved_is_not_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    int writer = connect_to(fixture), other = connect_to(fixture);

    fault_engine_set_room(fixture->engine, false);
    say(writer, "SET a 1\r\nSET b 1\r\n");
    hears(writer, "-MISCONF could not be saved, and may be lost: ");
    is_closed(writer);
    fault_engine_set_room(fixture->engine, true);
    say(other, "SET c 1\r\n");
    hears(other, "+OK\r\n");
    close(other);
}

static void an_orderly_end_answers_what_was_begun(void **state)
{
    struct fixture *fixture = *state;
    int writer = connect_to(fixture);

    say(writer, "SET a 1\r\n");
    hears(writer, "+OK\r\n");
    fault_engine_hold_commits(fixture->engine);
    say(writer, "SET a 2\r\n");
    fault_engine_await_held_commit(fixture->engine);
    fault_engine_release_commits(fixture->engine);
    resp_server_stop(fixture->server, GRACE_MS);
    hears(writer, "+OK\r\n");
    is_closed(writer);
    resp_server_free(fixture->server);
    struct resp_options options = {.listen = "127.0.0.1:0",
                                   .clients_max = CLIENTS_MAX,
                                   .values = fixture->values,
                                   .snapshots = fixture->snapshots,
                                   .cache = fixture->cache};
    assert_ok(resp_server_start(&options, &fixture->server));
    int other = connect_to(fixture);
    say(other, "GET a\r\n");
    hears(other, "$1\r\n2\r\n");
    close(other);
}

static void once_a_second_nobody_waits_for_the_disk(void **state)
{
    struct fixture *fixture = *state;
    int writer = connect_to(fixture);

    fault_engine_hold_commits(fixture->engine);
    say(writer, "SET a 1\r\nGET a\r\n");
    hears(writer, "+OK\r\n$1\r\n1\r\n");
    fault_engine_release_commits(fixture->engine);
    close(writer);
}

/* --- more than may wait ------------------------------------------------------------------------
 */

enum { LARGE_BYTES = 512 << 10, LARGE_COUNT = 20 };

static void say_large(int client, int number)
{
    char *request = malloc(LARGE_BYTES + 64);
    int head =
        snprintf(request, 64, "*3\r\n$3\r\nSET\r\n$3\r\nl%02d\r\n$%d\r\n", number, LARGE_BYTES);

    memset(request + head, 'x', LARGE_BYTES);
    memcpy(request + head + LARGE_BYTES, "\r\n", 3);
    say(client, request);
    free(request);
}

static void *say_all_large(void *argument)
{
    for (int i = 0; i < LARGE_COUNT; i++)
        say_large(*(int *)argument, i);
    return NULL;
}

static void find_held(void *context, const struct metric *metric)
{
    if (metric->labels[0].value && strcmp(metric->labels[0].value, "resp_unsaved") == 0)
        *(double *)context = metric->value;
}

static double held_count(const struct fixture *fixture)
{
    double count = -1;

    resp_server_limits(fixture->server, find_held, &count);
    assert_true(count >= 0);
    return count;
}

static void changes_that_find_no_room_wait_for_the_flush_and_looks_go_on(void **state)
{
    struct fixture *fixture = *state;
    int writer = connect_to(fixture), other = connect_to(fixture), third = connect_to(fixture);
    pthread_t sender;

    fault_engine_hold_commits(fixture->engine);
    assert_int_equal(pthread_create(&sender, NULL, say_all_large, &writer), 0);
    hears(writer, "+OK\r\n");
    while (held_count(fixture) == 0) {
        say(other, "STRLEN l00\r\n");
        hears(other, ":524288\r\n");
    }
    assert_true(snapshot_cache_stats(fixture->cache).unsaved_bytes <= CACHE_BYTES / 4);
    say(third, "SET small 1\r\n");
    while (held_count(fixture) == 1) {
        say(other, "PING\r\n");
        hears(other, "+PONG\r\n");
    }
    assert_false(has_heard(third));
    fault_engine_release_commits(fixture->engine);
    for (int i = 1; i < LARGE_COUNT; i++)
        hears(writer, "+OK\r\n");
    hears(third, "+OK\r\n");
    assert_int_equal(pthread_join(sender, NULL), 0);
    close(writer);
    close(other);
    close(third);
}

static void changes_are_refused_when_no_flush_can_make_room(void **state)
{
    struct fixture *fixture = *state;
    int writer = connect_to(fixture);
    char answer = 0;

    fault_engine_set_room(fixture->engine, false);
    for (int i = 0; i == 0 || answer == '+'; i++) {
        assert_true((size_t)i * LARGE_BYTES <= CACHE_BYTES / 2);
        say_large(writer, i);
        assert_int_equal(recv(writer, &answer, 1, MSG_WAITALL), 1);
        hears(writer, answer == '+' ? "OK\r\n" : "OOM values: too much waits for the disk");
    }
    close(writer);
    fault_engine_set_room(fixture->engine, true);
    writer = connect_to(fixture);
    say_large(writer, 0);
    hears(writer, "+OK\r\n");
    close(writer);
}

/* --- several keys at once ------------------------------------------------------------------------
 */

enum { PAIRS = 2000 };

static void say_mset(int client, int value)
{
    char *request = malloc(PAIRS * 32), *at = request;

    at += snprintf(at, 32, "*%d\r\n$4\r\nMSET\r\n", 1 + 2 * PAIRS);
    for (int i = 0; i < PAIRS; i++)
        at += snprintf(at, 32, "$5\r\nm%04d\r\n$1\r\n%d\r\n", i, value);
    say(client, request);
    free(request);
}

static void keys_that_are_set_together_are_saved_by_one_commit(void **state)
{
    struct fixture *fixture = *state;
    int writer = connect_to(fixture);

    say_mset(writer, 1);
    hears(writer, "+OK\r\n");
    struct fault_counts before = fault_engine_counts(fixture->engine);
    say_mset(writer, 2);
    hears(writer, "+OK\r\n");
    struct fault_counts after = fault_engine_counts(fixture->engine);
    assert_int_equal(after.commits - before.commits, 1);
    assert_true(after.writes - before.writes >= PAIRS);
    close(writer);
}

static void a_snapshot_is_on_disk_before_it_is_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    int writer = connect_to(fixture), other = connect_to(fixture);

    assert_ok(append_some(fixture->log, "order-1", NO_STREAM, 2, &(uint64_t){0}));
    fault_engine_hold_commits(fixture->engine);
    say(writer, "SET snapshot:order-1 state REVISION 1\r\nGET snapshot:order-1\r\n");
    fault_engine_await_held_commit(fixture->engine);
    say(other, "GET snapshot:order-1\r\n");
    hears(other, "$-1\r\n");
    assert_false(has_heard(writer));
    fault_engine_release_commits(fixture->engine);
    hears(writer, "+OK\r\n$5\r\nstate\r\n");
    close(writer);
    close(other);
}

int main(void)
{
#define ALWAYS(name)       cmocka_unit_test_setup_teardown(name, set_up_always, tear_down)
#define EVERY_SECOND(name) cmocka_unit_test_setup_teardown(name, set_up_every_second, tear_down)
    const struct CMUnitTest tests[] = {
        ALWAYS(replies_wait_for_the_disk_and_other_clients_do_not),
        ALWAYS(a_client_that_leaves_while_it_waits_is_forgotten),
        ALWAYS(a_change_that_cannot_be_saved_is_not_acknowledged),
        ALWAYS(an_orderly_end_answers_what_was_begun),
        EVERY_SECOND(once_a_second_nobody_waits_for_the_disk),
        EVERY_SECOND(changes_that_find_no_room_wait_for_the_flush_and_looks_go_on),
        EVERY_SECOND(changes_are_refused_when_no_flush_can_make_room),
        ALWAYS(keys_that_are_set_together_are_saved_by_one_commit),
        EVERY_SECOND(a_snapshot_is_on_disk_before_it_is_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
