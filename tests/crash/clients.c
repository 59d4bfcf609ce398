#include "tests/crash/clients.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_STORE "/sagabase.v1.EventStore/"

enum {
    SINGLES = 12, /* clients that append one event at a time */
    BATCHES = 3,  /* ... ten events */
    MULTIS = 3,   /* ... to several streams */
    UNARIES = SINGLES + BATCHES + MULTIS,
    SESSIONS = 2,
    SESSION_IN_FLIGHT = 8,
    BATCH_EVENTS = 10,
    SHARED_STREAMS = 40, /* streams 0..39 are everybody's; others are new */
    REQUEST_BYTES_MAX = 1 << 20,
    REPEAT_TIMEOUT_US = 30 * 1000 * 1000,
};

struct unary_client {
    struct clients *clients;
    uint32_t index;
    uint32_t number; /* of the append underway */
    bool to_one_stream;
};

struct session_client {
    struct clients *clients;
    struct wire_stream *stream; /* NULL once it has ended */
    uint32_t in_flight[SESSION_IN_FLIGHT];
    uint32_t in_flight_count; /* oldest first */
    bool sending;
};

struct clients {
    struct wire *wire;
    struct oracle *oracle;
    struct chance *chance;
    struct status verdict;
    bool death_expected;
    uint32_t next_stream;
    struct unary_client unaries[UNARIES];
    struct session_client sessions[SESSIONS];
};

static void judge(struct clients *clients, struct status status)
{
    if (status_ok(clients->verdict))
        clients->verdict = status;
}

static bool working(const struct clients *clients)
{
    return !clients->death_expected && status_ok(clients->verdict);
}

/* --- what is appended -------------------------------------------------------------- */

static struct part choose_part(struct clients *clients, uint32_t stream, uint32_t events)
{
    struct part part = {.stream = stream, .events = events};
    uint64_t head;

    if (!oracle_head(clients->oracle, stream, &head)) {
        part.expectation = chance_below(clients->chance, 2) ? EXPECT_NO_STREAM : EXPECT_ANY;
        return part;
    }
    switch (chance_below(clients->chance, 8)) {
    case 0:
        part.expectation = EXPECT_EXISTS;
        break;
    case 1: /* will be refused */
        part.expectation = EXPECT_NO_STREAM;
        break;
    case 2:
    case 3:
    case 4: /* refused if another client was faster */
        part.expectation = EXPECT_REVISION;
        part.revision = head;
        break;
    default:
        part.expectation = EXPECT_ANY;
    }
    return part;
}

static uint32_t choose_stream(struct clients *clients)
{
    if (chance_below(clients->chance, 8) == 0)
        return clients->next_stream++;
    return chance_below(clients->chance, SHARED_STREAMS);
}

/* A new append: what this kind of client sends. */
static uint32_t intend(struct clients *clients, uint32_t part_count, uint32_t events)
{
    struct part parts[PARTS_MAX];
    uint32_t stream = choose_stream(clients);

    for (uint32_t i = 0; i < part_count; i++) /* no stream twice */
        parts[i] = choose_part(clients,
                               i == 0 || stream >= SHARED_STREAMS ? stream + i
                                                                  : (stream + i) % SHARED_STREAMS,
                               events);
    if (stream >= SHARED_STREAMS)
        clients->next_stream = stream + part_count;
    return oracle_intend(clients->oracle, parts, part_count);
}

/* --- answers -------------------------------------------------------------------------- */

/* An append ended without being stored. */
static struct status note_failure(struct oracle *oracle, uint32_t number, struct status status,
                                  bool loss_expected)
{
    switch (status.code) {
    case STATUS_ABORTED:
    case STATUS_RESOURCE_EXHAUSTED:
        return oracle_refused(oracle, number);
    case STATUS_UNAVAILABLE:
    case STATUS_CANCELLED:
    case STATUS_UNKNOWN:
    case STATUS_INTERNAL:
        oracle_unknown(oracle, number);
        return loss_expected ? OK
                             : status_make(STATUS_INTERNAL, "append %" PRIu32 ": %s: %.200s",
                                           number, status_code_name(status.code), status.message);
    default:
        return status_make(STATUS_INTERNAL, "append %" PRIu32 ": %s: %.200s", number,
                           status_code_name(status.code), status.message);
    }
}

