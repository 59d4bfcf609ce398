#include "tests/crash/oracle.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum {
    ID_BYTES = 37,
    NAME_BYTES = 32,
    DATA_BYTES_MAX = 400,
    STREAMS_MAX = 1 << 20,
};

/* An event as its position holds it. */
struct place {
    uint32_t number;
    uint32_t index;
};

struct oracle {
    uint32_t seed;

    struct attempt *attempts;
    uint32_t attempt_count;
    uint32_t attempt_capacity;

    uint64_t *stream_next; /* by stream: revisions counted in the read underway */
    uint64_t *heads;       /* by stream: events known of */

    struct place *seen_live; /* by position: what a subscriber was given */
    uint64_t live_count;
    uint64_t live_capacity;

    uint64_t next_position; /* of the read underway */
    int64_t created_us;     /* of the event before */
};

static void *grow(void *memory, size_t count, size_t size)
{
    void *grown = realloc(memory, count * size);

    assert(grown);
    return grown;
}

struct oracle *oracle_create(uint32_t seed)
{
    struct oracle *oracle = calloc(1, sizeof *oracle);

    assert(oracle);
    oracle->seed = seed;
    oracle->stream_next = calloc(STREAMS_MAX, sizeof *oracle->stream_next);
    oracle->heads = calloc(STREAMS_MAX, sizeof *oracle->heads);
    assert(oracle->stream_next && oracle->heads);
    return oracle;
}

void oracle_free(struct oracle *oracle)
{
    free(oracle->attempts);
    free(oracle->stream_next);
    free(oracle->heads);
    free(oracle->seen_live);
    free(oracle);
}

uint32_t oracle_intend(struct oracle *oracle, const struct part *parts, uint32_t part_count)
{
    assert(part_count >= 1 && part_count <= PARTS_MAX);
    if (oracle->attempt_count == oracle->attempt_capacity) {
        oracle->attempt_capacity = oracle->attempt_capacity ? oracle->attempt_capacity * 2 : 1024;
        oracle->attempts =
            grow(oracle->attempts, oracle->attempt_capacity, sizeof *oracle->attempts);
    }
    struct attempt *attempt = &oracle->attempts[oracle->attempt_count];
    *attempt = (struct attempt){.outcome = UNDERWAY, .part_count = part_count};
    for (uint32_t i = 0; i < part_count; i++) {
        assert(parts[i].events >= 1 && parts[i].events <= PART_EVENTS_MAX);
        assert(parts[i].stream < STREAMS_MAX);
        attempt->parts[i] = parts[i];
    }
    return oracle->attempt_count++;
}

uint32_t oracle_count(const struct oracle *oracle)
{
    return oracle->attempt_count;
}

const struct attempt *oracle_attempt(const struct oracle *oracle, uint32_t number)
{
    assert(number < oracle->attempt_count);
    return &oracle->attempts[number];
}

static struct attempt *attempt_of(struct oracle *oracle, uint32_t number)
{
    assert(number < oracle->attempt_count);
    return &oracle->attempts[number];
}

static uint32_t event_count(const struct attempt *attempt)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < attempt->part_count; i++)
        count += attempt->parts[i].events;
    return count;
}

/* --- an event's content ----------------------------------------------------------- */

static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u; /* splitmix64 */
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

static size_t content(const struct oracle *oracle, struct place place, uint8_t data[DATA_BYTES_MAX])
{
    uint64_t state = mix((uint64_t)oracle->seed << 32 ^ (uint64_t)place.number << 8 ^ place.index);
    size_t size = state % (DATA_BYTES_MAX + 1);

    for (size_t i = 0; i < size; i++) {
        if (i % 8 == 0)
            state = mix(state + 0x9e3779b97f4a7c15u);
        data[i] = (uint8_t)(state >> i % 8 * 8);
    }
    return size;
}

static void event_id(const struct oracle *oracle, struct place place, char id[ID_BYTES])
{
    snprintf(id, ID_BYTES, "%08" PRIx32 "-%04" PRIx32 "-4000-8000-%012" PRIx32, oracle->seed,
             place.index, place.number);
}

