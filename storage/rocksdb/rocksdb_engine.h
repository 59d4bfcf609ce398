/* The embedded default engine: RocksDB, one column family per family. */
#ifndef STORAGE_ROCKSDB_ROCKSDB_ENGINE_H
#define STORAGE_ROCKSDB_ROCKSDB_ENGINE_H

#include "storage/engine/engine.h"

struct rocksdb_engine_options {
    const char *directory;     /* created if missing; borrowed for the call */
    size_t block_cache_bytes;  /* memory for blocks read from disk, index and filters included */
    size_t write_buffer_bytes; /* memory for writes not yet in files, over all families */
    size_t disk_reserve_bytes; /* commits are refused while less is free on disk; 0: never */
    bool create_if_missing;    /* false: NOT_FOUND where there is no store */
    bool read_only;            /* changes no file of the store; commits are refused, and families
                                  that the store does not have yet are empty */
};

/* FAILED_PRECONDITION: another process has the directory open.
 * DATA_LOSS: the store is damaged; what is wrong is in the message.
 * RESOURCE_EXHAUSTED: the disk is full.
 * UNAVAILABLE: the file system refused. */
struct status rocksdb_engine_open(const struct rocksdb_engine_options *options,
                                  struct engine **engine);

#endif
