#include "server/subscriptions/subscription.h"

#include <assert.h>

#include "storage/log/event.h"
#include "storage/log/limits.h"
#include "storage/log/read.h"

enum { RECORDS_PER_STEP = 64 };

static bool follows_all(const struct subscription *self)
{
    return self->options.stream.size == 0;
}

static bool is_selective(const struct subscription *self)
{
    return self->options.rules || self->options.query;
}

static bool tells_checkpoints(const struct subscription *self)
{
    return follows_all(self) && is_selective(self);
}

static struct subscription_output failed(struct status status)
{
    return (struct subscription_output){.kind = OUTPUT_FAILED, .status = status};
}

static struct status find_stream(struct subscription *self, struct stream_head *head)
{
    *head = (struct stream_head){0};
    TRY(event_log_find_stream(self->log, self->options.stream, head));
    self->stream_number = head->exists ? head->number : 0;
    return OK;
}

/* --- life ------------------------------------------------------------------ */

/* @thread writer */
static void on_commit(struct waiter *waiter)
{
    struct subscription *self = container_of(waiter, struct subscription, waiter);

    atomic_store(&self->woken, true);
    self->options.wake(self->options.context);
}

/* What a stream that does not exist begins with is its first event, whenever that comes. */
static struct status find_time(struct subscription *self)
{
    struct stream_head head;

    if (!follows_all(self)) {
        TRY(find_stream(self, &head));
        if (!head.exists)
            return OK;
    }
    return event_log_find_time(self->log, self->stream_number, self->options.time_us, &self->next);
}

static struct status find_end(struct subscription *self)
{
    struct stream_head head;

    if (follows_all(self)) {
        self->next = event_log_end(self->log);
        return OK;
    }
    TRY(find_stream(self, &head));
    self->next = head.exists ? head.last_revision + 1 : 0;
    return OK;
}

static struct status find_beginning(struct subscription *self)
{
    switch (self->options.begin) {
    case BEGIN_AT_START:
        return OK;
    case BEGIN_AFTER:
        self->next = self->options.after + 1;
        return OK;
    case BEGIN_AT_TIME:
        return find_time(self);
    case BEGIN_AT_END:
        return find_end(self);
    }
    assert(false);
    return OK;
}

struct status subscription_open(struct subscription *self, struct event_log *log,
                                const struct subscription_options *options)
{
    assert(options->begin != BEGIN_AFTER || options->after < UINT64_MAX);
    assert(!options->query || options->stream.size == 0);
    assert(options->checkpoint_period_us == 0 || options->clock);

    *self = (struct subscription){.log = log, .options = *options, .state = SUBSCRIPTION_READING};
    self->waiter.wake = on_commit;
    self->waiter.stream = options->stream;
    assert(!tells_checkpoints(self) || options->checkpoint_interval > 0);
    TRY(find_beginning(self));
    self->reported = self->next;
    if (options->rules)
        TRY(filter_init(&self->filter, options->rules));
    if (options->census)
        census_join(options->census, &self->shown);
    return OK;
}

bool subscription_close(struct subscription *self)
{
    if (self->options.census)
        census_leave(self->options.census, &self->shown);
    tail_unpark(self->log, &self->waiter);
    if (self->options.rules)
        filter_destroy(&self->filter);
    return self->state == SUBSCRIPTION_PARKED && atomic_load(&self->woken);
}

bool subscription_rouse(struct subscription *self)
{
    if (self->state != SUBSCRIPTION_PARKED)
        return false;
    tail_unpark(self->log, &self->waiter);
    if (atomic_load(&self->woken))
        return false;
    self->state = SUBSCRIPTION_LIVE;
    return true;
}

/* --- looking at events ------------------------------------------------------ */

static bool passes_filter(struct subscription *self, const struct event *event)
{
    if (self->options.rules && !filter_accepts(&self->filter, event->stream, event->type))
        return false;
    self->reported = event->position + 1;
    return true;
}

static bool accepts(struct subscription *self, const struct event *event)
{
    if (self->options.query && !query_matches(self->options.query, event))
        return false;
    return passes_filter(self, event);
}

/* After each step that looked at events. Takes the buffer. */
static struct subscription_output report(struct subscription *self, struct buffer *frames)
{
    if (self->options.rules && !status_ok(self->filter.failure)) {
        buffer_destroy(frames);
        if (self->options.census && self->filter.failure.code == STATUS_INVALID_ARGUMENT)
            counter_add(&self->options.census->filters_stopped, 1);
        return failed(self->filter.failure);
    }
    if (frames->size > 0)
        return (struct subscription_output){.kind = OUTPUT_EVENTS, .frames = *frames};
    buffer_destroy(frames);
    return (struct subscription_output){.kind = OUTPUT_NOTHING};
}

/* --- checkpoints ------------------------------------------------------------- */

/* Events passed since the client last heard how far we are. */
static uint64_t unreported(const struct subscription *self)
{
    return tells_checkpoints(self) && self->next > self->reported ? self->next - self->reported : 0;
}

