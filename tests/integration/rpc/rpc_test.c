/* The runtime as a client sees it. Goal: whatever a client does, it gets an answer,
 * the server keeps its memory, and every stream is closed exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "google/rpc/status.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "tests/integration/rpc/echo.h"
#include "tests/support/rpc_client.h"

#define MESSAGE (&grpc__health__v1__health_check_request__descriptor)

typedef Grpc__Health__V1__HealthCheckRequest Message;

enum { STALL_TIMEOUT_MS = 300 };

struct fixture {
    struct echo *echo;
    struct rpc_client *client;
};

static int use(void **state, struct echo *echo)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    fixture->echo = echo;
    fixture->client = rpc_client_create(rpc_server_port(echo->server));
    *state = fixture;
    return 0;
}

static int set_up(void **state)
{
    return use(state, echo_start(2));
}

static int set_up_impatient(void **state)
{
    return use(state, echo_start_impatient(2, STALL_TIMEOUT_MS));
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    rpc_client_free(fixture->client);
    echo_stop(fixture->echo, 0);
    echo_free(fixture->echo);
    free(fixture);
    return 0;
}

static Message text(const char *value)
{
    Message message = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;

    message.service = (char *)value;
    return message;
}

static struct rpc_call *ask(struct rpc_client *client, const char *path, const char *value)
{
    struct rpc_call *call = rpc_call_open(client, path, 0);
    Message message = text(value);

    rpc_call_send(call, &message.base);
    rpc_call_half_close(call);
    return call;
}

static void assert_receives(struct rpc_call *call, const char *value)
{
    Message *message = rpc_call_receive(call, MESSAGE);

    assert_non_null(message);
    assert_string_equal(message->service, value);
    protobuf_c_message_free_unpacked(&message->base, NULL);
}

static void assert_ends(struct rpc_call *call, enum status_code code, const char *part)
{
    struct status status = rpc_call_finish(call);

    if (status.code != code || !strstr(status.message, part))
        fail_msg("%s: %s", status_code_name(status.code), status.message);
    rpc_call_free(call);
}

static void unary_call_is_answered(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = ask(fixture->client, "/echo.Echo/Unary", "hello");

    assert_receives(call, "hello");
    assert_ends(call, STATUS_OK, "");
}

static void empty_message_is_a_message(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = ask(fixture->client, "/echo.Echo/Unary", "");

    assert_receives(call, "");
    assert_ends(call, STATUS_OK, "");
}

static void error_carries_its_detail(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = ask(fixture->client, "/echo.Echo/Unary", "fail");

    assert_int_equal(rpc_call_finish(call).code, STATUS_ABORTED);
    struct bytes details = rpc_call_details(call);
    Google__Rpc__Status *status = google__rpc__status__unpack(NULL, details.size, details.data);
    assert_non_null(status);
    assert_int_equal(status->code, STATUS_ABORTED);
    assert_string_equal(status->message, "as asked");
    assert_int_equal(status->n_details, 1);
    assert_string_equal(status->details[0]->type_url,
                        "type.googleapis.com/grpc.health.v1.HealthCheckRequest");
    assert_int_equal(status->details[0]->value.len, 6); /* tag, size, "fail" */
    google__rpc__status__free_unpacked(status, NULL);
    assert_ends(call, STATUS_ABORTED, "as asked");
}

static void unknown_method_is_unimplemented(void **state)
{
    struct fixture *fixture = *state;

    assert_ends(ask(fixture->client, "/echo.Echo/Nothing", ""), STATUS_UNIMPLEMENTED,
                "/echo.Echo/Nothing");
    assert_ends(ask(fixture->client, "/echo.Echo/Nothing", ""), STATUS_UNIMPLEMENTED,
                "/echo.Echo/Nothing");
}

static void malformed_request_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const paths[] = {"/echo.Echo/Unary", "/echo.Echo/Count", "/echo.Echo/Bidi"};

    for (unsigned i = 0; i < 3; i++) {
        struct rpc_call *call = rpc_call_open(fixture->client, paths[i], 0);
        rpc_call_send_bytes(call, bytes_of("\x0a\x05 abc", 5)); /* promises 5, has 3 */
        assert_ends(call, STATUS_INVALID_ARGUMENT, "HealthCheckRequest: malformed");
    }
}

static void text_with_nul_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = rpc_call_open(fixture->client, "/echo.Echo/Unary", 0);

    rpc_call_send_bytes(call, bytes_of("\x0a\x03"
                                       "a\0b",
                                       5));
    rpc_call_half_close(call);
    assert_ends(call, STATUS_INVALID_ARGUMENT, "service: not UTF-8");
}