static bool parse_id(const struct oracle *oracle, const char *id, struct place *place)
{
    char again[ID_BYTES];

    if (strlen(id) != ID_BYTES - 1)
        return false;
    place->index = (uint32_t)strtoul(id + 9, NULL, 16);
    place->number = (uint32_t)strtoul(id + 24, NULL, 16);
    event_id(oracle, *place, again);
    return strcmp(id, again) == 0 && place->number < oracle->attempt_count;
}

static void stream_name(uint32_t stream, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "crash-%" PRIu32, stream);
}

static void *take(struct arena *arena, size_t size)
{
    void *memory = arena_alloc(arena, size);

    assert(memory);
    return memory;
}

static Sagabase__V1__ProposedEvent *propose(const struct oracle *oracle, struct place place,
                                            struct arena *arena)
{
    Sagabase__V1__ProposedEvent *event = take(arena, sizeof *event);

    sagabase__v1__proposed_event__init(event);
    event->id = take(arena, ID_BYTES);
    event_id(oracle, place, event->id);
    event->type = place.index % 2 ? "Odd" : "Even";
    event->content_type = "application/octet-stream";
    event->data.data = take(arena, DATA_BYTES_MAX);
    event->data.len = content(oracle, place, event->data.data);
    return event;
}

static Sagabase__V1__StreamAppend *propose_part(const struct oracle *oracle, uint32_t number,
                                                const struct part *part, uint32_t first_index,
                                                struct arena *arena)
{
    Sagabase__V1__StreamAppend *append = take(arena, sizeof *append);

    sagabase__v1__stream_append__init(append);
    append->stream = take(arena, NAME_BYTES);
    stream_name(part->stream, append->stream);
    if (part->expectation == EXPECT_REVISION) {
        append->expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_REVISION;
        append->revision = part->revision;
    } else {
        append->expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE;
        append->state = part->expectation == EXPECT_ANY
                            ? SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY
                        : part->expectation == EXPECT_EXISTS
                            ? SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS
                            : SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM;
    }
    append->n_events = part->events;
    append->events = take(arena, part->events * sizeof *append->events);
    for (uint32_t i = 0; i < part->events; i++)
        append->events[i] = propose(oracle, (struct place){number, first_index + i}, arena);
    return append;
}

Sagabase__V1__AppendRequest *oracle_request(const struct oracle *oracle, uint32_t number,
                                            struct arena *arena)
{
    const struct attempt *attempt = oracle_attempt(oracle, number);
    Sagabase__V1__AppendRequest *request = take(arena, sizeof *request);
    uint32_t index = 0;

    sagabase__v1__append_request__init(request);
    request->n_appends = attempt->part_count;
    request->appends = take(arena, attempt->part_count * sizeof *request->appends);
    for (uint32_t i = 0; i < attempt->part_count; i++) {
        request->appends[i] = propose_part(oracle, number, &attempt->parts[i], index, arena);
        index += attempt->parts[i].events;
    }
    return request;
}

/* --- answers ------------------------------------------------------------------------- */

static struct status wrong(const char *what, uint32_t number, uint64_t is, uint64_t should)
{
    return status_make(STATUS_DATA_LOSS, "append %" PRIu32 ": %s is %" PRIu64 ", not %" PRIu64,
                       number, what, is, should);
}

static void raise_head(struct oracle *oracle, const struct part *part)
{
    uint64_t events = part->first_revision + part->events;

    if (oracle->heads[part->stream] < events)
        oracle->heads[part->stream] = events;
}

struct status oracle_stored(struct oracle *oracle, uint32_t number, uint64_t position,
                            const uint64_t first_revisions[], bool replayed)
{
    struct attempt *attempt = attempt_of(oracle, number);

    if (attempt->outcome == REFUSED)
        return status_make(STATUS_DATA_LOSS, "append %" PRIu32 ": stored after a refusal", number);
    if (replayed != (attempt->outcome == STORED))
        return wrong("replayed", number, replayed, attempt->outcome == STORED);
    if (replayed && position != attempt->position)
        return wrong("the repeated answer's position", number, position, attempt->position);
    for (uint32_t i = 0; i < attempt->part_count; i++) {
        struct part *part = &attempt->parts[i];
        if (replayed && first_revisions[i] != part->first_revision)
            return wrong("the repeated answer's first revision", number, first_revisions[i],
                         part->first_revision);
        if (part->expectation == EXPECT_REVISION && first_revisions[i] != part->revision + 1)
            return wrong("first revision", number, first_revisions[i], part->revision + 1);
        if (part->expectation == EXPECT_NO_STREAM && first_revisions[i] != 0)
            return wrong("first revision", number, first_revisions[i], 0);
        part->first_revision = first_revisions[i];
        raise_head(oracle, part);
    }
    attempt->outcome = STORED;
    attempt->position = position;
    return OK;
}

