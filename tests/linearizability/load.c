#include "tests/linearizability/load.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sagabase/v1/event_store.pb-c.h"

#define EVENT_STORE "/sagabase.v1.EventStore/"

enum {
    UNARIES = 8,  /* clients that append by unary calls */
    SESSIONS = 4, /* ... by sessions, which tell conflicts in full */
    READERS = 4,  /* clients that read the head of a stream or of the store */
    HOT_STREAMS = 5,
    EVENTS_MAX = 3, /* of one part */
    NAME_BYTES = 24,
    ID_BYTES = 37,
    STEP_TIMEOUT_US = 30 * 1000 * 1000,
};

struct client {
    struct running *running;
    unsigned connection;
    uint32_t number; /* of its operation underway */
    struct wire_stream *stream;
    bool read_something; /* a head by ReadStream or ReadAll: there was an event */
    uint64_t revision, position;
};

/* The clients between two deaths. */
struct running {
    struct load *load;
    struct wire *wire;
    uint32_t left; /* operations to begin */
    bool dying;
    struct status verdict;
    struct client clients[UNARIES + SESSIONS + READERS];
};

void load_init(struct load *load, uint64_t seed)
{
    *load = (struct load){.chance = seed * 2 + 1, .tag = (uint32_t)seed};
    load->subscribed.events = malloc(FOLLOWED_MAX * sizeof *load->subscribed.events);
    load->caught_up = malloc(FOLLOWED_MAX * sizeof *load->caught_up);
    assert(load->subscribed.events && load->caught_up);
}

void load_destroy(struct load *load)
{
    history_destroy(&load->history);
    free(load->subscribed.events);
    free(load->caught_up);
}

uint32_t load_chance(struct load *load, uint32_t bound)
{
    load->chance ^= load->chance >> 12; /* xorshift64* */
    load->chance ^= load->chance << 25;
    load->chance ^= load->chance >> 27;
    return (uint32_t)((load->chance * 0x2545f4914f6cdd1du >> 32) % bound);
}

static void judge(struct running *running, struct status status)
{
    if (status_ok(running->verdict))
        running->verdict = status;
}

/* --- an append ------------------------------------------------------------------------ */

static struct part choose_part(struct load *load, uint32_t stream, uint32_t events)
{
    struct part part = {.stream = stream, .events = events};
    uint64_t known = load->known[stream];

    switch (load_chance(load, 8)) {
    case 0:
        part.expected = EXPECTED_NO_STREAM;
        break;
    case 1:
        part.expected = EXPECTED_EXISTS;
        break;
    case 2:
    case 3:
        part.expected = events > 0 ? EXPECTED_ANY : EXPECTED_EXISTS; /* no check */
        break;
    default: /* often stale by the time it arrives, and now and then when it is sent */
        part.expected = EXPECTED_REVISION;
        part.revision = known > 0 ? known - 1 : 0;
        if (part.revision > 0 && load_chance(load, 8) == 0)
            part.revision--;
    }
    return part;
}

static uint32_t choose_stream(struct load *load)
{
    return load_chance(load, 12) == 0 ? load_chance(load, STREAMS_MAX)
                                      : load_chance(load, HOT_STREAMS);
}

/* One stream, or several and checks; no stream twice. */
static struct operation choose_append(struct load *load)
{
    struct operation operation = {.kind = KIND_APPEND, .part_count = 1};
    uint32_t written = 1, first = choose_stream(load);

    if (load_chance(load, 3) == 0) {
        written = 1 + load_chance(load, PARTS_MAX);
        operation.part_count = written + load_chance(load, CHECKS_MAX + 1);
    }
    for (uint32_t i = 0; i < operation.part_count; i++)
        operation.parts[i] =
            choose_part(load, first < HOT_STREAMS ? (first + i) % HOT_STREAMS
                                                  : HOT_STREAMS + (first + i) % (STREAMS_MAX - HOT_STREAMS),
                        i < written ? 1 + load_chance(load, EVENTS_MAX) : 0);
    return operation;
}

