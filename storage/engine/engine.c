#include "storage/engine/engine.h"

#include <assert.h>

const char *family_name(enum family family)
{
    static const char *const names[] = {
        [FAMILY_META] = "meta",
        [FAMILY_LOG] = "log",
        [FAMILY_STREAMS] = "streams",
        [FAMILY_NAMES] = "names",
        [FAMILY_TYPES] = "types",
        [FAMILY_INDEX] = "index",
        [FAMILY_POLICIES] = "policies",
        [FAMILY_SNAPSHOTS] = "snapshots",
        [FAMILY_VALUES] = "values",
        [FAMILY_SAGAS] = "sagas",
        [FAMILY_SAGA_IDS] = "saga_ids",
        [FAMILY_SAGA_INDEX] = "saga_index",
        [FAMILY_DEFINITIONS] = "definitions",
    };
    _Static_assert(sizeof names / sizeof *names == FAMILY_COUNT, "every family has a name");

    assert((unsigned)family < FAMILY_COUNT);
    return names[family];
}