struct status oracle_refused(struct oracle *oracle, uint32_t number)
{
    struct attempt *attempt = attempt_of(oracle, number);

    if (attempt->outcome == STORED)
        return status_make(STATUS_DATA_LOSS,
                           "append %" PRIu32 ": stored, but its repetition was refused", number);
    attempt->outcome = REFUSED;
    return OK;
}

void oracle_unknown(struct oracle *oracle, uint32_t number)
{
    struct attempt *attempt = attempt_of(oracle, number);

    /* A stored append whose repetition got no answer is still stored. */
    if (attempt->outcome == UNDERWAY)
        attempt->outcome = UNKNOWN;
}

void oracle_repeats(struct oracle *oracle, uint32_t number)
{
    struct attempt *attempt = attempt_of(oracle, number);

    assert(attempt->outcome == ABSENT || attempt->outcome == STORED);
    if (attempt->outcome == ABSENT)
        attempt->outcome = UNDERWAY;
}

struct status oracle_subscriber_saw(struct oracle *oracle, const Sagabase__V1__RecordedEvent *event)
{
    struct place place;

    if (!parse_id(oracle, event->id, &place))
        return status_make(STATUS_DATA_LOSS, "subscription: event %s was never sent", event->id);
    if (event->position != oracle->live_count)
        return status_make(STATUS_DATA_LOSS,
                           "subscription: position %" PRIu64 " instead of %" PRIu64,
                           event->position, oracle->live_count);
    if (oracle->live_count == oracle->live_capacity) {
        oracle->live_capacity = oracle->live_capacity ? oracle->live_capacity * 2 : 1024;
        oracle->seen_live =
            grow(oracle->seen_live, oracle->live_capacity, sizeof *oracle->seen_live);
    }
    oracle->seen_live[oracle->live_count++] = place;
    return OK;
}

uint64_t oracle_subscriber_position(const struct oracle *oracle)
{
    return oracle->live_count;
}

/* --- judging a read ------------------------------------------------------------------- */

void oracle_read_begin(struct oracle *oracle)
{
    memset(oracle->stream_next, 0, STREAMS_MAX * sizeof *oracle->stream_next);
    for (uint32_t i = 0; i < oracle->attempt_count; i++)
        oracle->attempts[i].seen = 0;
    oracle->next_position = 0;
    oracle->created_us = 0;
}

/* The part that an event's index falls in, and how many events of it come before. */
static struct part *part_of(struct attempt *attempt, uint32_t index, uint32_t *offset)
{
    for (uint32_t i = 0; i < attempt->part_count; i++) {
        if (index < attempt->parts[i].events) {
            *offset = index;
            return &attempt->parts[i];
        }
        index -= attempt->parts[i].events;
    }
    return NULL;
}

static struct status check_content(const struct oracle *oracle, struct place place,
                                   const Sagabase__V1__RecordedEvent *event)
{
    uint8_t data[DATA_BYTES_MAX];
    size_t size = content(oracle, place, data);

    if (!bytes_equal(bytes_of(event->data.data, event->data.len), bytes_of(data, size)))
        return status_make(STATUS_DATA_LOSS, "event %s: its data are altered", event->id);
    if (strcmp(event->type, place.index % 2 ? "Odd" : "Even") != 0)
        return status_make(STATUS_DATA_LOSS, "event %s: its type is altered", event->id);
    if (strcmp(event->content_type, "application/octet-stream") != 0)
        return status_make(STATUS_DATA_LOSS, "event %s: its content type is altered", event->id);
    return OK;
}

