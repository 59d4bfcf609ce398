/* Submitting an append and settling it, on the caller's thread. */
#include "storage/log/append.h"

#include <stdatomic.h>

#include "storage/log/append_plan.h"
#include "storage/log/limits.h"
#include "storage/log/log_state.h"
#include "storage/log/read.h"
#include "storage/log/sealing.h"

struct status append_warm(struct event_log *log, struct bytes name, struct stream_plan *stream)
{
    uint64_t number, count;

    if (heads_look(log->heads, stream->hash, name, &number, &count))
        return OK;
    stream->was_read = true;
    return head_read(log->engine, name, event_log_end(log), &stream->read);
}

struct status append_prepare(struct event_log *log, struct append *append, struct arena *arena,
                             size_t *bytes)
{
    struct append_plan *plan;

    TRY(append_plan_create(append, arena, &plan));
    plan->log = log;
    TRY(sealing_find_keys(log, append, plan, arena));
    TRY(append_plan_record(plan, arena));
    for (size_t i = 0; i < append->stream_count; i++)
        TRY(append_warm(log, append->streams[i].stream, &plan->streams[i]));
    for (size_t i = 0; i < append->check_count; i++)
        TRY(append_warm(log, append->checks[i].stream, &plan->checks[i]));
    if (append->condition.query)
        TRY(condition_prepare(log, plan));
    append->plan = plan;
    append->replayed = append->matched = false;
    *bytes = plan->stored_size;
    return OK;
}

struct status append_submit(struct event_log *log, struct append *append, struct arena *arena)
{
    TRY(append_prepare(log, append, arena, &append->intent.bytes));
    append->intent.decide = append_decide;
    return event_log_submit(log, &append->intent);
}

/* --- settling ------------------------------------------------------------------
 * An append that was refused may have been stored before: then its events stand
 * in their streams, and events never change, so reading them races with nobody. */

/* Whether `count` events from `revision` on have these ids; *position of the last. */
static struct status ids_match(struct event_log *log, uint64_t stream_number, uint64_t revision,
                               const struct uuid *ids, size_t count, bool *match,
                               uint64_t *position)
{
    *match = false;
    for (size_t i = 0; i < count;) {
        struct read read = {.from = revision + i,
                            .events_max = count - i < PAGE_EVENTS_MAX ? count - i : PAGE_EVENTS_MAX,
                            .bytes_max = PAGE_BYTES_MAX};
        struct page page;
        struct event event;
        struct status status = event_log_read_stream(log, stream_number, &read, &page);
        struct bytes frames = buffer_bytes(&page.frames);
        bool differs = !status_ok(status) || page.event_count == 0;

        while (!differs && event_next(&frames, &event)) {
            uint8_t text[UUID_TEXT_BYTES];
            uuid_format(&ids[i++], text);
            differs = !bytes_equal(event.id, bytes_of(text, sizeof text));
            *position = event.position;
        }
        if (!differs && frames.size > 0) {
            status =
                status_make(STATUS_DATA_LOSS, "stream %llu revision %llu: damaged event",
                            (unsigned long long)stream_number, (unsigned long long)(revision + i));
            differs = true;
        }
        buffer_destroy(&page.frames);
        if (differs)
            return status;
    }
    *match = true;
    return OK;
}

/* The revision of the event at a position. Not known: it was scavenged. */
static struct status revision_at(struct event_log *log, uint64_t position, bool *known,
                                 uint64_t *revision)
{
    struct read read = {.from = position, .events_max = 1, .bytes_max = 1};
    struct event event = {0};
    struct page page;
    struct status status = event_log_read_all(log, &read, &page);

    if (status_ok(status)) {
        struct bytes frames = buffer_bytes(&page.frames);
        *known = event_next(&frames, &event) && event.position == position;
        *revision = event.revision;
    }
    buffer_destroy(&page.frames);
    return status;
}

/* Where the events of one stream of `number` would stand, had they been stored before. */
static struct status find_base(struct event_log *log, const struct stream_append *stream,
                               const struct stream_plan *plan, uint64_t number, bool *known,
                               uint64_t *base)
{
    struct retained row = retention_of(&log->retention, number);

    *known = true;
    if (plan->found)
        return revision_at(log, plan->found_position, known, base);
    if (stream->expected.kind == EXPECT_NO_STREAM)
        /* At its beginning, or where it went on after it was deleted. */
        *base = row.is_deleted ? row.first_revision : 0;
    else if (stream->expected.kind == EXPECT_REVISION && stream->expected.revision != UINT64_MAX)
        *base = stream->expected.revision + 1;
    else
        *known = false;
    return OK;
}

/* Whether the whole append was stored before; fills in the first answer. What retention
 * hides counts: it was stored. */
static struct status find_first_answer(struct event_log *log, struct append *append, bool *found)
{
    const struct uuid *ids = append->plan->ids;

    *found = false;
    for (size_t i = 0; i < append->stream_count; i++) {
        struct stream_append *stream = &append->streams[i];
        uint64_t number, count, base = 0;
        bool known, match;

        TRY(stream_locate(log, stream->stream, &number, &count));
        if (count == 0)
            return OK;
        TRY(find_base(log, stream, &append->plan->streams[i], number, &known, &base));
        if (!known || base >= count || count - base < stream->event_count)
            return OK;
        TRY(ids_match(log, number, base, ids, stream->event_count, &match, &append->position));
        if (!match)
            return OK;
        stream->first_revision = base;
        stream->last_revision = base + stream->event_count - 1;
        ids += stream->event_count;
    }
    *found = true;
    return OK;
}

struct status append_settle(struct event_log *log, struct append *append, struct arena *arena)
{
    enum status_code code = append->intent.status.code;
    bool found;

    (void)arena;
    if (code != STATUS_ABORTED && code != STATUS_ALREADY_EXISTS)
        return append->intent.status;
    struct status status = find_first_answer(log, append, &found);
    if (!status_ok(status))
        return append->intent.status = status;
    if (found) {
        append->replayed = true;
        append->intent.status = OK;
    }
    return append->intent.status;
}
