/* What the files of the client share; not installed. */
#ifndef CLIENTS_C_CLIENT_H
#define CLIENTS_C_CLIENT_H

#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>

#include "clients/c/sagabase.h"

enum {
    KEEPALIVE_TIME_MS = 30000, /* the server allows a ping every 10 s */
    KEEPALIVE_TIMEOUT_MS = 10000,
    RECEIVED_BYTES_MAX = 16 << 20, /* one message; the server's pages are about 1 MiB */
    RECONNECT_MS_MIN = 50,
    RECONNECT_MS_MAX = 1000,
    CONNECT_MS_MAX = 5000, /* one attempt */
};

struct sagabase_client {
    grpc_channel *channel;
};

/* --- status.c --- */

#define SAGABASE_STATUS_OK ((struct sagabase_status){.code = SAGABASE_OK})

struct sagabase_status client_status(enum sagabase_code code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What a call that the application has not cancelled ended with: CANCELLED counts as UNAVAILABLE.
 * Borrows. */
struct sagabase_status client_status_of_call(grpc_status_code code, grpc_slice message,
                                             const grpc_metadata_array *trailing);

/* --- call.c --- */

/* When a call made now with these options (may be NULL) is given up. */
gpr_timespec client_deadline(const struct sagabase_options *options);

/* Flags of GRPC_OP_SEND_INITIAL_METADATA for these options (may be NULL). */
uint32_t client_call_flags(const struct sagabase_options *options);

/* What these options (may be NULL) say in the call's headers; they are no longer needed then. */
struct client_headers {
    grpc_metadata entries[2];
    size_t count;
};
void client_headers_init(struct client_headers *headers, const struct sagabase_options *options);
void client_headers_destroy(struct client_headers *headers);

/* The caller unrefs it. `queue` must outlive it. */
grpc_call *client_call(struct sagabase_client *client, const char *path, gpr_timespec deadline,
                       grpc_completion_queue *queue);

/* Starts a batch, which can only fail by our own mistake: asserts. */
void client_start(grpc_call *call, const grpc_op *ops, size_t count, void *tag);

/* Waits until the batch with this tag has ended; whether it did well. */
bool client_wait(grpc_completion_queue *queue, void *tag);

/* Nothing may be underway on it. */
void client_queue_destroy(grpc_completion_queue *queue);

/* The packed message; the caller destroys it. */
grpc_byte_buffer *client_pack(const ProtobufCMessage *message);

/* NULL: malformed, or more than the allocator (NULL: malloc) gives. Destroys `packed`. */
ProtobufCMessage *client_unpack(const ProtobufCMessageDescriptor *type, grpc_byte_buffer *packed,
                                ProtobufCAllocator *allocator);

/* --- unary.c --- */

struct client_method {
    const char *path;
    const ProtobufCMessageDescriptor *response_type;
};

/* One call with one request and one response, tried again as the options (may be NULL) say. */
struct sagabase_status client_unary(struct sagabase_client *client,
                                    const struct client_method *method,
                                    const ProtobufCMessage *request,
                                    const struct sagabase_options *options,
                                    ProtobufCMessage **response);

#endif
