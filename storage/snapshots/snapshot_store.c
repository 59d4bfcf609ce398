/* The history of a stream's snapshots is one small row, so the writer decides on it alone. The
 * caller reads it before the writer needs it; only if some snapshot of the same stripe was changed
 * since does the writer look itself, at what was written a moment ago.
 *
 * The cache learns of a change before the caller does, on the writer thread. */
#include "storage/snapshots/snapshot_store.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "storage/log/limits.h"
#include "storage/log/read.h"
#include "storage/snapshots/cache_table.h"
#include "storage/snapshots/snapshot_rows.h"

enum {
    STRIPES = 1024,
    PENDING_BUCKETS = 64,
    CACHED_HEAD_BYTES = 16, /* before the state's row: revision u64, created i64 */
    ROW_BYTES_MAX = STATE_HEAD_BYTES + CONTENT_TYPE_BYTES_MAX + SNAPSHOT_STATE_BYTES_MAX,
    KEY_BYTES_MAX = sizeof SNAPSHOT_KEY_PREFIX - 1 + STREAM_NAME_BYTES_MAX,
    SCAN_STEP_MAX = 1000,
};

struct snapshot_plan {
    uint64_t number;
    bool was_empty; /* the history, before this change */
    struct history history;
    unsigned stripe_version; /* when it was read */
    struct cache_entry *entry;
    bool reserved;
    struct snapshot_change *next_pending;
    bool pending;
};

struct snapshot_store {
    struct snapshot_store_options options;
    _Atomic(unsigned) stripes[STRIPES];               /* how often one of its streams changed */
    struct snapshot_change *pending[PENDING_BUCKETS]; /* @thread writer: decided, not done */
    _Atomic(uint64_t) stream_count;
};

static struct bytes cache_key(uint8_t key[KEY_BYTES_MAX], struct bytes stream)
{
    size_t prefix = sizeof SNAPSHOT_KEY_PREFIX - 1;

    memcpy(key, SNAPSHOT_KEY_PREFIX, prefix);
    memcpy(key + prefix, stream.data, stream.size);
    return (struct bytes){key, prefix + stream.size};
}

static struct status out_of_memory(void)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED, "snapshot: too large for the call's memory");
}

static struct status read_history(struct snapshot_store *store, uint64_t number,
                                  struct history *history)
{
    uint8_t key[HISTORY_KEY_BYTES];
    struct arena arena;
    struct bytes row = {0};

    history->count = 0;
    arena_init(&arena, 1 << 16);
    struct status status =
        engine_get(store->options.engine, FAMILY_SNAPSHOTS, history_key(key, number), &arena, &row);
    if (status_ok(status) && row.data && !history_decode(row, history, NULL))
        status = status_make(STATUS_DATA_LOSS, "snapshots: a damaged history");
    arena_destroy(&arena);
    return status;
}

/* --- submitting --------------------------------------------------------------------------------
 */

static struct status check(const struct snapshot_change *change)
{
    if (change->stream.size == 0 || change->stream.size > STREAM_NAME_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "stream: 1 to %d bytes", STREAM_NAME_BYTES_MAX);
    if (change->kind != SNAPSHOT_PUT)
        return OK;
    if (change->state.size > SNAPSHOT_STATE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "state: at most %d bytes, not %zu",
                           SNAPSHOT_STATE_BYTES_MAX, change->state.size);
    if (change->content_type.size > CONTENT_TYPE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "content_type: at most %d bytes",
                           CONTENT_TYPE_BYTES_MAX);
    if (change->keep > SNAPSHOTS_KEPT_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "keep: 1 to %d", SNAPSHOTS_KEPT_MAX);
    return OK;
}

static struct status find_stream(struct snapshot_store *store, struct bytes stream,
                                 struct stream_head *head)
{
    TRY(event_log_find_stream(store->options.log, stream, head));
    if (!head->exists)
        return status_make(STATUS_NOT_FOUND, "%.*s: no such stream",
                           stream.size < 200 ? (int)stream.size : 200, (const char *)stream.data);
    return OK;
}

/* The state's row, in the form in which it is kept in memory. */
static struct status create_entry(const struct snapshot_change *change, struct arena *arena,
                                  struct cache_entry **entry)
{
    uint8_t key[KEY_BYTES_MAX], head[CACHED_HEAD_BYTES + STATE_HEAD_BYTES];
    struct bytes name = cache_key(key, change->stream);
    size_t size = change->content_type.size + change->state.size;
    uint8_t *both = arena_alloc_raw(arena, size + 1);

