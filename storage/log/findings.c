#include "storage/log/findings.h"

#include <stdarg.h>
#include <stdio.h>

#include "storage/log/event_log.h"
#include "storage/log/keys.h"

enum { LINE_BYTES = 512, PROGRESS_EVERY = 1024 };

void findings_add(struct findings *findings, const char *family, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;

    if (findings->count++ >= findings->maintenance->told_max)
        return;
    int used = snprintf(line, sizeof line, "%s: ", family);
    va_start(arguments, format);
    vsnprintf(line + used, sizeof line - (size_t)used, format, arguments);
    va_end(arguments);
    for (char *at = line; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    findings->maintenance->tell(findings->maintenance->context, line);
}

void findings_progress(const struct findings *findings, const char *work, uint64_t done,
                       uint64_t total)
{
    const struct maintenance *maintenance = findings->maintenance;

    if (maintenance->progress && done % PROGRESS_EVERY == 0)
        maintenance->progress(maintenance->context, work, done, total);
}

struct status findings_get_meta(struct engine *engine, const char *key, uint8_t memory[64],
                                struct bytes *value)
{
    uint8_t within[128];
    struct arena arena;

    *value = (struct bytes){0};
    arena_init_within(&arena, sizeof within, within, sizeof within);
    struct status status = engine_get(engine, FAMILY_META, bytes_of_text(key), &arena, value);
    if (status_ok(status) && value->size > 64)
        status = status_make(STATUS_DATA_LOSS, "meta: damaged entry \"%s\"", key);
    if (status_ok(status) && value->data) {
        memcpy(memory, value->data, value->size);
        value->data = memory;
    }
    arena_destroy(&arena);
    return status;
}

struct status findings_check_format(struct engine *engine)
{
    struct bytes value;
    uint8_t memory[64];

    TRY(findings_get_meta(engine, FORMAT_KEY, memory, &value));
    if (!value.data)
        return OK; /* opened, but never served */
    uint32_t format = value.size == 4 ? get_u32_little_endian(value.data) : 0;
    if (format == 0)
        return status_make(STATUS_DATA_LOSS, "meta: damaged format number");
    if (format > STORE_FORMAT)
        return status_make(STATUS_FAILED_PRECONDITION,
                           "data directory: its format is %u, written by a newer version; this "
                           "one reads up to %d",
                           format, STORE_FORMAT);
    return OK;
}
