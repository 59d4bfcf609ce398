/* The methods of all services, and the slots that wait for calls of them. */
#ifndef SERVER_RPC_METHOD_TABLE_H
#define SERVER_RPC_METHOD_TABLE_H

#include <grpc/grpc.h>
#include <stddef.h>

#include "server/rpc/call.h"
#include "server/rpc/loop.h"

enum { SLOTS_ARMED = 4 }; /* per method and loop, where the method names no number */

struct table_row {
    const struct method *method;
    void *registered; /* gRPC's name for it */
    char *service;    /* "package.Service" */
    const char *name; /* "Method"; static */
};

struct method_table {
    struct table_row *rows;
    size_t count;
};

/* Registers every method with a server that is not started yet. */
void method_table_init(struct method_table *table, grpc_server *server,
                       const struct method *const *services);
void method_table_destroy(struct method_table *table);

/* Arms the slots of one loop, on its thread. */
void method_table_arm(const struct method_table *table, struct loop *loop);

#endif