_Static_assert(PARTS_MAX + CHECKS_MAX <= HOT_STREAMS, "no stream twice in one append");

/* The messages of one append; they point into each other. */
struct request {
    char names[PARTS_MAX + CHECKS_MAX][NAME_BYTES];
    char ids[PARTS_MAX][EVENTS_MAX][ID_BYTES];
    Sagabase__V1__ProposedEvent events[PARTS_MAX][EVENTS_MAX];
    Sagabase__V1__ProposedEvent *event_list[PARTS_MAX][EVENTS_MAX];
    Sagabase__V1__StreamAppend appends[PARTS_MAX];
    Sagabase__V1__StreamAppend *append_list[PARTS_MAX];
    Sagabase__V1__StreamCheck checks[CHECKS_MAX];
    Sagabase__V1__StreamCheck *check_list[CHECKS_MAX];
    Sagabase__V1__AppendRequest append;
    Sagabase__V1__AppendToStreamRequest to_stream;
};

static Sagabase__V1__StreamState state_of(enum expected expected)
{
    switch (expected) {
    case EXPECTED_NO_STREAM:
        return SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM;
    case EXPECTED_EXISTS:
        return SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS;
    default:
        return SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    }
}

static void put_name(char name[NAME_BYTES], uint32_t stream)
{
    snprintf(name, NAME_BYTES, "line-%" PRIu32, stream);
}

static void put_events(const struct load *load, struct request *request, uint32_t number,
                       uint32_t index, uint32_t count, uint32_t *event)
{
    Sagabase__V1__StreamAppend *append = &request->appends[index];

    for (uint32_t i = 0; i < count; i++, ++*event) {
        Sagabase__V1__ProposedEvent *proposed = &request->events[index][i];
        *proposed = (Sagabase__V1__ProposedEvent)SAGABASE__V1__PROPOSED_EVENT__INIT;
        snprintf(request->ids[index][i], ID_BYTES, "%08" PRIx32 "-%04" PRIx32 "-4000-8000-%012" PRIx32,
                 load->tag, *event, number);
        proposed->id = request->ids[index][i];
        proposed->type = (char *)"Noted";
        request->event_list[index][i] = proposed;
    }
    append->n_events = count;
    append->events = request->event_list[index];
}

static void put_part(struct request *request, uint32_t index, const struct part *part)
{
    Sagabase__V1__StreamAppend *append = &request->appends[index];

    *append = (Sagabase__V1__StreamAppend)SAGABASE__V1__STREAM_APPEND__INIT;
    put_name(request->names[index], part->stream);
    append->stream = request->names[index];
    if (part->expected == EXPECTED_REVISION) {
        append->expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_REVISION;
        append->revision = part->revision;
    } else {
        append->expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE;
        append->state = state_of(part->expected);
    }
    request->append_list[index] = append;
}

static void put_check(struct request *request, uint32_t index, const struct part *part)
{
    size_t at = request->append.n_checks++;
    Sagabase__V1__StreamCheck *check = &request->checks[at];

    *check = (Sagabase__V1__StreamCheck)SAGABASE__V1__STREAM_CHECK__INIT;
    put_name(request->names[index], part->stream);
    check->stream = request->names[index];
    if (part->expected == EXPECTED_REVISION) {
        check->expected_case = SAGABASE__V1__STREAM_CHECK__EXPECTED_REVISION;
        check->revision = part->revision;
    } else {
        check->expected_case = SAGABASE__V1__STREAM_CHECK__EXPECTED_STATE;
        check->state = state_of(part->expected);
    }
    request->check_list[at] = check;
}

