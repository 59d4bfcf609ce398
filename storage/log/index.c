#include "storage/log/index.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/varint.h"
#include "storage/log/event.h"
#include "storage/log/keys.h"
#include "storage/log/log_state.h"
#include "storage/log/query.h"
#include "storage/log/read.h"
#include "storage/log/record.h"

enum {
    BUCKETS = 1 << 12,          /* of values in a batch */
    BATCH_BYTES_MAX = 64 << 20, /* memory of a batch */
    POSTING_BYTES_MAX = 10 + 5, /* two varints */
};

struct bytes index_key(uint8_t key[INDEX_KEY_BYTES], enum index_kind kind, struct bytes value,
                       uint64_t position)
{
    size_t size = value.size < INDEX_TEXT_BYTES_MAX ? value.size : INDEX_TEXT_BYTES_MAX;

    key[0] = (uint8_t)kind;
    if (size)
        memcpy(key + 1, value.data, size);
    key[1 + size] = 0;
    put_u64_big_endian(key + 2 + size, position);
    return (struct bytes){key, size + 10};
}

/* --- postings: varint of the distance to the one before · varint of `event` ------------ */

bool index_next(struct index_cursor *cursor, struct index_posting *posting)
{
    uint64_t distance, event;

    if (!read_varint(&cursor->rest, &distance) || !read_varint(&cursor->rest, &event))
        return false;
    cursor->position += distance;
    *posting = (struct index_posting){cursor->position, (uint32_t)event};
    return true;
}

/* --- a batch ---------------------------------------------------------------------------- */

/* A block in the making. */
struct block {
    uint64_t hash; /* of its kind and value */
    enum index_kind kind;
    struct bytes value;
    uint64_t first, last; /* positions */
    size_t posting_count;
    uint8_t *postings;
    size_t size, capacity;
    struct block *next_in_bucket, *next;
};

struct batch {
    struct intent intent;
    struct event_log *log;
    struct arena arena;
    struct block *buckets[BUCKETS];
    struct block *blocks;
    uint64_t next; /* position after the last event looked at */
    size_t event_count;
    struct status status;
};

static bool grow(struct batch *batch, struct block *block)
{
    size_t capacity = block->capacity ? block->capacity * 2 : 2 * POSTING_BYTES_MAX;
    uint8_t *postings = arena_alloc_raw(&batch->arena, capacity);

    if (!postings)
        return false;
    if (block->size)
        memcpy(postings, block->postings, block->size);
    block->postings = postings;
    block->capacity = capacity;
    return true;
}

static struct block *add_block(struct batch *batch, uint64_t hash, enum index_kind kind,
                               struct bytes value, uint64_t position)
{
    struct block **bucket = &batch->buckets[hash & (BUCKETS - 1)];
    struct block *block = arena_alloc(&batch->arena, sizeof *block);

    if (!block)
        return NULL;
    *block = (struct block){.hash = hash,
                            .kind = kind,
                            .value = arena_copy(&batch->arena, value),
                            .first = position,
                            .last = position,
                            .next_in_bucket = *bucket,
                            .next = batch->blocks};
    *bucket = batch->blocks = block;
    return block->value.data ? block : NULL;
}

static struct block *find_block(struct batch *batch, uint64_t hash, enum index_kind kind,
                                struct bytes value)
{
    struct block *block = batch->buckets[hash & (BUCKETS - 1)];

    while (block &&
           !(block->hash == hash && block->kind == kind && bytes_equal(block->value, value)))
        block = block->next_in_bucket;
    return block && block->posting_count < INDEX_BLOCK_POSTINGS_MAX ? block : NULL;
}

static void add_posting(struct batch *batch, enum index_kind kind, struct bytes value,
                        const struct index_posting *posting)
{
    /* Values that share a key share their blocks, too: blocks of one key never overlap. */
    if (value.size > INDEX_TEXT_BYTES_MAX)
        value.size = INDEX_TEXT_BYTES_MAX;
    uint64_t hash = hash_bytes(value) + (uint64_t)kind;
    struct block *block = find_block(batch, hash, kind, value);

    if (!block)
        block = add_block(batch, hash, kind, value, posting->position);
    if (!block || (block->size + POSTING_BYTES_MAX > block->capacity && !grow(batch, block))) {
        batch->status = status_make(STATUS_RESOURCE_EXHAUSTED, "index: out of memory");
        return;
    }
    uint8_t *at = put_varint(block->postings + block->size, posting->position - block->last);
    at = put_varint(at, posting->event);
    block->size = (size_t)(at - block->postings);
    block->last = posting->position;
    block->posting_count++;
}

