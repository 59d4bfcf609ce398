/* One flush after another, by one thread: all values that were changed since the last one become
 * some intents, and the next flush begins when all of these are done. So a later change of a key
 * never overtakes an earlier one. */
#include "storage/snapshots/value_flush.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "storage/log/event_log.h"
#include "storage/log/sequencer.h"
#include "storage/snapshots/cache_policy.h"
#include "storage/snapshots/rows.h"

enum {
    CHUNK_SLOTS_MAX = 512,
    CHUNK_BYTES_MAX = 1 << 20,
    FLUSH_PERIOD_US = 1000000,
    ROW_OVERHEAD_BYTES = SCAN_HASH_BYTES + VALUE_HEAD_BYTES,
    RETRY_US = 20 * 1000,
    RETRIES_MAX = 250, /* of a full queue */
    NS_PER_US = 1000,
    US_PER_S = 1000000,
};

/* Some of a flush's values, as one intent. */
struct chunk {
    struct intent intent;
    struct value_store *store;
    struct chunk *next; /* another intent */
    struct chunk *more; /* of this one */
    size_t count;
    struct cache_slot *slots[CHUNK_SLOTS_MAX];
};

/* --- slots, with the shard's lock -------------------------------------------------------- */

enum { SLOT_BYTES = sizeof(struct cache_slot) + 8 /* as malloc takes them */ };

static void count_unsaved(struct value_store *store, const struct cache_entry *entry, bool more)
{
    struct snapshot_cache *cache = store->options.cache;
    size_t bytes = cache_entry_bytes(entry) + SLOT_BYTES;

    atomic_fetch_add(&cache->bytes, more ? SLOT_BYTES : (size_t)-SLOT_BYTES);
    atomic_fetch_add(&cache->unsaved_bytes, more ? bytes : (size_t)-bytes);
    atomic_fetch_add(&cache->unsaved_entries, more ? 1 : (size_t)-1);
}

void value_slot_add(struct value_store *store, struct cache_shard *shard, struct cache_entry *entry,
                    struct cache_slot *slot)
{
    *slot = (struct cache_slot){.next = shard->unsaved, .entry = cache_entry_hold(entry)};
    shard->unsaved = slot;
    entry->slot = slot;
    entry->state |= ENTRY_UNSAVED;
    count_unsaved(store, entry, true);
}

void value_slot_move(struct value_store *store, struct cache_entry *old, struct cache_entry *entry)
{
    count_unsaved(store, old, false);
    entry->slot = old->slot;
    entry->slot->entry = cache_entry_hold(entry);
    entry->state |= ENTRY_UNSAVED;
    old->slot = NULL;
    old->state &= (uint8_t)~ENTRY_UNSAVED;
    cache_entry_release(old);
    count_unsaved(store, entry, true);
}

/* --- @thread writer ---------------------------------------------------------------------- */

static bool has_expired(const struct value_store *store, const struct cache_entry *entry)
{
    return entry->expires_us != CACHE_NO_EXPIRY &&
           entry->expires_us <= clock_wall_us(store->options.clock);
}

static void decide_slot(struct value_store *store, struct cache_slot *slot, struct commit *commit)
{
    const struct cache_entry *entry = slot->entry;
    struct bytes key = cache_entry_key(entry), value = cache_entry_value(entry);
    struct arena *arena = commit_arena(commit);
    bool on_disk = entry->state & ENTRY_ON_DISK;
    uint8_t *row_key = arena_alloc_raw(arena, SCAN_HASH_BYTES + key.size);

    slot->removes = entry->state & ENTRY_GONE || has_expired(store, entry);
    if (slot->removes) {
        if (on_disk)
            commit_delete(commit, FAMILY_VALUES,
                          row_key ? value_key(row_key, key) : (struct bytes){0});
        store->row_count -= on_disk;
        return;
    }
    uint8_t *row = arena_alloc_raw(arena, VALUE_HEAD_BYTES + value.size);
    bool room = row_key && row;
    commit_put(commit, FAMILY_VALUES, room ? value_key(row_key, key) : (struct bytes){0},
               room ? value_row_encode(row, entry->expires_us, value) : (struct bytes){0});
    store->row_count += !on_disk;
}

static struct status decide(struct intent *intent, struct commit *commit)
{
    struct value_store *store = container_of(intent, struct chunk, intent)->store;
    uint8_t *count = arena_alloc_raw(commit_arena(commit), 8);

    for (const struct chunk *chunk = container_of(intent, struct chunk, intent); chunk;
         chunk = chunk->more)
        for (size_t i = 0; i < chunk->count; i++)
            decide_slot(store, chunk->slots[i], commit);
    if (count)
        put_u64_little_endian(count, store->row_count);
    commit_put(commit, FAMILY_META, bytes_of_text(VALUE_COUNT_KEY),
               (struct bytes){count, count ? 8 : 0});
    return OK;
}

