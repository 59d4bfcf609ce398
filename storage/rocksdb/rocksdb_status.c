#include "storage/rocksdb/rocksdb_status.h"

#include <rocksdb/c.h>
#include <stddef.h>
#include <string.h>

/* The first row that fits decides, so causes stand before the general forms. */
static const struct {
    const char *text;
    enum status_code code;
} causes[] = {
    {"No space left on device", STATUS_RESOURCE_EXHAUSTED},
    {"Disk quota exceeded", STATUS_RESOURCE_EXHAUSTED},
    {"Corruption: ", STATUS_DATA_LOSS},
    {"IO error: No such file or directory", STATUS_DATA_LOSS}, /* one of the store's own */
    {"Column families not opened", STATUS_FAILED_PRECONDITION},
    {"IO error: ", STATUS_UNAVAILABLE},
    {"Busy: ", STATUS_UNAVAILABLE},
    {"Resource busy: ", STATUS_UNAVAILABLE},
    {"Shutdown in progress: ", STATUS_UNAVAILABLE},
};

/* Within this process, or by another one. */
static bool is_lock_held(const char *error)
{
    return strstr(error, "lock hold by current process") ||
           (strstr(error, "While lock file") && strstr(error, "Resource temporarily unavailable"));
}

struct status status_from_rocksdb(const char *directory, const char *doing, char *error)
{
    enum status_code code = STATUS_INTERNAL;
    struct status status;

    if (!error)
        return OK;
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        if (strstr(error, causes[i].text)) {
            code = causes[i].code;
            break;
        }
    }
    if (is_lock_held(error))
        status = status_make(STATUS_FAILED_PRECONDITION, "%s: already open in another process",
                             directory);
    else
        status = status_make(code, "%s: %s: %s", directory, doing, error);
    rocksdb_free(error);
    return status;
}
