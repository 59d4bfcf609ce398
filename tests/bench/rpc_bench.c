/* How many empty unary calls one queue thread answers, with 64 outstanding from a
 * client process. Prints one line; asserts nothing, since machines differ.
 *
 *   bazel run --config=release //tests/bench:rpc_bench -- [calls]
 */
#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/integration/rpc/echo.h"

enum { OUTSTANDING = 64 };

struct slot {
    grpc_call *call;
    grpc_metadata_array headers;
    grpc_metadata_array trailers;
    grpc_byte_buffer *response;
    grpc_status_code code;
    grpc_slice text;
};

struct bench {
    grpc_channel *channel;
    grpc_completion_queue *queue;
    grpc_byte_buffer *request;
    void *method;
    struct slot slots[OUTSTANDING];
};

static void start(struct bench *bench, struct slot *slot)
{
    grpc_op ops[6] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},  {.op = GRPC_OP_SEND_MESSAGE},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, {.op = GRPC_OP_RECV_INITIAL_METADATA},
        {.op = GRPC_OP_RECV_MESSAGE},           {.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};

    *slot = (struct slot){0};
    ops[1].data.send_message.send_message = bench->request;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &slot->headers;
    ops[4].data.recv_message.recv_message = &slot->response;
    ops[5].data.recv_status_on_client.status = &slot->code;
    ops[5].data.recv_status_on_client.status_details = &slot->text;
    ops[5].data.recv_status_on_client.trailing_metadata = &slot->trailers;
    slot->call = grpc_channel_create_registered_call(bench->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                                     bench->queue, bench->method,
                                                     gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    grpc_call_error error = grpc_call_start_batch(slot->call, ops, 6, slot, NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
}

static void finish(struct slot *slot)
{
    assert(slot->code == GRPC_STATUS_OK);
    grpc_metadata_array_destroy(&slot->headers);
    grpc_metadata_array_destroy(&slot->trailers);
    grpc_byte_buffer_destroy(slot->response);
    grpc_slice_unref(slot->text);
    grpc_call_unref(slot->call);
}

static void run(struct bench *bench, unsigned long calls)
{
    unsigned long started = 0;

    for (; started < OUTSTANDING; started++)
        start(bench, &bench->slots[started]);
    for (unsigned long finished = 0; finished < calls; finished++) {
        grpc_event event =
            grpc_completion_queue_next(bench->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        finish(event.tag);
        if (started++ < calls)
            start(bench, event.tag);
    }
}

/* Runs until `stop` is closed at its other end. */
static int serve(int port_to, int stop)
{
    struct echo *echo = echo_start(1);
    int port = rpc_server_port(echo->server);
    char none;

    bool told = write(port_to, &port, sizeof port) == sizeof port;
    while (told && read(stop, &none, 1) > 0)
        ;
    echo_stop(echo, 1000);
    echo_free(echo);
    return !told;
}

static void open_bench(struct bench *bench, int port)
{
    char address[64];

    grpc_init();
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    bench->channel = grpc_channel_create(address, credentials, NULL);
    grpc_channel_credentials_release(credentials);
    bench->queue = grpc_completion_queue_create_for_next(NULL);
    bench->request = grpc_raw_byte_buffer_create(NULL, 0);
    bench->method = grpc_channel_register_call(bench->channel, "/echo.Echo/Unary", NULL, NULL);
}

static void close_bench(struct bench *bench)
{
    grpc_byte_buffer_destroy(bench->request);
    grpc_channel_destroy(bench->channel);
    grpc_completion_queue_shutdown(bench->queue);
    grpc_completion_queue_destroy(bench->queue);
    grpc_shutdown();
}

int main(int count, char **arguments)
{
    unsigned long calls = count > 1 ? strtoul(arguments[1], NULL, 10) : 200000;
    struct bench bench = {0};
    int port = 0, told[2], stop[2];

    if (calls < OUTSTANDING)
        calls = OUTSTANDING;
    if (pipe(told) != 0 || pipe(stop) != 0)
        return 1;
    pid_t server = fork(); /* two processes: in one, gRPC's pollers would share their work */
    if (server == 0) {
        close(stop[1]);
        return serve(told[1], stop[0]);
    }
    if (read(told[0], &port, sizeof port) != sizeof port)
        return 1;
    open_bench(&bench, port);
    run(&bench, 10000); /* connects and warms up */
    int64_t began_us = clock_monotonic_us(system_clock());
    run(&bench, calls);
    int64_t took_us = clock_monotonic_us(system_clock()) - began_us;
    printf("unary calls=%lu outstanding=%d calls_per_second=%lld\n", calls, OUTSTANDING,
           (long long)(calls * 1000000 / (uint64_t)took_us));
    close_bench(&bench);
    close(stop[1]);
    waitpid(server, NULL, 0);
    return 0;
}