static void on_done(struct intent *intent)
{
    struct chunk *chunk = container_of(intent, struct chunk, intent);
    struct value_store *store = chunk->store;

    pthread_mutex_lock(&store->lock);
    if (!status_ok(intent->status))
        store->status = intent->status;
    if (--store->underway == 0)
        pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
}

/* --- one flush --------------------------------------------------------------------------- */

/* The intents of a flush. */
struct taken {
    struct chunk *chunks;
    struct chunk *together; /* what goes in one commit; not yet among the others */
};

static struct chunk *create_chunk(struct value_store *store)
{
    struct chunk *chunk = calloc(1, sizeof *chunk);

    if (chunk)
        chunk->store = store;
    return chunk;
}

/* One with a place for the slot; NULL: out of memory. */
static struct chunk *chunk_for(struct value_store *store, const struct cache_slot *slot,
                               struct taken *taken)
{
    struct chunk *first = slot->together ? taken->together : taken->chunks;
    struct chunk *last = first && first->more ? first->more : first; /* the newest comes second */

    if (last && last->count < CHUNK_SLOTS_MAX &&
        (slot->together || last->intent.bytes < CHUNK_BYTES_MAX))
        return last;
    struct chunk *chunk = create_chunk(store);
    if (!chunk)
        return NULL;
    if (!slot->together) {
        chunk->next = first;
        taken->chunks = chunk;
    } else if (first) {
        chunk->more = first->more;
        first->more = chunk;
    } else {
        taken->together = chunk;
    }
    return chunk;
}

static struct status take_shard(struct value_store *store, struct cache_shard *shard,
                                struct taken *taken)
{
    while (shard->unsaved) {
        struct cache_slot *slot = shard->unsaved;
        struct chunk *chunk = chunk_for(store, slot, taken);
        if (!chunk)
            return status_make(STATUS_RESOURCE_EXHAUSTED, "values: out of memory");
        struct intent *intent = slot->together ? &taken->together->intent : &chunk->intent;
        shard->unsaved = slot->next;
        slot->next = shard->saving;
        shard->saving = slot;
        slot->entry->slot = NULL;
        slot->entry->state ^= ENTRY_UNSAVED | ENTRY_SAVING;
        chunk->slots[chunk->count++] = slot;
        intent->bytes += slot->entry->key_size + slot->entry->value_size + ROW_OVERHEAD_BYTES;
    }
    return OK;
}

/* Everything that is unsaved now. */
static struct status take(struct value_store *store, struct chunk **chunks)
{
    struct taken taken = {0};
    struct status status = OK;

    pthread_mutex_lock(&store->gate);
    for (unsigned i = 0; i < CACHE_SHARDS && status_ok(status); i++) {
        struct cache_shard *shard = cache_lock(store->options.cache, (uint64_t)i << 60);
        status = take_shard(store, shard, &taken);
        cache_unlock(shard);
    }
    atomic_store(&store->together_bytes, 0);
    pthread_mutex_unlock(&store->gate);
    *chunks = taken.chunks;
    if (taken.together) {
        taken.together->next = taken.chunks;
        *chunks = taken.together;
    }
    return status;
}

/* Events come in at the same door, so it may be full for a moment. */
static struct status submit_with_patience(struct value_store *store, struct intent *intent)
{
    const struct timespec pause = {.tv_nsec = RETRY_US * NS_PER_US};
    struct status status = event_log_submit(store->options.log, intent);

    for (int i = 0; i < RETRIES_MAX && status.code == STATUS_RESOURCE_EXHAUSTED; i++) {
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        status = event_log_submit(store->options.log, intent);
    }
    return status;
}

static struct status submit_all(struct value_store *store, struct chunk *chunks)
{
    struct status status = OK;

    for (struct chunk *chunk = chunks; chunk; chunk = chunk->next) {
        if (!status_ok(status)) {
            chunk->intent.status = status;
            continue;
        }
        chunk->intent.decide = decide;
        chunk->intent.done = on_done;
        pthread_mutex_lock(&store->lock);
        store->underway++;
        pthread_mutex_unlock(&store->lock);
        status = submit_with_patience(store, &chunk->intent);
        if (!status_ok(status)) {
            pthread_mutex_lock(&store->lock);
            store->underway--;
            pthread_mutex_unlock(&store->lock);
            chunk->intent.status = status;
        }
    }
    pthread_mutex_lock(&store->lock);
    while (store->underway > 0)
        pthread_cond_wait(&store->changed, &store->lock);
    if (status_ok(status))
        status = store->status;
    store->status = OK;
    pthread_mutex_unlock(&store->lock);
    return status;
}