    if (!both)
        return out_of_memory();
    if (change->content_type.size)
        memcpy(both, change->content_type.data, change->content_type.size);
    if (change->state.size)
        memcpy(both + change->content_type.size, change->state.data, change->state.size);
    put_u64_little_endian(head, change->revision);
    put_u64_little_endian(head + 8, 0); /* known when it is decided */
    state_encode_head(head + CACHED_HEAD_BYTES, change->content_type, (struct bytes){both, size});
    *entry = cache_entry_create(name, hash_bytes(name), (struct bytes){head, sizeof head},
                                (struct bytes){both, size}, change->expires_us);
    return *entry ? OK : out_of_memory();
}

static struct status decide(struct intent *intent, struct commit *commit);
static void on_done(struct intent *intent);

static struct status prepare(struct snapshot_store *store, struct snapshot_change *change,
                             struct arena *arena)
{
    struct snapshot_plan *plan = change->plan;
    struct stream_head head;

    TRY(find_stream(store, change->stream, &head));
    if (change->kind == SNAPSHOT_PUT && change->revision > head.last_revision)
        return status_make(
            STATUS_OUT_OF_RANGE, "revision: %llu does not exist; the stream's last one is %llu",
            (unsigned long long)change->revision, (unsigned long long)head.last_revision);
    plan->number = head.number;
    plan->stripe_version = atomic_load(&store->stripes[head.number % STRIPES]);
    TRY(read_history(store, head.number, &plan->history));
    if (change->kind == SNAPSHOT_PUT)
        TRY(create_entry(change, arena, &plan->entry));
    return OK;
}

struct status snapshot_change_submit(struct snapshot_store *store, struct snapshot_change *change,
                                     struct arena *arena)
{
    TRY(check(change));
    change->plan = arena_alloc(arena, sizeof *change->plan);
    if (!change->plan)
        return out_of_memory();
    change->store = store;
    struct status status = prepare(store, change, arena);
    if (status_ok(status)) {
        change->told = change->intent.done;
        change->intent.decide = decide;
        change->intent.done = on_done;
        change->intent.bytes = change->state.size + change->stream.size + sizeof(struct history);
        status = event_log_submit(store->options.log, &change->intent);
        if (!status_ok(status))
            change->intent.done = change->told;
    }
    if (!status_ok(status) && change->plan->entry)
        cache_entry_release(change->plan->entry);
    return status;
}

/* --- deciding, @thread writer
 * --------------------------------------------------------------------- */

/* The history with all that was decided before. */
static struct status find_history(struct snapshot_change *change)
{
    struct snapshot_store *store = change->store;
    struct snapshot_plan *plan = change->plan;
    const struct snapshot_change *pending = store->pending[plan->number % PENDING_BUCKETS];

    while (pending && pending->plan->number != plan->number)
        pending = pending->plan->next_pending;
    if (pending)
        plan->history = pending->plan->history;
    else if (plan->stripe_version != atomic_load(&store->stripes[plan->number % STRIPES]))
        TRY(read_history(store, plan->number, &plan->history));
    plan->was_empty = plan->history.count == 0;
    return OK;
}

static void delete_state(struct commit *commit, uint64_t number, uint64_t revision)
{
    uint8_t *key = arena_alloc_raw(commit_arena(commit), STATE_KEY_BYTES);

    commit_delete(commit, FAMILY_SNAPSHOTS,
                  key ? state_key(key, number, revision) : (struct bytes){0});
}

static struct status refuse(struct snapshot_change *change, const char *rule, uint64_t than)
{
    return status_make(STATUS_ABORTED, "%s: the newest snapshot is of revision %llu, not %llu",
                       rule, (unsigned long long)change->newest_revision, (unsigned long long)than);
}

static struct status decide_put(struct snapshot_change *change, struct commit *commit)
{
    struct snapshot_plan *plan = change->plan;
    struct history *history = &plan->history;
    uint32_t keep = change->keep ? change->keep : 1;

    change->has_newest = history->count > 0;
    if (change->has_newest) {
        change->newest_revision = history->items[history->count - 1].revision;
        if (change->has_newer_than && change->newest_revision > change->newer_than)
            return refuse(change, "newer_than", change->newer_than);
        if (change->newest_revision > change->revision ||
            (change->keep_newest && change->newest_revision == change->revision))
            return refuse(change, "revision: may not go back", change->revision);
        history->count -= change->newest_revision == change->revision;
    }
    while (history->count >= keep) {
        delete_state(commit, plan->number, history->items[0].revision);
        memmove(history->items, history->items + 1, --history->count * sizeof *history->items);
    }
    history->items[history->count++] = (struct snapshot_info){
        .revision = change->revision,
        .state_bytes = (uint32_t)change->state.size,
        .created_us = commit_time_us(commit),
        .expires_us = change->expires_us,
    };
    uint8_t *key = arena_alloc_raw(commit_arena(commit), STATE_KEY_BYTES);
    uint8_t *value = plan->entry->bytes + plan->entry->key_size;
    put_u64_little_endian(value + 8, (uint64_t)commit_time_us(commit));
    commit_put(
        commit, FAMILY_SNAPSHOTS,
        key ? state_key(key, plan->number, change->revision) : (struct bytes){0},
        (struct bytes){value + CACHED_HEAD_BYTES, plan->entry->value_size - CACHED_HEAD_BYTES});
    return OK;
}