static struct status note_stored(struct oracle *oracle, uint32_t number,
                                 const Sagabase__V1__AppendResponse *response)
{
    const struct attempt *attempt = oracle_attempt(oracle, number);
    uint64_t first_revisions[PARTS_MAX];

    if (response->n_streams != attempt->part_count)
        return status_make(STATUS_DATA_LOSS, "append %" PRIu32 ": answered for %zu streams", number,
                           response->n_streams);
    for (size_t i = 0; i < response->n_streams; i++)
        first_revisions[i] = response->streams[i]->first_revision;
    return oracle_stored(oracle, number, response->position, first_revisions, response->replayed);
}

/* The response of Append or of AppendToStream. */
static struct status note_response(struct oracle *oracle, uint32_t number, struct bytes bytes,
                                   bool to_one_stream)
{
    struct status status;

    if (to_one_stream) {
        Sagabase__V1__AppendToStreamResponse *response =
            sagabase__v1__append_to_stream_response__unpack(NULL, bytes.size, bytes.data);
        assert(response);
        status = oracle_stored(oracle, number, response->position, &response->first_revision,
                               response->replayed);
        sagabase__v1__append_to_stream_response__free_unpacked(response, NULL);
    } else {
        Sagabase__V1__AppendResponse *response =
            sagabase__v1__append_response__unpack(NULL, bytes.size, bytes.data);
        assert(response);
        status = note_stored(oracle, number, response);
        sagabase__v1__append_response__free_unpacked(response, NULL);
    }
    return status;
}

static void send_append(struct wire *wire, uint32_t connection, struct oracle *oracle,
                        uint32_t number, bool to_one_stream, int64_t timeout_us, wire_done *done,
                        void *context)
{
    struct arena arena;

    arena_init(&arena, REQUEST_BYTES_MAX);
    Sagabase__V1__AppendRequest *request = oracle_request(oracle, number, &arena);
    if (to_one_stream) {
        const Sagabase__V1__StreamAppend *part = request->appends[0];
        Sagabase__V1__AppendToStreamRequest one = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;
        one.stream = part->stream;
        one.n_events = part->n_events;
        one.events = part->events;
        if (part->expected_case == SAGABASE__V1__STREAM_APPEND__EXPECTED_REVISION) {
            one.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_REVISION;
            one.revision = part->revision;
        } else {
            one.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE;
            one.state = part->state;
        }
        wire_unary(wire, connection, EVENT_STORE "AppendToStream", &one.base, timeout_us, done,
                   context);
    } else {
        wire_unary(wire, connection, EVENT_STORE "Append", &request->base, timeout_us, done,
                   context);
    }
    arena_destroy(&arena);
}

/* --- unary clients --------------------------------------------------------------------- */

static void append_next(struct unary_client *client);

static void on_answer(void *context, struct status status, struct bytes response)
{
    struct unary_client *client = context;
    struct clients *clients = client->clients;

    if (status_ok(status))
        judge(clients,
              note_response(clients->oracle, client->number, response, client->to_one_stream));
    else
        judge(clients,
              note_failure(clients->oracle, client->number, status, clients->death_expected));
    if (working(clients))
        append_next(client);
}

static void append_next(struct unary_client *client)
{
    struct clients *clients = client->clients;
    uint32_t parts = 1, events = 1;

    if (client->index >= SINGLES + BATCHES) {
        parts = 2 + chance_below(clients->chance, PARTS_MAX - 1);
        events = 1 + chance_below(clients->chance, 3);
    } else if (client->index >= SINGLES) {
        events = BATCH_EVENTS;
    }
    client->to_one_stream = parts == 1;
    client->number = intend(clients, parts, events);
    send_append(clients->wire, client->index, clients->oracle, client->number,
                client->to_one_stream, 0, on_answer, client);
}

