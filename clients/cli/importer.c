#include "clients/cli/importer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    RING = GROUPS_IN_FLIGHT_MAX + 1,
    GROUP_MEMORY_MAX = 32 << 20,
    LOSSES_MAX = 5,
    RECONNECTIONS = 10, /* with back-off: about 20 s */
};

static struct group *group_at(struct importer *importer, uint64_t number)
{
    return &importer->groups[number % RING];
}

struct sagabase_status importer_init(struct importer *importer, struct sagabase_client *client,
                                     const struct sagabase_options *options)
{
    *importer = (struct importer){.client = client, .options = *options};
    importer->groups = calloc(RING, sizeof *importer->groups);
    assert(importer->groups);
    name_set_init(&importer->streams);
    for (size_t i = 0; i < RING; i++)
        arena_init(&importer->groups[i].arena, GROUP_MEMORY_MAX);
    return sagabase_session_open(client, options, &importer->session);
}

void importer_destroy(struct importer *importer)
{
    sagabase_session_close(importer->session);
    for (size_t i = 0; i < RING; i++)
        arena_destroy(&importer->groups[i].arena);
    free(importer->groups);
    name_set_destroy(&importer->streams);
}

static bool fail(struct importer *importer, const struct sagabase_status *status,
                 const struct group *group)
{
    importer->failure = *status;
    importer->failed_first_line = group ? group->first_line : 0;
    importer->failed_last_line = group ? group->last_line : 0;
    return false;
}

/* --- sending --------------------------------------------------------------- */

static struct sagabase_status send_group(struct importer *importer, struct group *group)
{
    Sagabase__V1__AppendSessionRequest request = SAGABASE__V1__APPEND_SESSION_REQUEST__INIT;
    Sagabase__V1__AppendRequest append = SAGABASE__V1__APPEND_REQUEST__INIT;
    Sagabase__V1__StreamAppend stream = SAGABASE__V1__STREAM_APPEND__INIT;
    Sagabase__V1__StreamAppend *streams[] = {&stream};

    stream.stream = group->stream;
    stream.expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE;
    stream.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    stream.events = group->events;
    stream.n_events = group->event_count;
    append.appends = streams;
    append.n_appends = 1;
    request.correlation_id = group->correlation_id;
    request.append = &append;
    return sagabase_session_send(importer->session, &request);
}

/* Waits until the server is there again: GetInfo is made until it answers. */
static struct sagabase_status wait_for_server(struct importer *importer)
{
    struct sagabase_options call = {.retries = RECONNECTIONS};
    Sagabase__V1__GetInfoRequest request = SAGABASE__V1__GET_INFO_REQUEST__INIT;
    Sagabase__V1__GetInfoResponse *response;
    struct sagabase_status status = sagabase_get_info(importer->client, &request, &call, &response);

    if (status.code == SAGABASE_OK)
        sagabase__v1__get_info_response__free_unpacked(response, NULL);
    return status;
}

/* A new session for one that ended with `why`; everything without a result is sent again. */
static bool recover(struct importer *importer, struct sagabase_status why)
{
    while (why.code == SAGABASE_UNAVAILABLE && importer->losses++ < LOSSES_MAX) {
        sagabase_session_close(importer->session);
        importer->session = NULL;
        why = wait_for_server(importer);
        if (why.code == SAGABASE_OK)
            why = sagabase_session_open(importer->client, &importer->options, &importer->session);
        if (why.code != SAGABASE_OK)
            break;
        for (uint64_t i = importer->oldest; why.code == SAGABASE_OK && i < importer->filled; i++)
            if (!group_at(importer, i)->settled)
                why = send_group(importer, group_at(importer, i));
        if (why.code == SAGABASE_OK)
            return true;
        why.code = SAGABASE_UNAVAILABLE; /* lost again */
    }
    return fail(importer, &why, NULL);
}

/* --- results --------------------------------------------------------------- */

static void count(struct importer *importer, const struct group *group, size_t events,
                  bool replayed)
{
    if (replayed) {
        importer->events_replayed += events;
        return;
    }
    importer->events_stored += events;
    name_set_add(&importer->streams, bytes_of_text(group->stream));
}

/* Part of the group had been stored before: the file grew since. Its events go one by one, and
 * the server knows which it has. */
static bool append_singly(struct importer *importer, struct group *group)
{
    struct sagabase_options call = {.retries = RECONNECTIONS};

    for (size_t i = 0; i < group->event_count; i++) {
        Sagabase__V1__AppendToStreamRequest request = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;
        Sagabase__V1__AppendToStreamResponse *response;
        request.stream = group->stream;
        request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE;
        request.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
        request.events = &group->events[i];
        request.n_events = 1;
        struct sagabase_status status =
            sagabase_append_to_stream(importer->client, &request, &call, &response);
        if (status.code != SAGABASE_OK)
            return fail(importer, &status, group);
        count(importer, group, 1, response->replayed);
        sagabase__v1__append_to_stream_response__free_unpacked(response, NULL);
    }
    return true;
}

