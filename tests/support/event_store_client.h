/* Requests of sagabase.v1.EventStore as tests make them. What is returned is freed with
 * protobuf_c_message_free_unpacked(), or with forget(). */
#ifndef TESTS_SUPPORT_EVENT_STORE_CLIENT_H
#define TESTS_SUPPORT_EVENT_STORE_CLIENT_H

#include "sagabase/v1/event_store.pb-c.h"
#include "tests/support/rpc_client.h"

#define EVENT_STORE(method) "/sagabase.v1.EventStore/" method

/* Events to propose: ids are random, the type is "Tested", the data "0", "1" ... */
struct proposals {
    Sagabase__V1__ProposedEvent *events;
    Sagabase__V1__ProposedEvent **pointers;
    char (*ids)[40];
    char (*data)[24];
    size_t count;
};

struct proposals proposals_create(size_t count);
void proposals_free(struct proposals *proposals);

/* An AppendToStreamRequest that expects STREAM_STATE_ANY; borrows. */
Sagabase__V1__AppendToStreamRequest append_any(const char *stream,
                                               const struct proposals *proposals);

/* The same for one stream of an Append. */
Sagabase__V1__StreamAppend append_part(const char *stream, const struct proposals *proposals);

/* Appends `count` new events to whatever the stream holds. */
struct status append_new(struct rpc_client *client, const char *stream, size_t count);
struct status append_typed(struct rpc_client *client, const char *stream, const char *type);
struct status append_json(struct rpc_client *client, const char *stream, const char *type,
                          const char *data);

/* Opens a call that gets one request: a unary call or a server stream. */
struct rpc_call *open_with(struct rpc_client *client, const char *path,
                           const ProtobufCMessage *request);

void forget(void *message);

#endif
