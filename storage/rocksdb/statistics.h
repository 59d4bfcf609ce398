/* What RocksDB tells of itself. */
#ifndef STORAGE_ROCKSDB_STATISTICS_H
#define STORAGE_ROCKSDB_STATISTICS_H

#include <rocksdb/c.h>

#include "base/metric.h"
#include "storage/rocksdb/settings.h"

/* Of an open database. Any thread. */
void rocksdb_statistics(rocksdb_t *database,
                        rocksdb_column_family_handle_t *const columns[COLUMN_COUNT],
                        const rocksdb_cache_t *cache, metric_visit *visit, void *context);

#endif
