/* What the other families must say of the log: every entry that follows from a record.
 * Verify compares with it, rebuild writes it. Only for files of this folder. */
#ifndef STORAGE_LOG_DERIVE_H
#define STORAGE_LOG_DERIVE_H

#include <stdint.h>

#include "base/status.h"
#include "storage/engine/engine.h"
#include "storage/log/record.h"
#include "storage/log/types.h"

enum derived_kind {
    DERIVED_PLACE,    /* streams */
    DERIVED_NAME,     /* names */
    DERIVED_TYPE,     /* types */
    DERIVED_TAG,      /* index */
    DERIVED_POSTING,  /* index: one of a block, as if it were an entry of its own */
    DERIVED_CATEGORY, /* index: once for each stream of the category */
    DERIVED_KINDS,
};

struct derived {
    enum derived_kind kind;
    enum family family;
    struct bytes key, value;
    uint64_t position; /* of the event that it comes from */
};

/* Borrowed for the call. */
typedef void derive_visit(void *context, const struct derived *entry);

/* `types` holds the types of all records before and learns this one's; NULL: types are not told.
 * `record_bytes` is the record's stored size. */
struct status derive(struct types *types, const struct record *record, size_t record_bytes,
                     derive_visit *visit, void *context);

#endif
