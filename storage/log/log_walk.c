#include "storage/log/log_walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "storage/log/event.h"
#include "storage/log/keys.h"

enum { WHAT_BYTES = 256, STREAMS_MIN = 1024 };

typedef unsigned long long number; /* for printing */

__attribute__((format(printf, 2, 3))) static void found(struct log_walk *walk, const char *format,
                                                        ...)
{
    char what[WHAT_BYTES];
    va_list arguments;

    walk->damaged = true;
    if (walk->repeats)
        return; /* the first walk told */
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    walk->found(walk->context, what);
}

/* Of the streams this walk follows. NULL: not one of them, or out of memory. */
static struct walked_stream *walked_stream(struct log_walk *walk, uint64_t stream_number)
{
    uint64_t index = stream_number - walk->first_number;

    if (stream_number < walk->first_number || index >= walk->streams_max)
        return NULL;
    if (index >= walk->stream_capacity) {
        size_t capacity = walk->stream_capacity ? walk->stream_capacity : STREAMS_MIN;
        while (capacity <= index)
            capacity *= 2;
        struct walked_stream *streams = realloc(walk->streams, capacity * sizeof *streams);
        if (!streams) {
            walk->status = status_make(STATUS_RESOURCE_EXHAUSTED, "streams: out of memory");
            return NULL;
        }
        memset(streams + walk->stream_capacity, 0,
               (capacity - walk->stream_capacity) * sizeof *streams);
        walk->streams = streams;
        walk->stream_capacity = capacity;
    }
    return &walk->streams[index];
}

/* Where something is missing before, a stream may well begin or go on later than known. No
 * `name`: the span does not tell it. */
static void follow_stream(struct log_walk *walk, const struct span *span, struct bytes name,
                          uint64_t position)
{
    bool was_damaged = walk->damaged;
    struct walked_stream *stream = walked_stream(walk, span->stream_number);

    if (!stream)
        return;
    bool is_new = stream->next_revision == 0;
    uint64_t name_hash = name.size ? hash_bytes(name) : stream->name_hash;
    bool repeats = walk->repeats;
    walk->repeats = false; /* this is told by the walk that follows the stream */
    if (span->first_revision != stream->next_revision &&
        !(was_damaged && span->first_revision > stream->next_revision))
        found(walk, "record at position %llu: stream %llu goes on at revision %llu, not %llu",
              (number)position, (number)span->stream_number, (number)span->first_revision,
              (number)stream->next_revision);
    if (!is_new && name_hash != stream->name_hash)
        found(walk, "record at position %llu: stream %llu has another name than before",
              (number)position, (number)span->stream_number);
    walk->repeats = repeats;
    stream->next_revision = span->first_revision + span->event_count;
    stream->name_hash = name_hash;
}

static void check_number(struct log_walk *walk, const struct span *span, uint64_t position)
{
    uint64_t number_max = walk->stream_count + 1;

    if (walk->repeats)
        return;
    if (span->stream_number == 0 || (span->stream_number > number_max && !walk->damaged))
        found(walk, "record at position %llu: stream number %llu, at most %llu is known",
              (number)position, (number)span->stream_number, (number)number_max);
    if (span->stream_number > walk->stream_count)
        walk->stream_count = span->stream_number;
}

/* The events say the same as their record. False: they do not, or are no events. */
static bool has_sound_events(const struct record *record)
{
    const uint8_t *at = record->frames.data;
    uint64_t position = record->position;
    struct event event, first = {0};

    for (uint32_t i = 0; i < record->span_count; i++) {
        struct span span = record_span(record, i);
        struct bytes frames = {at, span.frame_bytes};
        at += span.frame_bytes;
        if (span.is_scavenged) {
            position += span.event_count;
            continue;
        }
        for (uint32_t j = 0; j < span.event_count; j++) {
            if (!event_next(&frames, &event))
                return false;
            if (j == 0)
                first = event;
            if (event.position != position++ || event.revision != span.first_revision + j ||
                event.created_us != record->created_us || event.stream.size == 0 ||
                !bytes_equal(event.stream, first.stream))
                return false;
        }
    }
    return true;
}

