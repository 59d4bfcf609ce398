/* RocksDB's C interface reports errors as text only; the text decides the code. */
#ifndef STORAGE_ROCKSDB_ROCKSDB_STATUS_H
#define STORAGE_ROCKSDB_ROCKSDB_STATUS_H

#include "base/status.h"

/* OK for NULL. Takes `error`. `doing` is the work that failed, `directory`
 * where. Any thread. */
struct status status_from_rocksdb(const char *directory, const char *doing, char *error);

#endif
