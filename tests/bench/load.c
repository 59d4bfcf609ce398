#include "tests/bench/load.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "sagabase/v1/admin.pb-c.h"
#include "sagabase/v1/event_store.pb-c.h"

#define EVENT_STORE "/sagabase.v1.EventStore/"

enum { CALL_TIMEOUT_US = 60 * 1000 * 1000, NAME_BYTES = 32 };

static int64_t now_us(void)
{
    return clock_monotonic_us(system_clock());
}

double process_cpu_us(int pid)
{
    char path[64], text[1024];
    unsigned long user = 0, system = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    assert(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *behind_name = strrchr(text, ')');
    assert(behind_name);
    int got = sscanf(behind_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                     &system);
    assert(got == 2);
    (void)got;
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static void must(struct status status)
{
    if (status_ok(status))
        return;
    fprintf(stderr, "bench: %s: %s\n", status_code_name(status.code), status.message);
    exit(1);
}

/* --- an event, its id always new --------------------------------------------------------- */

struct proposal {
    Sagabase__V1__ProposedEvent message;
    char id[UUID_TEXT_BYTES + 1];
    uint8_t data[DATA_BYTES];
};

static void proposal_renew(struct proposal *proposal)
{
    static struct uuid uuid;
    static uint64_t next;

    if (next++ == 0)
        uuid = uuid_random();
    put_u64_big_endian(uuid.bytes + 8, next);
    uuid_format(&uuid, (uint8_t *)proposal->id);
    sagabase__v1__proposed_event__init(&proposal->message);
    proposal->message.id = proposal->id;
    proposal->message.type = "Measured";
    proposal->message.content_type = "application/octet-stream";
    proposal->message.data.data = proposal->data;
    proposal->message.data.len = DATA_BYTES;
}

static void next_stream(char name[NAME_BYTES])
{
    static uint32_t next;

    snprintf(name, NAME_BYTES, "bench-%" PRIu32, next++ % STREAMS);
}

/* --- the clock of a run --------------------------------------------------------------------- */

/* Counts what ends between warm-up and end. */
struct run {
    struct target *target;
    struct measured *measured;
    int64_t from_us;
    int64_t to_us;
    double cpu_us; /* of the server at from_us; negative until then */
};

static void run_start(struct run *run, struct target *target, struct measured *measured)
{
    *run = (struct run){.target = target, .measured = measured, .cpu_us = -1};
    run->from_us = now_us() + target->warm_up_us;
    run->to_us = run->from_us + target->measure_us;
}

static bool run_is_over(const struct run *run)
{
    return now_us() >= run->to_us;
}

static void run_count(struct run *run, int64_t sent_us, uint64_t events)
{
    int64_t now = now_us();

    if (now < run->from_us || now >= run->to_us)
        return;
    if (run->cpu_us < 0)
        run->cpu_us = process_cpu_us(run->target->pid);
    run->measured->calls++;
    run->measured->events += events;
    histogram_add(&run->measured->latency_us, now - sent_us);
}

static void run_end(struct run *run)
{
    double cpu_us = process_cpu_us(run->target->pid);

    while (wire_open_calls(run->target->wire) > 0)
        wire_step(run->target->wire, CALL_TIMEOUT_US);
    run->measured->seconds = (double)run->target->measure_us / 1e6;
    if (run->measured->calls > 0)
        run->measured->server_cpu_us = (cpu_us - run->cpu_us) / (double)run->measured->calls;
}

static void run_until_over(struct run *run)
{
    while (!run_is_over(run))
        wire_step(run->target->wire, run->to_us - now_us());
    run_end(run);
}

/* --- unary loops ---------------------------------------------------------------------------------
 */

struct caller {
    struct loop *loop;
    unsigned connection;
    int64_t sent_us;
};

struct loop {
    struct run run;
    void (*send)(struct caller *caller, wire_done *done);
    uint64_t events; /* of one call */
    struct caller callers[OUTSTANDING_MAX];
};

static void send_next(struct caller *caller);

static void on_answer(void *context, struct status status, struct bytes response)
{
    struct caller *caller = context;

    (void)response;
    must(status);
    run_count(&caller->loop->run, caller->sent_us, caller->loop->events);
    if (!run_is_over(&caller->loop->run))
        send_next(caller);
}

static void send_next(struct caller *caller)
{
    caller->sent_us = now_us();
    caller->loop->send(caller, on_answer);
}

static void loop_run(struct loop *loop, struct target *target, unsigned outstanding,
                     struct measured *measured)
{
    assert(outstanding <= OUTSTANDING_MAX);
    measured->outstanding = outstanding;
    run_start(&loop->run, target, measured);
    for (unsigned i = 0; i < outstanding; i++) {
        loop->callers[i] = (struct caller){.loop = loop, .connection = i};
        send_next(&loop->callers[i]);
    }
    run_until_over(&loop->run);
}

static void send_empty(struct caller *caller, wire_done *done)
{
    Sagabase__V1__GetInfoRequest request = SAGABASE__V1__GET_INFO_REQUEST__INIT;

    wire_unary(caller->loop->run.target->wire, caller->connection, "/bench.Echo/Empty",
               &request.base, 0, done, caller);
}

void measure_empty(struct target *target, unsigned outstanding, struct measured *measured)
{
    struct loop loop = {.send = send_empty};

    measured->name = "empty unary call";
    loop_run(&loop, target, outstanding, measured);
}

static void append_to(struct wire *wire, unsigned connection, char *stream, size_t count,
                      wire_done *done, void *context)
{
    static struct proposal proposals[LONG_STREAM_EVENTS];
    static Sagabase__V1__ProposedEvent *events[LONG_STREAM_EVENTS];
    Sagabase__V1__AppendToStreamRequest request = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;

    for (size_t i = 0; i < count; i++) {
        proposal_renew(&proposals[i]);
        put_u64_little_endian(proposals[i].data, (uint64_t)now_us());
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
    char stream[NAME_BYTES];

    next_stream(stream);
    append_to(caller->loop->run.target->wire, caller->connection, stream, caller->loop->events,
              done, caller);
}

void measure_append(struct target *target, unsigned outstanding, unsigned events,
                    struct measured *measured)
{
    struct loop loop = {.send = send_append, .events = events};

    measured->name = events == 1 ? "AppendToStream, 1 event" : "AppendToStream, 100 events";
    loop_run(&loop, target, outstanding, measured);
}

/* --- sessions
 * -------------------------------------------------------------------------------------- */

struct session {
    struct run *run;
    struct wire_stream *stream;
    int64_t sent_us[SESSION_WINDOW];
    uint64_t sent;
    uint64_t answered;
    bool sending;
    bool finished;
};

static void session_next(struct session *session)
{
    static struct proposal proposal;
    Sagabase__V1__ProposedEvent *events[] = {&proposal.message};
    Sagabase__V1__StreamAppend part = SAGABASE__V1__STREAM_APPEND__INIT;
    Sagabase__V1__StreamAppend *parts[] = {&part};
    Sagabase__V1__AppendRequest append = SAGABASE__V1__APPEND_REQUEST__INIT;
    Sagabase__V1__AppendSessionRequest request = SAGABASE__V1__APPEND_SESSION_REQUEST__INIT;
    char stream[NAME_BYTES];

    if (session->sending || session->finished ||
        session->sent - session->answered == SESSION_WINDOW)
        return;
    if (run_is_over(session->run)) {
        session->finished = true;
        wire_stream_finish(session->stream);
        return;
    }
    next_stream(stream);
    proposal_renew(&proposal);
    part.stream = stream;
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
        run_count(session->run, session->sent_us[session->answered++ % SESSION_WINDOW], 1);
    }
    sagabase__v1__append_session_response__free_unpacked(response, NULL);
    session_next(session);
}

static void on_ended(void *context, struct status status)
{
    (void)context;
    must(status);
}

void measure_sessions(struct target *target, struct measured *measured)
{
    static const struct wire_stream_events events = {
        .message = on_results, .sent = on_session_sent, .ended = on_ended};
    struct session sessions[SESSIONS] = {0};
    struct run run;

    measured->name = "AppendSession, 8 of 64 in flight";
    measured->outstanding = SESSIONS * SESSION_WINDOW;
    run_start(&run, target, measured);
    for (unsigned i = 0; i < SESSIONS; i++) {
        sessions[i].run = &run;
        sessions[i].stream = wire_stream_open(target->wire, i, EVENT_STORE "AppendSession", NULL,
                                              &events, &sessions[i]);
        session_next(&sessions[i]);
    }
    run_until_over(&run);
}

/* --- reads
 * --------------------------------------------------------------------------------------------- */

/* Events of a page: fields 1 of the message, counted without unpacking them. */
static uint64_t count_events(struct bytes page)
{
    uint64_t count = 0;
    size_t at = 0;

    while (at < page.size) {
        uint64_t size = 0;
        unsigned shift = 0;
        at++; /* the tag, 0x0a */
        do
            size |= (uint64_t)(page.data[at] & 0x7f) << shift;
        while (shift += 7, page.data[at++] & 0x80);
        at += size;
        count++;
    }
    return count;
}

struct reader {
    struct run *run;
    unsigned connection;
    uint32_t count; /* of events, from a long stream; 0: the whole store, counted by the page */
    uint64_t events;
    int64_t sent_us;
};

static void read_next(struct reader *reader);

static void on_page(void *context, struct bytes page)
{
    struct reader *reader = context;
    uint64_t events = count_events(page);

    reader->events += events;
    if (reader->count > 0)
        return;
    run_count(reader->run, reader->sent_us, events);
    reader->sent_us = now_us();
}

static void on_read_ended(void *context, struct status status)
{
    struct reader *reader = context;

    must(status);
    if (reader->count > 0) {
        if (reader->events != reader->count)
            must(status_make(STATUS_INTERNAL, "read: %" PRIu64 " events", reader->events));
        run_count(reader->run, reader->sent_us, reader->events);
    }
    if (!run_is_over(reader->run))
        read_next(reader);
}

static void read_next(struct reader *reader)
{
    static const struct wire_stream_events events = {.message = on_page, .ended = on_read_ended};
    struct wire *wire = reader->run->target->wire;
    Sagabase__V1__ReadStreamRequest of_stream = SAGABASE__V1__READ_STREAM_REQUEST__INIT;
    Sagabase__V1__ReadAllRequest of_all = SAGABASE__V1__READ_ALL_REQUEST__INIT;

    reader->events = 0;
    reader->sent_us = now_us();
    of_stream.stream = "long";
    of_stream.count = reader->count;
    if (reader->count > 0)
        wire_stream_open(wire, reader->connection, EVENT_STORE "ReadStream", &of_stream.base,
                         &events, reader);
    else
        wire_stream_open(wire, reader->connection, EVENT_STORE "ReadAll", &of_all.base, &events,
                         reader);
}

static void on_filled(void *context, struct status status, struct bytes response)
{
    (void)context;
    (void)response;
    must(status);
}

/* A stream of LONG_STREAM_EVENTS that were appended one by one. */
static void fill_long_stream(struct wire *wire)
{
    static bool filled;

    for (unsigned i = 0; i < LONG_STREAM_EVENTS && !filled; i++)
        append_to(wire, 0, "long", 1, on_filled, NULL);
    while (wire_open_calls(wire) > 0)
        wire_step(wire, CALL_TIMEOUT_US);
    filled = true;
}

static void run_readers(struct target *target, unsigned outstanding, uint32_t count,
                        struct measured *measured)
{
    struct reader readers[OUTSTANDING_MAX];
    struct run run;

    assert(outstanding <= OUTSTANDING_MAX);
    measured->outstanding = outstanding;
    run_start(&run, target, measured);
    for (unsigned i = 0; i < outstanding; i++) {
        readers[i] = (struct reader){.run = &run, .connection = i, .count = count};
        read_next(&readers[i]);
    }
    run_until_over(&run);
}

void measure_read_stream(struct target *target, unsigned outstanding, uint32_t count,
                         struct measured *measured)
{
    measured->name = count == 10 ? "ReadStream, 10 events" : "ReadStream, 1000 events";
    fill_long_stream(target->wire);
    run_readers(target, outstanding, count, measured);
}

void measure_read_all(struct target *target, struct measured *measured)
{
    measured->name = "ReadAll, by the page";
    run_readers(target, 1, 0, measured);
}

/* --- live delivery
 * ------------------------------------------------------------------------------------------- */

struct live {
    struct run run;
    bool caught_up;
    bool ended;
};

static void on_live_message(void *context, struct bytes bytes)
{
    struct live *live = context;
    Sagabase__V1__SubscribeResponse *response =
        sagabase__v1__subscribe_response__unpack(NULL, bytes.size, bytes.data);

    assert(response);
    if (response->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CAUGHT_UP)
        live->caught_up = true;
    if (response->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS)
        for (size_t i = 0; i < response->events->n_events; i++)
            run_count(&live->run,
                      (int64_t)get_u64_little_endian(response->events->events[i]->data.data), 1);
    sagabase__v1__subscribe_response__free_unpacked(response, NULL);
}

static void on_live_ended(void *context, struct status status)
{
    struct live *live = context;

    (void)status; /* it was cancelled */
    live->ended = true;
}

void measure_live(struct target *target, unsigned appends_per_s, struct measured *measured)
{
    static const struct wire_stream_events events = {.message = on_live_message,
                                                     .ended = on_live_ended};
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    struct live live = {.caught_up = false};
    char stream[NAME_BYTES];

    measured->name = "Subscribe, live, 1000 appends/s";
    measured->outstanding = 1;
    request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_EDGE;
    request.edge = SAGABASE__V1__EDGE__EDGE_END;
    struct wire_stream *subscription =
        wire_stream_open(target->wire, 0, EVENT_STORE "Subscribe", &request.base, &events, &live);
    while (!live.caught_up && !live.ended)
        wire_step(target->wire, CALL_TIMEOUT_US);

    run_start(&live.run, target, measured);
    int64_t due_us = now_us();
    while (!run_is_over(&live.run)) {
        for (; due_us <= now_us(); due_us += 1000000 / appends_per_s) {
            next_stream(stream);
            append_to(target->wire, 1, stream, 1, on_filled, NULL);
        }
        wire_step(target->wire, due_us - now_us());
    }
    wire_stream_cancel(subscription);
    run_end(&live.run);
}