/* --- sessions ---------------------------------------------------------------------------- */

static void session_next(struct session_client *session)
{
    struct clients *clients = session->clients;
    struct arena arena;

    if (!working(clients) || session->sending || !session->stream ||
        session->in_flight_count == SESSION_IN_FLIGHT)
        return;
    Sagabase__V1__AppendSessionRequest request = SAGABASE__V1__APPEND_SESSION_REQUEST__INIT;
    uint32_t number = intend(clients, 1 + chance_below(clients->chance, 2), 1);
    arena_init(&arena, REQUEST_BYTES_MAX);
    request.correlation_id = number;
    request.append = oracle_request(clients->oracle, number, &arena);
    session->in_flight[session->in_flight_count++] = number;
    session->sending = true;
    wire_stream_send(session->stream, &request.base);
    arena_destroy(&arena);
}

static void on_session_sent(void *context)
{
    struct session_client *session = context;

    session->sending = false;
    session_next(session);
}

static struct status take_result(struct session_client *session,
                                 const Sagabase__V1__AppendResult *result)
{
    struct clients *clients = session->clients;

    if (session->in_flight_count == 0 || session->in_flight[0] != result->correlation_id)
        return status_make(STATUS_INTERNAL, "session: result of %" PRIu64 " is out of order",
                           result->correlation_id);
    uint32_t number = session->in_flight[0];
    session->in_flight_count--;
    memmove(session->in_flight, session->in_flight + 1,
            session->in_flight_count * sizeof *session->in_flight);
    if (result->outcome_case == SAGABASE__V1__APPEND_RESULT__OUTCOME_APPENDED)
        return note_stored(clients->oracle, number, result->appended);
    if (result->outcome_case != SAGABASE__V1__APPEND_RESULT__OUTCOME_FAILED)
        return status_make(STATUS_INTERNAL, "session: result without outcome");
    struct status failure =
        status_make((enum status_code)result->failed->code, "%.200s", result->failed->message);
    return note_failure(clients->oracle, number, failure, clients->death_expected);
}

static void on_results(void *context, struct bytes bytes)
{
    struct session_client *session = context;
    Sagabase__V1__AppendSessionResponse *response =
        sagabase__v1__append_session_response__unpack(NULL, bytes.size, bytes.data);

    assert(response);
    for (size_t i = 0; i < response->n_results; i++)
        judge(session->clients, take_result(session, response->results[i]));
    sagabase__v1__append_session_response__free_unpacked(response, NULL);
    session_next(session);
}

static void on_session_ended(void *context, struct status status)
{
    struct session_client *session = context;
    struct clients *clients = session->clients;

    session->stream = NULL;
    for (uint32_t i = 0; i < session->in_flight_count; i++)
        oracle_unknown(clients->oracle, session->in_flight[i]);
    if (!clients->death_expected)
        judge(clients, status_make(STATUS_INTERNAL, "session ended: %s: %.200s",
                                   status_code_name(status.code), status.message));
}

static const struct wire_stream_events session_events = {
    .message = on_results, .sent = on_session_sent, .ended = on_session_ended};

/* --- the subscriber ---------------------------------------------------------------------- */

static void on_subscribed_message(void *context, struct bytes bytes)
{
    struct clients *clients = context;
    Sagabase__V1__SubscribeResponse *response =
        sagabase__v1__subscribe_response__unpack(NULL, bytes.size, bytes.data);

    assert(response);
    if (response->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS)
        for (size_t i = 0; i < response->events->n_events; i++)
            judge(clients, oracle_subscriber_saw(clients->oracle, response->events->events[i]));
    sagabase__v1__subscribe_response__free_unpacked(response, NULL);
}

static void on_subscription_ended(void *context, struct status status)
{
    struct clients *clients = context;

    if (!clients->death_expected)
        judge(clients, status_make(STATUS_INTERNAL, "subscription ended: %s: %.200s",
                                   status_code_name(status.code), status.message));
}

static const struct wire_stream_events subscription_events = {.message = on_subscribed_message,
                                                              .ended = on_subscription_ended};

