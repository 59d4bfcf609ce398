/* How the server ends. Goal: whatever is underway, rpc_server_stop() returns, every
 * stream is closed once, every call is answered, and no memory is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"
#include "tests/integration/rpc/echo.h"
#include "tests/support/rpc_client.h"

#define MESSAGE (&grpc__health__v1__health_check_request__descriptor)

enum { LOOPS = 3, LONG_MS = 60000 };

typedef Grpc__Health__V1__HealthCheckRequest Message;

static struct rpc_call *ask(struct rpc_client *client, const char *path)
{
    struct rpc_call *call = rpc_call_open(client, path, 0);
    Message message = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;

    message.service = (char *)"x";
    rpc_call_send(call, &message.base);
    rpc_call_half_close(call);
    return call;
}

static void drop(struct rpc_call *call, enum status_code code)
{
    struct status status = rpc_call_finish(call);

    if (status.code != code)
        fail_msg("%s: %s", status_code_name(status.code), status.message);
    rpc_call_free(call);
}

static void idle_server_stops_at_once(void **state)
{
    struct echo *echo = echo_start(LOOPS);
    struct rpc_client *client = rpc_client_create(rpc_server_port(echo->server));
    struct rpc_call *call = ask(client, "/echo.Echo/Unary");

    (void)state;
    drop(call, STATUS_OK); /* the connection stays open */
    echo_stop(echo, LONG_MS);
    echo_free(echo);
    rpc_client_free(client);
}

static void open_streams_are_told(void **state)
{
    enum { STREAMS = 32 };
    struct echo *echo = echo_start(LOOPS);
    struct rpc_client *client = rpc_client_create(rpc_server_port(echo->server));
    struct rpc_call *streams[STREAMS];

    (void)state;
    for (unsigned i = 0; i < STREAMS; i++)
        streams[i] = ask(client, "/echo.Echo/Park");
    echo_wait(&echo->held, STREAMS);
    echo_stop(echo, LONG_MS);
    assert_int_equal(atomic_load(&echo->closed), STREAMS);
    for (unsigned i = 0; i < STREAMS; i++) {
        struct status status = rpc_call_finish(streams[i]);
        assert_int_equal(status.code, STATUS_UNAVAILABLE);
        assert_string_equal(status.message, "server shutting down");
        rpc_call_free(streams[i]);
    }
    rpc_client_free(client);
    echo_free(echo);
}

/* Its send never completes, so it cannot be told: it is cancelled after the grace. */
static void stream_of_a_client_that_never_reads_is_cancelled(void **state)
{
    struct echo *echo = echo_start(LOOPS);
    struct rpc_client *client = rpc_client_create(rpc_server_port(echo->server));
    struct rpc_call *stream = ask(client, "/echo.Echo/Forever");

    (void)state;
    echo_wait(&echo->sent, 10);
    echo_stop(echo, 50);
    assert_int_equal(atomic_load(&echo->closed), 1);
    rpc_call_cancel(stream);
    rpc_call_free(stream);
    rpc_client_free(client);
    echo_free(echo);
}

static void *stop_patiently(void *echo)
{
    echo_stop(echo, LONG_MS);
    return NULL;
}

/* A send is underway at any time: the status follows it. */
static void stream_that_is_sending_is_told(void **state)
{
    struct echo *echo = echo_start(LOOPS);
    struct rpc_client *client = rpc_client_create(rpc_server_port(echo->server));
    struct rpc_call *stream = ask(client, "/echo.Echo/Forever");
    pthread_t stopper;

    (void)state;
    echo_wait(&echo->sent, 10);
    assert_int_equal(pthread_create(&stopper, NULL, stop_patiently, echo), 0);
    struct status status = rpc_call_finish(stream); /* reads all there is */
    assert_int_equal(status.code, STATUS_UNAVAILABLE);
    assert_string_equal(status.message, "server shutting down");
    rpc_call_free(stream);
    pthread_join(stopper, NULL);
    assert_int_equal(atomic_load(&echo->closed), 1);
    rpc_client_free(client);
    echo_free(echo);
}

