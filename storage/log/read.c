/* Pages of the whole store. */
#include "storage/log/read.h"

#include "storage/log/keys.h"
#include "storage/log/log_state.h"
#include "storage/log/page.h"
#include "storage/log/record.h"

enum { BULK_EVENTS_MIN = 500 }; /* of a page */

/* Span by span, because what is hidden depends on the stream, and spans may be scavenged. */
static void take_spans(struct reading *reading, const struct record *record)
{
    bool backwards = reading->read->backwards;
    uint64_t position = backwards ? record_end(record) : record->position;

    for (uint32_t i = 0; i < record->span_count && reading_goes_on(reading); i++) {
        uint32_t index = backwards ? record->span_count - 1 - i : i;
        struct span span = record_span(record, index);
        if (backwards)
            position -= span.event_count;
        reading->stream_number = span.stream_number;
        reading_take_span(reading, record, index, position);
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
        reading_take_frames(reading, record.frames, position, record.event_count);
    return reading_goes_on(reading);
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

/* Who reads page upon page of the whole store comes by most of it once: it is fetched in large
 * pieces, and leaves the cache to others. */
static bool is_bulk(const struct reading *reading)
{
    const struct read *read = reading->read;

    return read->events_max >= BULK_EVENTS_MIN && reading->end - read->from >= BULK_EVENTS_MIN;
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
                                   .to = position_key(to, reading->end),
                                   .bulk = is_bulk(reading)},
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
