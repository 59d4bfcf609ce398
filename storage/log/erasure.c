/* Erasing; erasure.h.
 *
 *   a stream:  mark it, with the notice  ->  destroy its key, note that
 *                                        ->  rewrite its records, batch by batch  ->  compact
 *   an event:  rewrite its record, with the notice                                ->  compact
 *
 * From the first commit to the last `meta` says that an erasure is under way. */
#include "storage/log/erasure.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/log.h"
#include "storage/log/append_plan.h"
#include "storage/log/event.h"
#include "storage/log/keys.h"
#include "storage/log/limits.h"
#include "storage/log/log_state.h"
#include "storage/log/log_walk.h"
#include "storage/log/read.h"
#include "storage/log/rewrite.h"
#include "storage/log/sealing.h"

enum {
    RETRY_US = 20 * 1000,
    RETRIES_MAX = 250, /* of a full queue */
    FRAME_GROWS_BY_MAX = 16,
    RECORD_MEMORY_MAX = 2 * APPEND_BYTES_MAX,
};

/* An erasure under way. */
struct work {
    struct event_log *log;
    struct erasure *erasure;   /* NULL: one that another process began */
    struct append *notice;     /* the same */
    struct stream_plan stream; /* @thread writer, in decide */
    uint64_t stream_number;
    uint64_t from, before; /* revisions */
    int64_t erased_us;
    uint64_t event_count;                   /* erased so far */
    uint64_t first_position, last_position; /* of the records that were rewritten */
};

static struct status no_such_stream(struct bytes stream)
{
    return status_make(STATUS_NOT_FOUND, "%.*s: no such stream",
                       stream.size < 200 ? (int)stream.size : 200, (const char *)stream.data);
}

/* --- records ---------------------------------------------------------------------------------- */

/* The frames of a span, without the payloads of the revisions that are erased. Their count is
 * added to *count. */
static struct bytes erase_frames(const struct work *work, const struct span *span,
                                 struct bytes frames, struct arena *arena, uint64_t *count)
{
    uint8_t *erased =
        arena_alloc_raw(arena, frames.size + (size_t)span->event_count * FRAME_GROWS_BY_MAX);
    uint8_t *at = erased;
    struct event event;

    while (erased && event_next(&frames, &event)) {
        if (event.revision >= work->from && event.revision < work->before && !event.erased_us) {
            at = event_put_erased(at, &event, work->erased_us);
            ++*count;
        } else {
            memcpy(at, event.frame.data, event.frame.size);
            at += event.frame.size;
        }
    }
    return (struct bytes){erased, (size_t)(at - erased)};
}

static bool is_concerned(const struct work *work, const struct span *span)
{
    return span->stream_number == work->stream_number && span->first_revision < work->before &&
           span->first_revision + span->event_count > work->from;
}

/* The files that may hold what these records once held have to be compacted. */
static void touch(struct work *work, const struct record *record)
{
    if (record->position < work->first_position)
        work->first_position = record->position;
    if (record_end(record) - 1 > work->last_position)
        work->last_position = record_end(record) - 1;
}

/* Adds what becomes of a record, unless it has nothing left to erase. */
static struct status erase_record(struct work *work, uint64_t position, struct rewrite *rewrite)
{
    struct arena *arena = &rewrite->arena;
    uint8_t key[POSITION_KEY_BYTES];
    struct record record;
    struct bytes stored;
    uint64_t count = 0;
    bool is_scavenged = false;

