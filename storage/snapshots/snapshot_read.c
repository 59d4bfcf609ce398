/* Looking for snapshots: in the cache, then at the stream's history and the state on disk. */
#include <stdlib.h>

#include "storage/log/seal.h"
#include "storage/snapshots/snapshot_state.h"

enum {
    ROW_BYTES_MAX =
        STATE_HEAD_BYTES + CONTENT_TYPE_BYTES_MAX + SNAPSHOT_STATE_BYTES_MAX + SEAL_MORE_BYTES + 16,
    SCAN_STEP_MAX = 1000,
};

void snapshot_release(struct snapshot *snapshot)
{
    if (snapshot->entry)
        cache_entry_release(snapshot->entry);
    snapshot->entry = NULL;
}

static bool is_shown(const struct stream_head *head, uint64_t revision)
{
    return snapshot_is_shown(revision, head->first_revision, head->deleted_before) &&
           revision <= head->last_revision;
}

/* False: damaged. Takes over the reference. */
static bool read_entry(struct cache_entry *entry, int64_t expires_us, struct snapshot *snapshot)
{
    struct bytes value = cache_entry_value(entry);
    struct bytes row = {value.data + CACHED_HEAD_BYTES, value.size - CACHED_HEAD_BYTES};

    *snapshot = (struct snapshot){.entry = entry, .expires_us = expires_us};
    snapshot->revision = get_u64_little_endian(value.data);
    snapshot->created_us = (int64_t)get_u64_little_endian(value.data + 8);
    return state_decode(row, &snapshot->content_type, &snapshot->state);
}

/* The newest one that is in memory; NULL: it is not known there. */
static struct cache_entry *look(struct snapshot_store *store, uint64_t hash, struct bytes key,
                                uint64_t *generation, int64_t *expires_us)
{
    struct snapshot_cache *cache = store->options.cache;
    struct cache_shard *shard = cache_lock(cache, hash);
    struct cache_entry *entry = cache_find(shard, hash, key), *held = NULL;

    *generation = shard->generation;
    if (entry && cache_entry_expired(cache, entry)) {
        shard->expirations++;
        cache_remove(cache, shard, entry);
        entry = NULL;
    }
    if (entry) {
        cache_touch(cache, shard, entry);
        *expires_us = entry->expires_us;
        held = cache_entry_hold(entry);
    }
    shard->hits += entry != NULL;
    shard->misses += entry == NULL;
    cache_unlock(shard);
    return held;
}

/* What was read goes into the cache unless something changed since. */
static void keep(struct snapshot_store *store, struct cache_entry *entry, uint64_t generation)
{
    struct snapshot_cache *cache = store->options.cache;

    if (!cache_reserve(cache, entry, false))
        return;
    struct cache_shard *shard = cache_lock(cache, entry->hash);
    bool fresh =
        shard->generation == generation && !cache_find(shard, entry->hash, cache_entry_key(entry));
    if (fresh)
        cache_install(cache, shard, cache_entry_hold(entry), NULL);
    cache_unlock(shard);
    if (!fresh)
        cache_unreserve(cache, entry);
}

/* What is read of one snapshot. */
struct reading {
    struct bytes stream;
    uint64_t number;
    struct snapshot_info info;
    struct bytes key; /* of the cache */
    uint64_t hash;
    struct cache_entry *entry; /* NULL: it was deleted meanwhile, or is lost */
    bool is_lost;              /* with the stream's key */
};

/* `row_head` is what a sealed row has lost of `rest`; empty for one that is not sealed. */
static struct status create_entry(struct reading *reading, struct bytes row_head, struct bytes rest)
{
    uint8_t head[CACHED_HEAD_BYTES + STATE_HEAD_BYTES];

    put_u64_little_endian(head, reading->info.revision);
    put_u64_little_endian(head + 8, (uint64_t)reading->info.created_us);
    if (row_head.size > 0)
        memcpy(head + CACHED_HEAD_BYTES, row_head.data, row_head.size);
    reading->entry = cache_entry_create(reading->key, reading->hash,
                                        (struct bytes){head, CACHED_HEAD_BYTES + row_head.size},
                                        rest, reading->info.expires_us);
    return reading->entry ? OK : snapshot_out_of_memory();
}

