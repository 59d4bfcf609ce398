#include "storage/log/tail.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash.h"
#include "storage/log/log_state.h"
#include "storage/log/record.h"

enum { RING_MIN = 1024 };

struct tail_record {
    _Atomic(unsigned) references;
    struct record record; /* in place, in `stored` */
    size_t stored_size;
    const uint64_t *stream_hashes; /* one for each span, behind `stored` */
    _Alignas(8) uint8_t stored[];
};

bool tail_init(struct tail *tail, size_t bytes_max, uint64_t end)
{
    *tail = (struct tail){.bytes_max = bytes_max, .begin = end, .end = end, .ring_size = RING_MIN};
    tail->ring = calloc(tail->ring_size, sizeof(struct tail_record *));
    tail->streams = calloc(TAIL_BUCKETS, sizeof *tail->streams);
    pthread_mutex_init(&tail->lock, NULL);
    return tail->ring && tail->streams;
}

static struct tail_record *record_at(const struct tail *tail, size_t index)
{
    return tail->ring[(tail->oldest + index) & (tail->ring_size - 1)];
}

void tail_destroy(struct tail *tail)
{
    for (size_t i = 0; i < tail->count; i++)
        tail_record_release(record_at(tail, i));
    free(tail->ring);
    free(tail->streams);
    pthread_mutex_destroy(&tail->lock);
}

void tail_record_release(struct tail_record *record)
{
    if (atomic_fetch_sub_explicit(&record->references, 1, memory_order_acq_rel) == 1)
        free(record);
}

uint64_t tail_record_first(const struct tail_record *record)
{
    return record->record.position;
}

uint64_t tail_record_end(const struct tail_record *record)
{
    return record_end(&record->record);
}

struct bytes tail_record_frames(const struct tail_record *tail_record, uint64_t stream_number)
{
    const struct record *record = &tail_record->record;

    if (stream_number == 0)
        return record->frames;
    for (uint32_t i = 0; i < record->span_count; i++)
        if (record_span(record, i).stream_number == stream_number)
            return record_span_frames(record, i);
    return (struct bytes){0};
}

/* --- keeping records: @thread writer ---------------------------------------- */

static struct tail_record *tail_record_create(const struct commit_record *source)
{
    struct record record;

    record_view(source->stored, &record);
    size_t hashes_at = (source->stored.size + 7) & ~(size_t)7;
    size_t hashes_size = record.span_count * sizeof(uint64_t);
    struct tail_record *kept = malloc(sizeof *kept + hashes_at + hashes_size);
    if (!kept)
        return NULL;
    atomic_init(&kept->references, 1);
    kept->stored_size = source->stored.size;
    memcpy(kept->stored, source->stored.data, source->stored.size);
    memcpy(kept->stored + hashes_at, source->stream_hashes, hashes_size);
    kept->stream_hashes = (const uint64_t *)(kept->stored + hashes_at);
    record_view((struct bytes){kept->stored, kept->stored_size}, &kept->record);
    return kept;
}

static void drop_oldest(struct tail *tail)
{
    struct tail_record *record = record_at(tail, 0);

    tail->begin = tail_record_end(record);
    tail->bytes -= record->stored_size;
    tail->oldest = (tail->oldest + 1) & (tail->ring_size - 1);
    tail->count--;
    tail_record_release(record);
}

static bool grow(struct tail *tail)
{
    size_t ring_size = tail->ring_size * 2;
    struct tail_record **ring = malloc(ring_size * sizeof(struct tail_record *));

    if (!ring)
        return false;
    for (size_t i = 0; i < tail->count; i++)
        ring[i] = record_at(tail, i);
    free(tail->ring);
    tail->ring = ring;
    tail->ring_size = ring_size;
    tail->oldest = 0;
    return true;
}

static void keep(struct tail *tail, struct tail_record *record)
{
    if (tail->count == tail->ring_size && (tail->ring_size == TAIL_RECORDS_MAX || !grow(tail)))
        drop_oldest(tail);
    tail->ring[(tail->oldest + tail->count) & (tail->ring_size - 1)] = record;
    tail->count++;
    tail->bytes += record->stored_size;
    tail->end = tail_record_end(record);
    while (tail->bytes > tail->bytes_max && tail->count > 1)
        drop_oldest(tail);
}

/* Out of memory: whoever sleeps reads on from the log. */
static void keep_nothing(struct tail *tail, uint64_t end)
{
    while (tail->count > 0)
        drop_oldest(tail);
    tail->begin = tail->end = end;
}

void tail_forget(struct tail *tail)
{
    pthread_mutex_lock(&tail->lock);
    keep_nothing(tail, tail->end);
    pthread_mutex_unlock(&tail->lock);
}

/* --- waiting ----------------------------------------------------------------- */

static struct waiter **list_of(struct tail *tail, const struct waiter *waiter)
{
    return waiter->stream.size ? &tail->streams[waiter->stream_hash & (TAIL_BUCKETS - 1)]
                               : &tail->any;
}