static void missing_message_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const paths[] = {"/echo.Echo/Unary", "/echo.Echo/Count"};

    for (unsigned i = 0; i < 2; i++) {
        struct rpc_call *call = rpc_call_open(fixture->client, paths[i], 0);
        rpc_call_half_close(call);
        assert_ends(call, STATUS_INVALID_ARGUMENT, "missing");
    }
}

static char *text_of_size(size_t size)
{
    char *large = malloc(size + 1);

    memset(large, 'x', size);
    large[size] = 0;
    return large;
}

static void oversize_message_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char *large = text_of_size(1 << 20);

    assert_ends(ask(fixture->client, "/echo.Echo/Unary", large), STATUS_RESOURCE_EXHAUSTED,
                "larger");
    assert_ends(ask(fixture->client, "/echo.Echo/Bidi", large), STATUS_RESOURCE_EXHAUSTED, "");
    free(large);
}

static void compressed_message_is_understood(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_client *client = rpc_client_create_gzip(rpc_server_port(fixture->echo->server));
    char *large = text_of_size(100000);
    struct rpc_call *call = ask(client, "/echo.Echo/Unary", large);

    assert_receives(call, large);
    assert_ends(call, STATUS_OK, "");
    free(large);
    rpc_client_free(client);
}

/* 64 MiB that arrive as 64 KiB. */
static void message_that_is_oversize_once_inflated_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_client *client = rpc_client_create_gzip(rpc_server_port(fixture->echo->server));
    char *bomb = text_of_size(64 << 20);

    assert_ends(ask(client, "/echo.Echo/Unary", bomb), STATUS_RESOURCE_EXHAUSTED,
                "once decompressed");
    assert_ends(ask(client, "/echo.Echo/Bidi", bomb), STATUS_RESOURCE_EXHAUSTED,
                "once decompressed");
    free(bomb);
    rpc_client_free(client);
}

static void message_beyond_the_arena_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = rpc_call_open(fixture->client, "/echo.Echo/Bidi", 0);
    char large[5000] = {0};

    memset(large, 'x', sizeof large - 1);
    Message message = text(large);
    rpc_call_send(call, &message.base);
    assert_ends(call, STATUS_RESOURCE_EXHAUSTED, "more than 4096 bytes");
    echo_wait(&fixture->echo->closed, 1);
}

static void server_stream_sends_all_and_ends(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = ask(fixture->client, "/echo.Echo/Count", "300");
    char value[16];

    for (int i = 300; i > 0; i--) {
        snprintf(value, sizeof value, "%d", i);
        assert_receives(call, value);
    }
    assert_null(rpc_call_receive(call, MESSAGE));
    assert_ends(call, STATUS_OK, "");
    echo_wait(&fixture->echo->closed, 1);
    assert_int_equal(atomic_load(&fixture->echo->closed), 1);
}

static void bidi_stream_ends_after_half_close(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = rpc_call_open(fixture->client, "/echo.Echo/Bidi", 0);

    for (int i = 0; i < 100; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        Message message = text(value);
        assert_true(rpc_call_send(call, &message.base));
        assert_receives(call, value);
    }
    rpc_call_half_close(call);
    assert_null(rpc_call_receive(call, MESSAGE));
    assert_ends(call, STATUS_OK, "");
    echo_wait(&fixture->echo->closed, 1);
}

static void call_is_woken_when_its_time_has_come(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = ask(fixture->client, "/echo.Echo/After", "soon");

    for (int i = 0; i < 3; i++)
        assert_receives(call, "soon");
    assert_ends(call, STATUS_OK, "");
}

static void call_that_ends_is_not_woken_any_more(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = ask(fixture->client, "/echo.Echo/After", "never");

    echo_wait(&fixture->echo->held, 1);
    rpc_call_cancel(call);
    rpc_call_free(call);
    echo_wait(&fixture->echo->closed, 1);
    call = ask(fixture->client, "/echo.Echo/After", "never");
    echo_wait(&fixture->echo->held, 2);
    rpc_call_free(call); /* and the server stops while it waits, see tear_down */
}

static void cancelled_streams_are_closed_once(void **state)
{
    struct fixture *fixture = *state;
    static const char *const paths[] = {"/echo.Echo/Park", "/echo.Echo/Forever", "/echo.Echo/Bidi"};

    for (unsigned i = 0; i < 3; i++) {
        struct rpc_call *call = rpc_call_open(fixture->client, paths[i], 0);
        Message message = text("x");
        rpc_call_send(call, &message.base);
        if (i > 0)
            protobuf_c_message_free_unpacked(rpc_call_receive(call, MESSAGE), NULL);
        else
            echo_wait(&fixture->echo->held, 1);
        rpc_call_cancel(call);
        assert_ends(call, STATUS_CANCELLED, "");
        echo_wait(&fixture->echo->closed, i + 1);
    }
    assert_int_equal(atomic_load(&fixture->echo->closed), 3);
}

