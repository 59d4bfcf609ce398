/* Patterns of SCAN MATCH and CONFIG GET, as Redis has them (util.c, stringmatchlen): ? * [a-z]
 * [^a-z] and backslash. Any thread. */
#ifndef SERVER_RESP_PATTERN_H
#define SERVER_RESP_PATTERN_H

#include <stdbool.h>

#include "base/bytes.h"

/* Of the pattern; a longer one takes too long to match. */
enum { PATTERN_BYTES_MAX = 1024 };

/* Takes at most pattern × text steps, however many stars there are. */
bool pattern_matches(struct bytes pattern, struct bytes text, bool any_case);

#endif
