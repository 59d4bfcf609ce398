/* A gRPC client for tests, straight over C core: it can do what a polite client never
 * does. One thread at a time per call. Every wait is bounded; a wait that fails
 * fails the test that asked. */
#ifndef TESTS_SUPPORT_RPC_CLIENT_H
#define TESTS_SUPPORT_RPC_CLIENT_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/status.h"

struct rpc_client;
struct rpc_call;

/* Connects to 127.0.0.1 on first use. */
struct rpc_client *rpc_client_create(int port);

/* The same, but its messages are compressed with gzip. */
struct rpc_client *rpc_client_create_gzip(int port);
void rpc_client_free(struct rpc_client *client);

/* Opens a call. deadline_ms 0: as long as tests wait for anything. */
struct rpc_call *rpc_call_open(struct rpc_client *client, const char *path, int64_t deadline_ms);

/* Cancels the call if it is not over. */
void rpc_call_free(struct rpc_call *call);

/* False: the call is over. */
bool rpc_call_send_bytes(struct rpc_call *call, struct bytes message);
bool rpc_call_send(struct rpc_call *call, const ProtobufCMessage *message);
bool rpc_call_half_close(struct rpc_call *call);

/* The next message, which the caller frees with protobuf_c_message_free_unpacked().
 * NULL: there are no more. */
void *rpc_call_receive(struct rpc_call *call, const ProtobufCMessageDescriptor *type);

void rpc_call_cancel(struct rpc_call *call);

/* Waits for the end; drops the messages that are still to come before it. */
struct status rpc_call_finish(struct rpc_call *call);

/* grpc-status-details-bin, after the end; borrowed from the call. */
struct bytes rpc_call_details(const struct rpc_call *call);

/* A whole unary call; `response` may be NULL. */
struct status rpc_client_ask(struct rpc_client *client, const char *path,
                             const ProtobufCMessage *request,
                             const ProtobufCMessageDescriptor *type, void *response);

#endif