static void link_waiter(struct tail *tail, struct waiter *waiter)
{
    struct waiter **list = list_of(tail, waiter);

    waiter->previous = NULL;
    waiter->next = *list;
    if (*list)
        (*list)->previous = waiter;
    *list = waiter;
    tail->waiters++;
    waiter->parked = true;
}

static void unlink_waiter(struct tail *tail, struct waiter *waiter)
{
    if (waiter->previous)
        waiter->previous->next = waiter->next;
    else
        *list_of(tail, waiter) = waiter->next;
    if (waiter->next)
        waiter->next->previous = waiter->previous;
    tail->waiters--;
    waiter->parked = false;
}

static void wake(struct tail *tail, struct waiter *waiter, uint64_t position)
{
    unlink_waiter(tail, waiter);
    waiter->woken_at = position;
    waiter->wake(waiter);
}

static void wake_for(struct tail *tail, const struct tail_record *record)
{
    uint64_t position = tail_record_first(record);

    while (tail->any)
        wake(tail, tail->any, position);
    for (uint32_t i = 0; i < record->record.span_count; i++) {
        uint64_t hash = record->stream_hashes[i];
        struct waiter *waiter = tail->streams[hash & (TAIL_BUCKETS - 1)];
        while (waiter) {
            struct waiter *next = waiter->next;
            if (waiter->stream_hash == hash)
                wake(tail, waiter, position);
            waiter = next;
        }
    }
}

static void wake_all(struct tail *tail, uint64_t position)
{
    while (tail->any)
        wake(tail, tail->any, position);
    for (size_t i = 0; i < TAIL_BUCKETS; i++)
        while (tail->streams[i])
            wake(tail, tail->streams[i], position);
}

void tail_publish(struct event_log *log, const struct commit *commit)
{
    struct tail *tail = &log->tail;
    const struct commit_record *records = commit->first_record;

    pthread_mutex_lock(&tail->lock);
    /* Before anyone is woken, so that whoever wakes may read up to it. */
    uint64_t before =
        heads_publish(log->heads, commit->touched, commit->touched_count, &log->end, commit->end);
    for (; records; records = records->next) {
        struct tail_record *kept = tail_record_create(records);
        if (!kept) {
            keep_nothing(tail, commit->end);
            wake_all(tail, before);
            break;
        }
        keep(tail, kept);
        wake_for(tail, kept);
    }
    pthread_mutex_unlock(&tail->lock);
}

/* --- reading ----------------------------------------------------------------- */

/* The index of the record that contains `position`, or of the first behind it. */
static size_t find(const struct tail *tail, uint64_t position)
{
    size_t low = 0, high = tail->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tail_record_end(record_at(tail, middle)) <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum tail_state tail_take(struct event_log *log, uint64_t from, size_t max,
                          struct tail_record **records, size_t *count)
{
    struct tail *tail = &log->tail;
    enum tail_state state = TAIL_RECORDS;

    *count = 0;
    pthread_mutex_lock(&tail->lock);
    if (from >= tail->end)
        state = TAIL_EMPTY;
    else if (from < tail->begin)
        state = TAIL_BEHIND;
    else
        for (size_t i = find(tail, from); i < tail->count && *count < max; i++) {
            records[*count] = record_at(tail, i);
            atomic_fetch_add_explicit(&records[(*count)++]->references, 1, memory_order_relaxed);
        }
    pthread_mutex_unlock(&tail->lock);
    return state;
}

static bool concerns(const struct tail_record *record, const struct waiter *waiter)
{
    if (!waiter->stream.size)
        return true;
    for (uint32_t i = 0; i < record->record.span_count; i++)
        if (record->stream_hashes[i] == waiter->stream_hash)
            return true;
    return false;
}

bool tail_park(struct event_log *log, uint64_t from, struct waiter *waiter)
{
    struct tail *tail = &log->tail;
    bool parked = true;

    assert(!waiter->parked);
    waiter->stream_hash = waiter->stream.size ? hash_bytes(waiter->stream) : 0;
    pthread_mutex_lock(&tail->lock);
    if (from < tail->begin) {
        waiter->woken_at = from;
        parked = false;
    }
    for (size_t i = find(tail, from); parked && i < tail->count; i++) {
        const struct tail_record *record = record_at(tail, i);
        if (concerns(record, waiter)) {
            waiter->woken_at = tail_record_first(record);
            parked = false;
        }
    }
    if (parked)
        link_waiter(tail, waiter);
    pthread_mutex_unlock(&tail->lock);
    return parked;
}

void tail_unpark(struct event_log *log, struct waiter *waiter)
{
    struct tail *tail = &log->tail;

    pthread_mutex_lock(&tail->lock);
    if (waiter->parked)
        unlink_waiter(tail, waiter);
    pthread_mutex_unlock(&tail->lock);
}
