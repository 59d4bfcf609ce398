/* From what the engine holds to what memory must know, before the writer starts. */
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "storage/log/event.h"
#include "storage/log/keys.h"
#include "storage/log/log_state.h"
#include "storage/log/record.h"

static struct status check_format(struct engine *engine)
{
    uint8_t memory[64], bytes[4];
    struct bytes key = bytes_of_text(FORMAT_KEY);
    struct arena arena;
    struct bytes value;

    arena_init_within(&arena, sizeof memory, memory, sizeof memory);
    struct status status = engine_get(engine, FAMILY_META, key, &arena, &value);
    arena_destroy(&arena);
    TRY(status);
    if (!value.data) {
        put_u32_little_endian(bytes, STORE_FORMAT);
        struct write write = {FAMILY_META, WRITE_PUT, key, bytes_of(bytes, sizeof bytes)};
        return engine_commit(engine, &write, 1, true);
    }
    uint32_t format = value.size == sizeof bytes ? get_u32_little_endian(value.data) : 0;
    if (format > STORE_FORMAT)
        return status_make(STATUS_FAILED_PRECONDITION,
                           "data directory: its format is %u, written by a newer version; this "
                           "one reads up to %d",
                           format, STORE_FORMAT);
    if (format == 0)
        return status_make(STATUS_DATA_LOSS, "meta: damaged format number");
    return OK;
}

/* Whether `meta` holds a mark. */
static struct status find_mark(struct engine *engine, const char *key, bool *found)
{
    uint8_t memory[64];
    struct arena arena;
    struct bytes value;

    arena_init_within(&arena, sizeof memory, memory, sizeof memory);
    struct status status = engine_get(engine, FAMILY_META, bytes_of_text(key), &arena, &value);
    *found = status_ok(status) && value.data;
    arena_destroy(&arena);
    return status;
}

static struct status find_sealed(struct event_log *log)
{
    bool found;

    TRY(find_mark(log->engine, SEALED_KEY, &found));
    atomic_store(&log->has_sealed, found);
    return OK;
}

/* maintenance.h: what follows from the log may be missing. */
static struct status check_rebuilt(struct engine *engine)
{
    bool found;

    TRY(find_mark(engine, REBUILDING_KEY, &found));
    if (found)
        return status_make(STATUS_FAILED_PRECONDITION,
                           "data directory: a rebuild was begun and did not finish: run `sagabase "
                           "rebuild` again");
    return OK;
}

static bool visit_last_record(void *context, struct bytes key, struct bytes value)
{
    struct record record;
    struct event_log *log = context;

    (void)value;
    record.position = get_u64_big_endian(key.data);
    atomic_store(&log->end, record.position + 1); /* its last record ends there or later */
    return false;
}

static bool visit_last_stream(void *context, struct bytes key, struct bytes value)
{
    struct event_log *log = context;

    (void)value;
    atomic_store(&log->stream_count, get_u64_big_endian(key.data));
    return false;
}

/* The walk over the newest records. */
struct walk {
    struct event_log *log;
    bool started;
    uint64_t next; /* where the next record must begin */
    struct status status;
};

static struct status remember_ids(struct event_log *log, const struct record *record)
{
    struct record_cursor cursor = {.record = record};
    struct event event;
    struct uuid id;

    while (record_next(&cursor, &event)) {
        if (!uuid_parse(event.id, &id))
            return status_make(STATUS_DATA_LOSS, "event at position %llu: damaged id",
                               (unsigned long long)event.position);
        ids_add(log->ids, id_fingerprint(&id, hash_bytes(event.stream)), event.position);
    }
    if (cursor.frames.size > 0)
        return status_make(STATUS_DATA_LOSS, "record at position %llu: damaged events",
                           (unsigned long long)record->position);
    return OK;
}