/* The row is as the slot says. `current` is what the key's place holds now; never NULL. */
static void settle_saved(struct value_store *store, struct cache_shard *shard,
                         struct cache_slot *slot, struct cache_entry *current)
{
    struct snapshot_cache *cache = store->options.cache;

    if (!slot->removes)
        current->state |= ENTRY_ON_DISK;
    else
        current->state &= (uint8_t)~ENTRY_ON_DISK;
    if (current != slot->entry) {
        cache_unreserve(cache, slot->entry); /* what it was kept for has happened */
        return;
    }
    if (slot->removes && !(current->state & ENTRY_GONE)) {
        shard->expirations++;
        atomic_fetch_sub(&store->count, 1);
    }
    if (slot->removes || atomic_load(&cache->bytes) > cache_share_of_saved(&cache->options))
        cache_remove(cache, shard, current);
}

static void settle(struct value_store *store, struct cache_slot *slot, bool saved)
{
    struct cache_entry *entry = slot->entry;
    struct cache_shard *shard = cache_lock(store->options.cache, entry->hash);
    struct cache_entry *current = cache_find(shard, entry->hash, cache_entry_key(entry));

    assert(current); /* what is HELD is not evicted, and is only replaced */
    entry->state &= (uint8_t)~ENTRY_SAVING;
    if (!saved && slot->together) { /* what came in its stead, too */
        atomic_fetch_add(&store->together_bytes, entry->key_size + entry->value_size);
        if (current != entry)
            current->slot->together = true;
    }
    if (!saved && current == entry) { /* again, with the next flush */
        slot->next = shard->unsaved;
        shard->unsaved = slot;
        entry->slot = slot;
        entry->state |= ENTRY_UNSAVED;
        cache_unlock(shard);
        return;
    }
    count_unsaved(store, entry, false);
    if (saved)
        settle_saved(store, shard, slot, current);
    else
        cache_unreserve(store->options.cache, entry);
    shard->generation++;
    cache_unlock(shard);
    cache_entry_release(entry);
    free(slot);
}

static void forget_saving(struct value_store *store)
{
    for (unsigned i = 0; i < CACHE_SHARDS; i++) {
        struct cache_shard *shard = cache_lock(store->options.cache, (uint64_t)i << 60);
        shard->saving = NULL;
        cache_unlock(shard);
    }
}

static void settle_chunk(struct chunk *chunk, bool saved)
{
    for (size_t i = 0; i < chunk->count; i++)
        settle(chunk->store, chunk->slots[i], saved);
    free(chunk);
}

/* Saves what is unsaved; what could not be is unsaved again. */
static struct status save(struct value_store *store)
{
    struct chunk *chunks;
    struct status status = take(store, &chunks);

    if (status_ok(status))
        status = submit_all(store, chunks);
    else /* all of what belongs together has to go at once */
        for (struct chunk *chunk = chunks; chunk; chunk = chunk->next)
            chunk->intent.status = status;
    forget_saving(store);
    while (chunks) {
        struct chunk *chunk = chunks, *more = chunk->more;
        bool saved = status_ok(chunk->intent.status);
        chunks = chunk->next;
        settle_chunk(chunk, saved);
        while (more) {
            chunk = more;
            more = chunk->more;
            settle_chunk(chunk, saved);
        }
    }
    return status;
}

/* --- who is told --------------------------------------------------------------------------- */

static void list_clear(struct saved_list *list)
{
    *list = (struct saved_list){.behind = &list->first};
}

/* With the lock. */
static struct value_saved *list_take(struct saved_list *list)
{
    struct value_saved *first = list->first;

    list_clear(list);
    return first;
}

static void tell(struct value_saved *saved, struct status status)
{
    while (saved) {
        struct value_saved *one = saved;
        saved = one->next;
        one->status = status;
        one->done(one);
    }
}

static void flush(struct value_store *store)
{
    pthread_mutex_lock(&store->lock);
    struct value_saved *asked = list_take(&store->asked);
    struct value_saved *waited = list_take(&store->for_room);
    atomic_store(&store->early, false);
    pthread_mutex_unlock(&store->lock);

    struct status status = save(store);
    if (!status_ok(status))
        log_line(LOG_WARN, "values", "not saved", "cause=\"%s\"", status.message);
    pthread_mutex_lock(&store->lock);
    store->outcome = status;
    /* Who came meanwhile waits on, if it failed: perhaps the cause has gone since. */
    struct value_saved *came = status_ok(status) ? list_take(&store->for_room) : NULL;
    pthread_mutex_unlock(&store->lock);
    tell(asked, status);
    tell(waited, status);
    tell(came, status);
}

/* --- the thread -------------------------------------------------------------------------- */

static bool is_called(const struct value_store *store)
{
    return store->asked.first || atomic_load(&store->early) || store->stopping;
}

