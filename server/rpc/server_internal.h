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
    grpc_channel *nowhere; /* of the loops' doorbells */
    struct method_table methods;
    int port;
    atomic_bool stopping;

    pthread_mutex_t mutex;
    pthread_cond_t counted;
    unsigned loops_quiet;   /* under the mutex: that were told to end calls and had none open */
    unsigned loops_at_rest; /* under the mutex: that have no call left */
    unsigned loops_stopped; /* under the mutex: whose queue is shut */

    unsigned loop_count;
    struct loop loops[];
};

/* By a loop, once for each of the three counters. */
void rpc_server_count(struct rpc_server *server, unsigned *counter);

#endif