/* The event against its append: once, in order, together with the others. */
static struct status check_attempt(struct oracle *oracle, struct place place,
                                   const Sagabase__V1__RecordedEvent *event)
{
    struct attempt *attempt = &oracle->attempts[place.number];
    char name[NAME_BYTES];
    uint32_t offset;
    struct part *part = part_of(attempt, place.index, &offset);

    if (!part || attempt->seen != place.index)
        return wrong("the next event's index", place.number, place.index, attempt->seen);
    if (attempt->seen == 0)
        attempt->first_seen = event->position;
    if (event->position != attempt->first_seen + place.index)
        return wrong("an event's position", place.number, event->position,
                     attempt->first_seen + place.index);
    attempt->seen++;

    stream_name(part->stream, name);
    if (strcmp(event->stream, name) != 0)
        return status_make(STATUS_DATA_LOSS, "event %s: in stream %.100s, not %s", event->id,
                           event->stream, name);
    if (event->revision != oracle->stream_next[part->stream])
        return wrong("a revision", place.number, event->revision,
                     oracle->stream_next[part->stream]);
    oracle->stream_next[part->stream]++;

    if (attempt->outcome == STORED && event->revision != part->first_revision + offset)
        return wrong("an acknowledged revision", place.number, event->revision,
                     part->first_revision + offset);
    if (attempt->outcome == STORED &&
        event->position + event_count(attempt) != attempt->position + 1 + place.index)
        return wrong("an acknowledged position", place.number, event->position,
                     attempt->position + 1 + place.index - event_count(attempt));
    if (attempt->outcome != STORED && offset == 0)
        part->first_revision = event->revision;
    return OK;
}

struct status oracle_read_event(struct oracle *oracle, const Sagabase__V1__RecordedEvent *event)
{
    struct place place;

    if (event->position != oracle->next_position)
        return status_make(STATUS_DATA_LOSS, "position %" PRIu64 " instead of %" PRIu64,
                           event->position, oracle->next_position);
    oracle->next_position++;
    if (event->created_us < oracle->created_us)
        return status_make(STATUS_DATA_LOSS, "position %" PRIu64 ": created before the one before",
                           event->position);
    oracle->created_us = event->created_us;
    if (!parse_id(oracle, event->id, &place))
        return status_make(STATUS_DATA_LOSS, "event %s was never sent", event->id);
    TRY(check_content(oracle, place, event));
    TRY(check_attempt(oracle, place, event));

    if (event->position < oracle->live_count) {
        struct place live = oracle->seen_live[event->position];
        if (live.number != place.number || live.index != place.index)
            return wrong("the append that a subscriber saw there", place.number, live.number,
                         place.number);
    }
    return OK;
}

static struct status settle(struct oracle *oracle, uint32_t number)
{
    struct attempt *attempt = &oracle->attempts[number];
    uint32_t all = event_count(attempt);

    switch (attempt->outcome) {
    case STORED:
        return attempt->seen == all ? OK : wrong("stored events found", number, attempt->seen, all);
    case REFUSED:
    case ABSENT:
        return attempt->seen == 0 ? OK : wrong("refused events found", number, attempt->seen, 0);
    case UNKNOWN:
        if (attempt->seen != 0 && attempt->seen != all)
            return wrong("events found of a torn append", number, attempt->seen, all);
        attempt->outcome = attempt->seen ? STORED : ABSENT;
        attempt->position = attempt->first_seen + all - 1;
        return OK;
    case UNDERWAY:
        break;
    }
    assert(attempt->outcome != UNDERWAY);
    return OK;
}

struct status oracle_read_end(struct oracle *oracle)
{
    if (oracle->next_position < oracle->live_count)
        return status_make(STATUS_DATA_LOSS,
                           "a subscriber saw %" PRIu64 " events, only %" PRIu64 " are there",
                           oracle->live_count, oracle->next_position);
    for (uint32_t i = 0; i < oracle->attempt_count; i++)
        TRY(settle(oracle, i));
    memcpy(oracle->heads, oracle->stream_next, STREAMS_MAX * sizeof *oracle->heads);
    return OK;
}

uint64_t oracle_events(const struct oracle *oracle)
{
    return oracle->next_position;
}

bool oracle_head(const struct oracle *oracle, uint32_t stream, uint64_t *revision)
{
    if (oracle->heads[stream] == 0)
        return false;
    *revision = oracle->heads[stream] - 1;
    return true;
}
