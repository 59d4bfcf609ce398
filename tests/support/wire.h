/* The least of a gRPC client over C core that keeps many calls outstanding: one
 * thread, one completion queue, several connections. Everything runs on the
 * thread that calls wire_step(). Programmer errors and lack of memory assert. */
#ifndef TESTS_SUPPORT_WIRE_H
#define TESTS_SUPPORT_WIRE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

enum { WIRE_CONNECTIONS_MAX = 64, WIRE_METHODS_MAX = 16 };

struct wire;

/* `connections` of their own to "host:port", 1..WIRE_CONNECTIONS_MAX. */
struct wire *wire_open(const char *address, unsigned connections);

/* No call may be open: see wire_open_calls(). */
void wire_close(struct wire *wire);

/* How many calls have not told their end yet. */
size_t wire_open_calls(const struct wire *wire);

/* Waits for one thing to happen and runs its callback; false if nothing did in time. */
bool wire_step(struct wire *wire, int64_t timeout_us);

/* `response` is borrowed for the callback; empty unless the status is OK. */
typedef void wire_done(void *context, struct status status, struct bytes response);

/* One unary call. `path` is static; the request is packed before this returns. `done` runs
 * exactly once. timeout_us 0: no deadline. */
void wire_unary(struct wire *wire, unsigned connection, const char *path,
                const ProtobufCMessage *request, int64_t timeout_us, wire_done *done,
                void *context);

struct wire_stream;

struct wire_stream_events {
    void (*message)(void *context, struct bytes message);
    void (*sent)(void *context);                        /* may be NULL; never after `ended` */
    void (*ended)(void *context, struct status status); /* exactly once; frees the stream */
};

/* A server stream if there is a request, else a bidirectional one. */
struct wire_stream *wire_stream_open(struct wire *wire, unsigned connection, const char *path,
                                     const ProtobufCMessage *request,
                                     const struct wire_stream_events *events, void *context);

/* One at a time: the next after `sent`. */
void wire_stream_send(struct wire_stream *stream, const ProtobufCMessage *message);
/* Nothing more will be sent. Not while a send is underway. */
void wire_stream_finish(struct wire_stream *stream);
void wire_stream_cancel(struct wire_stream *stream);

#endif