static void add_event(struct batch *batch, const struct event *event, uint32_t index)
{
    struct index_posting posting = {event->position, index};
    struct bytes correlation_id;

    add_posting(batch, INDEX_TYPE, event->type, &posting);
    add_posting(batch, INDEX_CATEGORY, category_of(event->stream), &posting);
    if (event_metadata(event, bytes_of_text(CORRELATION_KEY), &correlation_id))
        add_posting(batch, INDEX_CORRELATION, correlation_id, &posting);
}

static bool visit_record(void *context, struct bytes key, struct bytes value)
{
    struct batch *batch = context;
    struct record record;
    struct record_cursor cursor = {.record = &record};
    struct event event;

    batch->status = record_parse(value, get_u64_big_endian(key.data), &record);
    while (status_ok(batch->status) && record_next(&cursor, &event))
        add_event(batch, &event, (uint32_t)(event.position - record.position));
    if (!status_ok(batch->status))
        return false;
    batch->next = record_end(&record);
    batch->event_count += record.event_count;
    return batch->event_count < INDEX_BATCH_EVENTS;
}

/* --- committing it ------------------------------------------------------------------------ */

/* @thread writer */
static struct status decide(struct intent *intent, struct commit *commit)
{
    struct batch *batch = container_of(intent, struct batch, intent);
    struct arena *arena = commit_arena(commit);
    uint8_t *end = arena_alloc_raw(arena, 8);

    if (!end)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "index: out of memory");
    for (struct block *block = batch->blocks; block; block = block->next) {
        uint8_t *key = arena_alloc_raw(arena, INDEX_KEY_BYTES);
        struct bytes nothing = {0};
        commit_put(commit, FAMILY_INDEX,
                   key ? index_key(key, block->kind, block->value, block->first) : nothing,
                   (struct bytes){block->postings, block->size});
    }
    put_u64_little_endian(end, batch->next);
    commit_put(commit, FAMILY_META, bytes_of_text(INDEXED_KEY), bytes_of(end, 8));
    return OK;
}

/* @thread writer */
static void on_done(struct intent *intent)
{
    struct batch *batch = container_of(intent, struct batch, intent);
    struct index *index = &batch->log->index;

    pthread_mutex_lock(&index->lock);
    index->status = intent->status;
    index->committed = true;
    pthread_cond_broadcast(&index->changed);
    pthread_mutex_unlock(&index->lock);
}

static struct status commit_batch(struct batch *batch)
{
    struct index *index = &batch->log->index;

    batch->intent = (struct intent){.decide = decide, .done = on_done};
    batch->intent.bytes = batch->arena.bytes_used;
    index->committed = false;
    TRY(event_log_submit(batch->log, &batch->intent));
    pthread_mutex_lock(&index->lock);
    while (!index->committed)
        pthread_cond_wait(&index->changed, &index->lock);
    pthread_mutex_unlock(&index->lock);
    return index->status;
}

static struct status index_batch(struct event_log *log, struct batch *batch)
{
    uint8_t from[POSITION_KEY_BYTES], to[POSITION_KEY_BYTES];
    uint64_t begin = atomic_load(&log->index.end), end = event_log_end(log);

    memset(batch, 0, sizeof *batch);
    batch->log = log;
    batch->next = begin;
    batch->status = OK;
    arena_init(&batch->arena, BATCH_BYTES_MAX);
    struct status status = engine_scan(log->engine,
                                       &(struct scan){.family = FAMILY_LOG,
                                                      .from = position_key(from, begin),
                                                      .to = position_key(to, end),
                                                      .bulk = true},
                                       visit_record, batch);
    if (status_ok(status))
        status = batch->status;
    if (batch->event_count < INDEX_BATCH_EVENTS)
        batch->next = end; /* a hollow record that began before may be all there was */
    if (status_ok(status) && batch->next > begin)
        status = commit_batch(batch);
    arena_destroy(&batch->arena);
    if (status_ok(status)) {
        pthread_mutex_lock(&log->index.lock);
        atomic_store(&log->index.end, batch->next);
        pthread_cond_broadcast(&log->index.changed); /* index_wait() */
        pthread_mutex_unlock(&log->index.lock);
    }
    return status;
}

