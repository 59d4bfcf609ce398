#include "server/snapshots/due_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum {
    SWEEP_BUCKETS = 256,       /* in one step */
    RETRY_US = 1000000,        /* doubled with each failure, up to ... */
    RETRY_DOUBLINGS_MAX = 6,   /* ... about a minute */
    OVERHEAD_BYTES = 16 + 8,   /* of an allocation, and of a place in the heap */
    COUNTING_SHARE_TO_GIVE = 8 /* letting streams go is worth a walk if it frees this part */
};

bool due_table_init(struct due_table *table, size_t bytes_max)
{
    *table = (struct due_table){.bytes_max = bytes_max};
    table->buckets = calloc(DUE_BUCKETS, sizeof *table->buckets);
    return table->buckets != NULL;
}

void due_table_destroy(struct due_table *table)
{
    for (size_t i = 0; table->buckets && i < DUE_BUCKETS; i++)
        while (table->buckets[i]) {
            struct due_stream *stream = table->buckets[i];
            table->buckets[i] = stream->next_in_bucket;
            free(stream);
        }
    free(table->buckets);
    due_heap_destroy(&table->timers);
}

/* --- streams --------------------------------------------------------------------------------- */

static struct due_stream **place_of(const struct due_table *table, uint64_t hash, struct bytes name)
{
    struct due_stream **place = &table->buckets[hash & (DUE_BUCKETS - 1)];

    while (*place && !((*place)->hash == hash && bytes_equal(due_stream_name(*place), name)))
        place = &(*place)->next_in_bucket;
    return place;
}

struct due_stream *due_table_find(const struct due_table *table, struct bytes stream)
{
    return *place_of(table, hash_bytes(stream), stream);
}

static size_t size_of(size_t name_size)
{
    return sizeof(struct due_stream) + name_size + OVERHEAD_BYTES;
}

/* It waits for nothing but a number of events, so its next event is early enough. */
static bool is_counting(const struct due_stream *stream)
{
    return stream->state == DUE_WAITING && !stream->to_look && stream->timer.at_us == INT64_MAX;
}

/* What changes a stream stands between these two. */
static void begin(struct due_table *table, const struct due_stream *stream)
{
    table->counting -= is_counting(stream);
}

static void end(struct due_table *table, const struct due_stream *stream)
{
    table->counting += is_counting(stream);
}

static struct due_list *list_of(struct due_table *table, enum due_state state)
{
    return state == DUE_FOR_CLIENTS ? &table->for_clients : &table->for_server;
}

static void set_state(struct due_table *table, struct due_stream *stream, enum due_state state)
{
    if (stream->state != DUE_WAITING)
        due_list_remove(list_of(table, stream->state), stream);
    stream->state = state;
    if (state != DUE_WAITING)
        due_list_add(list_of(table, state), stream);
}

/* Between begin and end, or in the place of end. */
static void let_go(struct due_table *table, struct due_stream *stream)
{
    assert(!stream->to_look);
    set_state(table, stream, DUE_WAITING);
    due_heap_set(&table->timers, &stream->timer, INT64_MAX);
    *place_of(table, stream->hash, due_stream_name(stream)) = stream->next_in_bucket;
    table->count--;
    table->bytes -= size_of(stream->name_size);
    free(stream);
}

static void let_counting_go(struct due_table *table)
{
    for (size_t i = 0; i < DUE_BUCKETS; i++)
        for (struct due_stream *stream = table->buckets[i], *next; stream; stream = next) {
            next = stream->next_in_bucket;
            if (is_counting(stream)) {
                begin(table, stream);
                let_go(table, stream);
            }
        }
}

/* NULL: no room; that is remembered. Between begin and end. */
static struct due_stream *add(struct due_table *table, struct bytes name)
{
    size_t size = size_of(name.size);
    struct due_stream *stream = NULL;

    if (table->bytes + size <= table->bytes_max &&
        due_heap_reserve(&table->timers, table->count + 1))
        stream = calloc(1, sizeof *stream + name.size);
    if (!stream) {
        table->has_forgotten = true;
        table->full++;
        return NULL;
    }
    stream->hash = hash_bytes(name);
    stream->name_size = name.size;
    memcpy(stream->name, name.data, name.size);
    due_init(&stream->timer);
    struct due_stream **bucket = &table->buckets[stream->hash & (DUE_BUCKETS - 1)];
    stream->next_in_bucket = *bucket;
    *bucket = stream;
    table->count++;
    table->bytes += size;
    return stream;
}

/* --- looking at them ------------------------------------------------------------------------- */

/* Between begin and end. */
static void mark(struct due_table *table, struct due_stream *stream)
{
    if (stream->to_look)
        return;
    stream->to_look = true;
    stream->next_to_look = NULL;
    if (table->last_to_look)
        table->last_to_look->next_to_look = stream;
    else
        table->first_to_look = stream;
    table->last_to_look = stream;
}

void due_table_mark(struct due_table *table, struct bytes name)
{
    struct due_stream *stream = due_table_find(table, name);

    if (stream)
        begin(table, stream);
    else
        stream = add(table, name);
    if (!stream)
        return;
    mark(table, stream);
    end(table, stream);
}

struct due_stream *due_table_take(struct due_table *table)
{
    struct due_stream *stream = table->first_to_look;

    if (!stream)
        return NULL;
    table->first_to_look = stream->next_to_look;
    if (!table->first_to_look)
        table->last_to_look = NULL;
    begin(table, stream);
    stream->to_look = false;
    end(table, stream);
    return stream;
}

