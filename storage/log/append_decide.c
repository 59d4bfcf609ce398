/* Deciding an append. @thread writer, all of it: check everything, then add. */
#include <assert.h>
#include <stdio.h>

#include "base/hash.h"
#include "storage/log/append_plan.h"
#include "storage/log/event_wire.h"
#include "storage/log/ids.h"
#include "storage/log/keys.h"
#include "storage/log/limits.h"
#include "storage/log/log_state.h"
#include "storage/log/read.h"
#include "storage/log/record.h"
#include "storage/log/sealing.h"

struct status append_find_head(struct commit *commit, struct bytes name, struct stream_plan *stream)
{
    struct event_log *log = commit->log;

    stream->head = heads_find(log->heads, stream->hash, name);
    if (!stream->head) {
        /* Forgotten since it was looked at, or read too long ago: read it now. */
        if (!stream->was_read || !heads_trust(log->heads, &stream->read))
            TRY(head_read(log->engine, name, event_log_end(log), &stream->read));
        stream->head = heads_add(log->heads, stream->hash, name, &stream->read, commit->group);
        if (!stream->head)
            return status_make(STATUS_RESOURCE_EXHAUSTED, "stream heads: out of memory");
    }
    stream->head->touched_in = commit->group; /* stays while the group needs it */
    return OK;
}

/* Deleted events leave their revisions behind, so a stream may have a revision and
 * not exist. */
static bool holds(const struct expectation *expected, uint64_t event_count, bool exists)
{
    switch (expected->kind) {
    case EXPECT_ANY:
        return true;
    case EXPECT_NO_STREAM:
        return !exists;
    case EXPECT_STREAM_EXISTS:
        return exists;
    case EXPECT_REVISION:
        return event_count > 0 && event_count - 1 == expected->revision;
    }
    assert(false);
    return false;
}

static struct status refuse(struct bytes stream, const struct expectation *expected,
                            const struct conflict *conflict)
{
    static const char *const kinds[] = {"any", "no stream", "an existing stream"};
    char wanted[48], actual[48];
    int shown = stream.size < 100 ? (int)stream.size : 100;

    if (expected->kind == EXPECT_REVISION)
        snprintf(wanted, sizeof wanted, "revision %llu", (unsigned long long)expected->revision);
    else
        snprintf(wanted, sizeof wanted, "%s", kinds[expected->kind]);
    if (conflict->exists)
        snprintf(actual, sizeof actual, "it is at revision %llu",
                 (unsigned long long)conflict->actual_revision);
    else
        snprintf(actual, sizeof actual, "it does not exist");
    return status_make(STATUS_ABORTED, "%.*s: expected %s, but %s", shown,
                       (const char *)stream.data, wanted, actual);
}

/* Has events that are to be seen. */
static bool exists(struct commit *commit, const struct head *head)
{
    uint64_t first = head->number ? commit_retained(commit, head->number).first_revision : 0;

    return head->event_count > first;
}

struct status append_check_expected(struct commit *commit, struct bytes stream,
                                    const struct expectation *expected, const struct head *head,
                                    struct conflict *conflict)
{
    bool seen = exists(commit, head);

    if (holds(expected, head->event_count, seen))
        return OK;
    *conflict = (struct conflict){
        .stream = stream,
        .expected = *expected,
        .exists = seen,
        .actual_revision = seen ? head->event_count - 1 : 0,
    };
    return refuse(stream, expected, conflict);
}

struct status append_refuse_tombstoned(struct bytes stream)
{
    return status_make(STATUS_FAILED_PRECONDITION, "%.*s: it has a tombstone, for ever",
                       stream.size < 100 ? (int)stream.size : 100, (const char *)stream.data);
}

/* Whether the ids of its events are looked up: without an exact revision, only they tell that an
 * append is repeated. A deleted stream does not exist, but what was appended to it was. */
static bool is_told_by_ids(const struct stream_append *stream, const struct head *head)
{
    switch (stream->expected.kind) {
    case EXPECT_ANY:
    case EXPECT_STREAM_EXISTS:
        return true;
    case EXPECT_NO_STREAM:
        return head->event_count > 0;
    case EXPECT_REVISION:
        return false;
    }
    assert(false);
    return false;
}

static struct status check_ids(struct commit *commit, const struct append_plan *plan)
{
    const struct append *append = plan->append;
    const uint64_t *fingerprint = plan->fingerprints;
    bool any = false;

