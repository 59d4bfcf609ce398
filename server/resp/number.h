/* Integers as Redis reads them (util.c, string2ll): decimal, without plus, spaces or leading
 * zeros. Any thread. */
#ifndef SERVER_RESP_NUMBER_H
#define SERVER_RESP_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum { NUMBER_TEXT_BYTES = 21 }; /* "-9223372036854775808" and a NUL */

/* False: it is none, or none of 64 bits. */
bool number_read(struct bytes text, int64_t *number);

/* Writes the digits, without a NUL; how many bytes. */
size_t number_write(int64_t number, char text[NUMBER_TEXT_BYTES]);

#endif
