/* The directory of a store, before RocksDB looks at it. */
#ifndef STORAGE_ROCKSDB_STORE_DIRECTORY_H
#define STORAGE_ROCKSDB_STORE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Makes sure that the directory holds a store, or may become one: with
 * `create_if_missing` it is created, parents too, for its owner only.
 *
 * NOT_FOUND: no store is there and none shall be created.
 * DATA_LOSS: data files are there, but not the file that names what is current.
 *            RocksDB would start an empty store and delete them.
 * RESOURCE_EXHAUSTED: the disk is full. RocksDB writes a little when it opens
 *                     and, as Debian builds it, ends the process if it cannot.
 * UNAVAILABLE: the file system refused. */
struct status store_directory_prepare(const char *directory, bool create_if_missing);

/* Creates a directory and its parents, for its owner only. */
struct status store_directory_create(const char *directory);

/* What errno says of a path. */
struct status store_directory_refused(const char *path);

/* RESOURCE_EXHAUSTED: less than `bytes` are free on the directory's disk. Any thread. */
struct status store_directory_check_room(const char *directory, size_t bytes);

#endif