static bool settle(struct importer *importer, struct group *group,
                   const Sagabase__V1__AppendResult *result)
{
    if (result->outcome_case == SAGABASE__V1__APPEND_RESULT__OUTCOME_APPENDED) {
        count(importer, group, group->event_count, result->appended->replayed);
    } else if (result->outcome_case == SAGABASE__V1__APPEND_RESULT__OUTCOME_FAILED) {
        struct sagabase_status status = sagabase_failure(result->failed);
        bool partly = status.code == SAGABASE_ALREADY_EXISTS && group->event_count > 1;
        if (!partly)
            return fail(importer, &status, group);
        if (!append_singly(importer, group))
            return false;
    } else {
        struct sagabase_status status = {.code = SAGABASE_INTERNAL,
                                         .message = "a result without outcome"};
        return fail(importer, &status, group);
    }
    group->settled = true;
    importer->losses = 0;
    return true;
}

static struct group *find_group(struct importer *importer, uint64_t correlation_id)
{
    for (uint64_t i = importer->oldest; i < importer->filled; i++)
        if (group_at(importer, i)->correlation_id == correlation_id)
            return group_at(importer, i);
    return NULL;
}

/* The store is closing, says a result: as if the session were lost. */
static bool is_unavailable(const Sagabase__V1__AppendResult *result)
{
    return result->outcome_case == SAGABASE__V1__APPEND_RESULT__OUTCOME_FAILED &&
           result->failed->code == SAGABASE_UNAVAILABLE;
}

static bool receive(struct importer *importer)
{
    const Sagabase__V1__AppendSessionResponse *response = NULL;
    struct sagabase_status status = sagabase_session_receive(importer->session, &response);

    if (status.code != SAGABASE_OK)
        return recover(importer, status);
    if (!response) /* ended well, but early */
        return recover(importer,
                       (struct sagabase_status){.code = SAGABASE_UNAVAILABLE, .message = "closed"});
    for (size_t i = 0; i < response->n_results; i++) {
        struct group *group = find_group(importer, response->results[i]->correlation_id);
        if (is_unavailable(response->results[i]))
            return recover(importer, sagabase_failure(response->results[i]->failed));
        if (group && !group->settled && !settle(importer, group, response->results[i]))
            return false;
    }
    while (importer->oldest < importer->filled && group_at(importer, importer->oldest)->settled)
        importer->oldest++;
    return true;
}

/* --- filling ----------------------------------------------------------------- */

static bool send_filled(struct importer *importer)
{
    struct group *group = group_at(importer, importer->filled);

    if (group->event_count == 0)
        return true;
    while (importer->filled - importer->oldest == GROUPS_IN_FLIGHT_MAX)
        if (!receive(importer))
            return false;
    group->correlation_id = importer->filled;
    group->settled = false;
    struct sagabase_status status = send_group(importer, group);
    importer->filled++;
    group_at(importer, importer->filled)->event_count = 0;
    if (status.code == SAGABASE_OK)
        return true;
    /* The session is over; the results that came before its end are read, then its reason. */
    unsigned losses = importer->losses;
    while (importer->losses <= losses && importer->oldest < importer->filled)
        if (!receive(importer))
            return false;
    return true;
}

struct arena *importer_prepare(struct importer *importer, struct bytes stream)
{
    struct group *group = group_at(importer, importer->filled);
    bool same = group->event_count > 0 && bytes_equal(bytes_of_text(group->stream), stream);
    bool full = group->event_count == GROUP_EVENTS_MAX || group->bytes >= GROUP_BYTES_MAX;

    if (same && !full)
        return &group->arena;
    if (!send_filled(importer))
        return NULL;
    group = group_at(importer, importer->filled);
    arena_destroy(&group->arena);
    arena_init(&group->arena, GROUP_MEMORY_MAX);
    group->stream = (char *)arena_copy(&group->arena, stream).data;
    group->event_count = 0;
    group->bytes = 0;
    return &group->arena;
}

void importer_add(struct importer *importer, Sagabase__V1__ProposedEvent *event, uint64_t line)
{
    struct group *group = group_at(importer, importer->filled);

    assert(group->event_count < GROUP_EVENTS_MAX);
    if (group->event_count == 0)
        group->first_line = line;
    group->last_line = line;
    group->events[group->event_count++] = event;
    group->bytes += event->data.len;
}

bool importer_finish(struct importer *importer)
{
    if (!send_filled(importer))
        return false;
    while (importer->oldest < importer->filled)
        if (!receive(importer))
            return false;
    return true;
}
