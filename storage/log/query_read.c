/* Reading by query. For each item the index leads to candidates; the events
 * themselves tell which of them match. What the trailing index has not reached yet is
 * found by looking at every event. */
#include <stdlib.h>

#include "storage/log/index.h"
#include "storage/log/keys.h"
#include "storage/log/limits.h"
#include "storage/log/log_state.h"
#include "storage/log/log_walk.h"
#include "storage/log/page.h"
#include "storage/log/read.h"
#include "storage/log/record.h"

enum {
    LEADS_MAX = QUERY_ITEMS_MAX * QUERY_TYPES_MAX,
    CANDIDATES_MAX = 8192,        /* of all leads, looked up together */
    CANDIDATES_OF_LEAD_MAX = 256, /* fewer when there are many leads */
};

/* A list of the index that leads to every event that matches an item. */
struct lead {
    bool is_tag;
    enum index_kind kind;
    struct bytes value;
};

struct leads {
    size_t count;
    bool trailing; /* some of them are in the trailing index */
    struct lead list[LEADS_MAX];
};

/* The most selective kind that the item names, by experience. */
static void add_leads(struct leads *leads, const struct query_item *item)
{
    struct lead *next = &leads->list[leads->count];

    leads->trailing = leads->trailing || item->tag_count == 0;
    if (item->tag_count > 0)
        *next = (struct lead){.is_tag = true, .value = item->tags[0]};
    else if (item->correlation_id.size > 0)
        *next = (struct lead){.kind = INDEX_CORRELATION, .value = item->correlation_id};
    else if (item->category.size > 0)
        *next = (struct lead){.kind = INDEX_CATEGORY, .value = item->category};
    else
        for (size_t i = 0; i < item->type_count; i++)
            next[i] = (struct lead){.kind = INDEX_TYPE, .value = item->types[i]};
    leads->count += next->kind == INDEX_TYPE && !next->is_tag ? item->type_count : 1;
}

/* --- by looking at every event ----------------------------------------------------- */

struct selection {
    const struct query *query;
    const struct read *read;
};

static bool accept(void *context, const struct event *event)
{
    const struct selection *selection = context;

    return query_matches(selection->query, event) &&
           (!selection->read->accept || selection->read->accept(selection->read->context, event));
}

static bool is_enough(void *context)
{
    const struct selection *selection = context;

    return selection->read->is_enough(selection->read->context);
}

static struct status read_by_scan(struct event_log *log, const struct query *query,
                                  const struct read *read, struct page *page)
{
    struct selection selection = {query, read};
    struct read selective = *read;

    selective.accept = accept;
    selective.is_enough = read->is_enough ? is_enough : NULL;
    selective.context = &selection;
    return event_log_read_all(log, &selective, page);
}

/* --- by the index ------------------------------------------------------------------- */

struct candidate {
    uint64_t position;
    uint32_t event; /* index in its record */
};

/* The next candidates of all leads, in the order of the read. */
struct candidates {
    bool backwards;
    uint64_t from;    /* where the read goes on */
    uint64_t end;     /* events that the index holds */
    uint64_t horizon; /* what lies beyond it is not complete */
    bool cut;         /* something lies beyond it */
    size_t count;
    size_t lead_first; /* where the current lead's begin */
    size_t lead_max;   /* how many one lead may have */
    bool damaged;
    struct candidate list[CANDIDATES_MAX];
};

/* False: the lead has as many as it may have. */
static bool add_candidate(struct candidates *candidates, uint64_t position, uint32_t event)
{
    if (candidates->count - candidates->lead_first == candidates->lead_max) {
        uint64_t last = candidates->list[candidates->count - 1].position;
        if (!candidates->cut ||
            (candidates->backwards ? last > candidates->horizon : last < candidates->horizon))
            candidates->horizon = last;
        candidates->cut = true;
        return false;
    }
    candidates->list[candidates->count++] = (struct candidate){position, event};
    return true;
}

static bool visit_tag(void *context, struct bytes key, struct bytes value)
{
    struct candidates *candidates = context;
    uint64_t position = get_u64_big_endian(key.data + key.size - 8);

    if (position >= candidates->end)
        return candidates->backwards;
    return add_candidate(candidates, position, get_u32_little_endian(value.data));
}

static struct status follow_tag(struct event_log *log, struct bytes tag,
                                struct candidates *candidates)
{
    uint8_t first[TAG_KEY_BYTES], last[TAG_KEY_BYTES];
    uint64_t from = candidates->from;
    struct scan scan = {.family = FAMILY_INDEX, .backwards = candidates->backwards};

