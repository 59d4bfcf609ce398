/* Pages of the whole store and of one stream. */
#include "storage/log/read.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "storage/log/event_wire.h"
#include "storage/log/keys.h"
#include "storage/log/limits.h"
#include "storage/log/log_state.h"
#include "storage/log/page.h"
#include "storage/log/record.h"

enum {
    FRAMES_BYTES_MAX = PAGE_BYTES_MAX + APPEND_BYTES_MAX, /* a page and its last event */
    PLACES_MAX = 256,    /* spans of a stream that are looked up together */
    RUN_PLACES = 8,      /* so many tell whether a stream lies densely in the log */
    RUN_SKIPPED_MAX = 4, /* records of others for each of ours: a look-up costs as much */
    RUN_GAP_MAX = 64,    /* records of others behind each other: the stream may have ended */
};

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

static void add(struct reading *reading, struct bytes frames, uint32_t count)
{
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

/* Takes what the page wants of consecutive events; `index` is the revision or
 * position of the first. */
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

static void take(struct reading *reading, struct bytes frames, uint64_t index, uint32_t count)
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

    if (!reading->read->backwards) {
        if (page->next < index + count)
            page->next = index + count;
    } else if (page->next >= index) {
        page->end = reading->full = index == 0; /* nothing before it */
        page->next = index == 0 ? 0 : index - 1;
    }
}

static bool goes_on(const struct reading *reading)
{
    return !reading->full && !reading->stale && status_ok(reading->status);
}

/* --- the whole store ----------------------------------------------------------- */

/* Span by span, because what is hidden depends on the stream, and spans may be scavenged. */
static void take_spans(struct reading *reading, const struct record *record)
{
    bool backwards = reading->read->backwards;
    uint64_t position = backwards ? record_end(record) : record->position;

    for (uint32_t i = 0; i < record->span_count && goes_on(reading); i++) {
        uint32_t index = backwards ? record->span_count - 1 - i : i;
        struct span span = record_span(record, index);
        if (backwards)
            position -= span.event_count;
        reading->stream_number = span.stream_number;
        if (span.is_scavenged)
            pass_over(reading, position, span.event_count);
        else
            take(reading, record_span_frames(record, index), position, span.event_count);
        if (!backwards)
            position += span.event_count;
    }
}

static bool visit_record(void *context, struct bytes key, struct bytes value)
{
    struct reading *reading = context;
    struct record record;
    uint64_t position = get_u64_big_endian(key.data);

    if (position >= reading->end)
        return reading->read->backwards; /* committed after the read began */
    reading->status = record_parse(value, position, &record);
    if (!status_ok(reading->status))
        return false;
    if (reading->hiding || record.is_hollow)
        take_spans(reading, &record);
    else
        take(reading, record.frames, position, record.event_count);
    return goes_on(reading);
}

static bool visit_key(void *context, struct bytes key, struct bytes value)
{
    (void)value;
    *(uint64_t *)context = get_u64_big_endian(key.data);
    return false;
}

/* The first position of the record that contains `position`. */
static struct status find_record(struct event_log *log, uint64_t position, uint64_t *first)
{
    uint8_t key[POSITION_KEY_BYTES];

    *first = position;
    return engine_scan(log->engine,
                       &(struct scan){.family = FAMILY_LOG,
                                      .to = position_key(key, position + 1),
                                      .backwards = true},
                       visit_key, first);
}

static struct status read_all_forwards(struct reading *reading)
{
    uint8_t from[POSITION_KEY_BYTES], to[POSITION_KEY_BYTES];
    uint64_t first;

    if (reading->read->from >= reading->end) {
        reading->page->end = true;
        return OK;
    }
    TRY(find_record(reading->log, reading->read->from, &first));
    TRY(engine_scan(reading->log->engine,
                    &(struct scan){.family = FAMILY_LOG,
                                   .from = position_key(from, first),
                                   .to = position_key(to, reading->end)},
                    visit_record, reading));
    reading->page->end = !reading->full;
    return reading->status;
}

static struct status read_all_backwards(struct reading *reading)
{
    uint8_t to[POSITION_KEY_BYTES];

    if (reading->end == 0) {
        reading->page->end = true;
        return OK;
    }
    if (reading->page->next >= reading->end)
        reading->page->next = reading->end - 1;
    TRY(engine_scan(reading->log->engine,
                    &(struct scan){.family = FAMILY_LOG,
                                   .to = position_key(to, reading->page->next + 1),
                                   .backwards = true},
                    visit_record, reading));
    return reading->status;
}

struct status event_log_read_all(struct event_log *log, const struct read *read, struct page *page)
{
    struct reading reading;

    reading_init(&reading, log, read, page);
    return read->backwards ? read_all_backwards(&reading) : read_all_forwards(&reading);
}

/* --- one stream ------------------------------------------------------------------ */

/* The next spans of a stream: where they are. */
struct places {
    uint64_t end; /* committed events */
    size_t count;
    size_t count_max;
    size_t bytes;
    size_t bytes_max;
    uint64_t events;
    bool damaged;
    bool cut;   /* there are more */
    bool dense; /* likewise; and little of other streams lies between them in the log */
    uint64_t revisions[PLACES_MAX];
    struct place places[PLACES_MAX];
};