    for (size_t i = 0; i < append->stream_count; i++) {
        const struct stream_append *appended = &append->streams[i];
        struct stream_plan *stream = &plan->streams[i];
        bool told_by_ids = is_told_by_ids(appended, stream->head);
        for (size_t j = 0; j < appended->event_count; j++, fingerprint++) {
            uint64_t position;
            if (!told_by_ids || !ids_find(commit->log->ids, *fingerprint, &position))
                continue;
            /* Where the expectation fails anyway, that is the better answer. */
            any =
                any || appended->expected.kind != EXPECT_NO_STREAM || !exists(commit, stream->head);
            if (j == 0) {
                stream->found = true;
                stream->found_position = position;
            }
        }
    }
    if (any)
        return status_make(STATUS_ALREADY_EXISTS,
                           "events: an id was appended before, but not this append as a whole");
    return OK;
}

static struct status check_expectations(struct commit *commit, struct append *append)
{
    const struct append_plan *plan = append->plan;

    for (size_t i = 0; i < append->stream_count; i++) {
        const struct head *head = plan->streams[i].head;
        if (head->number && commit_retained(commit, head->number).tombstoned)
            return append_refuse_tombstoned(append->streams[i].stream);
        TRY(append_check_expected(commit, append->streams[i].stream, &append->streams[i].expected,
                                  head, &append->conflict));
    }
    for (size_t i = 0; i < append->check_count; i++)
        TRY(append_check_expected(commit, append->checks[i].stream, &append->checks[i].expected,
                                  plan->checks[i].head, &append->conflict));
    return OK;
}

static struct status check_types(const struct commit *commit, const struct append_plan *plan)
{
    const struct types *types = commit->log->types;

    if (types_count(types) + plan->event_count <= EVENT_TYPES_MAX)
        return OK; /* even if all were new */
    for (size_t i = 0; i < plan->event_count; i++)
        if (!types_has(types, plan->type_hashes[i])) {
            counter_add_alone(&commit->log->sequencer.counts.types_full, 1);
            return status_make(STATUS_RESOURCE_EXHAUSTED,
                               "events.type: the store holds %d different types already",
                               EVENT_TYPES_MAX);
        }
    return OK;
}

/* --- adding ------------------------------------------------------------------ */

static void put_number(struct commit *commit, enum family family, struct bytes key, uint64_t number)
{
    uint8_t *value = arena_alloc_raw(commit_arena(commit), NUMBER_BYTES);

    commit_put(commit, family, key, value ? number_encode(value, number) : (struct bytes){0});
}

static void add_types(struct commit *commit, const struct append_plan *plan)
{
    struct types *types = commit->log->types;
    const uint64_t *hash = plan->type_hashes;

    for (size_t i = 0; i < plan->append->stream_count; i++)
        for (size_t j = 0; j < plan->append->streams[i].event_count; j++, hash++) {
            if (types_has(types, *hash))
                continue;
            uint64_t number = types_count(types);
            if (types_add(types, *hash))
                put_number(commit, FAMILY_TYPES, plan->append->streams[i].events[j].type, number);
            else
                commit->short_of_memory = true;
        }
}

static void add_tags(struct commit *commit, struct append_plan *plan)
{
    for (size_t i = 0; i < plan->tag_count; i++) {
        struct tag_plan *tag = &plan->tags[i];
        uint8_t *position = (uint8_t *)tag->key.data + tag->key.size - 8;
        put_u64_big_endian(position, commit->end + tag->event);
        commit_put(commit, FAMILY_INDEX, tag->key, bytes_of(tag->value, sizeof tag->value));
    }
}

/* For the conditions of later appends. */
static void note_recent(struct event_log *log, const struct append_plan *plan, uint64_t end)
{
    for (size_t i = 0; i < plan->event_count; i++)
        recent_note(&log->recent_types, plan->type_hashes[i], end);
    for (size_t i = 0; i < plan->tag_count; i++)
        recent_note(&log->recent_tags, plan->tags[i].hash, end);
}

static void add_place(struct commit *commit, const struct head *head, const struct place *place)
{
    uint8_t *key = arena_alloc_raw(commit_arena(commit), REVISION_KEY_BYTES);
    uint8_t *value = arena_alloc_raw(commit_arena(commit), PLACE_BYTES);

    if (key && value)
        commit_put(commit, FAMILY_STREAMS, revision_key(key, head->number, head->event_count),
                   place_encode(value, place));
    else
        commit->short_of_memory = true;
}

/* So that categories can be listed. Known ones are written again with each of
 * their new streams, which is cheaper than asking. */
static void name_category(struct commit *commit, struct bytes stream)
{
    struct bytes category = category_of(stream);
    uint8_t *key = arena_alloc_raw(commit_arena(commit), 1 + category.size);

    if (!key) {
        commit->short_of_memory = true;
        return;
    }
    key[0] = INDEX_KIND_CATEGORY_NAME;
    memcpy(key + 1, category.data, category.size);
    commit_put(commit, FAMILY_INDEX, (struct bytes){key, 1 + category.size}, bytes_of_text(""));
}

