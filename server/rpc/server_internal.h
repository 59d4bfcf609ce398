/* The server as its loops see it. */
#ifndef SERVER_RPC_SERVER_INTERNAL_H
#define SERVER_RPC_SERVER_INTERNAL_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "server/rpc/loop.h"
#include "server/rpc/method_table.h"
#include "server/rpc/rpc_server.h"

struct rpc_server {
    struct rpc_options options; /* with the defaults filled in */
    grpc_server *grpc;
    struct method_table methods;
    int port;
    atomic_bool stopping;

    pthread_mutex_t mutex;
    pthread_cond_t loop_stopped;
    unsigned loops_stopped; /* under the mutex */

    unsigned loop_count;
    struct loop loops[];
};

/* By a loop, once, when no call is left. */
void rpc_server_loop_stopped(struct rpc_server *server);

#endif
