/* An engine for tests, of either kind, with a fault engine over it; what is committed outlives a
 * restart. */
#ifndef TESTS_SUPPORT_STORE_H
#define TESTS_SUPPORT_STORE_H

#include "storage/engine/engine.h"

struct store {
    const char *kind;      /* "memory" or "rocksdb" */
    struct engine *engine; /* the fault engine */
    struct engine *inner;
    char directory[512]; /* of RocksDB */
};

/* An empty one. Aborts the test program if it cannot. */
void store_open(struct store *store, const char *kind);

/* Closes the engine and opens it again, as the next process would. No log may be open. */
void store_restart(struct store *store);

void store_close(struct store *store);

#endif
