/* The history of a stream's snapshots is one small row, so the writer decides on it alone. The
 * caller reads it before the writer needs it; only if some snapshot of the same stripe was changed
 * since does the writer look itself, at what was written a moment ago.
 *
 * The cache learns of a change before the caller does, on the writer thread. */
#include "storage/snapshots/snapshot_store.h"

#include <stdlib.h>

#include "storage/log/seal.h"
#include "storage/snapshots/snapshot_state.h"

struct snapshot_plan {
    uint64_t number;
    bool was_empty; /* the history, before this change */
    struct history history;
    unsigned stripe_version; /* when it was read */
    struct cache_entry *entry;
    struct bytes row; /* of the state; in the entry, or sealed */
    struct seal seal;
    struct stream_hidden hidden; /* of TRIM */
    struct snapshot_change *next_pending;
    bool pending;
};

struct bytes snapshot_cache_key(uint8_t key[SNAPSHOT_KEY_BYTES], struct bytes stream)
{
    size_t prefix = sizeof SNAPSHOT_KEY_PREFIX - 1;

    memcpy(key, SNAPSHOT_KEY_PREFIX, prefix);
    memcpy(key + prefix, stream.data, stream.size);
    return (struct bytes){key, prefix + stream.size};
}

struct status snapshot_out_of_memory(void)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED, "snapshot: too large for the call's memory");
}

struct status snapshot_read_history(struct snapshot_store *store, uint64_t number,
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

/* --- submitting -------------------------------------------------------------------------- */

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

static struct status no_such_stream(struct bytes stream)
{
    return status_make(STATUS_NOT_FOUND, "%.*s: no such stream",
                       stream.size < 200 ? (int)stream.size : 200, (const char *)stream.data);
}

struct status snapshot_find_stream(struct snapshot_store *store, struct bytes stream,
                                   struct stream_head *head)
{
    TRY(event_log_find_stream(store->options.log, stream, head));
    return head->exists ? OK : no_such_stream(stream);
}

/* The row as it goes to disk, in the arena. `both` has a byte before it. */
static struct status seal_row(struct snapshot_change *change, struct bytes both, uint8_t *before,
                              struct arena *arena)
{
    struct snapshot_plan *plan = change->plan;
    struct bytes plain = {before, 1 + both.size};
    size_t sealed_size = plain.size + SEAL_MORE_BYTES;
    uint8_t *row = arena_alloc_raw(arena, STATE_HEAD_BYTES + sealed_size);
    uint8_t key[STATE_KEY_BYTES];

    if (!row)
        return snapshot_out_of_memory();
    before[0] = (uint8_t)change->content_type.size;
    seal_put(&plan->seal, state_key(key, plan->number, change->revision), plain,
             row + STATE_HEAD_BYTES);
    state_encode_sealed_head(row, (struct bytes){row + STATE_HEAD_BYTES, sealed_size});
    plan->row = (struct bytes){row, STATE_HEAD_BYTES + sealed_size};
    return OK;
}

/* The state's row, in the form in which it is kept in memory, and the one on disk. */
static struct status create_rows(struct snapshot_change *change, struct arena *arena)
{
    uint8_t key[SNAPSHOT_KEY_BYTES], head[CACHED_HEAD_BYTES + STATE_HEAD_BYTES];
    struct snapshot_plan *plan = change->plan;
    struct bytes name = snapshot_cache_key(key, change->stream);
    size_t size = change->content_type.size + change->state.size;
    uint8_t *before = arena_alloc_raw(arena, 1 + size);

    if (!before)
        return snapshot_out_of_memory();
    struct bytes both = {before + 1, size};
    if (change->content_type.size)
        memcpy(before + 1, change->content_type.data, change->content_type.size);
    if (change->state.size)
        memcpy(before + 1 + change->content_type.size, change->state.data, change->state.size);
    put_u64_little_endian(head, change->revision);
    put_u64_little_endian(head + 8, 0); /* known when it is decided */
    state_encode_head(head + CACHED_HEAD_BYTES, change->content_type, both);
    plan->entry = cache_entry_create(name, hash_bytes(name), (struct bytes){head, sizeof head},
                                     both, change->expires_us);
    if (!plan->entry)
        return snapshot_out_of_memory();
    struct bytes value = cache_entry_value(plan->entry);
    plan->row = (struct bytes){value.data + CACHED_HEAD_BYTES, value.size - CACHED_HEAD_BYTES};
    TRY(event_log_find_seal(change->store->options.log, plan->number, change->stream, &plan->seal));
    return plan->seal.is_needed ? seal_row(change, both, before, arena) : OK;
}

static struct status decide(struct intent *intent, struct commit *commit);
static void on_done(struct intent *intent);

/* Which stream it is. */
static struct status locate(struct snapshot_store *store, struct snapshot_change *change)
{
    struct snapshot_plan *plan = change->plan;
    struct stream_head head;

    if (change->kind == SNAPSHOT_TRIM || change->hidden_too) {
        TRY(event_log_find_hidden(store->options.log, change->stream, &plan->hidden));
        plan->number = plan->hidden.number;
        return plan->number ? OK : no_such_stream(change->stream);
    }
    TRY(snapshot_find_stream(store, change->stream, &head));
    if (change->kind == SNAPSHOT_PUT && change->revision > head.last_revision)
        return status_make(
            STATUS_OUT_OF_RANGE, "revision: %llu does not exist; the stream's last one is %llu",
            (unsigned long long)change->revision, (unsigned long long)head.last_revision);
    plan->number = head.number;
    return OK;
}

static struct status prepare(struct snapshot_store *store, struct snapshot_change *change,
                             struct arena *arena)
{
    struct snapshot_plan *plan = change->plan;

    TRY(locate(store, change));
    plan->stripe_version = atomic_load(&store->stripes[plan->number % STRIPES]);
    TRY(snapshot_read_history(store, plan->number, &plan->history));
    return change->kind == SNAPSHOT_PUT ? create_rows(change, arena) : OK;
}

struct status snapshot_change_submit(struct snapshot_store *store, struct snapshot_change *change,
                                     struct arena *arena)
{
    TRY(check(change));
    change->plan = arena_alloc(arena, sizeof *change->plan);
    if (!change->plan)
        return snapshot_out_of_memory();
    change->store = store;
    struct status status = prepare(store, change, arena);
    if (status_ok(status)) {
        change->told = change->intent.done;
        change->intent.decide = decide;
        change->intent.done = on_done;
        change->intent.frees_room = change->kind != SNAPSHOT_PUT && change->kind != SNAPSHOT_EXPIRE;
        change->intent.bytes = change->state.size + change->stream.size + sizeof(struct history);
        status = event_log_submit(store->options.log, &change->intent);
        if (!status_ok(status))
            change->intent.done = change->told;
    }
    if (!status_ok(status) && change->plan->entry)
        cache_entry_release(change->plan->entry);
    return status;
}

/* --- deciding, @thread writer ------------------------------------------------------------ */

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
        TRY(snapshot_read_history(store, plan->number, &plan->history));
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
    uint32_t keep = change->keep ? change->keep : policy_keep(change->store, change->stream);

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
    commit_put(commit, FAMILY_SNAPSHOTS,
               key ? state_key(key, plan->number, change->revision) : (struct bytes){0}, plan->row);
    return OK;
}