static void put_append(const struct load *load, struct request *request, uint32_t number)
{
    const struct operation *operation = &load->history.operations[number];
    uint32_t event = 0;

    request->append = (Sagabase__V1__AppendRequest)SAGABASE__V1__APPEND_REQUEST__INIT;
    for (uint32_t i = 0; i < operation->part_count; i++) {
        if (operation->parts[i].events == 0) {
            put_check(request, i, &operation->parts[i]);
            continue;
        }
        put_part(request, i, &operation->parts[i]);
        put_events(load, request, number, i, operation->parts[i].events, &event);
        request->append.n_appends++;
    }
    request->append.appends = request->append_list;
    request->append.checks = request->check_list;
}

static void put_append_to_stream(struct request *request)
{
    const Sagabase__V1__StreamAppend *append = &request->appends[0];
    Sagabase__V1__AppendToStreamRequest *to_stream = &request->to_stream;

    *to_stream =
        (Sagabase__V1__AppendToStreamRequest)SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;
    to_stream->stream = append->stream;
    to_stream->n_events = append->n_events;
    to_stream->events = append->events;
    if (append->expected_case == SAGABASE__V1__STREAM_APPEND__EXPECTED_REVISION) {
        to_stream->expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_REVISION;
        to_stream->revision = append->revision;
    } else {
        to_stream->expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE;
        to_stream->state = append->state;
    }
}

/* --- answers --------------------------------------------------------------------------- */

static void learn(struct load *load, uint32_t stream, uint64_t events)
{
    if (events > load->known[stream])
        load->known[stream] = events;
}

static bool goes_on(const struct running *running)
{
    return !running->dying && running->left > 0 && status_ok(running->verdict);
}

/* A call that failed: refused, lost with the server, or wrong. */
static void note_failure(struct client *client, struct status status)
{
    struct running *running = client->running;

    if (status.code == STATUS_ABORTED)
        history_return(&running->load->history, client->number)->outcome = OUTCOME_REFUSED;
    else if (status.code == STATUS_NOT_FOUND)
        history_return(&running->load->history, client->number)->outcome = OUTCOME_NOTHING;
    else if (!running->dying) /* else it never returns: whether it happened is unknown */
        judge(running,
              status_make(STATUS_INTERNAL, "operation %" PRIu32 ": %s: %.150s", client->number,
                          status_code_name(status.code), status.message));
}

static void note_appended(struct client *client, const Sagabase__V1__AppendResponse *response)
{
    struct load *load = client->running->load;
    struct operation *operation = history_return(&load->history, client->number);
    size_t told = 0;

    operation->outcome = OUTCOME_APPENDED;
    operation->position = response->position;
    for (uint32_t i = 0; i < operation->part_count; i++) {
        struct part *part = &operation->parts[i];
        if (part->events == 0)
            continue;
        if (told == response->n_streams) {
            judge(client->running, status_make(STATUS_INTERNAL, "an answer lacks a stream"));
            return;
        }
        part->first_revision = response->streams[told]->first_revision;
        learn(load, part->stream, response->streams[told++]->last_revision + 1);
    }
    if (response->replayed)
        judge(client->running, status_make(STATUS_INTERNAL, "a new append was a repetition"));
}

static void note_conflict(struct client *client, const Sagabase__V1__RevisionConflict *conflict)
{
    struct load *load = client->running->load;
    struct operation *operation = history_return(&load->history, client->number);
    char name[NAME_BYTES];

    operation->outcome = OUTCOME_REFUSED;
    operation->conflict_told = true;
    operation->conflict_part = UINT32_MAX;
    for (uint32_t i = 0; i < operation->part_count; i++) {
        put_name(name, operation->parts[i].stream);
        if (strcmp(name, conflict->stream) == 0)
            operation->conflict_part = i;
    }
    operation->conflict_exists =
        conflict->actual_case == SAGABASE__V1__REVISION_CONFLICT__ACTUAL_ACTUAL_REVISION;
    if (!operation->conflict_exists || operation->conflict_part == UINT32_MAX)
        return;
    operation->conflict_revision = conflict->actual_revision;
    learn(load, operation->parts[operation->conflict_part].stream, conflict->actual_revision + 1);
}

