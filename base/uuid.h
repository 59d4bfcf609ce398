/* Event ids: UUIDs (RFC 9562) as 16 bytes and as 36 characters. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum { UUID_BYTES = 16, UUID_TEXT_BYTES = 36 };

struct uuid {
    uint8_t bytes[UUID_BYTES];
};

/* Takes 8-4-4-4-12 hexadecimal digits in either case; any version, not nil. */
bool uuid_parse(struct bytes text, struct uuid *uuid);

/* Lower case, as RFC 9562 §4 asks for output. No NUL is written. */
void uuid_format(const struct uuid *uuid, uint8_t text[UUID_TEXT_BYTES]);

/* A random one (version 4). Any thread. */
struct uuid uuid_random(void);

#endif
