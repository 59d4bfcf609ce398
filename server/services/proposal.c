#include "server/services/proposal.h"

#include <stdio.h>

#include "server/services/query.h"
#include "server/services/stream_name.h"
#include "storage/log/limits.h"

/* Where in a request a field is: "", "appends[3]." or "checks[0].". */
struct path {
    char text[32];
};

static struct path path_of(const char *field, size_t index)
{
    struct path path;

    snprintf(path.text, sizeof path.text, "%s[%zu].", field, index);
    return path;
}

static struct status too_large(void)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED,
                       "request: takes more memory than one call may use");
}

/* --- from a request -------------------------------------------------------- */

static struct status read_state(const char *path, int state, struct expectation *expected)
{
    switch (state) {
    case SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY:
        expected->kind = EXPECT_ANY;
        return OK;
    case SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM:
        expected->kind = EXPECT_NO_STREAM;
        return OK;
    case SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS:
        expected->kind = EXPECT_STREAM_EXISTS;
        return OK;
    default:
        return status_make(STATUS_INVALID_ARGUMENT,
                           "%sstate: %d is not STREAM_STATE_ANY, STREAM_STATE_NO_STREAM or "
                           "STREAM_STATE_STREAM_EXISTS",
                           path, state);
    }
}

/* The three messages that have an `expected` number its fields alike. */
_Static_assert((int)SAGABASE__V1__STREAM_CHECK__EXPECTED_REVISION ==
                   (int)SAGABASE__V1__STREAM_APPEND__EXPECTED_REVISION,
               "one reader for both");
_Static_assert((int)SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_REVISION ==
                   (int)SAGABASE__V1__STREAM_APPEND__EXPECTED_REVISION,
               "one reader for both");
_Static_assert((int)SAGABASE__V1__STREAM_CHECK__EXPECTED_STATE ==
                   (int)SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE,
               "one reader for both");
_Static_assert((int)SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE ==
                   (int)SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE,
               "one reader for both");

struct status proposal_expectation(const char *path, int which, uint64_t revision, int state,
                                   struct expectation *expected)
{
    switch (which) {
    case SAGABASE__V1__STREAM_APPEND__EXPECTED_REVISION:
        *expected = (struct expectation){EXPECT_REVISION, revision};
        return OK;
    case SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE:
        return read_state(path, state, expected);
    default:
        return status_make(STATUS_INVALID_ARGUMENT,
                           "%sexpected: set revision, or state to STREAM_STATE_ANY, "
                           "STREAM_STATE_NO_STREAM or STREAM_STATE_STREAM_EXISTS",
                           path);
    }
}

static bool has_trace(const Sagabase__V1__ProposedEvent *proposed)
{
    for (size_t i = 0; i < proposed->n_metadata; i++)
        if (strcmp(proposed->metadata[i]->key, "traceparent") == 0 ||
            strcmp(proposed->metadata[i]->key, "tracestate") == 0)
            return true;
    return false;
}

/* How many entries of the call's trace an event gets: its own go first. */
static size_t added_entries(const Sagabase__V1__ProposedEvent *proposed,
                            const struct trace_entries *trace)
{
    if (trace->count == 0 || proposed->n_metadata + trace->count > METADATA_ENTRIES_MAX)
        return 0;
    return has_trace(proposed) ? 0 : trace->count;
}

static struct status read_metadata(const Sagabase__V1__ProposedEvent *proposed,
                                   const struct trace_entries *trace, struct arena *arena,
                                   struct new_event *event)
{
    size_t own = proposed->n_metadata, added = added_entries(proposed, trace);
    struct metadata_entry *entries;

    if (own + added == 0)
        return OK;
    entries = arena_alloc_raw(arena, (own + added) * sizeof *entries);
    if (!entries)
        return too_large();
    for (size_t i = 0; i < own; i++) {
        entries[i].key = bytes_of_text(proposed->metadata[i]->key);
        entries[i].value = bytes_of_text(proposed->metadata[i]->value);
    }
    if (added > 0)
        memcpy(entries + own, trace->entries, added * sizeof *entries);
    event->metadata = entries;
    event->metadata_count = own + added;
    return OK;
}

static struct status read_tags(const Sagabase__V1__ProposedEvent *proposed, struct arena *arena,
                               struct new_event *event)
{
    struct bytes *tags;

    if (proposed->n_tags == 0)
        return OK;
    tags = arena_alloc_raw(arena, proposed->n_tags * sizeof *tags);
    if (!tags)
        return too_large();
    for (size_t i = 0; i < proposed->n_tags; i++)
        tags[i] = bytes_of_text(proposed->tags[i]);
    event->tags = tags;
    event->tag_count = proposed->n_tags;
    return OK;
}

