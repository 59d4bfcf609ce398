/* Reading by query. Where every item names a tag, the index of its first tag leads
 * to the candidates of the item; the events themselves tell which of them match. */
#include <stdlib.h>

#include "storage/log/keys.h"
#include "storage/log/limits.h"
#include "storage/log/log_state.h"
#include "storage/log/page.h"
#include "storage/log/read.h"
#include "storage/log/record.h"

enum { CANDIDATES_MAX = 256 }; /* of an item that are looked up together */

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

static struct status read_by_scan(struct event_log *log, const struct query *query,
                                  const struct read *read, struct page *page)
{
    struct selection selection = {query, read};
    struct read selective = *read;

    selective.accept = accept;
    selective.context = &selection;
    return event_log_read_all(log, &selective, page);
}

/* --- by the index ------------------------------------------------------------------- */

struct candidate {
    uint64_t position;
    uint32_t event; /* index in its record */
};

/* The next candidates of all items, in the order of the read. */
struct candidates {
    bool backwards;
    uint64_t end;     /* committed events */
    uint64_t horizon; /* what lies beyond it is not complete */
    bool cut;         /* something lies beyond it */
    size_t count;
    size_t item_first; /* where the current item's begin */
    struct candidate list[QUERY_ITEMS_MAX * CANDIDATES_MAX];
};

static bool visit_entry(void *context, struct bytes key, struct bytes value)
{
    struct candidates *candidates = context;
    struct candidate found = {.position = get_u64_big_endian(key.data + key.size - 8)};

    if (found.position >= candidates->end)
        return candidates->backwards;
    if (candidates->count - candidates->item_first == CANDIDATES_MAX) {
        uint64_t last = candidates->list[candidates->count - 1].position;
        if (!candidates->cut ||
            (candidates->backwards ? last > candidates->horizon : last < candidates->horizon))
            candidates->horizon = last;
        candidates->cut = true;
        return false;
    }
    found.event = get_u32_little_endian(value.data);
    candidates->list[candidates->count++] = found;
    return true;
}

static struct status find_candidates_of_item(struct event_log *log, struct bytes tag, uint64_t from,
                                             struct candidates *candidates)
{
    uint8_t first[TAG_KEY_BYTES_MAX], last[TAG_KEY_BYTES_MAX];
    struct scan scan = {.family = FAMILY_INDEX, .backwards = candidates->backwards};

    candidates->item_first = candidates->count;
    scan.from = tag_key(first, tag, candidates->backwards ? 0 : from);
    scan.to = tag_key(last, tag, UINT64_MAX); /* no event has that position */
    if (candidates->backwards && from < UINT64_MAX)
        scan.to = tag_key(last, tag, from + 1);
    return engine_scan(log->engine, &scan, visit_entry, candidates);
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

static struct status find_candidates(struct event_log *log, const struct query *query,
                                     uint64_t from, struct candidates *candidates)
{
    candidates->count = 0;
    candidates->cut = false;
    for (size_t i = 0; i < query->item_count; i++)
        TRY(find_candidates_of_item(log, query->items[i].tags[0], from, candidates));
    merge(candidates);
    return OK;
}

static struct status take_candidate(struct event_log *log, const struct query *query,
                                    const struct candidate *candidate, struct reading *reading,
                                    struct arena *arena)
{
    uint64_t first = candidate->position - candidate->event;
    uint8_t key[POSITION_KEY_BYTES];
    struct record record;
    struct bytes stored;
    struct event event = {0};

    TRY(engine_get(log->engine, FAMILY_LOG, position_key(key, first), arena, &stored));
    if (!stored.data)
        return status_make(STATUS_DATA_LOSS, "index: no record at position %llu",
                           (unsigned long long)first);
    TRY(record_parse(stored, first, &record));
    for (uint32_t i = 0; i <= candidate->event; i++)
        if (!event_next(&record.frames, &event))
            return status_make(STATUS_DATA_LOSS, "index: position %llu leads astray",
                               (unsigned long long)candidate->position);
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

static struct status read_by_index(struct event_log *log, const struct query *query,
                                   const struct read *read, struct page *page)
{
    struct candidates *candidates = malloc(sizeof *candidates);
    struct reading reading;
    struct status status = OK;

    reading_init(&reading, log, read, page);
    if (!candidates)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "read: out of memory");
    candidates->backwards = read->backwards;
    candidates->end = reading.end;
    do {
        status = find_candidates(log, query, page->next, candidates);
        if (status_ok(status))
            status = take_candidates(log, query, candidates, &reading);
    } while (status_ok(status) && !reading.full && !page->end && candidates->cut);
    if (status_ok(status) && !reading.full && !page->end) {
        /* Nothing is left, so the whole store was looked at. */
        page->end = true;
        page->next = read->backwards ? 0 : reading.end > page->next ? reading.end : page->next;
    }
    free(candidates);
    return status;
}

struct status event_log_read_query(struct event_log *log, const struct query *query,
                                   const struct read *read, struct page *page)
{
    for (size_t i = 0; i < query->item_count; i++)
        if (query->items[i].tag_count == 0)
            return read_by_scan(log, query, read, page);
    return read_by_index(log, query, read, page);
}