/* --- the thread ------------------------------------------------------------------------------ */

static bool has_batch(struct event_log *log)
{
    return event_log_end(log) - atomic_load(&log->index.end) >= INDEX_BATCH_EVENTS;
}

/* False: it is time to stop. */
static bool wait_for_batch(struct event_log *log)
{
    struct index *index = &log->index;

    pthread_mutex_lock(&index->lock);
    while (!index->stopping && !has_batch(log))
        pthread_cond_wait(&index->changed, &index->lock);
    bool goes_on = !index->stopping;
    pthread_mutex_unlock(&index->lock);
    return goes_on;
}

/* A full queue: appends come first. Waits for the next commit. */
static bool wait_for_commit(struct event_log *log)
{
    struct index *index = &log->index;

    pthread_mutex_lock(&index->lock);
    index->refused = true;
    pthread_cond_broadcast(&index->changed); /* index_wait() */
    if (!index->stopping)
        pthread_cond_wait(&index->changed, &index->lock);
    bool goes_on = !index->stopping;
    index->refused = false;
    pthread_mutex_unlock(&index->lock);
    return goes_on;
}

static void *run(void *argument)
{
    struct event_log *log = argument;
    struct batch *batch = malloc(sizeof *batch);
    bool goes_on = batch != NULL;

    while (goes_on && wait_for_batch(log)) {
        pthread_mutex_lock(&log->deriving);
        struct status status = index_batch(log, batch);
        pthread_mutex_unlock(&log->deriving);
        if (status.code == STATUS_RESOURCE_EXHAUSTED)
            goes_on = wait_for_commit(log);
        else if (!status_ok(status)) {
            /* Reading goes on without it, only slower. */
            log_line(LOG_WARN, "index", "stopped", "cause=\"%s\"", status.message);
            goes_on = false;
        }
    }
    free(batch);
    pthread_mutex_lock(&log->index.lock);
    log->index.stopped = true;
    pthread_cond_broadcast(&log->index.changed);
    pthread_mutex_unlock(&log->index.lock);
    return NULL;
}

struct status index_wait(struct event_log *log)
{
    struct index *index = &log->index;

    pthread_mutex_lock(&index->lock);
    while (!index->stopped && !index->refused && has_batch(log))
        pthread_cond_wait(&index->changed, &index->lock);
    bool is_done = !has_batch(log);
    pthread_mutex_unlock(&index->lock);
    return is_done ? OK
                   : status_make(STATUS_UNAVAILABLE,
                                 "index: no room for its next batch, or it stopped");
}

uint64_t event_log_indexed(const struct event_log *log)
{
    return atomic_load(&log->index.end);
}

static struct status load_end(struct event_log *log)
{
    uint8_t memory[64];
    struct arena arena;
    struct bytes value;

    arena_init_within(&arena, sizeof memory, memory, sizeof memory);
    struct status status =
        engine_get(log->engine, FAMILY_META, bytes_of_text(INDEXED_KEY), &arena, &value);
    uint64_t end = status_ok(status) && value.size == 8 ? get_u64_little_endian(value.data) : 0;
    arena_destroy(&arena);
    atomic_store(&log->index.end, end <= event_log_end(log) ? end : 0);
    return status;
}

struct status index_start(struct event_log *log)
{
    TRY(load_end(log));
    pthread_mutex_init(&log->index.lock, NULL);
    pthread_cond_init(&log->index.changed, NULL);
    if (pthread_create(&log->index.thread, NULL, run, log) != 0)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "index: cannot start its thread");
    return OK;
}

void index_stop(struct event_log *log)
{
    struct index *index = &log->index;

    pthread_mutex_lock(&index->lock);
    index->stopping = true;
    pthread_cond_broadcast(&index->changed);
    pthread_mutex_unlock(&index->lock);
    pthread_join(index->thread, NULL);
    pthread_cond_destroy(&index->changed);
    pthread_mutex_destroy(&index->lock);
}

void index_notify(struct event_log *log)
{
    if (!has_batch(log))
        return;
    pthread_mutex_lock(&log->index.lock);
    pthread_cond_broadcast(&log->index.changed);
    pthread_mutex_unlock(&log->index.lock);
}