    TRY(engine_get(work->log->engine, FAMILY_LOG, position_key(key, position), arena, &stored));
    if (!stored.data)
        return status_make(STATUS_DATA_LOSS, "record at position %" PRIu64 ": missing", position);
    TRY(record_parse(stored, position, &record));
    struct draft_span *drafts = arena_alloc(arena, record.span_count * sizeof *drafts);
    for (uint32_t i = 0; drafts && i < record.span_count; i++) {
        drafts[i] = (struct draft_span){record_span(&record, i), record_span_frames(&record, i)};
        if (!is_concerned(work, &drafts[i].span))
            continue;
        is_scavenged |= drafts[i].span.is_scavenged; /* perhaps just now */
        if (drafts[i].span.is_scavenged)
            continue;
        drafts[i].frames = erase_frames(work, &drafts[i].span, drafts[i].frames, arena, &count);
        if (!drafts[i].frames.data)
            drafts = NULL;
    }
    if (!drafts)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "erasure: out of memory");
    if (count > 0 || is_scavenged)
        touch(work, &record);
    if (count == 0)
        return OK;
    rewrite_remove(rewrite, stored);
    rewrite_put(rewrite,
                record_encode(arena, position, record.created_us, drafts, record.span_count));
    work->event_count += count;
    return OK;
}

/* --- where they are -----------------------------------------------------------------------------
 */

struct places {
    uint64_t positions[ERASURE_BATCH_SPANS]; /* of the records */
    size_t count, count_max;
    size_t bytes;
    uint64_t next; /* revision behind the last one found */
    bool is_damaged;
};

static bool visit_place(void *context, struct bytes key, struct bytes value)
{
    struct places *places = context;
    struct place place;

    places->is_damaged = key.size != REVISION_KEY_BYTES || !place_decode(value, &place);
    if (places->is_damaged)
        return false;
    if (places->count == 0 || places->positions[places->count - 1] != place.record_position) {
        if (places->count == places->count_max || places->bytes >= ERASURE_BATCH_BYTES)
            return false;
        places->positions[places->count++] = place.record_position;
        places->bytes += place.record_bytes;
    }
    places->next = get_u64_big_endian(key.data + 8) + place.event_count;
    return true;
}

/* From a revision that begins a span on; or only the span that holds it. */
static struct status find_places(struct work *work, uint64_t revision, bool only_one,
                                 struct places *places)
{
    uint8_t from[REVISION_KEY_BYTES], to[REVISION_KEY_BYTES];
    struct scan scan = {.family = FAMILY_STREAMS, .backwards = only_one};

    *places =
        (struct places){.count_max = only_one ? 1 : ERASURE_BATCH_SPANS, .next = work->before};
    scan.from = revision_key(from, work->stream_number, only_one ? 0 : revision);
    scan.to = revision_key(to, work->stream_number, only_one ? revision + 1 : work->before);
    TRY(engine_scan(work->log->engine, &scan, visit_place, places));
    if (places->is_damaged)
        return status_make(STATUS_DATA_LOSS, "streams: damaged entry of stream %" PRIu64,
                           work->stream_number);
    return OK;
}

/* --- commits -------------------------------------------------------------------------------------
 */

typedef struct status decide_work(void *context, struct commit *commit);

/* One batch from a revision on; *next is where the next one begins. */
static struct status erase_batch(struct work *work, uint64_t revision, bool only_one,
                                 decide_work *decide, uint64_t *next)
{
    struct work before = *work;
    struct rewrite rewrite;
    struct places places;

    pthread_mutex_lock(&work->log->deriving);
    rewrite_init(&rewrite, work->log);
    struct status status = find_places(work, revision, only_one, &places);
    for (size_t i = 0; status_ok(status) && i < places.count; i++)
        status = erase_record(work, places.positions[i], &rewrite);
    if (status_ok(status) && (rewrite.entry_count > 0 || (decide && !only_one))) {
        rewrite.decide = decide;
        rewrite.context = work;
        status = rewrite_commit(&rewrite);
    }
    rewrite_destroy(&rewrite);
    pthread_mutex_unlock(&work->log->deriving);
    if (status_ok(status))
        *next = places.next;
    else
        *work = before;
    return status;
}

/* A commit without records. */
static struct status decide_alone(struct work *work, decide_work *decide)
{
    struct rewrite rewrite;

    rewrite_init(&rewrite, work->log);
    rewrite.decide = decide;
    rewrite.context = work;
    struct status status = rewrite_commit(&rewrite);
    rewrite_destroy(&rewrite);
    return status;
}

/* @thread writer */
static void put_mark(struct commit *commit)
{
    commit_put(commit, FAMILY_META, bytes_of_text(ERASING_KEY), bytes_of_text(""));
    commit->forgets_tail = true;
}