    scan.from = tag_key(first, tag, candidates->backwards ? 0 : from);
    scan.to = tag_key(last, tag, UINT64_MAX); /* no event has that position */
    if (candidates->backwards && from < UINT64_MAX)
        scan.to = tag_key(last, tag, from + 1);
    return engine_scan(log->engine, &scan, visit_tag, candidates);
}

/* One block of postings, in the order of the read. */
static bool visit_block(void *context, struct bytes key, struct bytes value)
{
    struct candidates *candidates = context;
    struct index_cursor cursor = {value, get_u64_big_endian(key.data + key.size - 8)};
    struct index_posting postings[INDEX_BLOCK_POSTINGS_MAX];
    size_t count = 0;

    while (count < INDEX_BLOCK_POSTINGS_MAX && index_next(&cursor, &postings[count]))
        count++;
    candidates->damaged = candidates->damaged || cursor.rest.size > 0;
    for (size_t i = 0; i < count; i++) {
        const struct index_posting *posting = &postings[candidates->backwards ? count - 1 - i : i];
        bool before = candidates->backwards ? posting->position > candidates->from
                                            : posting->position < candidates->from;
        if (before || posting->position >= candidates->end)
            continue;
        if (!add_candidate(candidates, posting->position, posting->event))
            return false;
    }
    return true;
}

static bool visit_first(void *context, struct bytes key, struct bytes value)
{
    (void)value;
    *(uint64_t *)context = get_u64_big_endian(key.data + key.size - 8);
    return false;
}

static struct status follow_blocks(struct event_log *log, const struct lead *lead,
                                   struct candidates *candidates)
{
    uint8_t first[INDEX_KEY_BYTES], last[INDEX_KEY_BYTES];
    uint64_t from = candidates->from, begin = from;
    struct scan scan = {.family = FAMILY_INDEX, .backwards = candidates->backwards};

    scan.from = index_key(first, lead->kind, lead->value, 0);
    scan.to = index_key(last, lead->kind, lead->value, from < UINT64_MAX ? from + 1 : from);
    if (!candidates->backwards) {
        /* The block that `from` lies in begins before it. */
        scan.backwards = true;
        TRY(engine_scan(log->engine, &scan, visit_first, &begin));
        scan.backwards = false;
        scan.from = index_key(first, lead->kind, lead->value, begin);
        scan.to = index_key(last, lead->kind, lead->value, UINT64_MAX);
    }
    return engine_scan(log->engine, &scan, visit_block, candidates);
}

static int compare_forwards(const void *a, const void *b)
{
    const struct candidate *first = a, *second = b;

    return first->position < second->position ? -1 : first->position > second->position;
}

static int compare_backwards(const void *a, const void *b)
{
    return compare_forwards(b, a);
}

/* Sorts, drops what was found twice and what lies beyond the horizon. */
static void merge(struct candidates *candidates)
{
    size_t kept = 0;

    qsort(candidates->list, candidates->count, sizeof *candidates->list,
          candidates->backwards ? compare_backwards : compare_forwards);
    for (size_t i = 0; i < candidates->count; i++) {
        uint64_t position = candidates->list[i].position;
        bool beyond = candidates->cut && (candidates->backwards ? position < candidates->horizon
                                                                : position > candidates->horizon);
        if (!beyond && (kept == 0 || candidates->list[kept - 1].position != position))
            candidates->list[kept++] = candidates->list[i];
    }
    candidates->count = kept;
}

static struct status find_candidates(struct event_log *log, const struct leads *leads,
                                     uint64_t from, struct candidates *candidates)
{
    candidates->from = from;
    candidates->count = 0;
    candidates->cut = false;
    candidates->damaged = false;
    for (size_t i = 0; i < leads->count; i++) {
        const struct lead *lead = &leads->list[i];
        candidates->lead_first = candidates->count;
        TRY(lead->is_tag ? follow_tag(log, lead->value, candidates)
                         : follow_blocks(log, lead, candidates));
    }
    if (candidates->damaged)
        return status_make(STATUS_DATA_LOSS, "index: damaged postings");
    merge(candidates);
    return OK;
}

/* Where the index leads to. `found` is false if a scavenge has been there since the index was
 * read; else it would be damage. */