static bool interval_is_over(const struct subscription *self)
{
    return unreported(self) > 0 && unreported(self) >= self->options.checkpoint_interval;
}

/* Until the next checkpoint is due by time; 0: none is. */
static int64_t period_left_us(const struct subscription *self)
{
    int64_t period_us = self->options.checkpoint_period_us;
    int64_t passed_us;

    if (period_us == 0 || unreported(self) == 0)
        return 0;
    passed_us = clock_monotonic_us(self->options.clock) - self->checkpoint_us;
    return passed_us < period_us ? period_us - passed_us : 0;
}

/* How long it may sleep at rest; 0: until it is woken. The time may have come just now. */
static int64_t rest_us(const struct subscription *self)
{
    int64_t left_us = period_left_us(self);

    if (self->options.checkpoint_period_us == 0 || unreported(self) == 0)
        return 0;
    return left_us > 0 ? left_us : 1;
}

static bool checkpoint_is_due(const struct subscription *self)
{
    if (interval_is_over(self))
        return true;
    return self->state == SUBSCRIPTION_LIVE && self->options.checkpoint_period_us > 0 &&
           unreported(self) > 0 && period_left_us(self) == 0;
}

static struct subscription_output checkpoint(struct subscription *self)
{
    assert(tells_checkpoints(self) && self->next > 0);
    self->reported = self->next;
    if (self->options.checkpoint_period_us > 0)
        self->checkpoint_us = clock_monotonic_us(self->options.clock);
    return (struct subscription_output){.kind = OUTPUT_CHECKPOINT, .position = self->next - 1};
}

/* --- READING ------------------------------------------------------------------ */

/* The log itself looks for what the query matches. */
static bool accept_read(void *context, const struct event *event)
{
    return passes_filter(context, event);
}

static bool has_looked_long(void *context)
{
    const struct subscription *self = context;

    return self->options.rules && filter_turn_is_over(&self->filter);
}

static struct status read_page(struct subscription *self, struct page *page)
{
    struct read read = {
        .from = self->next,
        .events_max = PAGE_EVENTS_MAX,
        .bytes_max = SUBSCRIPTION_PAGE_BYTES_MAX,
        .scanned_max = self->options.query ? SUBSCRIPTION_CANDIDATES_MAX : SUBSCRIPTION_SCANNED_MAX,
        .retained_only = true,
    };

    if (is_selective(self)) {
        read.accept = accept_read;
        read.is_enough = has_looked_long;
        read.context = self;
    }
    if (!follows_all(self))
        return event_log_read_stream(self->log, self->stream_number, &read, page);
    if (tells_checkpoints(self)) {
        uint64_t silent = self->options.checkpoint_interval - unreported(self);

        if (silent < read.scanned_max)
            read.scanned_max = (size_t)silent;
    }
    if (self->options.query)
        return event_log_read_query(self->log, self->options.query, &read, page);
    return event_log_read_all(self->log, &read, page);
}

static struct subscription_output read_on(struct subscription *self)
{
    /* Read first: what is committed later than this is left to the tail. */
    uint64_t end = event_log_end(self->log);
    struct page page = {.end = true, .next = self->next};
    struct status status = OK;

    if (!follows_all(self) && self->stream_number == 0) {
        struct stream_head head;
        status = find_stream(self, &head);
    }
    if (status_ok(status) && (follows_all(self) || self->stream_number != 0))
        status = read_page(self, &page);
    if (!status_ok(status)) {
        buffer_destroy(&page.frames);
        return failed(status);
    }
    if (page.next > self->next) /* the end may lie before a place that is yet to come */
        self->next = page.next;
    if (page.end) {
        self->position = follows_all(self) ? self->next : end;
        self->state = SUBSCRIPTION_CATCHING_UP;
    }
    return report(self, &page.frames);
}

/* --- CATCHING_UP ---------------------------------------------------------------- */

static struct subscription_output catch_up(struct subscription *self)
{
    uint64_t end = event_log_end(self->log);
    uint64_t looked_at = self->position < end ? self->position : end;

    if (unreported(self) > 0)
        return checkpoint(self);
    self->state = SUBSCRIPTION_LIVE;
    return (struct subscription_output){
        .kind = OUTPUT_CAUGHT_UP,
        .has_position = looked_at > 0,
        .position = looked_at > 0 ? looked_at - 1 : 0,
    };
}

/* --- LIVE -------------------------------------------------------------------------- */

/* Adds the event unless it was looked at before. False: the page is full. */
static bool look_at(struct subscription *self, const struct event *event, struct buffer *frames,
                    size_t *count, size_t *scanned, struct status *status)
{
    uint64_t index = follows_all(self) ? event->position : event->revision;

    if (index < self->next)
        return true;
    if (*count == PAGE_EVENTS_MAX || frames->size >= SUBSCRIPTION_PAGE_BYTES_MAX ||
        *scanned == SUBSCRIPTION_SCANNED_MAX || interval_is_over(self) ||
        (*scanned > 0 && has_looked_long(self)))
        return false;
    (*scanned)++;
    if (accepts(self, event)) {
        *status = event_log_put_event(self->log, event, frames);
        (*count)++;
    }
    self->next = index + 1;
    self->position = event->position + 1;
    return true;
}

