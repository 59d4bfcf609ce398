/* Pages of one stream: its places, and the records where they are. */
#include <stdlib.h>

#include "storage/log/keys.h"
#include "storage/log/log_state.h"
#include "storage/log/page.h"
#include "storage/log/read.h"
#include "storage/log/record.h"

enum {
    PLACES_MAX = 256,    /* spans of a stream that are looked up together */
    RUN_PLACES = 8,      /* so many tell whether a stream lies densely in the log */
    RUN_SKIPPED_MAX = 4, /* records of others for each of ours: a look-up costs as much */
    RUN_GAP_MAX = 64,    /* records of others behind each other: the stream may have ended */
    STORED_BYTES = 128,  /* of an event, about, compressed */
    READAHEAD_BYTES_MIN = 8 << 10, /* less comes with the first block, or the second */
};

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
    reading_take_span(reading, &record, place->span, revision);
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
    for (size_t i = 0; status_ok(status) && i < places->count && reading_goes_on(reading); i++) {
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
        reading_take_span(reading, record, i, span.first_revision);
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
    return reading_goes_on(reading) && run->gap <= RUN_GAP_MAX &&
           run->skipped <= (run->taken + RUN_PLACES) * RUN_SKIPPED_MAX;
}

static size_t readahead_bytes(const struct read *read)
{
    size_t bytes = read->events_max * STORED_BYTES;

    if (bytes > read->bytes_max)
        bytes = read->bytes_max;
    return bytes >= READAHEAD_BYTES_MIN ? bytes : 0;
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
        scan.readahead_bytes = readahead_bytes(reading->read);
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
