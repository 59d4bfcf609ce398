/* Our runtime and nothing else: one method that answers an empty message with an empty
 * message. What a call costs here, no method of the product can undercut. Spans are taken and
 * forgotten in the same way.
 *
 *   echo_server      prints "listening on HOST:PORT", ends with SIGTERM */
#include <assert.h>
#include <signal.h>
#include <stdio.h>

#include "sagabase/v1/admin.pb-c.h"
#include "server/rpc/rpc_server.h"

static void answer(struct call *call, const ProtobufCMessage *request)
{
    Sagabase__V1__GetInfoResponse empty = SAGABASE__V1__GET_INFO_RESPONSE__INIT;

    (void)request;
    call_reply(call, &empty.base);
}

int main(void)
{
    static const struct method methods[] = {
        {.path = "/bench.Echo/Empty",
         .request_type = &sagabase__v1__get_info_request__descriptor,
         .kind = METHOD_UNARY,
         .armed = 256,
         .handle = answer},
        {.path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
         .request_type = &sagabase__v1__get_info_request__descriptor, /* all fields unknown */
         .kind = METHOD_UNARY,
         .handle = answer},
        {0},
    };
    static const struct method *const services[] = {methods, NULL};
    struct rpc_options options = {
        .listen = "127.0.0.1:0", .services = services, .busy_poll_us = 200};
    struct rpc_server *server;
    sigset_t ending;
    int signal_number;

    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ending, NULL);
    struct status status = rpc_server_start(&options, &server);
    if (!status_ok(status)) {
        fprintf(stderr, "%s\n", status.message);
        return 1;
    }
    printf("listening on 127.0.0.1:%d\n", rpc_server_port(server));
    fflush(stdout);
    sigwait(&ending, &signal_number);
    rpc_server_stop(server, 0);
    rpc_server_free(server);
    return 0;
}