static void decide_delete(struct snapshot_change *change, struct commit *commit)
{
    struct history *history = &change->plan->history;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < history->count; i++) {
        struct snapshot_info item = history->items[i];
        if (change->kind == SNAPSHOT_DELETE_ALL || item.revision == change->revision) {
            delete_state(commit, change->plan->number, item.revision);
            change->found = true;
        } else {
            history->items[kept++] = item;
        }
    }
    history->count = kept;
}

static void put_history(struct snapshot_change *change, struct commit *commit)
{
    struct snapshot_plan *plan = change->plan;
    uint8_t *memory = arena_alloc_raw(commit_arena(commit), HISTORY_KEY_BYTES);
    struct bytes key = memory ? history_key(memory, plan->number) : (struct bytes){0};

    if (plan->history.count == 0)
        commit_delete(commit, FAMILY_SNAPSHOTS, key);
    else
        commit_put(commit, FAMILY_SNAPSHOTS, key,
                   history_encode(&plan->history, change->stream, commit_arena(commit)));
}

static struct status decide(struct intent *intent, struct commit *commit)
{
    struct snapshot_change *change = container_of(intent, struct snapshot_change, intent);
    struct snapshot_plan *plan = change->plan;
    struct snapshot_change **bucket = &change->store->pending[plan->number % PENDING_BUCKETS];

    TRY(find_history(change));
    switch (change->kind) {
    case SNAPSHOT_PUT:
        TRY(decide_put(change, commit));
        break;
    case SNAPSHOT_DELETE:
    case SNAPSHOT_DELETE_ALL:
        decide_delete(change, commit);
        if (!change->found)
            return OK;
        break;
    case SNAPSHOT_EXPIRE:
        change->found = plan->history.count > 0;
        if (!change->found)
            return OK;
        plan->history.items[plan->history.count - 1].expires_us = change->expires_us;
        break;
    }
    put_history(change, commit);
    plan->next_pending = *bucket;
    *bucket = change;
    plan->pending = true;
    return OK;
}

/* Makes the cache forget what it has, and learn what was put. */
static void publish(struct snapshot_change *change)
{
    struct snapshot_cache *cache = change->store->options.cache;
    struct cache_entry *entry = change->plan->entry;
    uint8_t memory[KEY_BYTES_MAX];
    struct bytes key = cache_key(memory, change->stream);
    uint64_t hash = hash_bytes(key);
    bool room = entry && cache_reserve(cache, entry, false);
    struct cache_shard *shard = cache_lock(cache, hash);
    struct cache_entry *old = cache_find(shard, hash, key);

    shard->generation++;
    if (room)
        cache_install(cache, shard, cache_entry_hold(entry), old);
    else if (old)
        cache_remove(cache, shard, old);
    cache_unlock(shard);
}

static void on_done(struct intent *intent)
{
    struct snapshot_change *change = container_of(intent, struct snapshot_change, intent);
    struct snapshot_store *store = change->store;
    struct snapshot_plan *plan = change->plan;

    if (plan->pending) {
        struct snapshot_change **at = &store->pending[plan->number % PENDING_BUCKETS];
        while (*at != change)
            at = &(*at)->plan->next_pending;
        *at = plan->next_pending;
        atomic_fetch_add(&store->stripes[plan->number % STRIPES], 1);
        if (status_ok(intent->status)) {
            bool is_empty = plan->history.count == 0;
            atomic_fetch_add(&store->stream_count, (uint64_t)plan->was_empty - is_empty);
            publish(change);
        }
    }
    if (plan->entry)
        cache_entry_release(plan->entry);
    change->told(intent);
}

/* --- looking
 * -------------------------------------------------------------------------------------- */

void snapshot_release(struct snapshot *snapshot)
{
    if (snapshot->entry)
        cache_entry_release(snapshot->entry);
    snapshot->entry = NULL;
}