static bool visit_newest(void *context, struct bytes key, struct bytes value)
{
    struct walk *walk = context;
    struct record record;
    uint64_t position = get_u64_big_endian(key.data);

    if (walk->started && position != walk->next)
        walk->status =
            status_make(STATUS_DATA_LOSS, "log: positions %llu to %llu are missing",
                        (unsigned long long)walk->next, (unsigned long long)position - 1);
    if (status_ok(walk->status))
        walk->status = record_parse(value, position, &record);
    if (status_ok(walk->status))
        walk->status = remember_ids(walk->log, &record);
    if (!status_ok(walk->status))
        return false;
    walk->started = true;
    walk->next = record_end(&record);
    walk->log->last_time_us = record.created_us;
    return true;
}

static bool visit_position(void *context, struct bytes key, struct bytes value)
{
    (void)value;
    *(uint64_t *)context = get_u64_big_endian(key.data);
    return false;
}

/* Reads the newest records: as many events as ids are kept, and at least one record. */
static struct status walk_newest(struct event_log *log)
{
    uint8_t key[POSITION_KEY_BYTES];
    uint64_t last = atomic_load(&log->end) - 1; /* the last record's position */
    uint64_t first = last < log->options.ids_max ? 0 : last - log->options.ids_max;
    struct walk walk = {.log = log, .status = OK};

    TRY(engine_scan(
        log->engine,
        &(struct scan){.family = FAMILY_LOG, .to = position_key(key, first + 1), .backwards = true},
        visit_position, &first));
    TRY(engine_scan(
        log->engine,
        &(struct scan){.family = FAMILY_LOG, .from = position_key(key, first), .bulk = true},
        visit_newest, &walk));
    TRY(walk.status);
    if (first == 0 && walk.next > 0) {
        uint8_t zero[POSITION_KEY_BYTES];
        uint64_t begins = UINT64_MAX;
        TRY(engine_scan(log->engine,
                        &(struct scan){.family = FAMILY_LOG, .from = position_key(zero, 0)},
                        visit_position, &begins));
        if (begins != 0)
            return status_make(STATUS_DATA_LOSS, "log: positions 0 to %llu are missing",
                               (unsigned long long)begins - 1);
    }
    atomic_store(&log->end, walk.next);
    return OK;
}

/* The log ends where the last commit said, or it lost its newest records. */
static struct status check_counters(struct event_log *log)
{
    uint8_t memory[64];
    uint64_t events = 0, streams = 0;
    struct arena arena;
    struct bytes value;

    arena_init_within(&arena, sizeof memory, memory, sizeof memory);
    struct status status =
        engine_get(log->engine, FAMILY_META, bytes_of_text(COUNTERS_KEY), &arena, &value);
    bool damaged = status_ok(status) && value.data && !counters_decode(value, &events, &streams);
    arena_destroy(&arena);
    TRY(status);
    if (damaged || events != atomic_load(&log->end) || streams != atomic_load(&log->stream_count))
        return status_make(STATUS_DATA_LOSS,
                           "log: %llu events in %llu streams were committed, but %llu in %llu are "
                           "here",
                           (unsigned long long)events, (unsigned long long)streams,
                           (unsigned long long)atomic_load(&log->end),
                           (unsigned long long)atomic_load(&log->stream_count));
    return OK;
}

struct status recover(struct event_log *log)
{
    TRY(check_format(log->engine));
    TRY(check_rebuilt(log->engine));
    TRY(find_sealed(log));
    TRY(types_load(log->types, log->engine));
    TRY(retention_load(&log->retention, log->engine));
    TRY(engine_scan(log->engine, &(struct scan){.family = FAMILY_STREAMS, .backwards = true},
                    visit_last_stream, log));
    TRY(engine_scan(log->engine, &(struct scan){.family = FAMILY_LOG, .backwards = true},
                    visit_last_record, log));
    if (atomic_load(&log->end) > 0)
        TRY(walk_newest(log));
    TRY(check_counters(log));
    log_line(LOG_INFO, "store", "recovered", "events=%llu streams=%llu types=%llu",
             (unsigned long long)atomic_load(&log->end),
             (unsigned long long)atomic_load(&log->stream_count),
             (unsigned long long)types_count(log->types));
    return OK;
}