static void *stop_impatiently(void *echo)
{
    echo_stop(echo, 0);
    return NULL;
}

static void stop_while_held(void *(*stop)(void *), enum status_code code)
{
    enum { CALLS = 64 };
    struct echo *echo = echo_start(LOOPS);
    struct rpc_client *client = rpc_client_create(rpc_server_port(echo->server));
    struct rpc_call *calls[CALLS];
    pthread_t stopper;

    for (unsigned i = 0; i < CALLS; i++)
        calls[i] = ask(client, "/echo.Echo/Hold");
    struct rpc_call *stream = ask(client, "/echo.Echo/Park");
    echo_wait(&echo->held, CALLS + 1);
    assert_int_equal(pthread_create(&stopper, NULL, stop, echo), 0);
    drop(stream, STATUS_UNAVAILABLE); /* so the server is stopping now */
    if (code != STATUS_OK)
        assert_int_equal(rpc_call_finish(calls[0]).code, code);
    echo_release_held(echo);
    for (unsigned i = 0; i < CALLS; i++)
        drop(calls[i], code);
    pthread_join(stopper, NULL);
    rpc_client_free(client);
    echo_free(echo);
}

static void unary_calls_finish_within_the_grace(void **state)
{
    (void)state;
    stop_while_held(stop_patiently, STATUS_OK);
}

/* Neither does the end of the connection overtake the replies. */
static void replies_underway_arrive_however_often_a_server_stops(void **state)
{
    enum { ROUNDS = 200 };

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++)
        stop_while_held(stop_patiently, STATUS_OK);
}

static void unary_calls_beyond_the_grace_are_cancelled_and_still_awaited(void **state)
{
    (void)state;
    stop_while_held(stop_impatiently, STATUS_UNAVAILABLE);
}

struct load {
    int port;
    atomic_bool *is_over;
    atomic_uint *answered;
    bool was_wrong;
};

/* Every call is answered: OK before the stop, UNAVAILABLE or CANCELLED after. */
static void *call_until_over(void *argument)
{
    struct load *load = argument;
    struct rpc_client *client = rpc_client_create(load->port);

    while (!atomic_load(load->is_over)) {
        struct rpc_call *call = ask(client, "/echo.Echo/Unary");
        enum status_code code = rpc_call_finish(call).code;
        if (code != STATUS_OK && code != STATUS_UNAVAILABLE && code != STATUS_CANCELLED)
            load->was_wrong = true;
        atomic_fetch_add(load->answered, 1);
        rpc_call_free(call);
        call = ask(client, "/echo.Echo/Count");
        rpc_call_finish(call);
        rpc_call_free(call);
    }
    rpc_client_free(client);
    return NULL;
}

static void server_stops_under_load(void **state)
{
    enum { CALLERS = 4, ROUNDS = 5 };

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct echo *echo = echo_start(LOOPS);
        atomic_bool is_over = false;
        atomic_uint answered = 0;
        struct load loads[CALLERS];
        pthread_t threads[CALLERS];

        for (unsigned i = 0; i < CALLERS; i++) {
            loads[i] = (struct load){rpc_server_port(echo->server), &is_over, &answered, false};
            assert_int_equal(pthread_create(&threads[i], NULL, call_until_over, &loads[i]), 0);
        }
        echo_wait(&answered, 50);
        echo_stop(echo, round % 2 ? 0 : LONG_MS);
        atomic_store(&is_over, true);
        for (unsigned i = 0; i < CALLERS; i++) {
            pthread_join(threads[i], NULL);
            assert_false(loads[i].was_wrong);
        }
        echo_free(echo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_server_stops_at_once),
        cmocka_unit_test(open_streams_are_told),
        cmocka_unit_test(stream_of_a_client_that_never_reads_is_cancelled),
        cmocka_unit_test(stream_that_is_sending_is_told),
        cmocka_unit_test(unary_calls_finish_within_the_grace),
        cmocka_unit_test(replies_underway_arrive_however_often_a_server_stops),
        cmocka_unit_test(unary_calls_beyond_the_grace_are_cancelled_and_still_awaited),
        cmocka_unit_test(server_stops_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