/* Advances a stream by its events, naming it first if it is new. */
static void add_stream(struct commit *commit, struct append_plan *plan, size_t index,
                       uint32_t first_event)
{
    struct stream_append *stream = &plan->append->streams[index];
    struct head *head = plan->streams[index].head;

    if (head->number == 0) {
        head->number = ++commit->stream_count;
        put_number(commit, FAMILY_NAMES, stream->stream, head->number);
        name_category(commit, stream->stream);
    }
    add_place(commit, head,
              &(struct place){.record_position = commit->end,
                              .record_bytes = (uint32_t)plan->stored_size,
                              .first_event = first_event,
                              .event_count = (uint32_t)stream->event_count,
                              .span = (uint32_t)index});
    stream->first_revision = head->event_count;
    head->event_count += stream->event_count;
    head->changed_end = commit->end + plan->event_count;
    stream->last_revision = head->event_count - 1;
    commit_touch(commit, head);
}

/* Fills in what append_plan_create left open. */
static void complete_record(const struct commit *commit, const struct append_plan *plan)
{
    const struct append *append = plan->append;
    uint8_t *span = plan->stored + RECORD_HEADER_BYTES;
    struct bytes frames = {span + append->stream_count * RECORD_SPAN_BYTES, 0};
    uint64_t position = commit->end;
    struct bytes frame;

    frames.size = plan->stored_size - (size_t)(frames.data - plan->stored);
    put_u64_little_endian(plan->stored + 16, position);
    put_u64_little_endian(plan->stored + 24, (uint64_t)commit->time_us);
    for (size_t i = 0; i < append->stream_count; i++, span += RECORD_SPAN_BYTES) {
        uint64_t revision = append->streams[i].first_revision;
        put_u64_little_endian(span, plan->streams[i].head->number);
        put_u64_little_endian(span + 8, revision);
        for (size_t j = 0; j < append->streams[i].event_count; j++) {
            if (!event_frame_next(&frames, &frame))
                assert(false);
            event_fill((uint8_t *)frame.data + frame.size, revision++, position++, commit->time_us);
        }
    }
    put_u64_little_endian(plan->stored,
                          checksum_bytes((struct bytes){plan->stored + 8, plan->stored_size - 8}));
}

static void add_record(struct commit *commit, struct append_plan *plan)
{
    struct append *append = plan->append;
    uint32_t first_event = 0;

    add_types(commit, plan);
    for (size_t i = 0; i < append->stream_count; i++) {
        add_stream(commit, plan, i, first_event);
        first_event += (uint32_t)append->streams[i].event_count;
    }
    add_tags(commit, plan);
    complete_record(commit, plan);
    note_recent(commit->log, plan, commit->end + plan->event_count);
    for (size_t i = 0; i < plan->event_count; i++)
        ids_add(commit->log->ids, plan->fingerprints[i], commit->end + i);
    commit_record(commit, (struct bytes){plan->stored, plan->stored_size}, plan->stream_hashes,
                  (uint32_t)plan->event_count);
    append->position = commit->end - 1;
}

static struct status find_heads(struct commit *commit, const struct append *append)
{
    struct append_plan *plan = append->plan;

    for (size_t i = 0; i < append->stream_count; i++)
        TRY(append_find_head(commit, append->streams[i].stream, &plan->streams[i]));
    for (size_t i = 0; i < append->check_count; i++)
        TRY(append_find_head(commit, append->checks[i].stream, &plan->checks[i]));
    return OK;
}

struct status append_check(struct commit *commit, struct append *append)
{
    struct append_plan *plan = append->plan;

    TRY(find_heads(commit, append));
    TRY(check_ids(commit, plan));
    TRY(check_expectations(commit, append));
    if (append->condition.query)
        TRY(condition_decide(commit, plan));
    TRY(check_types(commit, plan));
    return sealing_check(commit->log, plan);
}

void append_add(struct commit *commit, struct append *append)
{
    add_record(commit, append->plan);
}

void append_now(struct commit *commit, struct append *append)
{
    struct status status = append_plan_encode(append, commit_arena(commit), &append->plan);

    if (status_ok(status))
        status = find_heads(commit, append);
    if (status_ok(status))
        add_record(commit, append->plan);
    else
        commit_fail(commit, status);
}

struct status append_decide(struct intent *intent, struct commit *commit)
{
    struct append *append = container_of(intent, struct append, intent);

    TRY(append_check(commit, append));
    append_add(commit, append);
    return OK;
}