static bool lie_densely(const struct places *places)
{
    uint64_t first = places->places[0].record_position;
    uint64_t last = places->places[places->count - 1].record_position;
    uint64_t apart = first < last ? last - first : first - last;

    return apart <= places->events * (1 + RUN_SKIPPED_MAX);
}

static bool visit_place(void *context, struct bytes key, struct bytes value)
{
    struct places *places = context;
    struct place *place = &places->places[places->count];

    if (places->count == places->count_max || places->bytes >= places->bytes_max) {
        places->cut = true;
        return false;
    }
    places->damaged = key.size != REVISION_KEY_BYTES || !place_decode(value, place);
    if (places->damaged)
        return false;
    if (place->record_position >= places->end)
        return true; /* committed after the read began; only ever the newest */
    places->revisions[places->count++] = get_u64_big_endian(key.data + 8);
    places->bytes += place->record_bytes;
    places->events += place->event_count;
    places->dense = places->count == RUN_PLACES && lie_densely(places);
    places->cut = places->dense;
    return !places->dense;
}

/* The revision that the span containing `revision` begins with; itself if there is none. */
static struct status find_span(struct event_log *log, uint64_t stream_number, uint64_t revision,
                               uint64_t *first)
{
    uint8_t from[REVISION_KEY_BYTES], to[REVISION_KEY_BYTES];
    struct places *places = calloc(1, sizeof *places);

    *first = revision;
    if (!places)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "read: out of memory");
    places->end = UINT64_MAX;
    places->count_max = 1;
    places->bytes_max = SIZE_MAX;
    struct status status =
        engine_scan(log->engine,
                    &(struct scan){.family = FAMILY_STREAMS,
                                   .from = revision_key(from, stream_number, 0),
                                   .to = revision_key(to, stream_number, revision + 1),
                                   .backwards = true},
                    visit_place, places);
    if (status_ok(status) && places->count == 1 &&
        revision - places->revisions[0] < places->places[0].event_count)
        *first = places->revisions[0];
    free(places);
    return status;
}

static void places_init(struct places *places, const struct reading *reading)
{
    size_t events_max = reading->read->events_max;

    *places = (struct places){.end = reading->end,
                              .count_max = events_max < PLACES_MAX ? events_max : PLACES_MAX,
                              .bytes_max = reading->read->bytes_max};
}

/* Fills `places` with the spans from where the page is to go on. */
static struct status scan_places(struct reading *reading, struct places *places)
{
    uint64_t stream_number = reading->stream_number;
    uint8_t from[REVISION_KEY_BYTES], to[REVISION_KEY_BYTES];
    uint64_t next = reading->page->next, first;
    struct scan scan = {.family = FAMILY_STREAMS, .backwards = reading->read->backwards};

    if (scan.backwards) {
        scan.from = revision_key(from, stream_number, 0);
        scan.to = next == READ_END ? revision_key(to, stream_number + 1, 0)
                                   : revision_key(to, stream_number, next + 1);
    } else {
        scan.from = revision_key(from, stream_number, next);
        scan.to = revision_key(to, stream_number + 1, 0);
    }
    places_init(places, reading);
    TRY(engine_scan(reading->log->engine, &scan, visit_place, places));
    bool begins_there = places->count > 0 && places->revisions[0] == next;
    if (!scan.backwards && !begins_there && !places->damaged) { /* mostly it does */
        TRY(find_span(reading->log, stream_number, next, &first));
        if (first != next) {
            scan.from = revision_key(from, stream_number, first);
            places_init(places, reading);
            TRY(engine_scan(reading->log->engine, &scan, visit_place, places));
        }
    }
    if (places->damaged)
        return status_make(STATUS_DATA_LOSS, "streams: damaged entry of stream %llu",
                           (unsigned long long)stream_number);
    return OK;
}

/* A place that leads astray is damage, unless a scavenge has changed it since it was read. */
static struct status check_stale(struct reading *reading, uint64_t stream_number, uint64_t revision,
                                 const struct place *place)
{
    uint8_t memory[64], key[REVISION_KEY_BYTES], value[PLACE_BYTES];
    struct arena arena;
    struct bytes stored;

    arena_init_within(&arena, sizeof memory, memory, sizeof memory);
    struct status status = engine_get(reading->log->engine, FAMILY_STREAMS,
                                      revision_key(key, stream_number, revision), &arena, &stored);
    reading->stale = status_ok(status) && !bytes_equal(stored, place_encode(value, place));
    arena_destroy(&arena);
    if (!status_ok(status) || reading->stale)
        return status;
    return status_make(STATUS_DATA_LOSS, "streams: stream %llu revision %llu leads astray",
                       (unsigned long long)stream_number, (unsigned long long)revision);
}

/* Takes one span out of its record. */
static void take_span(struct reading *reading, uint64_t revision, const struct place *place,
                      struct bytes stored)
{
    uint64_t stream_number = reading->stream_number;
    struct record record = {0};
    struct span span = {0};

