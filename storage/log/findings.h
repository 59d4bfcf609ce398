/* Disagreements on their way to who asked. Only for files of this folder. */
#ifndef STORAGE_LOG_FINDINGS_H
#define STORAGE_LOG_FINDINGS_H

#include "base/bytes.h"
#include "storage/log/maintenance.h"

struct findings {
    const struct maintenance *maintenance;
    uint64_t count;
};

/* `family` is where, the rest says what. */
void findings_add(struct findings *findings, const char *family, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For "%.*s": at most 200 bytes of a text. */
#define SHOWN(text) (int)((text).size < 200 ? (text).size : 200), (const char *)(text).data

/* Every so many steps. */
void findings_progress(const struct findings *findings, const char *work, uint64_t done,
                       uint64_t total);

/* Refuses a store of a newer format. */
struct status findings_check_format(struct engine *engine);

/* *value is a copy in `memory`; value->data is NULL if there is none. */
struct status findings_get_meta(struct engine *engine, const char *key, uint8_t memory[64],
                                struct bytes *value);

#endif
