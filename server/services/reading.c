#include "server/services/reading.h"

#include "sagabase/v1/event_store.pb-c.h"
#include "storage/log/limits.h"
#include "storage/log/read.h"

/* Large enough to be worth a message, small enough that a thousand slow readers fit. */
enum { READING_PAGE_BYTES_MAX = 256 << 10 };

_Static_assert((int)READING_PAGE_BYTES_MAX <= (int)PAGE_BYTES_MAX, "read.h");

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

/* *first: how many events lie before the place where the read begins. */
static struct status read_from(struct reading_from from, bool backwards, uint64_t end,
                               uint64_t *first)
{
    if (from.given_index) {
        uint64_t inclusive = backwards && from.index < end ? from.index + 1 : from.index;
        *first = inclusive < end ? inclusive : end;
        return OK;
    }
    if (!from.given_edge) {
        *first = backwards ? end : 0;
        return OK;
    }
    switch (from.edge) {
    case SAGABASE__V1__EDGE__EDGE_START:
        *first = 0;
        return OK;
    case SAGABASE__V1__EDGE__EDGE_END:
        *first = end;
        return OK;
    default:
        return status_make(STATUS_INVALID_ARGUMENT, "edge: %d is not EDGE_START or EDGE_END",
                           from.edge);
    }
}

struct status reading_aim(struct reading *reading, int direction, struct reading_from from,
                          int64_t count, uint64_t end)
{
    uint64_t first = 0;
    uint64_t available;

    TRY(read_direction(direction, &reading->backwards));
    if (count < 0)
        return status_make(STATUS_INVALID_ARGUMENT, "count: not negative");
    TRY(read_from(from, reading->backwards, end, &first));
    available = reading->backwards ? first : end - first;
    /* Backwards, nothing before the first event is available, so `next` is not used then. */
    reading->next = reading->backwards ? first - 1 : first;
    reading->events_left = count > 0 && (uint64_t)count < available ? (uint64_t)count : available;
    return OK;
}

static struct status read_page(struct reading *self, struct page *page)
{
    struct read read = {
        .from = self->next,
        .backwards = self->backwards,
        .events_max =
            self->events_left < PAGE_EVENTS_MAX ? (size_t)self->events_left : PAGE_EVENTS_MAX,
        .bytes_max = READING_PAGE_BYTES_MAX,
    };

    if (self->stream_number == 0)
        return event_log_read_all(self->log, &read, page);
    return event_log_read_stream(self->log, self->stream_number, &read, page);
}

static void send_page(struct reading *self)
{
    struct page page = {0};
    struct status status;

    if (call_cancelled(self->call))
        return call_end(self->call, status_make(STATUS_CANCELLED, "the client is gone"));
    if (self->events_left == 0)
        return call_end(self->call, OK);
    status = read_page(self, &page);
    if (status_ok(status) && page.event_count == 0) /* what was committed is there for ever */
        status = status_make(STATUS_DATA_LOSS, "read: nothing at %lu", self->next);
    if (!status_ok(status)) {
        buffer_destroy(&page.frames);
        return call_end(self->call, status);
    }
    self->next = page.next;
    self->events_left -= page.event_count;
    /* Frames are elements of the response's only field: the page is the response. */
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
