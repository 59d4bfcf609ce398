/* A call with a stream of responses, and perhaps of requests: what reads, subscriptions and
 * sessions are made of. Not installed.
 *
 * All of a stream's batches are on one completion queue and each is waited for by its tag, the
 * address of a member, so that one thread may send while another receives. */
#ifndef CLIENTS_C_STREAM_H
#define CLIENTS_C_STREAM_H

#include <stdatomic.h>

#include "base/arena.h"
#include "clients/c/client.h"

struct client_stream {
    const char *path;
    const ProtobufCMessageDescriptor *response_type;
    grpc_completion_queue *queue;
    grpc_call *call;
    struct arena arena; /* of the message handed out last */

    /* Tags, and what their batches fill in. */
    struct client_headers headers;
    grpc_metadata_array initial;
    grpc_byte_buffer *received;
    char sent;
    bool opening; /* the first batch that sends is underway */
    struct {
        grpc_metadata_array trailing;
        grpc_status_code code;
        grpc_slice message;
    } end;

    atomic_bool cancelled; /* by the application */
    bool ended;            /* `status` is known */
    struct sagabase_status status;
};

/* Opens the call. With a request: sends it, and nothing more can be sent. */
void client_stream_open(struct client_stream *stream, struct sagabase_client *client,
                        const char *path, const ProtobufCMessageDescriptor *response_type,
                        const ProtobufCMessage *request, const struct sagabase_options *options);

/* The next message, borrowed until the next call; NULL with OK: the stream has ended well. */
struct sagabase_status client_stream_receive(struct client_stream *stream,
                                             const ProtobufCMessage **message);

/* False: the call is over. */
bool client_stream_send(struct client_stream *stream, const ProtobufCMessage *message);
bool client_stream_finish_sending(struct client_stream *stream);

/* Any thread. */
void client_stream_cancel(struct client_stream *stream);

/* Cancels what is underway and frees what the stream holds. */
void client_stream_close(struct client_stream *stream);

#endif
