/* Replies of RESP, written behind each other into a buffer. What RESP2 has no type for is
 * written as Redis writes it there: a map as an array, a double as a string. */
#ifndef SERVER_RESP_REPLY_H
#define SERVER_RESP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/status.h"

enum { REPLY_HEADER_BYTES_MAX = 32, REPLY_ERROR_BYTES_MAX = 512 };

struct reply {
    struct buffer *buffer;
    int protocol; /* 2 or 3 */
};

/* Must be a text of one line. */
void reply_simple(struct reply *reply, const char *text);

/* "-" and the text in one line: line ends in it become spaces. Begins with a code: "ERR ...". */
void reply_error(struct reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A status that is not OK. */
void reply_status(struct reply *reply, struct status status);

void reply_integer(struct reply *reply, int64_t number);
void reply_bulk(struct reply *reply, struct bytes bytes);
void reply_text(struct reply *reply, const char *text); /* as a bulk string */
void reply_null(struct reply *reply);
void reply_boolean(struct reply *reply, bool value); /* RESP2: 1 or 0 */

/* Text for people; RESP3 marks it as such. */
void reply_verbatim(struct reply *reply, struct bytes text);

/* What follows belongs to it: so many elements; so many keys, each with its value. */
void reply_array(struct reply *reply, size_t count);
void reply_set(struct reply *reply, size_t count);
void reply_map(struct reply *reply, size_t count);

#endif
