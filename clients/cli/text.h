/* Text as people see it. */
#ifndef CLIENTS_CLI_TEXT_H
#define CLIENTS_CLI_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"

/* Well-formed UTF-8 (RFC 3629). NUL is allowed. */
bool text_is_utf8(struct bytes bytes);

/* Code points of well-formed UTF-8: about the columns it takes. */
size_t text_columns(struct bytes text);

/* One line of it: control characters become spaces, and what is beyond `columns` an ellipsis
 * (0: nothing is cut). Bytes that are no text become "(12 bytes)". */
void text_put_line(struct buffer *out, struct bytes bytes, size_t columns);

/* A name the same way, and spaces behind it up to `columns`. */
void text_put_name(struct buffer *out, const char *name, size_t columns);

/* 1234567 as "1,234,567". */
enum { TEXT_NUMBER_BYTES = 32 };
const char *text_number(uint64_t number, char text[TEXT_NUMBER_BYTES]);

#endif