/* 64 KiB each: flow control stops the server after a few MiB, whatever it would send. */
static void client_that_never_reads_stops_the_server(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = ask(fixture->client, "/echo.Echo/Forever", "");
    struct rpc_call *other;
    unsigned before, after = 0;

    echo_wait(&fixture->echo->sent, 1);
    do { /* as soon as 50 whole calls pass without another message, it stands */
        before = atomic_load(&fixture->echo->sent);
        for (int i = 0; i < 50; i++) {
            other = ask(fixture->client, "/echo.Echo/Unary", "x");
            assert_receives(other, "x");
            assert_ends(other, STATUS_OK, "");
        }
        after = atomic_load(&fixture->echo->sent);
        assert_true(after < 1024);
    } while (after != before);
    rpc_call_cancel(call);
    assert_ends(call, STATUS_CANCELLED, "");
    echo_wait(&fixture->echo->closed, 1);
}

static void add_stalls(void *context, const struct metric *metric)
{
    if (strcmp(metric->labels[0].value, "stall_timeout") == 0)
        *(unsigned *)context += (unsigned)metric->value;
}

static unsigned count_stalls(const struct fixture *fixture)
{
    unsigned count = 0;

    rpc_server_limits(fixture->echo->server, add_stalls, &count);
    return count;
}

static void stream_whose_client_never_reads_is_ended_and_counted(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = ask(fixture->client, "/echo.Echo/Forever", "");

    echo_wait(&fixture->echo->closed, 1); /* without a word from the client */
    assert_int_equal(count_stalls(fixture), 1);
    assert_ends(call, STATUS_RESOURCE_EXHAUSTED, "stall timeout: nothing was taken for 300 ms");
    assert_int_equal(atomic_load(&fixture->echo->closed), 1);
}

/* It is the client's silence that counts, not the stream's. */
static void streams_that_have_nothing_to_send_go_on(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *quiet = ask(fixture->client, "/echo.Echo/Late", "at last");
    struct rpc_call *idle = rpc_call_open(fixture->client, "/echo.Echo/Bidi", 0);
    Message message = text("x");

    echo_wait(&fixture->echo->held, 1);
    assert_true(rpc_call_send(idle, &message.base));
    assert_receives(idle, "x");
    struct rpc_call *stalled = ask(fixture->client, "/echo.Echo/Forever", "");
    echo_wait(&fixture->echo->closed, 1); /* so more than the timeout has passed for them, too */
    echo_release_held(fixture->echo);
    assert_receives(quiet, "at last");
    assert_ends(quiet, STATUS_OK, "");
    assert_true(rpc_call_send(idle, &message.base));
    assert_receives(idle, "x");
    rpc_call_half_close(idle);
    assert_ends(idle, STATUS_OK, "");
    assert_ends(stalled, STATUS_RESOURCE_EXHAUSTED, "stall timeout");
    assert_int_equal(count_stalls(fixture), 1);
}

static void deadline_ends_a_stream(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = rpc_call_open(fixture->client, "/echo.Echo/Bidi", 50);

    assert_null(rpc_call_receive(call, MESSAGE));
    assert_ends(call, STATUS_DEADLINE_EXCEEDED, "");
    call = rpc_call_open(fixture->client, "/echo.Echo/Park", 50);
    Message message = text("");
    rpc_call_send(call, &message.base);
    assert_ends(call, STATUS_DEADLINE_EXCEEDED, "");
    echo_wait(&fixture->echo->closed, atomic_load(&fixture->echo->held));
}

static void deadline_reaches_the_handler(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = ask(fixture->client, "/echo.Echo/Deadline", "");

    assert_receives(call, "some");
    assert_ends(call, STATUS_OK, "");
}

struct open_calls {
    struct rpc_call *calls[128];
};

static void hold_many(struct fixture *fixture, struct open_calls *open)
{
    for (unsigned i = 0; i < 128; i++)
        open->calls[i] = ask(fixture->client, "/echo.Echo/Hold", "held");
    echo_wait(&fixture->echo->held, 128);
}

static void many_calls_are_woken_by_another_thread(void **state)
{
    struct fixture *fixture = *state;
    struct open_calls open;

    for (int round = 0; round < 4; round++) {
        hold_many(fixture, &open);
        echo_release_held(fixture->echo);
        for (unsigned i = 0; i < 128; i++) {
            assert_receives(open.calls[i], "held");
            assert_ends(open.calls[i], STATUS_OK, "");
        }
        atomic_store(&fixture->echo->held, 0);
    }
}