static struct status open_row(struct snapshot_store *store, struct reading *reading,
                              struct bytes row_key, struct bytes sealed, struct arena *arena)
{
    uint8_t *plain = arena_alloc_raw(arena, sealed.size);
    uint8_t head[STATE_HEAD_BYTES];
    bool opened;

    if (!plain)
        return snapshot_out_of_memory();
    TRY(event_log_open_seal(store->options.log, reading->stream, row_key, sealed, plain, &opened));
    reading->is_lost = !opened;
    if (!opened)
        return OK;
    size_t type_size = plain[0];
    struct bytes both = {plain + 1, sealed.size - SEAL_MORE_BYTES - 1};
    state_encode_head(head, (struct bytes){both.data, type_size}, both);
    return create_entry(reading, (struct bytes){head, sizeof head}, both);
}

static struct status read_state(struct snapshot_store *store, struct reading *reading)
{
    uint8_t memory[STATE_KEY_BYTES];
    struct bytes key = state_key(memory, reading->number, reading->info.revision);
    struct bytes row = {0}, sealed;
    struct arena arena;

    reading->entry = NULL;
    reading->is_lost = false;
    arena_init(&arena, 3 * ROW_BYTES_MAX);
    struct status status = engine_get(store->options.engine, FAMILY_SNAPSHOTS, key, &arena, &row);
    if (status_ok(status) && row.data && state_decode_sealed(row, &sealed))
        status = open_row(store, reading, key, sealed, &arena);
    else if (status_ok(status) && row.data)
        status = create_entry(reading, (struct bytes){0}, row);
    arena_destroy(&arena);
    return status;
}

/* The newest of the history that is to be seen, at or before `at`; NULL: none. */
static const struct snapshot_info *choose(const struct snapshot_store *store,
                                          const struct history *history,
                                          const struct stream_head *head, uint64_t at)
{
    for (uint32_t i = history->count; i-- > 0;) {
        const struct snapshot_info *item = &history->items[i];
        if (item->revision <= at && is_shown(head, item->revision) &&
            !snapshot_has_expired(store, item->expires_us))
            return item;
    }
    return NULL;
}

static struct status none(struct bytes stream)
{
    return status_make(STATUS_NOT_FOUND, "%.*s: no snapshot",
                       stream.size < 200 ? (int)stream.size : 200, (const char *)stream.data);
}

/* `generation`, if not NULL, is the shard's before the look at the disk. */
static struct status get_from_disk(struct snapshot_store *store, struct bytes stream,
                                   const struct stream_head *head, uint64_t at, struct bytes key,
                                   const uint64_t *generation, struct snapshot *snapshot)
{
    struct reading reading = {
        .stream = stream, .number = head->number, .key = key, .hash = hash_bytes(key)};
    const struct snapshot_info *item;
    struct history history;
    bool is_missing = false;

    for (;;) { /* at most once for each change that overtakes it, and for each one that is lost */
        TRY(snapshot_read_history(store, head->number, &history));
        item = choose(store, &history, head, at);
        if (!item)
            return none(stream);
        if (is_missing && item->revision == reading.info.revision &&
            item->created_us == reading.info.created_us)
            return status_make(STATUS_DATA_LOSS, "snapshots: a state is missing");
        reading.info = *item;
        TRY(read_state(store, &reading));
        if (reading.entry)
            break;
        is_missing = !reading.is_lost; /* deleted meanwhile: the history says so now, too */
        if (reading.is_lost && item->revision == 0)
            return none(stream);
        if (reading.is_lost)
            at = item->revision - 1;
    }
    if (generation && item == &history.items[history.count - 1])
        keep(store, reading.entry, *generation);
    if (!read_entry(reading.entry, item->expires_us, snapshot)) {
        snapshot_release(snapshot);
        return status_make(STATUS_DATA_LOSS, "snapshots: a damaged state");
    }
    return OK;
}

struct status snapshot_get(struct snapshot_store *store, struct bytes stream, uint64_t at,
                           struct arena *arena, struct snapshot *snapshot)
{
    uint8_t *memory = arena_alloc_raw(arena, SNAPSHOT_KEY_BYTES);
    struct stream_head head;
    uint64_t generation;
    int64_t expires_us = 0;

