#include "server/rpc/method_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/rpc/call_internal.h"
#include "server/rpc/server_internal.h"

static size_t count_methods(const struct method *const *services)
{
    size_t count = 0;

    for (; *services; services++)
        for (const struct method *method = *services; method->path; method++)
            count++;
    return count;
}

static void split_path(struct table_row *row)
{
    row->service = strdup(row->method->path + 1);
    assert(row->service);
    char *slash = strchr(row->service, '/');
    assert(slash); /* the table breaks its own rule */
    row->name = strrchr(row->method->path, '/') + 1;
    *slash = 0;
}

void method_table_init(struct method_table *table, grpc_server *server,
                       const struct method *const *services)
{
    *table = (struct method_table){0};
    table->rows = calloc(count_methods(services) + 1, sizeof *table->rows);
    assert(table->rows);
    for (; *services; services++)
        for (const struct method *method = *services; method->path; method++) {
            bool has_request = method->kind != METHOD_BIDI_STREAM;
            void *registered = grpc_server_register_method(
                server, method->path, NULL,
                has_request ? GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER : GRPC_SRM_PAYLOAD_NONE, 0);
            assert(registered); /* NULL: the path is there twice */
            struct table_row *row = &table->rows[table->count++];
            *row = (struct table_row){.method = method, .registered = registered};
            split_path(row);
        }
}

void method_table_destroy(struct method_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->rows[i].service);
    free(table->rows);
}

static void on_arrived(struct step *step, bool ok);

static void arm(struct loop *loop, const struct table_row *row)
{
    struct call *call = call_create(loop, row);
    grpc_server *server = loop->server->grpc;
    grpc_call_error error;

    call->arrived.run = on_arrived;
    if (row) {
        bool has_request = row->method->kind != METHOD_BIDI_STREAM;
        error = grpc_server_request_registered_call(
            server, row->registered, &call->grpc, &call->deadline, &call->metadata,
            has_request ? &call->payload : NULL, loop->queue, loop->queue, &call->arrived);
    } else {
        grpc_call_details_init(&call->details);
        error = grpc_server_request_call(server, &call->grpc, &call->details, &call->metadata,
                                         loop->queue, loop->queue, &call->arrived);
    }
    assert(error == GRPC_CALL_OK);
    (void)error;
}

/* Not ok: the server stops. */
static void on_arrived(struct step *step, bool ok)
{
    struct call *call = container_of(step, struct call, arrived);
    struct loop *loop = call->loop;

    if (ok) {
        arm(loop, call->row);
        return call_open(call);
    }
    assert(atomic_load(&loop->server->stopping));
    streams_end(loop); /* if that is sooner than the doorbell */
    call_free(call);
}

void method_table_arm(const struct method_table *table, struct loop *loop)
{
    for (size_t i = 0; i < table->count; i++) {
        unsigned armed = table->rows[i].method->armed;
        for (unsigned slot = 0; slot < (armed ? armed : SLOTS_ARMED); slot++)
            arm(loop, &table->rows[i]);
    }
    arm(loop, NULL); /* without it a client that asks for an unknown method would wait for ever */
}