static void call_that_was_cancelled_may_still_be_woken(void **state)
{
    struct fixture *fixture = *state;
    struct open_calls open;

    hold_many(fixture, &open);
    for (unsigned i = 0; i < 128; i++) {
        rpc_call_cancel(open.calls[i]);
        assert_ends(open.calls[i], STATUS_CANCELLED, "");
    }
    echo_release_held(fixture->echo);
    struct rpc_call *call = ask(fixture->client, "/echo.Echo/Unary", "x");
    assert_receives(call, "x");
    assert_ends(call, STATUS_OK, "");
}

/* The client has gone and `closed` has run, but another thread still wakes the stream, whose
 * handler then sends. */
static void send_after_the_end_fails(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = ask(fixture->client, "/echo.Echo/Late", "x");

    echo_wait(&fixture->echo->held, 1);
    rpc_call_cancel(call);
    assert_ends(call, STATUS_CANCELLED, "");
    echo_wait(&fixture->echo->closed, 1);
    echo_release_held(fixture->echo);
    echo_wait(&fixture->echo->failed, 1);
}

static void held_stream_goes_on_when_woken(void **state)
{
    struct fixture *fixture = *state;
    struct rpc_call *call = ask(fixture->client, "/echo.Echo/Late", "x");

    echo_wait(&fixture->echo->held, 1);
    echo_release_held(fixture->echo);
    assert_receives(call, "x");
    assert_ends(call, STATUS_OK, "");
    assert_int_equal(atomic_load(&fixture->echo->failed), 0);
}

static void address_in_use_is_said(void **state)
{
    struct fixture *fixture = *state;
    static const struct method *const services[] = {echo_methods, NULL};
    struct rpc_server *second = NULL;
    char listen[32];

    snprintf(listen, sizeof listen, "127.0.0.1:%d", rpc_server_port(fixture->echo->server));
    struct rpc_options options = {.listen = listen, .services = services};
    struct status status = rpc_server_start(&options, &second);
    assert_int_equal(status.code, STATUS_UNAVAILABLE);
    assert_non_null(strstr(status.message, listen));
    assert_non_null(strstr(status.message, "cannot be bound"));
    assert_null(second);
}

static void wrong_address_is_refused(void **state)
{
    static const char *const wrong[] = {
        NULL,
        "",
        "localhost",
        ":2113",
        "localhost:",
        "localhost:65536",
        "localhost:http",
        "::1:1",
        "localhost:-1",
    };
    static const struct method *const services[] = {NULL};
    struct rpc_server *server;

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct rpc_options options = {.listen = wrong[i], .services = services};
        assert_int_equal(rpc_server_start(&options, &server).code, STATUS_INVALID_ARGUMENT);
    }
}

int main(void)
{
#define SERVED(test)    cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define IMPATIENT(test) cmocka_unit_test_setup_teardown(test, set_up_impatient, tear_down)
    const struct CMUnitTest tests[] = {
        SERVED(unary_call_is_answered),
        SERVED(empty_message_is_a_message),
        SERVED(error_carries_its_detail),
        SERVED(unknown_method_is_unimplemented),
        SERVED(malformed_request_is_refused),
        SERVED(text_with_nul_is_refused),
        SERVED(missing_message_is_refused),
        SERVED(oversize_message_is_refused),
        SERVED(compressed_message_is_understood),
        SERVED(message_that_is_oversize_once_inflated_is_refused),
        SERVED(message_beyond_the_arena_is_refused),
        SERVED(server_stream_sends_all_and_ends),
        SERVED(bidi_stream_ends_after_half_close),
        SERVED(call_is_woken_when_its_time_has_come),
        SERVED(call_that_ends_is_not_woken_any_more),
        SERVED(cancelled_streams_are_closed_once),
        SERVED(client_that_never_reads_stops_the_server),
        IMPATIENT(stream_whose_client_never_reads_is_ended_and_counted),
        IMPATIENT(streams_that_have_nothing_to_send_go_on),
        SERVED(deadline_ends_a_stream),
        SERVED(deadline_reaches_the_handler),
        SERVED(many_calls_are_woken_by_another_thread),
        SERVED(call_that_was_cancelled_may_still_be_woken),
        SERVED(send_after_the_end_fails),
        SERVED(held_stream_goes_on_when_woken),
        SERVED(address_in_use_is_said),
        cmocka_unit_test(wrong_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