/* --- clients that append by unary calls ---------------------------------------------------- */

static void append_next(struct client *client);

static void on_appended(void *context, struct status status, struct bytes bytes)
{
    struct client *client = context;

    if (status_ok(status)) {
        Sagabase__V1__AppendResponse *response =
            sagabase__v1__append_response__unpack(NULL, bytes.size, bytes.data);
        assert(response);
        note_appended(client, response);
        sagabase__v1__append_response__free_unpacked(response, NULL);
    } else {
        note_failure(client, status);
    }
    append_next(client);
}

static void on_appended_to_stream(void *context, struct status status, struct bytes bytes)
{
    struct client *client = context;

    if (status_ok(status)) {
        Sagabase__V1__AppendToStreamResponse *response =
            sagabase__v1__append_to_stream_response__unpack(NULL, bytes.size, bytes.data);
        assert(response);
        Sagabase__V1__StreamAppended stream = SAGABASE__V1__STREAM_APPENDED__INIT;
        Sagabase__V1__StreamAppended *streams[] = {&stream};
        Sagabase__V1__AppendResponse same = SAGABASE__V1__APPEND_RESPONSE__INIT;
        stream.first_revision = response->first_revision;
        stream.last_revision = response->last_revision;
        same.n_streams = 1;
        same.streams = streams;
        same.position = response->position;
        same.replayed = response->replayed;
        note_appended(client, &same);
        sagabase__v1__append_to_stream_response__free_unpacked(response, NULL);
    } else {
        note_failure(client, status);
    }
    append_next(client);
}

static void append_next(struct client *client)
{
    struct running *running = client->running;
    struct request request;

    if (!goes_on(running))
        return;
    running->left--;
    struct operation operation = choose_append(running->load);
    client->number = history_invoke(&running->load->history, &operation);
    put_append(running->load, &request, client->number);
    if (operation.part_count == 1) {
        put_append_to_stream(&request);
        wire_unary(running->wire, client->connection, EVENT_STORE "AppendToStream",
                   &request.to_stream.base, 0, on_appended_to_stream, client);
    } else {
        wire_unary(running->wire, client->connection, EVENT_STORE "Append", &request.append.base, 0,
                   on_appended, client);
    }
}

/* --- clients that append by sessions -------------------------------------------------------- */

static void session_next(struct client *client)
{
    struct running *running = client->running;
    Sagabase__V1__AppendSessionRequest message = SAGABASE__V1__APPEND_SESSION_REQUEST__INIT;
    struct request request;

    if (!goes_on(running) || !client->stream)
        return;
    running->left--;
    struct operation operation = choose_append(running->load);
    client->number = history_invoke(&running->load->history, &operation);
    put_append(running->load, &request, client->number);
    message.correlation_id = client->number;
    message.append = &request.append;
    wire_stream_send(client->stream, &message.base);
}

static void on_results(void *context, struct bytes bytes)
{
    struct client *client = context;
    Sagabase__V1__AppendSessionResponse *response =
        sagabase__v1__append_session_response__unpack(NULL, bytes.size, bytes.data);

    assert(response && response->n_results == 1); /* one at a time was sent */
    const Sagabase__V1__AppendResult *result = response->results[0];
    if (result->outcome_case == SAGABASE__V1__APPEND_RESULT__OUTCOME_APPENDED)
        note_appended(client, result->appended);
    else if (result->failed->conflict)
        note_conflict(client, result->failed->conflict);
    else
        note_failure(client, status_make((enum status_code)result->failed->code, "%.200s",
                                         result->failed->message));
    sagabase__v1__append_session_response__free_unpacked(response, NULL);
    client->read_something = true; /* answered: the next may be sent once the send is over */
    if (client->revision)
        session_next(client);
}
