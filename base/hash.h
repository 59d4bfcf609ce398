/* Hashing: one seeded hash for tables, so that nobody outside can choose
 * colliding names, and one fixed checksum for stored bytes. Both are XXH3
 * (libxxhash). Any thread. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/bytes.h"

/* For tables in memory: differs from one process to the next. Never stored. */
uint64_t hash_bytes(struct bytes bytes);

/* For stored bytes: the same everywhere and for ever. */
uint64_t checksum_bytes(struct bytes bytes);

#endif
