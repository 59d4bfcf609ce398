/* What a store holds, seen from below and from outside. Each fails the test that asks if it cannot
 * tell. */
#ifndef TESTS_SUPPORT_INSPECT_H
#define TESTS_SUPPORT_INSPECT_H

#include <stddef.h>
#include <stdint.h>

#include "storage/engine/engine.h"

/* Verify finds nothing wrong with it. */
void inspect_whole(struct engine *engine);

/* Entries of a family, and the bytes of their keys and values. */
struct inspected {
    size_t count, bytes;
};
struct inspected inspect_family(struct engine *engine, enum family family);

/* Sizes of the files in a directory, together. */
uint64_t inspect_directory_bytes(const char *directory);

/* In how many files of a directory these bytes are. */
int inspect_files_with(const char *directory, struct bytes wanted);

#endif
