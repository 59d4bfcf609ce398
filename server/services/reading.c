#include "server/services/reading.h"

#include "server/services/query.h"
#include "server/services/services.h"
#include "server/subscriptions/census.h"
#include "storage/log/limits.h"
#include "storage/log/read.h"

/* Large enough to be worth a message, small enough that a thousand slow readers fit. */
enum {
    READING_PAGE_BYTES_MAX = 256 << 10,
    READING_CANDIDATES_MAX = 1000, /* of a query: each is looked up by itself */
};

_Static_assert((int)READING_PAGE_BYTES_MAX <= (int)PAGE_BYTES_MAX, "read.h");

/* --- which events ---------------------------------------------------------------- */

static bool is_selective(const struct reading *self)
{
    return self->has_query || self->has_filter;
}

static void on_closed(struct step *step, bool ok)
{
    struct reading *self = container_of(step, struct reading, closed);

    (void)ok;
    if (self->has_filter)
        filter_destroy(&self->filter);
    upcasting_clear(&self->upcasting);
}

struct status reading_select(struct reading *reading, const Sagabase__V1__Query *query,
                             const Sagabase__V1__Filter *filter)
{
    struct arena *arena = call_arena(reading->call);

    if (query) {
        TRY(query_read(query, "query", arena, &reading->query));
        reading->has_query = true;
    }
    if (filter) {
        TRY(filter_rules_read(filter, arena, &reading->rules));
        TRY(filter_init(&reading->filter, &reading->rules));
        reading->has_filter = true;
        reading->closed.run = on_closed;
        call_on_closed(reading->call, &reading->closed);
    }
    return OK;
}

void reading_upcast(struct reading *reading, struct reducers *reducers)
{
    upcasting_begin(&reading->upcasting, reducers);
    reading->closed.run = on_closed;
    call_on_closed(reading->call, &reading->closed);
}

static bool accept(void *context, const struct event *event)
{
    struct reading *self = context;
    uint64_t index = self->stream_number == 0 ? event->position : event->revision;

    return index < self->end &&
           (!self->has_filter || filter_accepts(&self->filter, event->stream, event->type));
}

static bool is_enough(void *context)
{
    const struct reading *self = context;

    return self->has_filter && filter_turn_is_over(&self->filter);
}

/* --- from where -------------------------------------------------------------------- */

static struct status read_direction(int direction, bool *backwards)
{
    switch (direction) {
    case SAGABASE__V1__DIRECTION__DIRECTION_UNSPECIFIED:
    case SAGABASE__V1__DIRECTION__DIRECTION_FORWARDS:
        *backwards = false;
        return OK;
    case SAGABASE__V1__DIRECTION__DIRECTION_BACKWARDS:
        *backwards = true;
        return OK;
    default:
        return status_make(STATUS_INVALID_ARGUMENT,
                           "direction: %d is not DIRECTION_FORWARDS or DIRECTION_BACKWARDS",
                           direction);
    }
}

static struct status read_edge(int edge, uint64_t end, uint64_t *first)
{
    switch (edge) {
    case SAGABASE__V1__EDGE__EDGE_START:
        *first = 0;
        return OK;
    case SAGABASE__V1__EDGE__EDGE_END:
        *first = end;
        return OK;
    default:
        return status_make(STATUS_INVALID_ARGUMENT, "edge: %d is not EDGE_START or EDGE_END", edge);
    }
}

static struct status read_time(const struct reading *self, int64_t time_us, uint64_t end,
                               uint64_t *first)
{
    uint64_t index = 0;

    if (time_us < 0)
        return status_make(STATUS_INVALID_ARGUMENT, "time_us: not negative");
    if (end > 0)
        TRY(event_log_find_time(self->log, self->stream_number, time_us, &index));
    *first = index < end ? index : end;
    return OK;
}

/* *first: how many events lie before the place where the read begins. */
static struct status read_from(const struct reading *self, struct reading_from from, uint64_t end,
                               uint64_t *first)
{
    if (from.given_time)
        return read_time(self, from.time_us, end, first);
    if (from.given_edge)
        return read_edge(from.edge, end, first);
    if (from.given_index) {
        uint64_t inclusive = self->backwards && from.index < end ? from.index + 1 : from.index;
        *first = inclusive < end ? inclusive : end;
        return OK;
    }
    *first = self->backwards ? end : 0;
    return OK;
}