/* Until somebody asks or the period is over. False: the store closes. */
static bool wait_for_flush(struct value_store *store)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t us = until.tv_nsec / NS_PER_US + store->options.flush_period_us;
    until.tv_sec += us / US_PER_S;
    until.tv_nsec = us % US_PER_S * NS_PER_US;
    pthread_mutex_lock(&store->lock);
    int result = 0;
    while (!is_called(store) && result == 0)
        result = pthread_cond_timedwait(&store->changed, &store->lock, &until);
    bool stopping = store->stopping;
    pthread_mutex_unlock(&store->lock);
    return !stopping;
}

static void *flush_all(void *argument)
{
    struct value_store *store = argument;
    int64_t swept_us = 0;

    while (wait_for_flush(store)) {
        int64_t now_us = clock_monotonic_us(system_clock());
        if (now_us - swept_us >= store->options.flush_period_us) {
            swept_us = now_us;
            value_sweep_some(store);
        }
        flush(store);
    }
    flush(store);
    return NULL;
}

/* `list` NULL: nobody is to be told. */
static void ask(struct value_store *store, struct saved_list *list, struct value_saved *saved)
{
    pthread_mutex_lock(&store->lock);
    if (list) {
        saved->next = NULL;
        *list->behind = saved;
        list->behind = &saved->next;
    }
    atomic_store(&store->early, true);
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
}

void value_flush_ask(struct value_store *store, struct value_saved *saved)
{
    ask(store, &store->asked, saved);
}

void value_store_await_room(struct value_store *store, struct value_saved *flushed)
{
    ask(store, &store->for_room, flushed);
}

void value_flush_wake(struct value_store *store)
{
    if (!atomic_load_explicit(&store->early, memory_order_relaxed))
        ask(store, NULL, NULL);
}

/* --- life -------------------------------------------------------------------------------- */

static struct status load_count(struct value_store *store)
{
    uint8_t memory[64];
    struct arena arena;
    struct bytes value = {0};

    arena_init_within(&arena, sizeof memory, memory, sizeof memory);
    struct status status = engine_get(store->options.engine, FAMILY_META,
                                      bytes_of_text(VALUE_COUNT_KEY), &arena, &value);
    if (status_ok(status) && value.data && value.size != 8)
        status = status_make(STATUS_DATA_LOSS, "meta: a damaged entry \"%s\"", VALUE_COUNT_KEY);
    if (status_ok(status) && value.data)
        store->row_count = get_u64_little_endian(value.data);
    arena_destroy(&arena);
    return status;
}

struct status value_store_open(const struct value_store_options *options,
                               struct value_store **opened)
{
    struct value_store *store = calloc(1, sizeof *store);
    pthread_condattr_t monotonic;

    if (!store)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "values: out of memory");
    store->options = *options;
    if (!store->options.clock)
        store->options.clock = system_clock();
    if (store->options.flush_period_us == 0)
        store->options.flush_period_us = FLUSH_PERIOD_US;
    list_clear(&store->asked);
    list_clear(&store->for_room);
    store->status = OK;
    struct status status = load_count(store);
    if (!status_ok(status)) {
        free(store);
        return status;
    }
    atomic_store(&store->count, store->row_count);
    store->outcome = OK;
    pthread_mutex_init(&store->gate, NULL);
    pthread_mutex_init(&store->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&store->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&store->flusher, NULL, flush_all, store) != 0) {
        free(store);
        return status_make(STATUS_RESOURCE_EXHAUSTED, "values: cannot start their thread");
    }
    *opened = store;
    return OK;
}

void value_store_close(struct value_store *store)
{
    pthread_mutex_lock(&store->lock);
    store->stopping = true;
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->flusher, NULL);
    pthread_cond_destroy(&store->changed);
    pthread_mutex_destroy(&store->lock);
    pthread_mutex_destroy(&store->gate);
    free(store);
}

/* --- waiting for it ---------------------------------------------------------------------- */

struct waiting {
    struct value_saved saved;
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool is_told;
};

static void on_saved(struct value_saved *saved)
{
    struct waiting *waiting = container_of(saved, struct waiting, saved);

    pthread_mutex_lock(&waiting->lock);
    waiting->is_told = true;
    pthread_cond_signal(&waiting->told);
    pthread_mutex_unlock(&waiting->lock);
}

struct status value_store_flush(struct value_store *store)
{
    struct waiting waiting = {.saved.done = on_saved};

    pthread_mutex_init(&waiting.lock, NULL);
    pthread_cond_init(&waiting.told, NULL);
    value_flush_ask(store, &waiting.saved);
    pthread_mutex_lock(&waiting.lock);
    while (!waiting.is_told)
        pthread_cond_wait(&waiting.told, &waiting.lock);
    pthread_mutex_unlock(&waiting.lock);
    pthread_cond_destroy(&waiting.told);
    pthread_mutex_destroy(&waiting.lock);
    return waiting.saved.status;
}