static struct status find_event(struct event_log *log, const struct candidate *candidate,
                                struct arena *arena, struct reading *reading, struct event *event,
                                bool *found)
{
    uint64_t position = candidate->position, first = position - candidate->event;
    uint8_t key[POSITION_KEY_BYTES];
    struct record record;
    struct bytes stored;
    size_t record_bytes;

    TRY(engine_get(log->engine, FAMILY_LOG, position_key(key, first), arena, &stored));
    *found = stored.data != NULL;
    if (*found)
        TRY(record_parse(stored, first, &record));
    else
        TRY(log_find_record(log->engine, position, arena, &record, &record_bytes, found));
    if (!*found)
        return status_make(STATUS_DATA_LOSS, "index: no record at position %llu",
                           (unsigned long long)first);
    struct record_cursor cursor = {.record = &record};
    while (record_next(&cursor, event))
        if (event->position == position) {
            reading->stream_number = record_span(&record, cursor.span - 1).stream_number;
            return OK;
        }
    *found = false;
    if (record.is_hollow && cursor.frames.size == 0)
        return OK;
    return status_make(STATUS_DATA_LOSS, "index: position %llu leads astray",
                       (unsigned long long)position);
}

static struct status take_candidate(struct event_log *log, const struct query *query,
                                    const struct candidate *candidate, struct reading *reading,
                                    struct arena *arena)
{
    struct event event = {0};
    bool found;

    TRY(find_event(log, candidate, arena, reading, &event, &found));
    if (!found)
        return OK;
    reading_strip(reading, &event);
    if (query_matches(query, &event))
        reading_take(reading, &event);
    else
        reading->page->scanned_count++;
    return reading->status;
}

static struct status take_candidates(struct event_log *log, const struct query *query,
                                     const struct candidates *candidates, struct reading *reading)
{
    struct page *page = reading->page;

    for (size_t i = 0; i < candidates->count; i++) {
        uint64_t position = candidates->list[i].position;
        struct arena arena;
        if (reading_is_full(reading)) {
            page->next = position;
            reading->full = true;
            return OK;
        }
        arena_init(&arena, 2 * APPEND_BYTES_MAX);
        struct status status = take_candidate(log, query, &candidates->list[i], reading, &arena);
        arena_destroy(&arena);
        TRY(status);
        if (reading->read->backwards && position == 0)
            page->end = true;
        page->next = reading->read->backwards ? position - !page->end : position + 1;
    }
    return OK;
}

/* Reads what the index holds, which are the events before `end`. */
static struct status read_by_index(struct event_log *log, const struct query *query,
                                   const struct leads *leads, uint64_t end, const struct read *read,
                                   struct page *page)
{
    struct candidates *candidates = malloc(sizeof *candidates);
    struct reading reading;
    struct status status = OK;

    reading_init(&reading, log, read, page);
    if (!candidates)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "read: out of memory");
    candidates->backwards = read->backwards;
    candidates->end = end;
    candidates->lead_max = CANDIDATES_MAX / leads->count < CANDIDATES_OF_LEAD_MAX
                               ? CANDIDATES_MAX / leads->count
                               : CANDIDATES_OF_LEAD_MAX;
    do {
        status = find_candidates(log, leads, page->next, candidates);
        if (status_ok(status))
            status = take_candidates(log, query, candidates, &reading);
    } while (status_ok(status) && !reading.full && !page->end && candidates->cut);
    if (status_ok(status) && !reading.full && !page->end) {
        /* Nothing is left, so all that the index holds was looked at. */
        page->next = read->backwards ? 0 : end > page->next ? end : page->next;
        page->end = read->backwards || page->next >= reading.end;
    }
    free(candidates);
    return status;
}

/* Backwards, no further than to `end`: there the index begins to know. */
static struct status scan_down_to(struct event_log *log, const struct query *query, uint64_t end,
                                  const struct read *read, struct page *page)
{
    struct read bounded = *read;
    uint64_t newest = event_log_end(log) - 1;

    if (bounded.from > newest)
        bounded.from = newest;
    uint64_t left = bounded.from - end + 1;
    if (left < (read->scanned_max ? read->scanned_max : SCANNED_MAX))
        bounded.scanned_max = (size_t)left;
    return read_by_scan(log, query, &bounded, page);
}

struct status event_log_read_query(struct event_log *log, const struct query *query,
                                   const struct read *read, struct page *page)
{
    uint64_t end = event_log_end(log), indexed = atomic_load(&log->index.end);
    struct leads *leads = calloc(1, sizeof *leads);
    struct status status;

    *page = (struct page){0};
    if (!leads)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "read: out of memory");
    for (size_t i = 0; i < query->item_count; i++)
        add_leads(leads, &query->items[i]);
    if (!leads->trailing || indexed > end)
        indexed = end; /* tags are in the index as soon as their events are in the log */
    if (read->from < indexed || (read->backwards && indexed == end))
        status = read_by_index(log, query, leads, indexed, read, page);
    else if (read->backwards)
        status = scan_down_to(log, query, indexed, read, page);
    else
        status = read_by_scan(log, query, read, page);
    free(leads);
    return status;
}
