/* Packing a response piece by piece, where its parts are only borrowed for a moment or are stored
 * in the form in which they are sent: fields of the message that the buffer will be. */
#ifndef SERVER_SERVICES_SAGAS_ELEMENTS_H
#define SERVER_SERVICES_SAGAS_ELEMENTS_H

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/status.h"
#include "server/rpc/call.h"

enum {
    ELEMENTS_BYTES_ENOUGH = 256 << 10, /* a message that has so many bytes is sent */
    ELEMENTS_BYTES_MAX = 4 << 20,      /* what a client takes by default */
};

/* An element of a repeated field of messages, or a field that is one. */
void elements_put(struct buffer *packed, uint32_t field, const ProtobufCMessage *message);

/* The same for what is packed already. */
void elements_put_bytes(struct buffer *packed, uint32_t field, struct bytes bytes);
void elements_put_text(struct buffer *packed, uint32_t field, const char *text);

/* A field of type uint32, uint64, or int64 that is not negative. */
void elements_put_number(struct buffer *packed, uint32_t field, uint64_t number);
void elements_put_fixed64(struct buffer *packed, uint32_t field, uint64_t number);

/* Ends a unary call with what was packed, or with `status`, or because it did not fit. Destroys the
 * buffer. */
void elements_reply(struct call *call, struct status status, struct buffer *packed);

/* What elements_put_bytes adds to the bytes themselves, at most. */
enum { ELEMENT_HEAD_BYTES_MAX = 5 + 10 };

#endif
