/* Appends: unary calls and sessions. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sagabase/v1/admin.pb-c.h"
#include "tests/bench/callers.h"
#include "tests/bench/proposal.h"
#include "tests/bench/workloads.h"

#define EVENT_STORE "/sagabase.v1.EventStore/"

void next_id(char id[UUID_TEXT_BYTES + 1])
{
    static struct uuid uuid;
    static uint64_t next;

    if (next++ == 0)
        uuid = uuid_random();
    put_u64_big_endian(uuid.bytes + 8, next);
    uuid_format(&uuid, (uint8_t *)id);
    id[UUID_TEXT_BYTES] = '\0';
}

void proposal_renew(struct proposal *proposal)
{
    next_id(proposal->id);
    sagabase__v1__proposed_event__init(&proposal->message);
    proposal->message.id = proposal->id;
    proposal->message.type = "Measured";
    proposal->message.content_type = "application/octet-stream";
    proposal->message.data.data = proposal->data;
    proposal->message.data.len = DATA_BYTES;
    next_data(proposal->data);
    put_u64_little_endian(proposal->data, (uint64_t)now_us());
}

static void send_empty(struct caller *caller, wire_done *done)
{
    Sagabase__V1__GetInfoRequest request = SAGABASE__V1__GET_INFO_REQUEST__INIT;

    wire_unary(caller->callers->run.load->wire, caller->connection, "/bench.Echo/Empty",
               &request.base, 0, done, caller);
}

void measure_empty(const struct load *load, struct measured *measured)
{
    static struct callers callers = {.send = send_empty};

    callers_run(&callers, load, measured);
}

void append_to(struct wire *wire, unsigned connection, char *stream, size_t count, wire_done *done,
               void *context)
{
    static struct proposal proposals[EVENTS_MAX];
    static Sagabase__V1__ProposedEvent *events[EVENTS_MAX];
    Sagabase__V1__AppendToStreamRequest request = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;

    assert(count > 0 && count <= EVENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        proposal_renew(&proposals[i]);
        events[i] = &proposals[i].message;
    }
    request.stream = stream;
    request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE;
    request.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    request.n_events = count;
    request.events = events;
    wire_unary(wire, connection, EVENT_STORE "AppendToStream", &request.base, 0, done, context);
}

static void send_append(struct caller *caller, wire_done *done)
{
    char stream[STREAM_NAME_BYTES];

    next_stream(caller->callers->run.load, stream);
    append_to(caller->callers->run.load->wire, caller->connection, stream, caller->callers->events,
              done, caller);
}

void measure_append(const struct load *load, struct measured *measured)
{
    static struct callers callers = {.send = send_append};

    callers.events = load->events;
    callers_run(&callers, load, measured);
}

/* --- sessions ------------------------------------------------------------------------------ */

struct sessions {
    struct run run;
    const char *stream; /* NULL: next_stream */
    uint64_t appends_left;
};

struct session {
    struct sessions *sessions;
    struct wire_stream *stream;
    int64_t sent_us[SESSION_WINDOW];
    uint64_t sent;
    uint64_t answered;
    bool sending;
    bool finished;
};

static void session_send(struct session *session)
{
    static struct proposal proposal;
    Sagabase__V1__ProposedEvent *events[] = {&proposal.message};
    Sagabase__V1__StreamAppend part = SAGABASE__V1__STREAM_APPEND__INIT;
    Sagabase__V1__StreamAppend *parts[] = {&part};
    Sagabase__V1__AppendRequest append = SAGABASE__V1__APPEND_REQUEST__INIT;
    Sagabase__V1__AppendSessionRequest request = SAGABASE__V1__APPEND_SESSION_REQUEST__INIT;
    char stream[STREAM_NAME_BYTES];

    next_stream(session->sessions->run.load, stream);
    proposal_renew(&proposal);
    part.stream = session->sessions->stream ? (char *)session->sessions->stream : stream;
    part.expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE;
    part.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    part.n_events = 1;
    part.events = events;
    append.n_appends = 1;
    append.appends = parts;
    request.correlation_id = session->sent;
    request.append = &append;
    session->sent_us[session->sent++ % SESSION_WINDOW] = now_us();
    session->sending = true;
    wire_stream_send(session->stream, &request.base);
}

static void session_next(struct session *session)
{
    if (session->sending || session->finished ||
        session->sent - session->answered == SESSION_WINDOW)
        return;
    if (session->sessions->appends_left == 0 || run_is_over(&session->sessions->run)) {
        session->finished = true;
        wire_stream_finish(session->stream);
        return;
    }
    session->sessions->appends_left--;
    session_send(session);
}

static void on_session_sent(void *context)
{
    struct session *session = context;

    session->sending = false;
    session_next(session);
}

static void on_results(void *context, struct bytes bytes)
{
    struct session *session = context;
    Sagabase__V1__AppendSessionResponse *response =
        sagabase__v1__append_session_response__unpack(NULL, bytes.size, bytes.data);

    assert(response);
    for (size_t i = 0; i < response->n_results; i++) {
        if (response->results[i]->outcome_case != SAGABASE__V1__APPEND_RESULT__OUTCOME_APPENDED)
            must(status_make(STATUS_INTERNAL, "session: an append failed"));
        run_count(&session->sessions->run, session->sent_us[session->answered++ % SESSION_WINDOW],
                  1);
    }
    sagabase__v1__append_session_response__free_unpacked(response, NULL);
    session_next(session);
}

static void on_ended(void *context, struct status status)
{
    (void)context;
    must(status);
}

static void sessions_open(struct sessions *sessions, struct session all[SESSIONS])
{
    static const struct wire_stream_events events = {
        .message = on_results, .sent = on_session_sent, .ended = on_ended};

    for (unsigned i = 0; i < SESSIONS; i++) {
        all[i] = (struct session){.sessions = sessions};
        all[i].stream = wire_stream_open(sessions->run.load->wire, i, EVENT_STORE "AppendSession",
                                         NULL, &events, &all[i]);
        session_next(&all[i]);
    }
}

void measure_sessions(const struct load *load, struct measured *measured)
{
    struct session all[SESSIONS];
    struct sessions sessions = {.appends_left = UINT64_MAX};

    run_start(&sessions.run, load, measured);
    sessions_open(&sessions, all);
    run_until_over(&sessions.run);
}

static void fill(const struct load *load, const char *stream, struct measured *measured)
{
    struct session all[SESSIONS];
    struct sessions sessions = {.stream = stream, .appends_left = load->total};
    int64_t began_us = now_us();

    run_start(&sessions.run, load, measured);
    sessions.run.from_us = began_us;
    sessions.run.to_us = INT64_MAX;
    sessions_open(&sessions, all);
    run_end(&sessions.run);
    measured->seconds = (double)(now_us() - began_us) / 1e6;
}

void fill_streams(const struct load *load, struct measured *measured)
{
    fill(load, NULL, measured);
}

void fill_long_stream(const struct load *load, struct measured *measured)
{
    fill(load, "long", measured);
}
