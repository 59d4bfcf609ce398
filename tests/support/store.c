#include "tests/support/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/engine/memory_engine.h"
#include "storage/rocksdb/rocksdb_engine.h"
#include "tests/support/fault_engine.h"

enum { CACHE_BYTES = 8 << 20 };

static void open_inner(struct store *store)
{
    struct rocksdb_engine_options options = {
        .directory = store->directory,
        .block_cache_bytes = CACHE_BYTES,
        .write_buffer_bytes = CACHE_BYTES,
        .create_if_missing = true,
    };
    struct status status = strcmp(store->kind, "rocksdb") == 0
                               ? rocksdb_engine_open(&options, &store->inner)
                               : memory_engine_open(&store->inner);

    if (!status_ok(status)) {
        fprintf(stderr, "store: %s\n", status.message);
        abort();
    }
}

void store_open(struct store *store, const char *kind)
{
    const char *parent = getenv("TEST_TMPDIR");

    *store = (struct store){.kind = kind};
    snprintf(store->directory, sizeof store->directory, "%s/store.XXXXXX",
             parent ? parent : "/tmp");
    if (!mkdtemp(store->directory))
        abort();
    open_inner(store);
    store->engine = fault_engine_open(store->inner);
}

void store_restart(struct store *store)
{
    engine_close(store->engine);
    if (strcmp(store->kind, "rocksdb") == 0) {
        engine_close(store->inner);
        open_inner(store);
    }
    store->engine = fault_engine_open(store->inner);
}

void store_close(struct store *store)
{
    engine_close(store->engine);
    engine_close(store->inner);
}