/* @thread writer */
static struct status decide_begin_stream(void *context, struct commit *commit)
{
    struct work *work = context;

    TRY(append_find_head(commit, work->erasure->stream, &work->stream));
    const struct head *head = work->stream.head;
    if (head->event_count == 0)
        return no_such_stream(work->erasure->stream);
    struct retained row = commit_retained(commit, head->number);
    work->stream_number = head->number;
    work->before = row.erased_before = head->event_count; /* before the notice adds to it */
    work->erased_us = row.erased_us = commit_time_us(commit);
    row.is_erasing = true;
    row.is_key_gone = false;
    TRY(append_decide(&work->notice->intent, commit));
    sealing_suspend(commit->log); /* nobody shall use a key that is about to go */
    commit_retain(commit, &row);
    put_mark(commit);
    return OK;
}

/* @thread writer */
static struct status decide_event(void *context, struct commit *commit)
{
    struct work *work = context;

    TRY(append_decide(&work->notice->intent, commit));
    put_mark(commit);
    return OK;
}

/* @thread writer */
static struct status decide_key_gone(void *context, struct commit *commit)
{
    const struct work *work = context;
    struct retained row = commit_retained(commit, work->stream_number);

    row.is_key_gone = true;
    commit_retain(commit, &row);
    return OK;
}

/* @thread writer */
static struct status decide_end(void *context, struct commit *commit)
{
    const struct work *work = context;

    if (work->stream_number) {
        struct retained row = commit_retained(commit, work->stream_number);
        row.is_erasing = false; /* the rest stays: some reader may still hold what was stored */
        commit_retain(commit, &row);
    }
    return OK;
}

/* @thread writer */
static struct status decide_mark_away(void *context, struct commit *commit)
{
    (void)context;
    commit_delete(commit, FAMILY_META, bytes_of_text(ERASING_KEY));
    return OK;
}

/* False: it makes no sense to try again. */
static bool may_retry(struct event_log *log, struct status status, int *tries)
{
    return status.code == STATUS_RESOURCE_EXHAUSTED && ++*tries <= RETRIES_MAX &&
           halt_wait_us(&log->erasing.halt, RETRY_US);
}

static struct status decide_with_patience(struct work *work, decide_work *decide)
{
    struct status status;
    int tries = 0;

    do
        status = decide_alone(work, decide);
    while (may_retry(work->log, status, &tries));
    return status;
}

/* --- the steps
 * ------------------------------------------------------------------------------------ */

static struct status erase_stream_records(struct work *work)
{
    uint64_t next = 0;
    int tries = 0;

    while (next < work->before) {
        struct status status = erase_batch(work, next, false, NULL, &next);
        if (!status_ok(status) && !may_retry(work->log, status, &tries))
            return status;
        if (!halt_wait_us(&work->log->erasing.halt, 0))
            return status_make(STATUS_UNAVAILABLE, "store: it is closing");
    }
    return decide_with_patience(work, decide_end);
}

/* The bytes leave the files; then nothing is left to be done. */
static struct status finish(struct work *work)
{
    static const struct bytes all = {0};
    uint8_t from[POSITION_KEY_BYTES], to[POSITION_KEY_BYTES];
    struct engine *engine = work->log->engine;

    if (work->last_position >= work->first_position) {
        TRY(engine_compact(engine, FAMILY_LOG, position_key(from, work->first_position),
                           position_key(to, work->last_position + 1)));
        TRY(engine_compact(engine, FAMILY_INDEX, all, all));
    }
    TRY(decide_with_patience(work, decide_mark_away));
    work->log->erasing.is_pending = false;
    return OK;
}

/* Noted before anybody can seal with a new one, so that who finishes does not destroy that. */
static struct status destroy_key(struct work *work, struct bytes stream)
{
    if (!work->log->options.keys)
        return OK;
    TRY(sealing_destroy_key(work->log, stream));
    return decide_with_patience(work, decide_key_gone);
}

