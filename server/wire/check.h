/* What protobuf-c does not check before it recurses and allocates: nesting
 * depth, number of fields, and that every string is UTF-8 without NUL. Runs
 * over the wire bytes, before they are unpacked. Any thread. */
#ifndef SERVER_WIRE_CHECK_H
#define SERVER_WIRE_CHECK_H

#include <protobuf-c/protobuf-c.h>

#include "base/bytes.h"
#include "base/status.h"

enum {
    CHECK_DEPTH_MAX = 16,       /* messages within messages */
    CHECK_FIELDS_MAX = 1 << 18, /* over all messages of a request */
};

/* INVALID_ARGUMENT names the field as a path ("events.type: not UTF-8 text");
 * RESOURCE_EXHAUSTED: too many fields. */
struct status check_request(const ProtobufCMessageDescriptor *type, struct bytes wire);

#endif