static struct status read_event(struct path path, size_t index,
                                const Sagabase__V1__ProposedEvent *proposed,
                                const struct trace_entries *trace, struct arena *arena,
                                struct new_event *event)
{
    if (*proposed->id == '\0')
        return status_make(STATUS_INVALID_ARGUMENT, "%sevents[%zu].id: required, a UUID", path.text,
                           index);
    if (!uuid_parse(bytes_of_text(proposed->id), &event->id))
        return status_make(STATUS_INVALID_ARGUMENT,
                           "%sevents[%zu].id: not a UUID in its text form (36 characters, not nil)",
                           path.text, index);
    event->type = bytes_of_text(proposed->type);
    event->content_type = bytes_of_text(proposed->content_type);
    event->data = bytes_of(proposed->data.data, proposed->data.len);
    TRY(read_tags(proposed, arena, event));
    return read_metadata(proposed, trace, arena, event);
}

static struct status read_stream_append(struct path path,
                                        const Sagabase__V1__StreamAppend *proposed,
                                        const struct trace_entries *trace, struct arena *arena,
                                        struct stream_append *stream)
{
    struct new_event *events;

    TRY(stream_name_check_owner(path.text, proposed->stream));
    TRY(proposal_expectation(path.text, (int)proposed->expected_case, proposed->revision,
                             (int)proposed->state, &stream->expected));
    if (proposed->n_events == 0 || proposed->n_events > EVENTS_PER_APPEND_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%sevents: 1 to %d", path.text,
                           EVENTS_PER_APPEND_MAX);
    events = arena_alloc(arena, proposed->n_events * sizeof *events);
    if (!events)
        return too_large();
    for (size_t i = 0; i < proposed->n_events; i++)
        TRY(read_event(path, i, proposed->events[i], trace, arena, &events[i]));
    stream->stream = bytes_of_text(proposed->stream);
    stream->events = events;
    stream->event_count = proposed->n_events;
    return OK;
}

static struct status read_check(struct path path, const Sagabase__V1__StreamCheck *proposed,
                                struct stream_check *check)
{
    TRY(proposal_expectation(path.text, (int)proposed->expected_case, proposed->revision,
                             (int)proposed->state, &check->expected));
    if (check->expected.kind == EXPECT_ANY)
        return status_make(STATUS_INVALID_ARGUMENT, "%sstate: STREAM_STATE_ANY checks nothing",
                           path.text);
    check->stream = bytes_of_text(proposed->stream);
    return OK;
}

static struct status read_condition(const Sagabase__V1__AppendCondition *proposed,
                                    struct arena *arena, struct append_condition *condition)
{
    struct query *query = arena_alloc(arena, sizeof *query);

    if (!query)
        return too_large();
    if (!proposed->fail_if)
        return status_make(STATUS_INVALID_ARGUMENT, "condition.fail_if: required");
    TRY(query_read(proposed->fail_if, "condition.fail_if", arena, query));
    condition->query = query;
    condition->has_after =
        proposed->seen_case == SAGABASE__V1__APPEND_CONDITION__SEEN_AFTER_POSITION;
    condition->after = condition->has_after ? proposed->after_position : 0;
    return OK;
}

struct status proposal_read(const Sagabase__V1__AppendRequest *request,
                            const struct trace_entries *trace, struct arena *arena,
                            struct append *append)
{
    struct stream_append *streams;
    struct stream_check *checks = NULL;

    if (request->n_appends == 0 || request->n_appends > STREAMS_PER_APPEND_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "appends: 1 to %d", STREAMS_PER_APPEND_MAX);
    if (request->n_checks > CHECKS_PER_APPEND_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "checks: at most %d", CHECKS_PER_APPEND_MAX);
    streams = arena_alloc(arena, request->n_appends * sizeof *streams);
    if (request->n_checks > 0)
        checks = arena_alloc(arena, request->n_checks * sizeof *checks);
    if (!streams || (request->n_checks > 0 && !checks))
        return too_large();
    for (size_t i = 0; i < request->n_appends; i++)
        TRY(read_stream_append(path_of("appends", i), request->appends[i], trace, arena,
                               &streams[i]));
    for (size_t i = 0; i < request->n_checks; i++)
        TRY(read_check(path_of("checks", i), request->checks[i], &checks[i]));
    append->streams = streams;
    append->stream_count = request->n_appends;
    append->checks = checks;
    append->check_count = request->n_checks;
    return request->condition ? read_condition(request->condition, arena, &append->condition) : OK;
}

struct status proposal_read_appends(Sagabase__V1__StreamAppend *const *appends, size_t count,
                                    const struct trace_entries *trace, struct arena *arena,
                                    struct append *append)
{
    Sagabase__V1__AppendRequest request = SAGABASE__V1__APPEND_REQUEST__INIT;