static void subscribe(struct clients *clients)
{
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    uint64_t position = oracle_subscriber_position(clients->oracle);

    if (position > 0) {
        request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_AFTER_POSITION;
        request.after_position = position - 1;
    }
    wire_stream_open(clients->wire, 0, EVENT_STORE "Subscribe", &request.base, &subscription_events,
                     clients);
}

/* --- all of them ----------------------------------------------------------------------------- */

struct clients *clients_start(struct wire *wire, struct oracle *oracle, struct chance *chance)
{
    struct clients *clients = calloc(1, sizeof *clients);

    assert(clients);
    *clients = (struct clients){.wire = wire, .oracle = oracle, .chance = chance, .verdict = OK};
    clients->next_stream = SHARED_STREAMS + oracle_count(oracle) * PARTS_MAX;
    subscribe(clients);
    for (uint32_t i = 0; i < SESSIONS; i++) {
        struct session_client *session = &clients->sessions[i];
        session->clients = clients;
        session->stream =
            wire_stream_open(wire, i, EVENT_STORE "AppendSession", NULL, &session_events, session);
        session_next(session);
    }
    for (uint32_t i = 0; i < UNARIES; i++) {
        clients->unaries[i] = (struct unary_client){.clients = clients, .index = i};
        append_next(&clients->unaries[i]);
    }
    return clients;
}

void clients_expect_death(struct clients *clients)
{
    clients->death_expected = true;
}

struct status clients_verdict(const struct clients *clients)
{
    return clients->verdict;
}

void clients_free(struct clients *clients)
{
    free(clients);
}

/* --- between two deaths ------------------------------------------------------------------------
 */

struct whole_read {
    struct oracle *oracle;
    struct status verdict;
    bool ended;
};

static void on_page(void *context, struct bytes bytes)
{
    struct whole_read *read = context;
    Sagabase__V1__ReadAllResponse *page =
        sagabase__v1__read_all_response__unpack(NULL, bytes.size, bytes.data);

    assert(page);
    for (size_t i = 0; i < page->n_events && status_ok(read->verdict); i++)
        read->verdict = oracle_read_event(read->oracle, page->events[i]);
    sagabase__v1__read_all_response__free_unpacked(page, NULL);
}

static void on_read_ended(void *context, struct status status)
{
    struct whole_read *read = context;

    read->ended = true;
    if (!status_ok(status))
        read->verdict = status_make(status.code, "read of the whole store: %.200s", status.message);
}

struct status read_all(struct wire *wire, struct oracle *oracle)
{
    static const struct wire_stream_events events = {.message = on_page, .ended = on_read_ended};
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    struct whole_read read = {.oracle = oracle, .verdict = OK};

    oracle_read_begin(oracle);
    wire_stream_open(wire, 0, EVENT_STORE "ReadAll", &request.base, &events, &read);
    while (!read.ended)
        wire_step(wire, REPEAT_TIMEOUT_US);
    TRY(read.verdict);
    return oracle_read_end(oracle);
}

struct repeat {
    struct oracle *oracle;
    uint32_t number;
    bool to_one_stream;
    bool ended;
    struct status verdict;
};

static void on_repeated(void *context, struct status status, struct bytes response)
{
    struct repeat *repeat = context;

    repeat->ended = true;
    repeat->verdict =
        status_ok(status)
            ? note_response(repeat->oracle, repeat->number, response, repeat->to_one_stream)
            : note_failure(repeat->oracle, repeat->number, status, false);
}

struct status repeat_append(struct wire *wire, struct oracle *oracle, uint32_t number)
{
    struct repeat repeat = {.oracle = oracle,
                            .number = number,
                            .to_one_stream = oracle_attempt(oracle, number)->part_count == 1};

    oracle_repeats(oracle, number);
    send_append(wire, 0, oracle, number, repeat.to_one_stream, REPEAT_TIMEOUT_US, on_repeated,
                &repeat);
    while (!repeat.ended)
        wire_step(wire, REPEAT_TIMEOUT_US);
    return repeat.verdict;
}