/* Events go on behind it without a gap, and none of those it knows was deleted. */
static bool is_shown(const struct stream_head *head, uint64_t revision)
{
    return revision + 1 >= head->first_revision && revision >= head->deleted_before &&
           revision <= head->last_revision;
}

static bool has_expired(const struct snapshot_store *store, int64_t expires_us)
{
    return expires_us != SNAPSHOT_NO_EXPIRY && expires_us <= clock_wall_us(store->options.clock);
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

/* Reads one as an entry. *entry NULL: it was deleted meanwhile. */
static struct status read_state(struct snapshot_store *store, uint64_t number,
                                const struct snapshot_info *info, struct bytes key, uint64_t hash,
                                struct cache_entry **entry)
{
    uint8_t memory[STATE_KEY_BYTES], head[CACHED_HEAD_BYTES];
    struct arena arena;
    struct bytes row = {0};

    *entry = NULL;
    put_u64_little_endian(head, info->revision);
    put_u64_little_endian(head + 8, (uint64_t)info->created_us);
    arena_init(&arena, 2 * ROW_BYTES_MAX);
    struct status status = engine_get(store->options.engine, FAMILY_SNAPSHOTS,
                                      state_key(memory, number, info->revision), &arena, &row);
    if (status_ok(status) && row.data) {
        *entry =
            cache_entry_create(key, hash, (struct bytes){head, sizeof head}, row, info->expires_us);
        if (!*entry)
            status = out_of_memory();
    }
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
            !has_expired(store, item->expires_us))
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
    struct history history;
    struct cache_entry *entry = NULL;
    const struct snapshot_info *item;

    do { /* at most once for each change that overtakes it */
        TRY(read_history(store, head->number, &history));
        item = choose(store, &history, head, at);
        if (!item)
            return none(stream);
        TRY(read_state(store, head->number, item, key, hash_bytes(key), &entry));
    } while (!entry);
    if (generation && item == &history.items[history.count - 1])
        keep(store, entry, *generation);
    if (!read_entry(entry, item->expires_us, snapshot)) {
        snapshot_release(snapshot);
        return status_make(STATUS_DATA_LOSS, "snapshots: a damaged state");
    }
    return OK;
}

struct status snapshot_get(struct snapshot_store *store, struct bytes stream, uint64_t at,
                           struct arena *arena, struct snapshot *snapshot)
{
    uint8_t *memory = arena_alloc_raw(arena, KEY_BYTES_MAX);
    struct stream_head head;
    uint64_t generation;
    int64_t expires_us = 0;

    *snapshot = (struct snapshot){0};
    if (stream.size == 0 || stream.size > STREAM_NAME_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "stream: 1 to %d bytes", STREAM_NAME_BYTES_MAX);
    if (!memory)
        return out_of_memory();
    struct bytes key = cache_key(memory, stream);
    struct cache_entry *entry = look(store, hash_bytes(key), key, &generation, &expires_us);
    struct status status = find_stream(store, stream, &head); /* after the snapshot: it knows it */
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
    TRY(find_stream(store, stream, &head));
    TRY(read_history(store, head.number, &history));
    *infos = arena_alloc(arena, (history.count + 1) * sizeof **infos);
    if (!*infos)
        return out_of_memory();
    for (uint32_t i = history.count; i-- > 0;)
        if (is_shown(&head, history.items[i].revision) &&
            !has_expired(store, history.items[i].expires_us))
            (*infos)[(*count)++] = history.items[i];
    return OK;
}

/* --- all streams
 * ---------------------------------------------------------------------------------- */

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
        return out_of_memory();
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

/* --- life
 * ------------------------------------------------------------------------------------------ */

static bool count_history(void *context, struct bytes key, struct bytes row)
{
    (void)key;
    (void)row;
    (*(uint64_t *)context)++;
    return true;
}

struct status snapshot_store_open(const struct snapshot_store_options *options,
                                  struct snapshot_store **opened)
{
    struct snapshot_store *store = calloc(1, sizeof *store);
    uint8_t from[HISTORY_KEY_BYTES], to[] = {'h' + 1};
    uint64_t count = 0;

    if (!store)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "snapshots: out of memory");
    store->options = *options;
    if (!store->options.clock)
        store->options.clock = system_clock();
    struct status status = engine_scan(options->engine,
                                       &(struct scan){.family = FAMILY_SNAPSHOTS,
                                                      .from = history_key(from, 0),
                                                      .to = {to, sizeof to},
                                                      .bulk = true},
                                       count_history, &count);
    if (!status_ok(status)) {
        free(store);
        return status;
    }
    atomic_store(&store->stream_count, count);
    *opened = store;
    return OK;
}

void snapshot_store_close(struct snapshot_store *store)
{
    free(store);
}