    request.appends = (Sagabase__V1__StreamAppend **)appends;
    request.n_appends = count;
    return proposal_read(&request, trace, arena, append);
}

struct status proposal_read_one(const Sagabase__V1__AppendToStreamRequest *request,
                                const struct trace_entries *trace, struct arena *arena,
                                struct append *append)
{
    Sagabase__V1__StreamAppend proposed = SAGABASE__V1__STREAM_APPEND__INIT;
    struct stream_append *stream = arena_alloc(arena, sizeof *stream);

    if (!stream)
        return too_large();
    proposed.stream = request->stream;
    proposed.expected_case = (Sagabase__V1__StreamAppend__ExpectedCase)request->expected_case;
    if (request->expected_case == SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE)
        proposed.state = request->state;
    else
        proposed.revision = request->revision;
    proposed.events = request->events;
    proposed.n_events = request->n_events;
    TRY(read_stream_append((struct path){""}, &proposed, trace, arena, stream));
    append->streams = stream;
    append->stream_count = 1;
    return OK;
}

struct status proposal_refusal(struct status status, const struct append *append)
{
    static const char *const fields[] = {"stream:", "events"};

    for (size_t i = 0; append->stream_count == 1 && i < sizeof fields / sizeof *fields; i++)
        if (strncmp(status.message, fields[i], strlen(fields[i])) == 0)
            return status_make(status.code, "appends[0].%s", status.message);
    return status;
}

/* --- to an answer ---------------------------------------------------------- */

static struct status copy_text(struct arena *arena, struct bytes bytes, char **text)
{
    struct bytes copy = arena_copy(arena, bytes);

    if (!copy.data)
        return too_large();
    *text = (char *)copy.data;
    return OK;
}

static struct status answer_stream(const struct stream_append *stream, struct arena *arena,
                                   Sagabase__V1__StreamAppended **answer)
{
    Sagabase__V1__StreamAppended *appended = arena_alloc(arena, sizeof *appended);

    if (!appended)
        return too_large();
    sagabase__v1__stream_appended__init(appended);
    TRY(copy_text(arena, stream->stream, &appended->stream));
    appended->first_revision = stream->first_revision;
    appended->last_revision = stream->last_revision;
    *answer = appended;
    return OK;
}

struct status proposal_appended(const struct append *append, struct arena *arena,
                                Sagabase__V1__StreamAppended ***appended, size_t *count)
{
    Sagabase__V1__StreamAppended **streams =
        arena_alloc(arena, append->stream_count * sizeof(Sagabase__V1__StreamAppended *));

    if (!streams)
        return too_large();
    for (size_t i = 0; i < append->stream_count; i++)
        TRY(answer_stream(&append->streams[i], arena, &streams[i]));
    *appended = streams;
    *count = append->stream_count;
    return OK;
}

struct status proposal_answer(const struct append *append, struct arena *arena,
                              Sagabase__V1__AppendResponse *response)
{
    TRY(proposal_appended(append, arena, &response->streams, &response->n_streams));
    response->position = append->position;
    response->replayed = append->replayed;
    return OK;
}

static void answer_expectation(struct expectation expected,
                               Sagabase__V1__RevisionConflict *conflict)
{
    static const Sagabase__V1__StreamState states[] = {
        [EXPECT_ANY] = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY,
        [EXPECT_NO_STREAM] = SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM,
        [EXPECT_STREAM_EXISTS] = SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS,
    };

    if (expected.kind == EXPECT_REVISION) {
        conflict->expected_case = SAGABASE__V1__REVISION_CONFLICT__EXPECTED_EXPECTED_REVISION;
        conflict->expected_revision = expected.revision;
        return;
    }
    conflict->expected_case = SAGABASE__V1__REVISION_CONFLICT__EXPECTED_EXPECTED_STATE;
    conflict->expected_state = states[expected.kind];
}

void proposal_condition_conflict(const struct append *append,
                                 Sagabase__V1__ConditionConflict *conflict)
{
    conflict->position = append->matched_position;
}

struct status proposal_conflict(const struct conflict *found, struct arena *arena,
                                Sagabase__V1__RevisionConflict *conflict)
{
    TRY(copy_text(arena, found->stream, &conflict->stream));
    answer_expectation(found->expected, conflict);
    if (found->exists) {
        conflict->actual_case = SAGABASE__V1__REVISION_CONFLICT__ACTUAL_ACTUAL_REVISION;
        conflict->actual_revision = found->actual_revision;
    } else {
        conflict->actual_case = SAGABASE__V1__REVISION_CONFLICT__ACTUAL_ACTUAL_STATE;
        conflict->actual_state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM;
    }
    return OK;
}