static void become_due(struct due_table *table, struct due_stream *stream, bool is_servers,
                       int64_t now_us)
{
    enum due_state state = is_servers ? DUE_FOR_SERVER : DUE_FOR_CLIENTS;

    if (is_servers && now_us < stream->not_before_us) {
        set_state(table, stream, DUE_WAITING);
        due_heap_set(&table->timers, &stream->timer, stream->not_before_us);
        return;
    }
    if (stream->state == state)
        return;
    stream->due_since_us = now_us;
    stream->due_revision = stream->last_revision;
    set_state(table, stream, state);
}

void due_table_see(struct due_table *table, struct due_stream *stream,
                   const struct due_sight *sight, bool is_servers, int64_t now_us)
{
    bool waits = sight->first_behind <= sight->last_revision || sight->again_us != INT64_MAX;

    if (stream->to_look)
        return; /* something happened since */
    begin(table, stream);
    if (!sight->concerns || !waits)
        return let_go(table, stream);
    stream->policy = sight->policy;
    stream->newest = sight->newest;
    stream->first_behind = sight->first_behind;
    stream->last_revision = sight->last_revision;
    due_heap_set(&table->timers, &stream->timer, sight->again_us);
    if (sight->is_due)
        become_due(table, stream, is_servers, now_us);
    else
        set_state(table, stream, DUE_WAITING);
    end(table, stream);
}

void due_table_put_off(struct due_table *table, struct due_stream *stream, int64_t at_us)
{
    begin(table, stream);
    due_heap_set(&table->timers, &stream->timer, at_us);
    end(table, stream);
}

/* --- what happens to them -------------------------------------------------------------------- */

static bool has_enough(const struct due_stream *stream)
{
    return stream->policy.every_events > 0 && stream->last_revision >= stream->first_behind &&
           stream->last_revision - stream->first_behind + 1 >= stream->policy.every_events;
}

static void wait_for_time(struct due_table *table, struct due_stream *stream, int64_t created_us)
{
    int64_t at_us = created_us + stream->policy.every_us;

    if (stream->policy.every_us > 0 && at_us < stream->timer.at_us)
        due_heap_set(&table->timers, &stream->timer, at_us);
}

static void make_room(struct due_table *table, size_t name_size)
{
    if (table->bytes + size_of(name_size) > table->bytes_max &&
        table->counting > table->count / COUNTING_SHARE_TO_GIVE)
        let_counting_go(table);
}

/* Once it is due, more events change nothing. Between begin and end. */
static void append_to(struct due_table *table, struct due_stream *stream, uint64_t revision,
                      int64_t created_us)
{
    bool was_behind = stream->last_revision >= stream->first_behind;

    if (revision <= stream->last_revision)
        return;
    stream->last_revision = revision;
    if (stream->state != DUE_WAITING)
        return;
    if (!was_behind && revision >= stream->first_behind)
        wait_for_time(table, stream, created_us);
    if (has_enough(stream) && created_us >= stream->not_before_us)
        mark(table, stream);
}

/* Of a stream that begins nothing has to be read; of any other, what is behind it. */
void due_table_add_event(struct due_table *table, struct bytes name, uint64_t revision,
                         int64_t created_us, const struct snapshot_policy *policy)
{
    struct due_stream *stream = due_table_find(table, name);

    if (stream) {
        begin(table, stream);
        append_to(table, stream, revision, created_us);
        return end(table, stream);
    }
    make_room(table, name.size);
    if (revision > 0)
        return due_table_mark(table, name);
    stream = add(table, name);
    if (!stream)
        return;
    stream->policy = *policy;
    wait_for_time(table, stream, created_us);
    if (has_enough(stream))
        mark(table, stream);
    end(table, stream);
}

void due_table_put(struct due_table *table, struct bytes name)
{
    struct due_stream *stream = due_table_find(table, name);

    if (!stream)
        return due_table_mark(table, name); /* it may expire */
    begin(table, stream);
    set_state(table, stream, DUE_WAITING);
    stream->failures = 0;
    stream->not_before_us = 0;
    mark(table, stream);
    end(table, stream);
}

void due_table_fail(struct due_table *table, struct due_stream *stream, int64_t now_us)
{
    unsigned doublings =
        stream->failures < RETRY_DOUBLINGS_MAX ? stream->failures : RETRY_DOUBLINGS_MAX;

    begin(table, stream);
    set_state(table, stream, DUE_WAITING);
    stream->failures++;
    stream->not_before_us = now_us + ((int64_t)RETRY_US << doublings);
    mark(table, stream);
    end(table, stream);
}

void due_table_expire(struct due_table *table, int64_t now_us, size_t max)
{
    while (max-- > 0 && due_heap_first_us(&table->timers) <= now_us) {
        struct due *due = due_heap_first(&table->timers);
        struct due_stream *stream = container_of(due, struct due_stream, timer);
        begin(table, stream);
        due_heap_set(&table->timers, due, INT64_MAX);
        mark(table, stream);
        end(table, stream);
    }
}

size_t due_table_sweep(struct due_table *table, size_t bucket,
                       bool (*is_stale)(void *context, const struct due_stream *stream),
                       void *context)
{
    size_t to = bucket + SWEEP_BUCKETS;

    for (; bucket < to; bucket++)
        for (struct due_stream *stream = table->buckets[bucket]; stream;
             stream = stream->next_in_bucket)
            if (is_stale(context, stream)) {
                begin(table, stream);
                mark(table, stream);
                end(table, stream);
            }
    return to == DUE_BUCKETS ? 0 : to;
}
