/* A copy of a store that appears as a whole or not at all: it is made in a hidden directory
 * beside its place, brought to disk, and renamed. What a killed copy left is removed by the next
 * one of the same name. */
#ifndef STORAGE_ROCKSDB_STORE_COPY_H
#define STORAGE_ROCKSDB_STORE_COPY_H

#include <limits.h>

#include "base/status.h"

struct store_copy {
    char directory[PATH_MAX]; /* absolute */
    char partial[PATH_MAX];   /* while it is made; does not exist yet */
};

/* FAILED_PRECONDITION: the directory exists and is not empty. Its parents are created. */
struct status store_copy_begin(const char *directory, struct store_copy *copy);

/* Copies the files of a store that nobody has open. NOT_FOUND: no store is there. */
struct status store_copy_files(const struct store_copy *copy, const char *from);

/* To disk, and into its place. */
struct status store_copy_finish(const struct store_copy *copy);

/* Instead, after a failure: removes what there is. */
void store_copy_abandon(const struct store_copy *copy);

#endif
