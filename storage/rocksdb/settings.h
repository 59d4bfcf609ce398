/* How RocksDB is set up: for a store that must not lose what it acknowledged,
 * with one committing thread. */
#ifndef STORAGE_ROCKSDB_SETTINGS_H
#define STORAGE_ROCKSDB_SETTINGS_H

#include <rocksdb/c.h>

#include "storage/engine/engine.h"
#include "storage/rocksdb/rocksdb_engine.h"

/* RocksDB insists on a family of its own, "default"; it stays empty. */
enum { COLUMN_DEFAULT = FAMILY_COUNT, COLUMN_COUNT };

struct settings {
    rocksdb_options_t *database;
    const char *names[COLUMN_COUNT]; /* static; by enum family, then COLUMN_DEFAULT */
    rocksdb_options_t *columns[COLUMN_COUNT];
};

/* `cache` is shared; it must outlive the database that is opened with these.
 * The settings themselves may be destroyed once it is open. */
void settings_init(struct settings *settings, const struct rocksdb_engine_options *options,
                   rocksdb_cache_t *cache);
void settings_destroy(struct settings *settings);

#endif