/* What the first span of a stream says; of one that was scavenged only the name is left. */
static struct bytes name_in(const struct record *record, uint64_t stream_number)
{
    struct event event = {0};

    for (uint32_t i = 0; i < record->span_count; i++) {
        struct span span = record_span(record, i);
        struct bytes frames = record_span_frames(record, i);
        if (span.stream_number != stream_number || span.first_revision != 0)
            continue;
        if (span.is_scavenged)
            return frames;
        event_next(&frames, &event);
    }
    return event.stream;
}

/* The same for a stream of which only the number is known. */
static struct status destroy_key_by_number(struct work *work)
{
    struct bytes name = {0};
    struct places places;
    struct record record;
    struct arena arena;
    size_t record_bytes;
    bool found = false;

    arena_init(&arena, RECORD_MEMORY_MAX);
    pthread_mutex_lock(&work->log->deriving);
    struct status status = find_places(work, 0, true, &places);
    if (status_ok(status) && places.count > 0)
        status = log_find_record(work->log->engine, places.positions[0], &arena, &record,
                                 &record_bytes, &found);
    pthread_mutex_unlock(&work->log->deriving);
    if (found)
        name = name_in(&record, work->stream_number);
    if (status_ok(status))
        status = name.size > 0 ? destroy_key(work, name)
                               : status_make(STATUS_DATA_LOSS,
                                             "streams: stream %" PRIu64 " has no first record",
                                             work->stream_number);
    arena_destroy(&arena);
    return status;
}

/* What was begun and not finished, by whomever. */
static struct status finish_pending(struct event_log *log)
{
    for (;;) {
        struct retained row = retention_find_erasing(&log->retention);
        struct work work = {.log = log,
                            .stream_number = row.number,
                            .before = row.erased_before,
                            .erased_us = row.erased_us,
                            .first_position = UINT64_MAX};
        if (row.number == 0)
            break;
        if (!row.is_key_gone)
            TRY(destroy_key_by_number(&work));
        sealing_resume(log);
        TRY(erase_stream_records(&work));
    }
    sealing_resume(log);
    struct work work = {.log = log, .last_position = event_log_end(log)};
    return finish(&work);
}

static struct status erase_stream(struct work *work)
{
    work->stream.hash = hash_bytes(work->erasure->stream);
    TRY(append_warm(work->log, work->erasure->stream, &work->stream));
    TRY(decide_with_patience(work, decide_begin_stream));
    work->log->erasing.is_pending = true;
    TRY(destroy_key(work, work->erasure->stream));
    sealing_resume(work->log);
    TRY(erase_stream_records(work));
    return finish(work);
}

static struct status erase_event(struct work *work)
{
    const struct erasure *erasure = work->erasure;
    uint64_t count, next;
    struct status status;
    int tries = 0;

    TRY(stream_locate(work->log, erasure->stream, &work->stream_number, &count));
    if (count == 0)
        return no_such_stream(erasure->stream);
    if (erasure->revision >= count)
        return status_make(STATUS_NOT_FOUND, "revision: the newest one is %" PRIu64, count - 1);
    work->from = erasure->revision;
    work->before = erasure->revision + 1;
    work->erased_us = clock_wall_us(work->log->options.clock);
    do
        status = erase_batch(work, erasure->revision, true, decide_event, &next);
    while (may_retry(work->log, status, &tries));
    TRY(status);
    /* It may have been erased before, or scavenged. */
    work->log->erasing.is_pending = work->event_count > 0;
    return finish(work);
}

/* --- the notice
 * ------------------------------------------------------------------------------------- */

static struct status erase(struct event_log *log, struct erasure *erasure, struct arena *arena)
{
    char revision[24];
    struct metadata_entry facts[4] = {
        {bytes_of_text("stream"), erasure->stream},
        {bytes_of_text("reason"), erasure->reason},
    };
    struct new_event event = {
        .id = uuid_random(),
        .type = bytes_of_text(erasure->whole ? STREAM_ERASED : EVENT_ERASED),
        .metadata = facts,
        .metadata_count = 2,
    };
    struct stream_append stream = {.stream = bytes_of_text(ERASURES_STREAM),
                                   .expected = {.kind = EXPECT_ANY},
                                   .events = &event,
                                   .event_count = 1};
    struct append notice = {.streams = &stream, .stream_count = 1};
    struct work work = {
        .log = log, .erasure = erasure, .notice = &notice, .first_position = UINT64_MAX};

