/* The C client and a server that is just ending: gRPC's core resets a call that arrives in that
 * very moment with CANCELLED. Goal: it counts as UNAVAILABLE and the call is made again with the
 * same ids, while a cancel by the application stays one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "clients/c/sagabase.h"
#include "server/rpc/rpc_server.h"

struct ending {
    atomic_uint resets; /* so many calls are answered with CANCELLED */
    atomic_uint calls;  /* that have come */
    char ids[3][SAGABASE_UUID_BYTES];
};

static struct ending ending;
static struct rpc_server *server;
static struct sagabase_client *client;

static bool is_reset(void)
{
    return atomic_fetch_add(&ending.calls, 1) < atomic_load(&ending.resets);
}

static void append_to_stream(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__AppendToStreamRequest *request = (const void *)message;
    Sagabase__V1__AppendToStreamResponse response = SAGABASE__V1__APPEND_TO_STREAM_RESPONSE__INIT;

    snprintf(ending.ids[atomic_load(&ending.calls)], SAGABASE_UUID_BYTES, "%s",
             request->events[0]->id);
    if (is_reset())
        return call_fail(call, status_make(STATUS_CANCELLED, "CANCELLED"));
    call_reply(call, &response.base);
}

static void subscribe(struct call *call, const ProtobufCMessage *request)
{
    (void)request;
    if (is_reset())
        call_end(call, status_make(STATUS_CANCELLED, "CANCELLED"));
    /* else it is parked */
}

static const struct method methods[] = {
    {.path = "/sagabase.v1.EventStore/AppendToStream",
     .request_type = &sagabase__v1__append_to_stream_request__descriptor,
     .kind = METHOD_UNARY,
     .handle = append_to_stream},
    {.path = "/sagabase.v1.EventStore/Subscribe",
     .request_type = &sagabase__v1__subscribe_request__descriptor,
     .kind = METHOD_SERVER_STREAM,
     .handle = subscribe},
    {.path = NULL},
};

static int start(void **state)
{
    static const struct method *const services[] = {methods, NULL};
    struct rpc_options options = {.listen = "127.0.0.1:0", .services = services};
    char target[32];

    (void)state;
    atomic_store(&ending.resets, 1);
    atomic_store(&ending.calls, 0);
    if (!status_ok(rpc_server_start(&options, &server)))
        return -1;
    snprintf(target, sizeof target, "127.0.0.1:%d", rpc_server_port(server));
    return sagabase_open(target, &client).code == SAGABASE_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    sagabase_close(client);
    rpc_server_stop(server, 0);
    rpc_server_free(server);
    return 0;
}

static enum sagabase_code append(unsigned retries)
{
    struct sagabase_options options = {.retries = retries};
    Sagabase__V1__AppendToStreamRequest request = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;
    Sagabase__V1__AppendToStreamResponse *response = NULL;
    Sagabase__V1__ProposedEvent event = SAGABASE__V1__PROPOSED_EVENT__INIT;
    Sagabase__V1__ProposedEvent *events[] = {&event};
    char id[SAGABASE_UUID_BYTES];

    sagabase_uuid(id);
    event.id = id;
    request.events = events;
    request.n_events = 1;
    struct sagabase_status status =
        sagabase_append_to_stream(client, &request, &options, &response);
    sagabase__v1__append_to_stream_response__free_unpacked(response, NULL);
    return status.code;
}

static void a_call_that_is_reset_is_made_again_with_the_same_ids(void **state)
{
    (void)state;
    assert_int_equal(append(2), SAGABASE_OK);
    assert_int_equal(atomic_load(&ending.calls), 2);
    assert_string_equal(ending.ids[0], ending.ids[1]);
}

static void a_call_that_is_reset_is_unavailable(void **state)
{
    (void)state;
    assert_int_equal(append(0), SAGABASE_UNAVAILABLE);
    assert_int_equal(atomic_load(&ending.calls), 1);
}

static struct sagabase_subscription *open_subscription(void)
{
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    struct sagabase_subscription *subscription;

    assert_int_equal(sagabase_subscribe(client, &request, NULL, &subscription).code, SAGABASE_OK);
    return subscription;
}

static void a_subscription_that_is_reset_is_unavailable(void **state)
{
    const Sagabase__V1__SubscribeResponse *message;
    struct sagabase_subscription *subscription = open_subscription();

    (void)state;
    assert_int_equal(sagabase_subscription_next(subscription, &message).code, SAGABASE_UNAVAILABLE);
    sagabase_subscription_close(subscription);
}

static void what_the_application_cancels_is_cancelled(void **state)
{
    const Sagabase__V1__SubscribeResponse *message;

    (void)state;
    atomic_store(&ending.resets, 0);
    struct sagabase_subscription *subscription = open_subscription();
    sagabase_subscription_cancel(subscription);
    assert_int_equal(sagabase_subscription_next(subscription, &message).code, SAGABASE_CANCELLED);
    sagabase_subscription_close(subscription);
}

#define with_server(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_server(a_call_that_is_reset_is_made_again_with_the_same_ids),
        with_server(a_call_that_is_reset_is_unavailable),
        with_server(a_subscription_that_is_reset_is_unavailable),
        with_server(what_the_application_cancels_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
