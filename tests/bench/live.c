/* Live delivery: appends at a fixed pace, and those who are told of them. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "sagabase/v1/event_store.pb-c.h"
#include "tests/bench/proposal.h"
#include "tests/bench/workloads.h"

#define EVENT_STORE "/sagabase.v1.EventStore/"

/* Subscribers that only differ in their connection. */
struct audience {
    struct run run;
    uint64_t opened;
    uint64_t caught_up;
    uint64_t ended;
};

static void on_message(void *context, struct bytes bytes)
{
    struct audience *audience = context;
    Sagabase__V1__SubscribeResponse *response =
        sagabase__v1__subscribe_response__unpack(NULL, bytes.size, bytes.data);

    assert(response);
    if (response->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CAUGHT_UP)
        audience->caught_up++;
    if (response->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS &&
        audience->run.measured)
        for (size_t i = 0; i < response->events->n_events; i++)
            run_count(&audience->run,
                      (int64_t)get_u64_little_endian(response->events->events[i]->data.data), 1);
    sagabase__v1__subscribe_response__free_unpacked(response, NULL);
}

static void on_ended(void *context, struct status status)
{
    struct audience *audience = context;

    if (audience->caught_up < audience->opened)
        must(status);
    audience->ended++; /* later: it was cancelled */
}

static void on_appended(void *context, struct status status, struct bytes response)
{
    (void)context;
    (void)response;
    must(status);
}

/* Opens them from the end of `stream` (NULL: of all), a few at a time, and waits until each has
 * caught up. */
static struct wire_stream **audience_open(struct audience *audience, const struct load *load,
                                          char *stream)
{
    enum { AT_ONCE = 100 };
    static const struct wire_stream_events events = {.message = on_message, .ended = on_ended};
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    struct wire_stream **streams = calloc(load->subscribers, sizeof(struct wire_stream *));

    assert(streams);
    if (stream)
        request.stream = stream;
    request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_EDGE;
    request.edge = SAGABASE__V1__EDGE__EDGE_END;
    while (audience->opened < load->subscribers) {
        streams[audience->opened] =
            wire_stream_open(load->wire, (unsigned)audience->opened, EVENT_STORE "Subscribe",
                             &request.base, &events, audience);
        audience->opened++;
        bool pause = audience->opened % AT_ONCE == 0 || audience->opened == load->subscribers;
        while (pause && audience->caught_up < audience->opened)
            if (!wire_step(load->wire, CALL_TIMEOUT_US))
                must(status_make(STATUS_DEADLINE_EXCEEDED,
                                 "%" PRIu64 " of %" PRIu64 " subscriptions are live",
                                 audience->caught_up, audience->opened));
    }
    return streams;
}

static void audience_close(struct audience *audience, const struct load *load,
                           struct wire_stream **streams)
{
    for (uint64_t i = 0; i < audience->opened; i++)
        wire_stream_cancel(streams[i]);
    while (audience->ended < audience->opened)
        wire_step(load->wire, CALL_TIMEOUT_US);
    free(streams);
}

static void measure_delivery(const struct load *load, char *stream, struct measured *measured)
{
    struct audience audience = {.opened = 0};
    struct wire_stream **streams = audience_open(&audience, load, stream);
    char name[STREAM_NAME_BYTES];

    run_start(&audience.run, load, measured);
    int64_t due_us = now_us();
    while (!run_is_over(&audience.run)) {
        for (; due_us <= now_us(); due_us += 1000000 / load->rate) {
            next_stream(load, name);
            append_to(load->wire, 1, stream ? stream : name, 1, on_appended, NULL);
        }
        wire_step(load->wire, due_us - now_us());
    }
    audience_close(&audience, load, streams);
    run_end(&audience.run);
}

void measure_live(const struct load *load, struct measured *measured)
{
    measure_delivery(load, NULL, measured);
}

void measure_fan_out(const struct load *load, struct measured *measured)
{
    measure_delivery(load, "fan-out", measured);
}

void measure_idle(const struct load *load, struct measured *measured)
{
    struct audience audience = {.opened = 0};
    uint64_t resident_before = process_resident_bytes(load->pid);
    struct wire_stream **streams = audience_open(&audience, load, "nobody-writes-here");

    measured->calls = audience.opened;
    measured->resident_bytes = process_resident_bytes(load->pid);
    measured->resident_before = resident_before;
    audience_close(&audience, load, streams);
}
