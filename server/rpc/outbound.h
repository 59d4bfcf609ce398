/* Unary calls to another server, for rooms that must not know gRPC. One thread calls and waits;
 * another may end that. */
#ifndef SERVER_RPC_OUTBOUND_H
#define SERVER_RPC_OUTBOUND_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

struct outbound;

struct outbound_header {
    const char *key; /* lower case */
    const char *value;
};

/* PEM texts, copied. */
struct outbound_tls {
    const char *roots;             /* whom to trust; NULL: whom the system trusts */
    const char *certificate, *key; /* who we are; both or NULL */
};

struct outbound_options {
    const char *target;                    /* "host:port", "unix:path" */
    const struct outbound_tls *tls;        /* NULL: in the clear */
    const struct outbound_header *headers; /* sent with each call; must outlive it */
    size_t header_count;
};

/* Connects when there is a call, and again after a connection was lost. */
struct outbound *outbound_open(const struct outbound_options *options);

/* No call may be underway. */
void outbound_close(struct outbound *outbound);

/* Waits for the answer, at most `timeout_us`. The response lives in `arena`, which also bounds it.
 * Errors are the other server's, UNAVAILABLE: it is not there, DEADLINE_EXCEEDED: too slow. */
struct status outbound_call(struct outbound *outbound, const char *path,
                            const ProtobufCMessage *request,
                            const ProtobufCMessageDescriptor *response_type, int64_t timeout_us,
                            struct arena *arena, const ProtobufCMessage **response);

/* Any thread: ends the call that is underway, and each later one, with CANCELLED. */
void outbound_cancel(struct outbound *outbound);

#endif