/* False: the page is full before the records are. */
static bool look_at_record(struct subscription *self, const struct tail_record *record,
                           struct buffer *frames, size_t *count, size_t *scanned,
                           struct status *status)
{
    struct bytes left = {0};
    struct event event;

    if (follows_all(self) || self->stream_number != 0)
        left = tail_record_frames(record, self->stream_number);
    while (event_next(&left, &event))
        if (!look_at(self, &event, frames, count, scanned, status) || !status_ok(*status))
            return false;
    assert(left.size == 0); /* the tail holds what this process encoded */
    if (tail_record_end(record) > self->position)
        self->position = tail_record_end(record);
    return true;
}

static struct subscription_output look_at_records(struct subscription *self,
                                                  struct tail_record **records, size_t record_count)
{
    struct buffer frames;
    size_t count = 0, scanned = 0;
    struct stream_head head;
    struct status status = OK;
    bool room = true;

    buffer_init(&frames, SUBSCRIPTION_PAGE_BYTES_MAX + 2 * EVENT_DATA_BYTES_MAX);
    /* Only after taking the records: a stream that still does not exist is in none of them. */
    if (!follows_all(self) && self->stream_number == 0)
        status = find_stream(self, &head);
    for (size_t i = 0; i < record_count; i++) {
        room = status_ok(status) && room &&
               look_at_record(self, records[i], &frames, &count, &scanned, &status);
        tail_record_release(records[i]);
    }
    if (status_ok(status) && !buffer_ok(&frames))
        status = status_make(STATUS_RESOURCE_EXHAUSTED, "subscription: out of memory");
    if (!status_ok(status)) {
        buffer_destroy(&frames);
        return failed(status);
    }
    return report(self, &frames);
}

/* The tail has moved past our place. For one stream that need not mean that it has events we
 * did not see. */
static struct subscription_output fall_behind(struct subscription *self)
{
    uint64_t end = event_log_end(self->log);

    if (!follows_all(self)) {
        struct stream_head head;
        struct status status = find_stream(self, &head);

        if (!status_ok(status))
            return failed(status);
        if (!head.exists || head.last_revision < self->next) {
            self->position = end;
            return (struct subscription_output){.kind = OUTPUT_NOTHING};
        }
    }
    self->state = SUBSCRIPTION_READING;
    if (self->options.census)
        counter_add(&self->options.census->fell_behind, 1);
    if (self->position == 0) /* nothing was looked at yet, so there is no place to tell */
        return (struct subscription_output){.kind = OUTPUT_NOTHING};
    return (struct subscription_output){.kind = OUTPUT_FELL_BEHIND, .position = self->position - 1};
}

static struct subscription_output follow(struct subscription *self)
{
    struct tail_record *records[RECORDS_PER_STEP];
    size_t count = 0;

    atomic_store(&self->woken, false);
    self->state = SUBSCRIPTION_PARKED;
    if (tail_park(self->log, self->position, &self->waiter)) {
        if (self->options.rules)
            filter_rest(&self->filter);
        return (struct subscription_output){.kind = OUTPUT_PARKED, .wait_us = rest_us(self)};
    }
    self->state = SUBSCRIPTION_LIVE;
    if (self->waiter.woken_at > self->position)
        self->position = self->waiter.woken_at;
    switch (tail_take(self->log, self->position, RECORDS_PER_STEP, records, &count)) {
    case TAIL_RECORDS:
        return look_at_records(self, records, count);
    case TAIL_BEHIND:
        return fall_behind(self);
    case TAIL_EMPTY:
        break;
    }
    return (struct subscription_output){.kind = OUTPUT_NOTHING};
}

/* What others may know of it. Of all streams, `next` is how far it looked at while it reads. */
static void show(struct subscription *self)
{
    bool reads_all = self->state == SUBSCRIPTION_READING && follows_all(self);

    atomic_store_explicit(&self->shown.state, self->state, memory_order_relaxed);
    atomic_store_explicit(&self->shown.position, reads_all ? self->next : self->position,
                          memory_order_relaxed);
}

static struct subscription_output advance(struct subscription *self)
{
    if (checkpoint_is_due(self))
        return checkpoint(self);
    switch (self->state) {
    case SUBSCRIPTION_READING:
        return read_on(self);
    case SUBSCRIPTION_CATCHING_UP:
        return catch_up(self);
    case SUBSCRIPTION_PARKED:
        assert(atomic_load(&self->woken));
        if (self->waiter.woken_at > self->position)
            self->position = self->waiter.woken_at;
        self->state = SUBSCRIPTION_LIVE;
        return advance(self);
    case SUBSCRIPTION_LIVE:
        return follow(self);
    }
    assert(false);
    return failed(status_make(STATUS_INTERNAL, "subscription: no such state"));
}

struct subscription_output subscription_next(struct subscription *self)
{
    if (self->options.rules)
        filter_begin_turn(&self->filter);
    struct subscription_output output = advance(self);

    show(self);
    return output;
}
