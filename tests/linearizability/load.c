#include "tests/linearizability/load.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/linearizability/request.h"

#define EVENT_STORE "/sagabase.v1.EventStore/"

enum {
    UNARIES = 8,  /* clients that append by unary calls */
    SESSIONS = 4, /* ... by sessions, which tell conflicts in full */
    READERS = 4,  /* clients that read the head of a stream or of the store */
    HOT_STREAMS = 5,
    STEP_TIMEOUT_US = 30 * 1000 * 1000,
};

_Static_assert(UNARIES + SESSIONS + READERS == CLIENTS, "load.h");

struct client {
    struct running *running;
    unsigned connection;
    uint32_t number; /* of its operation underway */

    struct wire_stream *stream; /* a session; NULL once it has ended */
    bool sending;
    bool waiting; /* for a result */

    bool found; /* a read came upon an event; the newest one: */
    uint64_t revision, position;
};

/* The clients between two deaths. */
struct running {
    struct load *load;
    struct wire *wire;
    uint32_t left; /* operations to begin */
    bool dying;
    struct status verdict;
    struct client clients[CLIENTS];
};

void load_init(struct load *load, uint64_t seed, uint32_t clients)
{
    *load = (struct load){.chance = {seed * 2 + 1}, .clients = clients, .tag = (uint32_t)seed};
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
    return chance_below(&load->chance, bound);
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

/* Mostly as far as anybody knows; now and then from an old page, or from nothing. */
static struct condition choose_condition(struct load *load)
{
    struct condition condition = {.given = true, .tags = load_chance(load, TAG_SETS)};
    uint64_t behind = load_chance(load, 4) == 0 ? load_chance(load, 20) : 0;

    condition.types = load_chance(load, 1 << TYPES);
    if (condition.types == 0 && condition.tags == 0)
        condition.types = 1;
    condition.seen = load->known_end > behind ? load->known_end - behind : 0;
    return condition;
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
    operation.type = load_chance(load, TYPES);
    operation.tags = load_chance(load, TAG_SETS);
    if (load_chance(load, 3) == 0)
        operation.condition = choose_condition(load);
    for (uint32_t i = 0; i < operation.part_count; i++)
        operation.parts[i] = choose_part(
            load,
            first < HOT_STREAMS ? (first + i) % HOT_STREAMS
                                : HOT_STREAMS + (first + i) % (STREAMS_MAX - HOT_STREAMS),
            i < written ? 1 + load_chance(load, EVENTS_MAX) : 0);
    return operation;
}

_Static_assert(PARTS_MAX + CHECKS_MAX <= HOT_STREAMS, "no stream twice in one append");

/* --- answers --------------------------------------------------------------------------- */

static void learn(struct load *load, uint32_t stream, uint64_t events)
{
    if (events > load->known[stream])
        load->known[stream] = events;
}

static void learn_end(struct load *load, uint64_t position)
{
    if (position >= load->known_end)
        load->known_end = position + 1;
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
        judge(running, status_make(STATUS_INTERNAL, "operation %" PRIu32 ": %s: %.150s",
                                   client->number, status_code_name(status.code), status.message));
}

static void note_appended(struct client *client, const Sagabase__V1__AppendResponse *response)
{
    struct load *load = client->running->load;
    struct operation *operation = history_return(&load->history, client->number);
    size_t told = 0;

    operation->outcome = OUTCOME_APPENDED;
    operation->position = response->position;
    learn_end(load, response->position);
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
        request_put_name(name, operation->parts[i].stream);
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

static void note_match(struct client *client, const Sagabase__V1__ConditionConflict *match)
{
    struct load *load = client->running->load;
    struct operation *operation = history_return(&load->history, client->number);

    operation->outcome = OUTCOME_REFUSED;
    operation->match_told = true;
    operation->match_position = match->position;
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
    request_put_append(&request, &operation, running->load->tag, client->number);
    if (operation.part_count == 1 && !operation.condition.given) {
        request_put_append_to_stream(&request);
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

    if (!goes_on(running) || !client->stream || client->sending || client->waiting)
        return;
    running->left--;
    client->sending = client->waiting = true;
    struct operation operation = choose_append(running->load);
    client->number = history_invoke(&running->load->history, &operation);
    request_put_append(&request, &operation, running->load->tag, client->number);
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
    else if (result->failed->condition)
        note_match(client, result->failed->condition);
    else
        note_failure(client, status_make((enum status_code)result->failed->code, "%.200s",
                                         result->failed->message));
    sagabase__v1__append_session_response__free_unpacked(response, NULL);
    client->waiting = false;
    session_next(client);
}

static void on_session_sent(void *context)
{
    struct client *client = context;

    client->sending = false;
    session_next(client);
}

static void on_session_ended(void *context, struct status status)
{
    struct client *client = context;

    client->stream = NULL;
    if (!client->running->dying)
        judge(client->running,
              status_make(STATUS_INTERNAL, "a session ended: %.150s", status.message));
}

static void session_start(struct client *client)
{
    static const struct wire_stream_events events = {
        .message = on_results, .sent = on_session_sent, .ended = on_session_ended};

    client->stream = wire_stream_open(client->running->wire, client->connection,
                                      EVENT_STORE "AppendSession", NULL, &events, client);
    session_next(client);
}

/* --- clients that read heads ------------------------------------------------------------------ */

static void read_next(struct client *client);

static void on_stream_info(void *context, struct status status, struct bytes bytes)
{
    struct client *client = context;
    struct load *load = client->running->load;

    if (status_ok(status)) {
        Sagabase__V1__GetStreamResponse *response =
            sagabase__v1__get_stream_response__unpack(NULL, bytes.size, bytes.data);
        struct operation *operation = history_return(&load->history, client->number);
        assert(response && response->stream);
        operation->outcome = OUTCOME_FOUND;
        operation->revision = response->stream->last_revision;
        operation->position = response->stream->last_position;
        learn(load, operation->parts[0].stream, operation->revision + 1);
        sagabase__v1__get_stream_response__free_unpacked(response, NULL);
    } else {
        note_failure(client, status);
    }
    read_next(client);
}

/* A page of ReadStream or ReadAll: they are the same on the wire. */
static void on_page(void *context, struct bytes bytes)
{
    struct client *client = context;
    Sagabase__V1__ReadAllResponse *page =
        sagabase__v1__read_all_response__unpack(NULL, bytes.size, bytes.data);

    assert(page && page->n_events > 0);
    const Sagabase__V1__RecordedEvent *event = page->events[page->n_events - 1];
    client->found = true;
    client->revision = event->revision;
    client->position = event->position;
    sagabase__v1__read_all_response__free_unpacked(page, NULL);
}

static void on_read_ended(void *context, struct status status)
{
    struct client *client = context;

    if (status_ok(status)) {
        struct operation *operation =
            history_return(&client->running->load->history, client->number);
        operation->outcome = client->found ? OUTCOME_FOUND : OUTCOME_NOTHING;
        operation->revision = client->revision;
        operation->position = client->position;
    } else {
        note_failure(client, status);
    }
    read_next(client);
}

static const struct wire_stream_events read_events = {.message = on_page, .ended = on_read_ended};

static void read_head(struct client *client, uint32_t stream)
{
    struct running *running = client->running;
    Sagabase__V1__GetStreamRequest get = SAGABASE__V1__GET_STREAM_REQUEST__INIT;
    Sagabase__V1__ReadStreamRequest read = SAGABASE__V1__READ_STREAM_REQUEST__INIT;
    char name[NAME_BYTES];

    request_put_name(name, stream);
    get.stream = read.stream = name;
    read.direction = SAGABASE__V1__DIRECTION__DIRECTION_BACKWARDS;
    read.count = 1;
    if (load_chance(running->load, 2))
        wire_unary(running->wire, client->connection, EVENT_STORE "GetStream", &get.base, 0,
                   on_stream_info, client);
    else
        wire_stream_open(running->wire, client->connection, EVENT_STORE "ReadStream", &read.base,
                         &read_events, client);
}

/* Backwards from the end, or forwards to it from near the last event that was told. */
static void read_end(struct client *client)
{
    struct running *running = client->running;
    Sagabase__V1__ReadAllRequest read = SAGABASE__V1__READ_ALL_REQUEST__INIT;

    if (load_chance(running->load, 2)) {
        read.direction = SAGABASE__V1__DIRECTION__DIRECTION_BACKWARDS;
        read.count = 1;
    } else if (running->load->subscribed.count > 20) {
        read.from_case = SAGABASE__V1__READ_ALL_REQUEST__FROM_POSITION;
        read.position = running->load->subscribed.count - load_chance(running->load, 20) - 1;
    }
    wire_stream_open(running->wire, client->connection, EVENT_STORE "ReadAll", &read.base,
                     &read_events, client);
}

static void read_next(struct client *client)
{
    struct running *running = client->running;
    struct operation operation = {.kind = KIND_END};

    if (!goes_on(running))
        return;
    running->left--;
    if (load_chance(running->load, 4)) {
        operation.kind = KIND_HEAD;
        operation.part_count = 1;
        operation.parts[0].stream = choose_stream(running->load);
    }
    client->found = false;
    client->number = history_invoke(&running->load->history, &operation);
    if (operation.kind == KIND_HEAD)
        read_head(client, operation.parts[0].stream);
    else
        read_end(client);
}

/* --- the one that follows ------------------------------------------------------------------------
 */

static struct status follow(struct followed *followed, const Sagabase__V1__RecordedEvent *event)
{
    if (event->position != followed->count || followed->count == FOLLOWED_MAX)
        return status_make(STATUS_INTERNAL, "position %" PRIu64 " was told, not %" PRIu64,
                           event->position, followed->count);
    return request_identify(event, &followed->events[followed->count++]);
}

static void on_subscribed(void *context, struct bytes bytes)
{
    struct running *running = context;
    struct load *load = running->load;
    Sagabase__V1__SubscribeResponse *response =
        sagabase__v1__subscribe_response__unpack(NULL, bytes.size, bytes.data);

    assert(response);
    if (response->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS) {
        for (size_t i = 0; i < response->events->n_events; i++)
            judge(running, follow(&load->subscribed, response->events->events[i]));
    } else if (response->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CAUGHT_UP &&
               response->caught_up->has_position && load->caught_up_count < FOLLOWED_MAX) {
        load->caught_up[load->caught_up_count++] = response->caught_up->position;
        if (response->caught_up->position + 1 != load->subscribed.count)
            judge(running, status_make(STATUS_INTERNAL,
                                       "caught up to %" PRIu64 " with %" PRIu64 " events sent",
                                       response->caught_up->position, load->subscribed.count));
    }
    sagabase__v1__subscribe_response__free_unpacked(response, NULL);
}

static void on_subscription_ended(void *context, struct status status)
{
    struct running *running = context;

    if (!running->dying)
        judge(running,
              status_make(STATUS_INTERNAL, "the subscription ended: %.150s", status.message));
}

static void subscribe(struct running *running)
{
    static const struct wire_stream_events events = {.message = on_subscribed,
                                                     .ended = on_subscription_ended};
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;

    if (running->load->subscribed.count > 0) {
        request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_AFTER_POSITION;
        request.after_position = running->load->subscribed.count - 1;
    }
    wire_stream_open(running->wire, 0, EVENT_STORE "Subscribe", &request.base, &events, running);
}

/* --- all of them
 * ---------------------------------------------------------------------------------- */

struct status load_run(struct load *load, struct wire *wire, uint32_t operations,
                       void (*kill)(void *context), void *context)
{
    struct running running = {.load = load, .wire = wire, .left = operations, .verdict = OK};

    subscribe(&running);
    for (unsigned n = 0; n < load->clients; n++) {
        unsigned i = n * CLIENTS / load->clients; /* some of each kind */
        struct client *client = &running.clients[i];
        *client = (struct client){.running = &running, .connection = i % CONNECTIONS};
        if (i < UNARIES)
            append_next(client);
        else if (i < UNARIES + SESSIONS)
            session_start(client);
        else
            read_next(client);
    }
    while (goes_on(&running))
        if (!wire_step(wire, STEP_TIMEOUT_US))
            judge(&running, status_make(STATUS_DEADLINE_EXCEEDED, "nothing happens any more"));
    running.dying = true; /* while the last calls are underway */
    kill(context);
    while (wire_open_calls(wire) > 0)
        wire_step(wire, STEP_TIMEOUT_US);
    return running.verdict;
}

/* --- what the store holds in the end
 * ---------------------------------------------------------------- */

struct whole {
    struct followed all;
    struct operation *operations;
    uint32_t count;
    uint32_t next_of[STREAMS_MAX]; /* revision that comes next */
    bool *ends;                    /* by position: the last event of an append */
    uint32_t append, index;        /* underway */
    bool ended;
    struct status verdict;
};

static uint32_t event_count(const struct operation *operation)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < operation->part_count; i++)
        count += operation->parts[i].events;
    return count;
}

/* The part that event `index` of the append belongs to, and its index in it. */
static uint32_t part_of(const struct operation *operation, uint32_t *index)
{
    uint32_t part = 0;

    while (*index >= operation->parts[part].events)
        *index -= operation->parts[part++].events;
    return part;
}

/* One event of the whole store: appends stand there whole, and next to each other. */
static struct status take_event(struct whole *whole, const Sagabase__V1__RecordedEvent *event)
{
    TRY(follow(&whole->all, event));
    uint64_t identity = whole->all.events[event->position];
    uint32_t append = (uint32_t)(identity >> 8), index = identity & 0xff;

    if (append >= whole->count || index >= event_count(&whole->operations[append]))
        return status_make(STATUS_INTERNAL, "an event that nobody sent");
    if (index != whole->index || (index > 0 && append != whole->append))
        return status_make(STATUS_INTERNAL, "position %" PRIu64 ": part of an append is missing",
                           event->position);
    struct operation *operation = &whole->operations[append];
    whole->append = append;
    whole->index = index + 1 == event_count(operation) ? 0 : index + 1;
    whole->ends[event->position] = whole->index == 0;
    uint32_t part = part_of(operation, &index);
    if (event->revision != whole->next_of[operation->parts[part].stream]++)
        return status_make(STATUS_INTERNAL,
                           "position %" PRIu64 ": revision %" PRIu64 " is out of order",
                           event->position, event->revision);
    if (operation->outcome != OUTCOME_UNKNOWN)
        return OK;
    if (index == 0)
        operation->parts[part].first_revision = event->revision;
    if (whole->index == 0) { /* it happened, though nobody was told then */
        operation->outcome = OUTCOME_APPENDED;
        operation->position = event->position;
    }
    return OK;
}

static void on_whole_page(void *context, struct bytes bytes)
{
    struct whole *whole = context;
    Sagabase__V1__ReadAllResponse *page =
        sagabase__v1__read_all_response__unpack(NULL, bytes.size, bytes.data);

    assert(page);
    for (size_t i = 0; i < page->n_events && status_ok(whole->verdict); i++)
        whole->verdict = take_event(whole, page->events[i]);
    sagabase__v1__read_all_response__free_unpacked(page, NULL);
}

static void on_whole_ended(void *context, struct status status)
{
    struct whole *whole = context;

    whole->ended = true;
    if (!status_ok(status))
        whole->verdict = status;
}

/* What was followed is what is there, and "caught up" never stood inside an append. */
static struct status compare(const struct load *load, const struct whole *whole)
{
    const struct followed *seen = &load->subscribed;

    if (whole->index != 0)
        return status_make(STATUS_INTERNAL, "the last append is there in part");
    if (seen->count > whole->all.count ||
        memcmp(seen->events, whole->all.events, seen->count * sizeof *seen->events) != 0)
        return status_make(STATUS_INTERNAL, "the subscription was told of other events");
    for (uint32_t i = 0; i < load->caught_up_count; i++)
        if (!whole->ends[load->caught_up[i]])
            return status_make(STATUS_INTERNAL, "caught up to %" PRIu64 ", within an append",
                               load->caught_up[i]);
    return OK;
}

/* What did not happen until the end, never did: no call of it is left. A read that has not
 * returned tells nothing. Both leave the history. */
static void drop_unknown(struct history *history)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < history->count; i++)
        if (history->operations[i].outcome != OUTCOME_UNKNOWN)
            history->operations[kept++] = history->operations[i];
    history->count = kept;
}