    *snapshot = (struct snapshot){0};
    if (stream.size == 0 || stream.size > STREAM_NAME_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "stream: 1 to %d bytes", STREAM_NAME_BYTES_MAX);
    if (!memory)
        return snapshot_out_of_memory();
    struct bytes key = snapshot_cache_key(memory, stream);
    struct cache_entry *entry = look(store, hash_bytes(key), key, &generation, &expires_us);
    struct status status =
        snapshot_find_stream(store, stream, &head); /* after the snapshot: it knows it */
    if (entry && status_ok(status) && read_entry(entry, expires_us, snapshot)) {
        snapshot->cached = true;
        if (snapshot->revision <= at && is_shown(&head, snapshot->revision))
            return OK;
    }
    if (entry)
        cache_entry_release(entry);
    *snapshot = (struct snapshot){0};
    TRY(status);
    return get_from_disk(store, stream, &head, at, key, entry ? NULL : &generation, snapshot);
}

struct status snapshot_list(struct snapshot_store *store, struct bytes stream, struct arena *arena,
                            struct snapshot_info **infos, size_t *count)
{
    struct stream_head head;
    struct history history;

    *count = 0;
    TRY(snapshot_find_stream(store, stream, &head));
    TRY(snapshot_read_history(store, head.number, &history));
    *infos = arena_alloc(arena, (history.count + 1) * sizeof **infos);
    if (!*infos)
        return snapshot_out_of_memory();
    for (uint32_t i = history.count; i-- > 0;)
        if (is_shown(&head, history.items[i].revision) &&
            !snapshot_has_expired(store, history.items[i].expires_us))
            (*infos)[(*count)++] = history.items[i];
    return OK;
}

struct status snapshot_find_newest(struct snapshot_store *store, const struct stream_head *head,
                                   struct snapshot_info *info, bool *found)
{
    struct history history;

    TRY(snapshot_read_history(store, head->number, &history));
    const struct snapshot_info *newest = choose(store, &history, head, SNAPSHOT_NEWEST);
    *found = newest != NULL;
    if (newest)
        *info = *newest;
    return OK;
}

/* --- all streams ------------------------------------------------------------------------- */

uint64_t snapshot_stream_count(struct snapshot_store *store)
{
    return atomic_load(&store->stream_count);
}

struct walk {
    struct arena arena;
    struct bytes streams[SCAN_STEP_MAX];
    size_t count, max;
    uint64_t next;
    bool damaged;
};

static bool visit_history(void *context, struct bytes key, struct bytes row)
{
    struct walk *walk = context;
    struct history history;
    struct bytes stream;

    if (walk->count == walk->max) {
        walk->next = get_u64_big_endian(key.data + 1);
        return false;
    }
    walk->damaged = !history_decode(row, &history, &stream);
    if (walk->damaged)
        return false;
    walk->streams[walk->count] = arena_copy(&walk->arena, stream);
    walk->count += walk->streams[walk->count].data != NULL;
    return true;
}

struct status snapshot_scan(struct snapshot_store *store, uint64_t cursor, size_t max,
                            void (*visit)(void *context, struct bytes stream), void *context,
                            uint64_t *next)
{
    struct walk *walk = calloc(1, sizeof *walk);
    uint8_t from[HISTORY_KEY_BYTES], to[] = {'h' + 1};

    if (!walk)
        return snapshot_out_of_memory();
    walk->max = max < SCAN_STEP_MAX ? max : SCAN_STEP_MAX;
    arena_init(&walk->arena, (size_t)SCAN_STEP_MAX * (STREAM_NAME_BYTES_MAX + 32));
    struct status status = engine_scan(store->options.engine,
                                       &(struct scan){.family = FAMILY_SNAPSHOTS,
                                                      .from = history_key(from, cursor),
                                                      .to = {to, sizeof to},
                                                      .bulk = true},
                                       visit_history, walk);
    if (status_ok(status) && walk->damaged)
        status = status_make(STATUS_DATA_LOSS, "snapshots: a damaged history");
    for (size_t i = 0; status_ok(status) && i < walk->count; i++)
        visit(context, walk->streams[i]);
    *next = walk->next;
    arena_destroy(&walk->arena);
    free(walk);
    return status;
}
