/* What a page takes, and when it is full. */
#include "storage/log/page.h"

#include <assert.h>
#include <stdlib.h>

#include "storage/log/event_wire.h"
#include "storage/log/log_state.h"

enum { FRAMES_BYTES_MAX = PAGE_BYTES_MAX + APPEND_BYTES_MAX }; /* a page and its last event */

void reading_init(struct reading *reading, struct event_log *log, const struct read *read,
                  struct page *page)
{
    assert(read->events_max >= 1 && read->events_max <= PAGE_EVENTS_MAX);
    assert(read->bytes_max >= 1 && read->bytes_max <= PAGE_BYTES_MAX);
    *reading = (struct reading){
        .log = log, .read = read, .page = page, .end = event_log_end(log), .status = OK};
    reading->hiding = read->retained_only && !retention_is_empty(&log->retention);
    reading->looking =
        reading->hiding || read->accept || (read->retained_only && atomic_load(&log->has_sealed));
    if (reading->hiding)
        reading->now_us = clock_wall_us(log->options.clock);
    *page = (struct page){.next = read->from};
    buffer_init(&page->frames, FRAMES_BYTES_MAX);
}

bool reading_is_full(const struct reading *reading)
{
    const struct read *read = reading->read;
    const struct page *page = reading->page;
    size_t scanned_max = read->scanned_max ? read->scanned_max : SCANNED_MAX;

    if (page->event_count >= read->events_max || page->frames.size >= read->bytes_max ||
        ((read->accept || reading->hiding) && page->scanned_count >= scanned_max))
        return true;
    return read->is_enough && page->scanned_count > 0 && read->is_enough(read->context);
}

/* For a page of events as large as the first, because growing copies all that is there. Where
 * each is looked at, it may be the only one. */
static void make_room(struct reading *reading, size_t size)
{
    const struct read *read = reading->read;
    size_t room = read->events_max * size;

    if (room > read->bytes_max)
        room = read->bytes_max;
    if (room > size && !reading->looking)
        buffer_reserve(&reading->page->frames, room + size);
}

static void add(struct reading *reading, struct bytes frames, uint32_t count)
{
    if (reading->page->frames.capacity == 0)
        make_room(reading, frames.size);
    buffer_put(&reading->page->frames, frames);
    reading->page->event_count += count;
    if (!buffer_ok(&reading->page->frames))
        reading->status = status_make(STATUS_RESOURCE_EXHAUSTED, "read: out of memory");
}

/* Whether the newest events of the stream are so many that this one is hidden. */
static bool is_beyond_count(struct reading *reading, const struct event *event, uint64_t max_count)
{
    uint64_t number, count = 0;
    struct status status = stream_locate(reading->log, event->stream, &number, &count);

    if (!status_ok(status))
        reading->status = status;
    return count > max_count && event->revision < count - max_count;
}

static bool is_hidden(struct reading *reading, const struct event *event)
{
    struct retention *retention = &reading->log->retention;
    struct retained row = retention_of(retention, reading->stream_number);
    struct stream_policy policy = retention_policy(retention, &row, event->stream);

    if (row.tombstoned || event->revision < row.first_revision)
        return true;
    if (policy.max_age_us && event->created_us < reading->now_us - policy.max_age_us)
        return true;
    return policy.max_count && is_beyond_count(reading, event, policy.max_count);
}

static void add_event(struct reading *reading, const struct event *event)
{
    if (!reading->read->retained_only || event->sealed.size == 0)
        return add(reading, event->frame, 1);
    reading->status = event_log_put_event(reading->log, event, &reading->page->frames);
    if (status_ok(reading->status))
        add(reading, (struct bytes){0}, 1);
}

void reading_take(struct reading *reading, const struct event *event)
{
    reading->page->scanned_count++;
    if (reading->hiding && is_hidden(reading, event))
        return;
    if (!reading->read->accept || reading->read->accept(reading->read->context, event))
        add_event(reading, event);
}

static void take_frame(struct reading *reading, struct bytes frame)
{
    struct bytes rest = frame;
    struct event event;

    if (reading->looking) {
        if (event_next(&rest, &event)) {
            reading_strip(reading, &event);
            return reading_take(reading, &event);
        }
        reading->status = status_make(STATUS_DATA_LOSS, "event frame: damaged");
        return;
    }
    reading->page->scanned_count++;
    add(reading, frame, 1);
}

/* Takes what the page wants of consecutive events; the first has this revision or position. */
static void take_forwards(struct reading *reading, struct bytes frames, uint64_t index)
{
    struct bytes frame;

    for (; event_frame_next(&frames, &frame); index++) {
        if (index < reading->page->next)
            continue;
        if (reading_is_full(reading)) {
            reading->full = true;
            return;
        }
        take_frame(reading, frame);
        reading->page->next = index + 1;
    }
}

static void take_backwards(struct reading *reading, struct bytes frames, uint64_t index,
                           uint32_t count)
{
    struct bytes *all = malloc(count * sizeof *all);

    if (!all) {
        reading->status = status_make(STATUS_RESOURCE_EXHAUSTED, "read: out of memory");
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!event_frame_next(&frames, &all[i]))
            assert(false); /* record_parse counted them */
    for (uint32_t i = count; i-- > 0 && !reading->full;) {
        if (index + i > reading->page->next)
            continue;
        if (reading_is_full(reading)) {
            reading->full = true;
            break;
        }
        take_frame(reading, all[i]);
        reading->full = index + i == 0; /* nothing before it */
        reading->page->end = index + i == 0;
        reading->page->next = index + i == 0 ? 0 : index + i - 1;
    }
    free(all);
}

/* The usual case: nothing has to be looked at, and all of the events have room. */
static bool take_whole(struct reading *reading, struct bytes frames, uint64_t index, uint32_t count)
{
    const struct read *read = reading->read;
    struct page *page = reading->page;

    if (reading->looking || (read->backwards && count > 1))
        return false;
    if (read->backwards ? index > page->next || index == 0 : index < page->next)
        return false;
    if (page->event_count + count > read->events_max ||
        page->frames.size + frames.size > read->bytes_max)
        return false;
    add(reading, frames, count);
    page->scanned_count += count;
    page->next = read->backwards ? index - 1 : index + count;
    return true;
}

void reading_take_frames(struct reading *reading, struct bytes frames, uint64_t index,
                         uint32_t count)
{
    if (take_whole(reading, frames, index, count))
        return;
    if (reading->read->backwards)
        take_backwards(reading, frames, index, count);
    else
        take_forwards(reading, frames, index);
}

/* What was scavenged holds no events; `index` is the revision or position of the first. */
static void pass_over(struct reading *reading, uint64_t index, uint64_t count)
{
    struct page *page = reading->page;
    bool backwards = reading->read->backwards;

    if (backwards ? page->next < index : page->next >= index + count)
        return;
    page->scanned_count++;
    page->end = reading->full = backwards && index == 0; /* nothing before it */
    page->next = !backwards ? index + count : index > 0 ? index - 1 : 0;
}

bool reading_goes_on(const struct reading *reading)
{
    return !reading->full && !reading->stale && status_ok(reading->status);
}

void reading_take_span(struct reading *reading, const struct record *record, uint32_t number,
                       uint64_t index)
{
    struct span span = record_span(record, number);

    if (span.is_scavenged)
        pass_over(reading, index, span.event_count);
    else
        reading_take_frames(reading, record_span_frames(record, number), index, span.event_count);
}