    if (erasure->by.size)
        facts[event.metadata_count++] = (struct metadata_entry){bytes_of_text("by"), erasure->by};
    if (!erasure->whole) {
        snprintf(revision, sizeof revision, "%" PRIu64, erasure->revision);
        facts[event.metadata_count++] =
            (struct metadata_entry){bytes_of_text("revision"), bytes_of_text(revision)};
    }
    TRY(append_prepare(log, &notice, arena, &notice.intent.bytes));
    if (log->erasing.is_pending)
        TRY(finish_pending(log));
    TRY(erasure->whole ? erase_stream(&work) : erase_event(&work));
    erasure->event_count = work.event_count;
    erasure->notice_position = notice.position;
    return OK;
}

struct status event_log_erase(struct event_log *log, struct erasure *erasure, struct arena *arena)
{
    if (erasure->stream.size == 0 || erasure->stream.size > STREAM_NAME_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "stream: 1 to %d bytes", STREAM_NAME_BYTES_MAX);
    if (erasure->reason.size == 0 || erasure->reason.size > METADATA_VALUE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "reason: 1 to %d bytes",
                           METADATA_VALUE_BYTES_MAX);
    if (erasure->by.size > METADATA_VALUE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "by: at most %d bytes",
                           METADATA_VALUE_BYTES_MAX);
    if (pthread_mutex_trylock(&log->erasing.one_at_a_time) != 0) {
        counter_add(&log->erasing.refused, 1);
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "erasure: another one is under way; one at a time");
    }
    struct status status = erase(log, erasure, arena);
    pthread_mutex_unlock(&log->erasing.one_at_a_time);
    return status;
}

/* --- across restarts
 * ---------------------------------------------------------------------------------- */

static void *run(void *argument)
{
    struct event_log *log = argument;
    struct status status = OK;

    pthread_mutex_lock(&log->erasing.one_at_a_time);
    if (log->erasing.is_pending)
        status = finish_pending(log);
    pthread_mutex_unlock(&log->erasing.one_at_a_time);
    if (status_ok(status))
        log_line(LOG_INFO, "erasure", "finished", "%s", "");
    else
        log_line(LOG_WARN, "erasure", "unfinished", "cause=\"%s\"", status.message);
    return NULL;
}

void erasing_init(struct erasing *erasing)
{
    pthread_mutex_init(&erasing->one_at_a_time, NULL);
    halt_init(&erasing->halt);
}

void erasing_destroy(struct erasing *erasing)
{
    halt_destroy(&erasing->halt);
    pthread_mutex_destroy(&erasing->one_at_a_time);
}

struct status erasing_start(struct event_log *log)
{
    uint8_t memory[64];
    struct arena arena;
    struct bytes value;

    arena_init_within(&arena, sizeof memory, memory, sizeof memory);
    struct status status =
        engine_get(log->engine, FAMILY_META, bytes_of_text(ERASING_KEY), &arena, &value);
    log->erasing.is_pending = status_ok(status) && value.data;
    arena_destroy(&arena);
    if (!log->erasing.is_pending)
        return status;
    if (atomic_load(&log->has_sealed) && !log->options.keys)
        return OK; /* a key may have to be destroyed: left to who has it */
    sealing_suspend(log);
    log->erasing.has_thread = pthread_create(&log->erasing.thread, NULL, run, log) == 0;
    return log->erasing.has_thread
               ? OK
               : status_make(STATUS_RESOURCE_EXHAUSTED, "erasure: cannot start its thread");
}

void erasing_stop(struct event_log *log)
{
    halt_call(&log->erasing.halt);
    if (log->erasing.has_thread)
        pthread_join(log->erasing.thread, NULL);
}
