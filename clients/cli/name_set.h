/* Counts different names, by a 64-bit hash of each. */
#ifndef CLIENTS_CLI_NAME_SET_H
#define CLIENTS_CLI_NAME_SET_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum { NAME_SET_MAX = 1 << 26 }; /* names; further ones are not counted */

struct name_set {
    uint64_t *hashes; /* 0: a free place */
    size_t capacity;  /* a power of two, or 0 */
    size_t count;
};

void name_set_init(struct name_set *set);
void name_set_destroy(struct name_set *set);
void name_set_add(struct name_set *set, struct bytes name);

#endif