static bool is_to_go(const struct snapshot_change *change, const struct snapshot_info *item)
{
    const struct stream_hidden *hidden = &change->plan->hidden;

    if (change->kind == SNAPSHOT_TRIM)
        return snapshot_has_expired(change->store, item->expires_us) ||
               !snapshot_is_shown(item->revision, hidden->first_revision, hidden->deleted_before);
    return change->kind == SNAPSHOT_DELETE_ALL || item->revision == change->revision;
}

static void decide_delete(struct snapshot_change *change, struct commit *commit)
{
    struct history *history = &change->plan->history;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < history->count; i++) {
        struct snapshot_info item = history->items[i];
        if (is_to_go(change, &item)) {
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

    TRY(event_log_check_seal(change->store->options.log, &plan->seal));
    TRY(find_history(change));
    switch (change->kind) {
    case SNAPSHOT_PUT:
        TRY(decide_put(change, commit));
        break;
    case SNAPSHOT_DELETE:
    case SNAPSHOT_DELETE_ALL:
    case SNAPSHOT_TRIM:
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
    uint8_t memory[SNAPSHOT_KEY_BYTES];
    struct bytes key = snapshot_cache_key(memory, change->stream);
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
            if (store->watcher)
                store->watcher->changed(store->watcher, change->stream,
                                        change->kind == SNAPSHOT_PUT);
        }
    }
    if (plan->entry)
        cache_entry_release(plan->entry);
    change->told(intent);
}

/* --- life -------------------------------------------------------------------------------- */

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
    if (status_ok(status))
        status = policy_table_load(&store->policies, options->engine);
    if (!status_ok(status)) {
        free(store);
        return status;
    }
    atomic_store(&store->stream_count, count);
    store->follower.follow = snapshot_trim_all;
    event_log_set_scavenge_follower(options->log, &store->follower);
    *opened = store;
    return OK;
}

struct status snapshot_store_compact(struct snapshot_store *store)
{
    static const struct bytes all = {0};

    return engine_compact(store->options.engine, FAMILY_SNAPSHOTS, all, all);
}

void snapshot_store_watch(struct snapshot_store *store, struct snapshot_watcher *watcher)
{
    store->watcher = watcher;
}

void snapshot_store_close(struct snapshot_store *store)
{
    atomic_store(&store->is_closing, true);
    event_log_set_scavenge_follower(store->options.log, NULL);
    policy_table_destroy(&store->policies);
    free(store);
}
