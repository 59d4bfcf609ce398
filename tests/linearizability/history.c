#include "tests/linearizability/history.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

void history_destroy(struct history *history)
{
    free(history->operations);
    *history = (struct history){0};
}

uint32_t history_invoke(struct history *history, const struct operation *operation)
{
    if (history->count == history->capacity) {
        history->capacity = history->capacity ? history->capacity * 2 : 1024;
        history->operations =
            realloc(history->operations, history->capacity * sizeof *history->operations);
        assert(history->operations);
    }
    struct operation *noted = &history->operations[history->count];
    *noted = *operation;
    noted->outcome = OUTCOME_UNKNOWN;
    noted->invoked = ++history->clock;
    noted->returned = UINT64_MAX;
    return history->count++;
}

struct operation *history_return(struct history *history, uint32_t number)
{
    assert(number < history->count);
    struct operation *operation = &history->operations[number];
    assert(operation->returned == UINT64_MAX);
    operation->returned = ++history->clock;
    return operation;
}

/* --- as JSON ------------------------------------------------------------------------ */

static void print_operation(const struct operation *operation, FILE *file)
{
    fprintf(file,
            "{\"kind\":%d,\"outcome\":%d,\"invoked\":%" PRIu64 ",\"returned\":%" PRIu64
            ",\"revision\":%" PRIu64 ",\"position\":%" PRIu64 ",\"conflict_told\":%s"
            ",\"conflict_part\":%" PRIu32 ",\"conflict_exists\":%s,\"conflict_revision\":%" PRIu64
            ",\"type\":%" PRIu32 ",\"tags\":%" PRIu32
            ",\"match_told\":%s,\"match_position\":%" PRIu64
            ",\"condition\":{\"given\":%s,\"types\":%" PRIu32 ",\"tags\":%" PRIu32
            ",\"seen\":%" PRIu64 "},\"parts\":[",
            (int)operation->kind, (int)operation->outcome, operation->invoked, operation->returned,
            operation->revision, operation->position, operation->conflict_told ? "true" : "false",
            operation->conflict_part, operation->conflict_exists ? "true" : "false",
            operation->conflict_revision, operation->type, operation->tags,
            operation->match_told ? "true" : "false", operation->match_position,
            operation->condition.given ? "true" : "false", operation->condition.types,
            operation->condition.tags, operation->condition.seen);
    for (uint32_t i = 0; i < operation->part_count; i++) {
        const struct part *part = &operation->parts[i];
        fprintf(file,
                "%s{\"stream\":%" PRIu32 ",\"expected\":%d,\"revision\":%" PRIu64
                ",\"events\":%" PRIu32 ",\"first_revision\":%" PRIu64 "}",
                i ? "," : "", part->stream, (int)part->expected, part->revision, part->events,
                part->first_revision);
    }
    fprintf(file, "]}\n");
}

void history_print(const struct history *history, FILE *file)
{
    for (uint32_t i = 0; i < history->count; i++)
        print_operation(&history->operations[i], file);
}

/* --- the store as it should be ------------------------------------------------------ */

static bool holds(const struct store_state *state, const struct part *part)
{
    uint32_t events = state->streams[part->stream].events;

    switch (part->expected) {
    case EXPECTED_ANY:
        return true;
    case EXPECTED_NO_STREAM:
        return events == 0;
    case EXPECTED_EXISTS:
        return events > 0;
    default:
        return events > 0 && events - 1 == part->revision;
    }
}

/* The first part that does not hold; part_count: all do. Parts that are written come first. */
static uint32_t first_conflict(const struct store_state *state, const struct operation *operation)
{
    uint32_t i = 0;

    while (i < operation->part_count && holds(state, &operation->parts[i]))
        i++;
    return i;
}

/* Events of the store up to the last one that matches. */
static uint32_t match_end(const struct store_state *state, const struct condition *condition)
{
    uint32_t end = 0;

    for (uint32_t type = 0; type < TYPES; type++)
        for (uint32_t tags = 0; tags < TAG_SETS; tags++)
            if ((condition->types == 0 || condition->types >> type & 1) &&
                (tags & condition->tags) == condition->tags && state->ends[type][tags] > end)
                end = state->ends[type][tags];
    return end;
}

static bool fails(const struct store_state *state, const struct condition *condition)
{
    return condition->given && match_end(state, condition) > condition->seen;
}

/* Where both the condition and a stream are at fault, either may be told. */
static bool is_refused(const struct store_state *state, const struct operation *operation)
{
    const struct condition *condition = &operation->condition;
    uint32_t conflict = first_conflict(state, operation);

    if (operation->match_told)
        return fails(state, condition) && operation->match_position >= condition->seen &&
               operation->match_position < match_end(state, condition);
    if (!operation->conflict_told)
        return conflict < operation->part_count || fails(state, condition);
    if (conflict == operation->part_count)
        return false;
    uint32_t events = state->streams[operation->parts[conflict].stream].events;
    return operation->conflict_part == conflict && operation->conflict_exists == (events > 0) &&
           (events == 0 || operation->conflict_revision == events - 1);
}

static bool apply_append(struct store_state *state, const struct operation *operation)
{
    uint64_t end = state->events;

    if (first_conflict(state, operation) < operation->part_count ||
        fails(state, &operation->condition))
        return false;
    for (uint32_t i = 0; i < operation->part_count; i++) {
        const struct part *part = &operation->parts[i];
        if (part->events > 0 && state->streams[part->stream].events != part->first_revision)
            return false;
        end += part->events;
    }
    if (operation->position != end - 1)
        return false;
    for (uint32_t i = 0; i < operation->part_count; i++) {
        const struct part *part = &operation->parts[i];
        struct stream_state *stream = &state->streams[part->stream];
        state->events += part->events;
        stream->events += part->events;
        if (part->events > 0)
            stream->last_position = state->events - 1;
    }
    state->ends[operation->type][operation->tags] = state->events;
    return true;
}

bool store_apply(struct store_state *state, const struct operation *operation)
{
    const struct stream_state *stream = &state->streams[operation->parts[0].stream];

    switch (operation->kind) {
    case KIND_APPEND:
        return operation->outcome == OUTCOME_APPENDED ? apply_append(state, operation)
                                                      : is_refused(state, operation);
    case KIND_HEAD:
        if (operation->outcome == OUTCOME_NOTHING)
            return stream->events == 0;
        return stream->events > 0 && operation->revision == stream->events - 1 &&
               operation->position == stream->last_position;
    default:
        if (operation->outcome == OUTCOME_NOTHING)
            return state->events == 0;
        return state->events > 0 && operation->position == state->events - 1;
    }
}
