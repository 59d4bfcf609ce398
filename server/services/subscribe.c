/* EventStore.Subscribe: turns the outputs of the machine in server/subscriptions into
 * messages, one send at a time (following.h). */
#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "sagabase/v1/event_store.pb-c.h"
#include "server/reducers/upcast.h"
#include "server/services/following.h"
#include "server/services/methods.h"
#include "server/services/query.h"
#include "server/services/services.h"
#include "server/services/stream_name.h"
#include "storage/log/limits.h"

enum { CHECKPOINT_INTERVAL_DEFAULT = 10000, CHECKPOINT_INTERVAL_MAX = 1000000 };

struct subscribe {
    struct following following;
    struct filter_rules rules;
    struct query query;
    struct upcasting upcasting;
    struct step part_sent;
};

static struct status read_request(struct subscribe *self, struct arena *arena,
                                  const Sagabase__V1__SubscribeRequest *request);
static void confirm(struct following *following);
static void send_output(struct following *following, struct subscription_output *output);
static void send_events(struct following *following, struct buffer *frames, struct step *sent);
static void send_upcast(struct subscribe *self);
static void on_part_sent(struct step *step, bool ok);
static void on_over(struct following *following);

void subscribe(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    struct subscribe *self = arena_alloc(call_arena(call), sizeof *self);
    struct status status;

    if (!self)
        return call_end(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
    self->following.output = send_output;
    self->following.options.census = services->census;
    self->following.options.clock = system_clock();
    self->following.options.checkpoint_period_us =
        services->checkpoint_period_us > 0 ? services->checkpoint_period_us : CHECKPOINT_PERIOD_US;

    if (((const Sagabase__V1__SubscribeRequest *)message)->upcast) {
        upcasting_begin(&self->upcasting, services->reducers);
        self->part_sent.run = on_part_sent;
        self->following.over = on_over;
    }
    status = read_request(self, call_arena(call), (const void *)message);
    if (status_ok(status))
        status = following_open(&self->following, call, services->log);
    if (!status_ok(status))
        return call_end(call, status);
    if (call_span(call) && self->following.options.stream.size > 0)
        span_put_text(call_span(call), "messaging.destination.name",
                      self->following.options.stream);
    confirm(&self->following);
}

static void confirm(struct following *following)
{
    Sagabase__V1__SubscriptionConfirmed confirmed = SAGABASE__V1__SUBSCRIPTION_CONFIRMED__INIT;
    Sagabase__V1__SubscribeResponse response = SAGABASE__V1__SUBSCRIBE_RESPONSE__INIT;
    struct uuid id = uuid_random();
    uint8_t text[UUID_TEXT_BYTES + 1] = {0};

    uuid_format(&id, text);
    log_line(LOG_DEBUG, "subscription", "confirmed", "id=%s", (char *)text);
    confirmed.subscription_id = (char *)text;
    response.message_case = SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CONFIRMED;
    response.confirmed = &confirmed;
    call_send(following->call, &response.base, &following->sent);
}

/* --- to messages ------------------------------------------------------------------ */

static void send_output(struct following *following, struct subscription_output *output)
{
    struct subscribe *self = container_of(following, struct subscribe, following);
    Sagabase__V1__SubscribeResponse response = SAGABASE__V1__SUBSCRIBE_RESPONSE__INIT;
    Sagabase__V1__Checkpoint checkpoint = SAGABASE__V1__CHECKPOINT__INIT;
    Sagabase__V1__CaughtUp caught_up = SAGABASE__V1__CAUGHT_UP__INIT;
    Sagabase__V1__FellBehind fell_behind = SAGABASE__V1__FELL_BEHIND__INIT;

    if (output->kind == OUTPUT_EVENTS && upcasting_is_on(&self->upcasting)) {
        upcasting_take(&self->upcasting, &output->frames);
        return send_upcast(self);
    }
    if (output->kind == OUTPUT_EVENTS)
        return send_events(following, &output->frames, &following->sent);
    if (output->kind == OUTPUT_CHECKPOINT) {
        checkpoint.position = output->position;
        response.message_case = SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CHECKPOINT;
        response.checkpoint = &checkpoint;
    } else if (output->kind == OUTPUT_CAUGHT_UP) {
        caught_up.has_position = output->has_position;
        caught_up.position = output->position;
        response.message_case = SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CAUGHT_UP;
        response.caught_up = &caught_up;
    } else {
        assert(output->kind == OUTPUT_FELL_BEHIND);
        fell_behind.position = output->position;
        response.message_case = SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_FELL_BEHIND;
        response.fell_behind = &fell_behind;
    }
    call_send(following->call, &response.base, &following->sent);
}

/* Frames are the body of an EventPage: in front of them go the tag of SubscribeResponse.events
 * and their length. */
static void send_events(struct following *following, struct buffer *frames, struct step *sent)
{
    enum { TAG = SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS << 3 | 2, HEAD_BYTES_MAX = 6 };
    uint8_t head[HEAD_BYTES_MAX] = {TAG};
    size_t head_size = 1;
    size_t size = frames->size;

    for (; size >= 0x80; size >>= 7)
        head[head_size++] = (uint8_t)(size | 0x80);
    head[head_size++] = (uint8_t)size;
    assert(head_size <= sizeof head);

    frames->bytes_max += sizeof head;
    if (!buffer_reserve(frames, head_size)) {
        buffer_destroy(frames);
        return call_end(following->call,
                        status_make(STATUS_RESOURCE_EXHAUSTED, "subscription: out of memory"));
    }
    memmove(frames->data + head_size, frames->data, frames->size);
    memcpy(frames->data, head, head_size);
    frames->size += head_size;
    call_send_packed(following->call, frames, sent);
}

/* A part of the events at hand, in their newest form; then the rest of them, or what is next. */
static void send_upcast(struct subscribe *self)
{
    struct following *following = &self->following;
    struct buffer part;
    struct status status = upcasting_next(&self->upcasting, &part);

    if (!status_ok(status)) {
        buffer_destroy(&part);
        return call_end(following->call, status);
    }
    bool has_more = upcasting_has_more(&self->upcasting);
    send_events(following, &part, has_more ? &self->part_sent : &following->sent);
}

static void on_part_sent(struct step *step, bool ok)
{
    struct subscribe *self = container_of(step, struct subscribe, part_sent);

    if (ok)
        send_upcast(self); /* otherwise the peer is gone and `closed` follows */
}

static void on_over(struct following *following)
{
    upcasting_clear(&container_of(following, struct subscribe, following)->upcasting);
}

/* --- from the request --------------------------------------------------------------- */

static struct status read_after(struct subscribe *self, const char *field, uint64_t after)
{
    if (after == UINT64_MAX)
        return status_make(STATUS_INVALID_ARGUMENT,
                           "%s: below 18446744073709551615; for new events only, set edge to "
                           "EDGE_END",
                           field);
    self->following.options.begin = BEGIN_AFTER;
    self->following.options.after = after;
    return OK;
}

static struct status read_edge(struct subscribe *self, int edge)
{
    switch (edge) {
    case SAGABASE__V1__EDGE__EDGE_START:
        self->following.options.begin = BEGIN_AT_START;
        return OK;
    case SAGABASE__V1__EDGE__EDGE_END:
        self->following.options.begin = BEGIN_AT_END;
        return OK;
    default:
        return status_make(STATUS_INVALID_ARGUMENT, "edge: %d is not EDGE_START or EDGE_END", edge);
    }
}

static struct status read_from(struct subscribe *self,
                               const Sagabase__V1__SubscribeRequest *request)
{
    bool all = self->following.options.stream.size == 0;

    switch (request->from_case) {
    case SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_AFTER_REVISION:
        if (all)
            return status_make(STATUS_INVALID_ARGUMENT,
                               "after_revision: only with a stream; for all streams set "
                               "after_position");
        return read_after(self, "after_revision", request->after_revision);
    case SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_AFTER_POSITION:
        if (!all)
            return status_make(STATUS_INVALID_ARGUMENT,
                               "after_position: only for all streams; with a stream set "
                               "after_revision");
        return read_after(self, "after_position", request->after_position);
    case SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_EDGE:
        return read_edge(self, (int)request->edge);
    case SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_TIME_US:
        if (request->time_us < 0)
            return status_make(STATUS_INVALID_ARGUMENT, "time_us: not negative");
        self->following.options.begin = BEGIN_AT_TIME;
        self->following.options.time_us = request->time_us;
        return OK;
    default:
        self->following.options.begin = BEGIN_AT_START;
        return OK;
    }
}

static struct status read_selection(struct subscribe *self, struct arena *arena,
                                    const Sagabase__V1__SubscribeRequest *request)
{
    bool all = self->following.options.stream.size == 0;

    if (request->query && !all)
        return status_make(STATUS_INVALID_ARGUMENT, "query: only without a stream");
    if (request->query) {
        TRY(query_read(request->query, "query", arena, &self->query));
        self->following.options.query = &self->query;
    }
    if (request->filter) {
        TRY(filter_rules_read(request->filter, arena, &self->rules));
        self->following.options.rules = &self->rules;
    }
    if (request->checkpoint_interval > CHECKPOINT_INTERVAL_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "checkpoint_interval: 1 to %d, or 0 for %d",
                           CHECKPOINT_INTERVAL_MAX, CHECKPOINT_INTERVAL_DEFAULT);
    if (request->checkpoint_interval > 0 && (!all || (!request->filter && !request->query)))
        return status_make(STATUS_INVALID_ARGUMENT,
                           "checkpoint_interval: only with a filter or query, without a stream");
    self->following.options.checkpoint_interval = request->checkpoint_interval > 0
                                                      ? request->checkpoint_interval
                                                      : CHECKPOINT_INTERVAL_DEFAULT;
    return OK;
}

static struct status read_request(struct subscribe *self, struct arena *arena,
                                  const Sagabase__V1__SubscribeRequest *request)
{
    if (*request->stream != '\0')
        TRY(stream_name_read(request->stream, &self->following.options.stream));
    TRY(read_from(self, request));
    return read_selection(self, arena, request);
}