struct status reading_aim(struct reading *reading, int direction, struct reading_from from,
                          int64_t count, uint64_t begin, uint64_t end)
{
    uint64_t first = 0;
    uint64_t available;

    TRY(read_direction(direction, &reading->backwards));
    if (count < 0)
        return status_make(STATUS_INVALID_ARGUMENT, "count: not negative");
    TRY(read_from(reading, from, end, &first));
    if (first < begin)
        first = begin;
    available = reading->backwards ? first - begin : end - first;
    /* Backwards, nothing before the first event is available, so `next` is not used then. */
    reading->next = reading->backwards ? first - 1 : first;
    reading->end = end;
    reading->events_left = count > 0 && (uint64_t)count < available ? (uint64_t)count : available;
    return OK;
}

/* --- pages --------------------------------------------------------------------------- */

static struct status read_page(struct reading *self, struct page *page)
{
    struct read read = {
        .from = self->next,
        .backwards = self->backwards,
        .events_max =
            self->events_left < PAGE_EVENTS_MAX ? (size_t)self->events_left : PAGE_EVENTS_MAX,
        .bytes_max = READING_PAGE_BYTES_MAX,
        .retained_only = true,
    };

    if (self->has_filter)
        filter_begin_turn(&self->filter);
    if (is_selective(self)) {
        read.accept = accept;
        read.is_enough = is_enough;
        read.context = self;
    }
    if (self->has_query) {
        read.scanned_max = READING_CANDIDATES_MAX;
        return event_log_read_query(self->log, &self->query, &read, page);
    }
    if (self->stream_number == 0)
        return event_log_read_all(self->log, &read, page);
    return event_log_read_stream(self->log, self->stream_number, &read, page);
}

static struct status filter_failed(const struct reading *self)
{
    const struct services *services = call_context(self->call);

    if (services->census && self->filter.failure.code == STATUS_INVALID_ARGUMENT)
        counter_add(&services->census->filters_stopped, 1);
    return self->filter.failure;
}

/* What the page says about the read: that it is over, or has failed. */
static struct status take_page(struct reading *self, const struct page *page)
{
    bool is_last = page->end || (!self->backwards && page->next >= self->end);

    if (self->has_filter && !status_ok(self->filter.failure))
        return filter_failed(self);
    if (page->scanned_count == 0 && !is_selective(self)) /* what was committed is there for ever */
        return status_make(STATUS_DATA_LOSS, "read: nothing at %llu",
                           (unsigned long long)self->next);
    self->next = page->next;
    self->events_left = is_last ? 0 : self->events_left - page->event_count;
    return OK;
}

/* A message is its fields in any order, so what goes with the page is put behind its frames. */
static struct status add_beside(struct reading *self, struct buffer *frames)
{
    struct bytes beside = self->beside;

    self->beside = (struct bytes){0};
    if (beside.size == 0)
        return OK;
    frames->bytes_max = frames->size + beside.size;
    buffer_put(frames, beside);
    return buffer_ok(frames) ? OK : status_make(STATUS_RESOURCE_EXHAUSTED, "read: out of memory");
}

/* A part of the page at hand, in its newest form. */
static void send_upcast(struct reading *self)
{
    struct buffer part;
    struct status status = upcasting_next(&self->upcasting, &part);

    if (status_ok(status))
        status = add_beside(self, &part);
    if (status_ok(status))
        return call_send_packed(self->call, &part, &self->sent);
    buffer_destroy(&part);
    call_end(self->call, status);
}

static void send_page(struct reading *self)
{
    struct page page = {0};
    bool is_beside = self->beside.size > 0;
    struct status status;

    if (call_cancelled(self->call))
        return call_end(self->call, status_make(STATUS_CANCELLED, "the client is gone"));
    if (upcasting_has_more(&self->upcasting))
        return send_upcast(self);
    if (self->events_left == 0 && !is_beside)
        return call_end(self->call, OK);
    status = self->events_left > 0 ? read_page(self, &page) : OK;
    if (status_ok(status) && self->events_left > 0)
        status = take_page(self, &page);
    if (status_ok(status) && upcasting_is_on(&self->upcasting) && page.event_count > 0) {
        upcasting_take(&self->upcasting, &page.frames);
        return send_upcast(self);
    }
    if (status_ok(status))
        status = add_beside(self, &page.frames);
    if (!status_ok(status) || (page.event_count == 0 && self->events_left == 0 && !is_beside)) {
        buffer_destroy(&page.frames);
        return call_end(self->call, status);
    }
    /* Frames are elements of the response's only field: the page is the response. */
    if (self->events_left == 0)
        call_end_packed(self->call, &page.frames);
    else
        call_send_packed(self->call, &page.frames, &self->sent);
}

static void on_sent(struct step *step, bool ok)
{
    struct reading *self = container_of(step, struct reading, sent);

    if (ok)
        send_page(self); /* otherwise the peer is gone */
}

void reading_start(struct reading *reading)
{
    reading->sent.run = on_sent;
    send_page(reading);
}