static void follow_streams(struct log_walk *walk, const struct record *record)
{
    for (uint32_t i = 0; i < record->span_count; i++) {
        struct span span = record_span(record, i);
        struct bytes frames = record_span_frames(record, i);
        struct event event;
        check_number(walk, &span, record->position);
        if (span.is_scavenged)
            follow_stream(walk, &span, frames, record->position);
        else if (event_next(&frames, &event))
            follow_stream(walk, &span, event.stream, record->position);
    }
}

static void check_order(struct log_walk *walk, const struct record *record)
{
    if (walk->end_known && record->position > walk->end)
        found(walk, "positions %llu to %llu are missing", (number)walk->end,
              (number)record->position - 1);
    else if (record->position < walk->end)
        found(walk, "record at position %llu begins inside the one before",
              (number)record->position);
    if (record->created_us < walk->created_us)
        found(walk, "record at position %llu: older than the one before", (number)record->position);
    walk->created_us = record->created_us;
}

static bool visit_record(void *context, struct bytes key, struct bytes value)
{
    struct log_walk *walk = context;
    struct record record;
    struct status status;

    if (key.size != POSITION_KEY_BYTES) {
        found(walk, "a key of %zu bytes", key.size);
        return true;
    }
    uint64_t position = get_u64_big_endian(key.data);
    status = record_parse(value, position, &record);
    if (!status_ok(status))
        found(walk, "%s", status.message);
    else if (!has_sound_events(&record)) {
        found(walk, "record at position %llu: its events are damaged", (number)position);
        status.code = STATUS_DATA_LOSS;
    }
    if (!status_ok(status)) {
        walk->end = position + 1; /* or later */
        walk->end_known = false;
        return true;
    }
    check_order(walk, &record);
    if (!walk->records_only)
        follow_streams(walk, &record);
    walk->end = record_end(&record);
    walk->end_known = true;
    if (!walk->repeats && walk->visit && !walk->visit(walk->context, &record, value.size))
        walk->ended = true;
    if (walk->progress)
        walk->progress(walk->context, walk->end);
    return status_ok(walk->status) && !walk->ended;
}

static struct status walk_once(struct log_walk *walk)
{
    walk->end = 0;
    walk->end_known = true;
    walk->created_us = INT64_MIN;
    walk->damaged &= walk->repeats; /* the first walk begins undamaged */
    TRY(engine_scan(walk->engine, &(struct scan){.family = FAMILY_LOG, .bulk = true}, visit_record,
                    walk));
    return walk->status;
}

struct status log_walk(struct log_walk *walk)
{
    struct status status;

    if (walk->streams_max == 0)
        walk->streams_max = WALK_STREAMS_MAX;
    walk->status = OK;
    walk->first_number = 1;
    walk->repeats = false;
    do {
        status = walk_once(walk);
        walk->repeats = true;
        walk->first_number += walk->streams_max;
        if (walk->streams)
            memset(walk->streams, 0, walk->stream_capacity * sizeof *walk->streams);
    } while (status_ok(status) && !walk->ended && !walk->records_only &&
             walk->first_number <= walk->stream_count);
    free(walk->streams);
    walk->streams = NULL;
    walk->stream_capacity = 0;
    return status;
}

/* --- by lookup ------------------------------------------------------------------- */

struct finding {
    struct arena *arena;
    uint64_t position; /* the record's key */
    struct bytes stored;
    bool found;
};

static bool visit_one(void *context, struct bytes key, struct bytes value)
{
    struct finding *finding = context;

    if (key.size != POSITION_KEY_BYTES)
        return false;
    finding->found = true;
    finding->position = get_u64_big_endian(key.data);
    finding->stored = arena_copy(finding->arena, value);
    return false;
}

struct status log_find_record(struct engine *engine, uint64_t position, struct arena *arena,
                              struct record *record, size_t *record_bytes, bool *is_found)
{
    struct finding finding = {.arena = arena};
    uint8_t to[POSITION_KEY_BYTES + 1] = {0}; /* the first key behind the position's */

    put_u64_big_endian(to, position);
    *is_found = false;
    TRY(engine_scan(
        engine,
        &(struct scan){.family = FAMILY_LOG, .to = bytes_of(to, sizeof to), .backwards = true},
        visit_one, &finding));
    if (finding.found && !finding.stored.data)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "log: out of memory");
    *is_found = finding.found &&
                status_ok(record_parse(finding.stored, finding.position, record)) &&
                has_sound_events(record) && position < record_end(record);
    *record_bytes = finding.stored.size;
    return OK;
}