/* Every head, one after the other, by a client of its own. */
static struct status read_heads(struct load *load, struct wire *wire)
{
    struct running running = {.load = load, .wire = wire, .verdict = OK};
    struct client client = {.running = &running};

    for (uint32_t stream = 0; stream <= STREAMS_MAX; stream++) {
        struct operation operation = {.kind = KIND_HEAD, .part_count = 1, .parts = {{stream}}};
        if (stream == STREAMS_MAX)
            operation = (struct operation){.kind = KIND_END};
        client.found = false;
        client.number = history_invoke(&load->history, &operation);
        if (stream < STREAMS_MAX)
            read_head(&client, stream);
        else
            read_end(&client);
        while (wire_open_calls(wire) > 0)
            wire_step(wire, STEP_TIMEOUT_US);
    }
    return running.verdict;
}

struct status load_settle(struct load *load, struct wire *wire)
{
    static const struct wire_stream_events events = {.message = on_whole_page,
                                                     .ended = on_whole_ended};
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    struct whole whole = {
        .operations = load->history.operations, .count = load->history.count, .verdict = OK};

    whole.all.events = malloc(FOLLOWED_MAX * sizeof *whole.all.events);
    whole.ends = calloc(FOLLOWED_MAX, sizeof *whole.ends);
    assert(whole.all.events && whole.ends);
    wire_stream_open(wire, 0, EVENT_STORE "ReadAll", &request.base, &events, &whole);
    while (!whole.ended)
        wire_step(wire, STEP_TIMEOUT_US);
    struct status status = whole.verdict;
    if (status_ok(status))
        status = compare(load, &whole);
    free(whole.all.events);
    free(whole.ends);
    TRY(status);
    drop_unknown(&load->history);
    return read_heads(load, wire);
}