    if (stored.data)
        reading->status = record_parse(stored, place->record_position, &record);
    if (!status_ok(reading->status))
        return;
    if (place->span < record.span_count)
        span = record_span(&record, place->span);
    if (span.stream_number != stream_number || span.first_revision != revision ||
        span.event_count != place->event_count) {
        reading->status = check_stale(reading, stream_number, revision, place);
        return;
    }
    if (span.is_scavenged)
        pass_over(reading, revision, span.event_count);
    else
        take(reading, record_span_frames(&record, place->span), revision, place->event_count);
}

/* Reads the records of these places and takes their spans. */
static struct status take_places(struct reading *reading, const struct places *places)
{
    uint8_t key_bytes[PLACES_MAX][POSITION_KEY_BYTES];
    struct bytes keys[PLACES_MAX], values[PLACES_MAX];
    struct arena arena;

    /* Keys must ascend; a backwards scan found them the other way round. */
    for (size_t i = 0; i < places->count; i++) {
        size_t from = reading->read->backwards ? places->count - 1 - i : i;
        keys[i] = position_key(key_bytes[i], places->places[from].record_position);
    }
    arena_init(&arena, places->bytes + places->count * 64 + APPEND_BYTES_MAX);
    struct status status =
        engine_multi_get(reading->log->engine, FAMILY_LOG, keys, places->count, &arena, values);
    for (size_t i = 0; status_ok(status) && i < places->count && goes_on(reading); i++) {
        size_t at = reading->read->backwards ? places->count - 1 - i : i;
        take_span(reading, places->revisions[i], &places->places[i], values[at]);
    }
    arena_destroy(&arena);
    return status_ok(status) ? reading->status : status;
}

/* Looks for the one span that the page is to go on with. False: it is not in this record. */
static bool take_next_span(struct reading *reading, const struct record *record)
{
    for (uint32_t i = 0; i < record->span_count; i++) {
        struct span span = record_span(record, i);
        if (span.stream_number != reading->stream_number ||
            reading->page->next - span.first_revision >= span.event_count)
            continue;
        if (span.is_scavenged)
            pass_over(reading, span.first_revision, span.event_count);
        else
            take(reading, record_span_frames(record, i), span.first_revision, span.event_count);
        return true;
    }
    return false;
}

/* A stretch of the log in which most records are of one stream. */
struct run {
    struct reading *reading;
    size_t taken;
    size_t skipped;
    size_t gap; /* skipped since one was taken */
};

static bool visit_run(void *context, struct bytes key, struct bytes value)
{
    struct run *run = context;
    struct reading *reading = run->reading;
    struct record record;

    reading->status = record_parse(value, get_u64_big_endian(key.data), &record);
    if (!status_ok(reading->status))
        return false;
    if (take_next_span(reading, &record)) {
        run->taken++;
        run->gap = 0;
    } else {
        run->skipped++;
        run->gap++;
    }
    return goes_on(reading) && run->gap <= RUN_GAP_MAX &&
           run->skipped <= (run->taken + RUN_PLACES) * RUN_SKIPPED_MAX;
}

/* Takes events from the log as it lies, beginning with the first place, for as long as others do
 * not get in the way: one scan in place of a look-up for each. Only revisions that follow each
 * other are taken, so what it does not find is left to take_places. */
static struct status take_run(struct reading *reading, const struct place *first)
{
    struct run run = {.reading = reading};
    uint8_t from[POSITION_KEY_BYTES], to[POSITION_KEY_BYTES];
    bool backwards = reading->read->backwards;
    struct scan scan = {.family = FAMILY_LOG, .backwards = backwards};

    if (backwards) {
        scan.to = position_key(to, first->record_position + 1);
    } else {
        scan.from = position_key(from, first->record_position);
        scan.to = position_key(to, reading->end);
    }
    TRY(engine_scan(reading->log->engine, &scan, visit_run, &run));
    return reading->status;
}

/* The page goes on with the stretch of the log, or the records, where these places are. */
static struct status take_from(struct reading *reading, const struct places *places)
{
    uint64_t next = reading->page->next;

    if (places->dense) {
        if (next == READ_END)
            reading->page->next = places->revisions[0] + places->places[0].event_count - 1;
        TRY(take_run(reading, &places->places[0]));
        if (reading->page->next != next || reading->full)
            return OK;
    }
    return take_places(reading, places);
}

struct status event_log_read_stream(struct event_log *log, uint64_t stream_number,
                                    const struct read *read, struct page *page)
{
    struct reading reading;
    struct places *places = malloc(sizeof *places);
    struct status status = OK;

    reading_init(&reading, log, read, page);
    reading.stream_number = stream_number;
    if (!places)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "read: out of memory");
    do {
        reading.stale = false;
        status = scan_places(&reading, places);
        if (status_ok(status) && places->count > 0)
            status = take_from(&reading, places);
        if (!reading.full && !places->cut && !reading.stale)
            page->end = true;
    } while (status_ok(status) && !reading.full && !page->end && !reading_is_full(&reading));
    free(places);
    return status;
}
