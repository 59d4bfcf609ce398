/* A key is looked for in its shard, and else on disk, without the shard's lock; if something in the
 * shard changed meanwhile, what was read may be stale and is read again. */
#include "storage/snapshots/value_store.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "storage/log/event_log.h"
#include "storage/snapshots/rows.h"
#include "storage/snapshots/snapshot_store.h"
#include "storage/snapshots/value_flush.h"

enum {
    UNSAVED_SHARE = 4,
    FLUSH_EARLY_SHARE = 8,
    TOGETHER_BYTES_MAX = 8 << 20, /* of one commit; one change may exceed it */
};

static_assert(sizeof(struct cache_entry) + sizeof(struct cache_slot) + 4 * sizeof(size_t) <=
                  VALUE_CHANGE_BYTES,
              "an entry and its slot, as malloc counts them");

/* --- a key, with its shard's lock held --------------------------------------------------- */

struct place {
    struct bytes key;
    uint64_t hash;
    struct cache_shard *shard;
    struct cache_entry *entry; /* live, with a reference of ours; NULL: there is no value */
    struct cache_entry *table; /* what the shard holds under the key: live, expired, GONE; NULL */
    bool was_cached;
    bool on_disk; /* there is a row, of whatever age */
};

struct status value_read_row(struct value_store *store, struct bytes key, uint64_t hash,
                             struct cache_entry **entry)
{
    uint8_t memory[SCAN_HASH_BYTES + VALUE_KEY_BYTES_MAX];
    struct arena arena;
    struct bytes row = {0}, value;
    int64_t expires_us = 0;

    *entry = NULL;
    arena_init(&arena, 2 * (VALUE_BYTES_MAX + VALUE_HEAD_BYTES));
    struct status status =
        engine_get(store->options.engine, FAMILY_VALUES, value_key(memory, key), &arena, &row);
    if (status_ok(status) && row.data && !value_row_decode(row, &expires_us, &value))
        status = status_make(STATUS_DATA_LOSS, "values: a damaged entry");
    if (status_ok(status) && row.data) {
        *entry = cache_entry_create(key, hash, value, (struct bytes){0}, expires_us);
        if (*entry)
            (*entry)->state = ENTRY_ON_DISK;
        else
            status = status_make(STATUS_RESOURCE_EXHAUSTED, "values: out of memory");
    }
    arena_destroy(&arena);
    return status;
}

static void place_take(struct value_store *store, struct place *place, struct cache_entry *entry)
{
    place->table = entry;
    place->was_cached = true;
    place->on_disk = entry->state & ENTRY_ON_DISK;
    if (!(entry->state & ENTRY_GONE) && !cache_entry_expired(store->options.cache, entry))
        place->entry = cache_entry_hold(entry);
}

/* What the disk holds goes into the cache, if there is room. Takes over the reference. */
static void place_keep(struct value_store *store, struct place *place, struct cache_entry *loaded,
                       bool reserved)
{
    struct snapshot_cache *cache = store->options.cache;

    if (!loaded)
        return;
    place->on_disk = true;
    if (cache_entry_expired(cache, loaded)) {
        if (reserved)
            cache_unreserve(cache, loaded);
        cache_entry_release(loaded);
        return;
    }
    place->entry = loaded;
    if (reserved) {
        place->table = cache_entry_hold(loaded);
        cache_install(cache, place->shard, loaded, NULL);
    }
}

/* Ends with place_leave(), unless it fails. */
static struct status place_find(struct value_store *store, struct bytes key, struct place *place)
{
    struct snapshot_cache *cache = store->options.cache;
    uint64_t hash = hash_bytes(key);

    *place = (struct place){.key = key, .hash = hash};
    for (;;) {
        struct cache_entry *loaded;
        place->shard = cache_lock(cache, hash);
        struct cache_entry *entry = cache_find(place->shard, hash, key);
        if (entry) {
            place_take(store, place, entry);
            return OK;
        }
        uint64_t generation = place->shard->generation;
        cache_unlock(place->shard);
        TRY(value_read_row(store, key, hash, &loaded));
        bool reserved = loaded && cache_reserve(cache, loaded, false);
        place->shard = cache_lock(cache, hash);
        if (place->shard->generation == generation && !cache_find(place->shard, hash, key)) {
            place_keep(store, place, loaded, reserved);
            return OK;
        }
        cache_unlock(place->shard);
        if (reserved)
            cache_unreserve(cache, loaded);
        if (loaded)
            cache_entry_release(loaded);
    }
}

static void place_leave(struct place *place)
{
    cache_unlock(place->shard);
    if (place->entry)
        cache_entry_release(place->entry);
}

/* The key is counted: it has a row, or a value that waits for one. */
static bool place_counted(const struct place *place)
{
    return place->table ? !(place->table->state & ENTRY_GONE) : place->on_disk;
}

/* --- changing ---------------------------------------------------------------------------- */

static struct status check_key(struct bytes key)
{
    if (key.size == 0 || key.size > VALUE_KEY_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "key: 1 to %d bytes", VALUE_KEY_BYTES_MAX);
    if (bytes_have_prefix(key, bytes_of_text(SNAPSHOT_KEY_PREFIX)))
        return status_make(STATUS_INVALID_ARGUMENT, "key: \"%s...\" names a snapshot",
                           SNAPSHOT_KEY_PREFIX);
    return OK;
}

static struct status check_value(struct bytes value)
{
    if (value.size > VALUE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "value: at most %d bytes", VALUE_BYTES_MAX);
    return OK;
}

bool value_store_has_room(struct value_store *store, size_t bytes)
{
    struct snapshot_cache *cache = store->options.cache;
    size_t unsaved = atomic_load_explicit(&cache->unsaved_bytes, memory_order_relaxed);
    size_t together = atomic_load_explicit(&store->together_bytes, memory_order_relaxed);

    if (unsaved > cache->options.bytes_max / FLUSH_EARLY_SHARE || together > TOGETHER_BYTES_MAX / 2)
        value_flush_wake(store);
    if (unsaved > 0 && unsaved + bytes > cache->options.bytes_max / UNSAVED_SHARE) {
        value_flush_wake(store);
        return false;
    }
    return together <= TOGETHER_BYTES_MAX;
}

/* Asked before a change, of those who have waited for room, too: a flush that failed has made none,
 * and then this is what bounds and refuses them. */
static struct status admit(struct value_store *store, size_t bytes)
{
    struct status outcome;

    if (value_store_has_room(store, bytes))
        return OK;
    pthread_mutex_lock(&store->lock);
    outcome = store->outcome;
    pthread_mutex_unlock(&store->lock);
    return status_make(STATUS_RESOURCE_EXHAUSTED,
                       "values: too much waits for the disk (a quarter of --cache-memory)%s%.60s",
                       status_ok(outcome) ? "" : ": ", status_ok(outcome) ? "" : outcome.message);
}

/* A new entry for the key, reserved, that may wait for the disk. */
static struct status create_unsaved(struct value_store *store, struct bytes key, struct bytes value,
                                    int64_t expires_us, struct cache_entry **entry,
                                    struct cache_slot **slot)
{
    *slot = malloc(sizeof **slot);
    *entry = cache_entry_create(key, hash_bytes(key), value, (struct bytes){0}, expires_us);
    if (*slot && *entry && cache_reserve(store->options.cache, *entry, true))
        return OK;
    if (*entry)
        cache_entry_release(*entry);
    free(*slot);
    *entry = NULL;
    return status_make(STATUS_RESOURCE_EXHAUSTED, "values: no room in the cache (--cache-memory)");
}

/* Puts the entry in the key's place, with the lock held; takes over entry and slot. */
static void place_change(struct value_store *store, struct place *place, struct cache_entry *entry,
                         struct cache_slot *slot)
{
    struct snapshot_cache *cache = store->options.cache;
    struct cache_entry *old = place->table;
    bool counted = place_counted(place), gone = entry->state & ENTRY_GONE;

    if (place->on_disk)
        entry->state |= ENTRY_ON_DISK;
    if (old && (old->state & ENTRY_UNSAVED)) { /* it goes to disk in the other's stead */
        free(slot);
        value_slot_move(store, old, entry);
    } else {
        value_slot_add(store, place->shard, entry, slot);
    }
    if (old && (old->state & ENTRY_SAVING)) /* its memory stays until it is written */
        cache_reserve_more(cache, old);
    cache_install(cache, place->shard, entry, old);
    place->table = entry;
    place->shard->generation++;
    if (counted != !gone)
        atomic_fetch_add(&store->count, gone ? (uint64_t)-1 : 1);
}

static void undo_create(struct value_store *store, struct cache_entry *entry,
                        struct cache_slot *slot)
{
    cache_unreserve(store->options.cache, entry);
    cache_entry_release(entry);
    free(slot);
}

static void wait_for_save(struct value_store *store, struct value_saved *saved)
{
    if (saved)
        value_flush_ask(store, saved);
}

static bool has_passed(struct value_store *store, int64_t expires_us)
{
    return expires_us != VALUE_NO_EXPIRY && expires_us <= clock_wall_us(store->options.clock);
}

struct status value_set(struct value_store *store, struct value_set *set)
{
    struct cache_entry *entry;
    struct cache_slot *slot;
    struct place place;

    set->is_set = false;
    set->previous = NULL;
    TRY(check_key(set->key));
    TRY(check_value(set->value));
    TRY(admit(store, set->key.size + set->value.size + VALUE_CHANGE_BYTES));
    TRY(create_unsaved(store, set->key, set->value, set->expires_us, &entry, &slot));
    struct status status = place_find(store, set->key, &place);
    if (!status_ok(status)) {
        undo_create(store, entry, slot);
        return status;
    }
    if (set->want_previous && place.entry)
        set->previous = cache_entry_hold(place.entry);
    set->is_set = set->condition == VALUE_ALWAYS ||
                  (set->condition == VALUE_IF_PRESENT) == (place.entry != NULL);
    if (set->is_set) {
        if (set->keep_expiry)
            entry->expires_us = place.entry ? place.entry->expires_us : VALUE_NO_EXPIRY;
        if (has_passed(store, entry->expires_us))
            entry->state |= ENTRY_GONE;
        place_change(store, &place, entry, slot);
    }
    place_leave(&place);
    if (set->is_set)
        wait_for_save(store, set->saved);
    else
        undo_create(store, entry, slot);
    return OK;
}

/* A delete of what is there; `expired_only`: of what is there no more but on disk. */
static struct status remove_value(struct value_store *store, struct bytes key, bool expired_only,
                                  bool *deleted)
{
    struct cache_entry *entry;
    struct cache_slot *slot;
    struct place place;

    *deleted = false;
    TRY(create_unsaved(store, key, (struct bytes){0}, VALUE_NO_EXPIRY, &entry, &slot));
    entry->state = ENTRY_GONE;
    struct status status = place_find(store, key, &place);
    if (!status_ok(status)) {
        undo_create(store, entry, slot);
        return status;
    }
    *deleted = expired_only ? !place.entry && place_counted(&place) : place.entry != NULL;
    if (*deleted)
        place_change(store, &place, entry, slot);
    place_leave(&place);
    if (!*deleted)
        undo_create(store, entry, slot);
    return OK;
}

struct status value_delete(struct value_store *store, struct bytes key, struct value_saved *saved,
                           bool *deleted)
{
    TRY(check_key(key));
    TRY(admit(store, key.size + VALUE_CHANGE_BYTES));
    TRY(remove_value(store, key, false, deleted));
    if (*deleted)
        wait_for_save(store, saved);
    return OK;
}

struct status value_sweep(struct value_store *store, struct bytes key)
{
    bool deleted;

    TRY(remove_value(store, key, true, &deleted));
    if (deleted) {
        struct cache_shard *shard = cache_lock(store->options.cache, hash_bytes(key));
        shard->expirations++;
        cache_unlock(shard);
    }
    return OK;
}

struct status value_expire(struct value_store *store, struct bytes key, int64_t expires_us,
                           struct value_saved *saved, bool *found, int64_t *previous_us)
{
    struct place place;

    *found = false;
    TRY(check_key(key));
    TRY(admit(store, key.size + VALUE_CHANGE_BYTES));
    for (;;) {
        struct cache_entry *old, *entry;
        struct cache_slot *slot;
        TRY(value_peek(store, key, &old, NULL));
        if (!old)
            return OK;
        struct status status =
            create_unsaved(store, key, cache_entry_value(old), expires_us, &entry, &slot);
        if (!status_ok(status)) {
            cache_entry_release(old);
            return status;
        }
        status = place_find(store, key, &place);
        bool same = status_ok(status) && place.entry &&
                    (place.entry == old ||
                     bytes_equal(cache_entry_value(place.entry), cache_entry_value(old)));
        cache_entry_release(old);
        if (same) {
            *found = true;
            *previous_us = place.entry->expires_us;
            if (has_passed(store, expires_us))
                entry->state |= ENTRY_GONE;
            place_change(store, &place, entry, slot);
        }
        if (status_ok(status))
            place_leave(&place);
        if (!same)
            undo_create(store, entry, slot);
        TRY(status);
        if (same)
            break; /* else it was replaced meanwhile: look again */
    }
    wait_for_save(store, saved);
    return OK;
}

/* --- changing several, which belong together ------------------------------------------------ */

/* One of them, before it is put in its place. */
struct member {
    struct cache_entry *entry;
    struct cache_slot *slot;
    uint64_t generation; /* of its shard, when the disk was looked at */
    bool was_looked_up;
    bool on_disk;
};

struct members {
    struct value_store *store;
    struct member *all;
    size_t count;
};

/* Nobody sees a part, nor does a flush take one. */
static void lock_all(struct value_store *store)
{
    pthread_mutex_lock(&store->gate);
    for (unsigned i = 0; i < CACHE_SHARDS; i++)
        cache_lock(store->options.cache, (uint64_t)i << 60);
}

static void unlock_all(struct value_store *store)
{
    for (unsigned i = CACHE_SHARDS; i-- > 0;)
        cache_unlock(&store->options.cache->shards[i]);
    pthread_mutex_unlock(&store->gate);
}

/* With the shard's lock: whether the key has a row can be told without the disk. */
static bool member_is_known(const struct member *member, struct cache_shard *shard)
{
    return (member->was_looked_up && member->generation == shard->generation) ||
           cache_find(shard, member->entry->hash, cache_entry_key(member->entry));
}

static struct status member_look_up(struct value_store *store, struct member *member)
{
    struct cache_shard *shard = cache_lock(store->options.cache, member->entry->hash);
    bool known = member_is_known(member, shard);
    struct place place;

    cache_unlock(shard);
    if (known)
        return OK;
    TRY(place_find(store, cache_entry_key(member->entry), &place));
    member->was_looked_up = true;
    member->generation = place.shard->generation;
    member->on_disk = place.on_disk;
    place_leave(&place);
    return OK;
}

/* Ends with all locks held, unless it fails. */
static struct status members_find(struct members *members)
{
    struct snapshot_cache *cache = members->store->options.cache;
    size_t known = 0;

    for (;;) {
        for (size_t i = 0; i < members->count; i++)
            TRY(member_look_up(members->store, &members->all[i]));
        lock_all(members->store);
        for (known = 0; known < members->count; known++) {
            struct member *member = &members->all[known];
            if (!member_is_known(member, &cache->shards[member->entry->hash >> 60]))
                break;
        }
        if (known == members->count)
            return OK;
        unlock_all(members->store); /* a flush that ends changes generations */
    }
}

static struct status members_create(struct members *members, const struct value_pair *pairs)
{
    for (size_t i = 0; i < members->count; i++)
        TRY(create_unsaved(members->store, pairs[i].key, pairs[i].value, VALUE_NO_EXPIRY,
                           &members->all[i].entry, &members->all[i].slot));
    return OK;
}

static void members_undo(struct members *members)
{
    for (size_t i = 0; i < members->count && members->all[i].entry; i++)
        undo_create(members->store, members->all[i].entry, members->all[i].slot);
}

/* With all locks held. */
static void member_place(struct value_store *store, const struct member *member)
{
    uint64_t hash = member->entry->hash;
    struct place place = {.key = cache_entry_key(member->entry),
                          .hash = hash,
                          .shard = &store->options.cache->shards[hash >> 60]};

    place.table = cache_find(place.shard, hash, place.key);
    place.on_disk = place.table ? place.table->state & ENTRY_ON_DISK : member->on_disk;
    place_change(store, &place, member->entry, member->slot);
    member->entry->slot->together = true;
}

static struct status set_together(struct members *members, const struct value_pair *pairs,
                                  size_t bytes)
{
    struct value_store *store = members->store;
    struct status status = members_create(members, pairs);

    if (status_ok(status))
        status = members_find(members);
    if (!status_ok(status)) {
        members_undo(members);
        return status;
    }
    for (size_t i = 0; i < members->count; i++)
        member_place(store, &members->all[i]);
    atomic_fetch_add(&store->together_bytes, bytes);
    unlock_all(store);
    return OK;
}

struct status value_set_all(struct value_store *store, const struct value_pair *pairs, size_t count,
                            struct value_saved *saved)
{
    struct members members = {.store = store, .count = count};
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        TRY(check_key(pairs[i].key));
        TRY(check_value(pairs[i].value));
        bytes += pairs[i].key.size + pairs[i].value.size;
    }
    TRY(admit(store, bytes + count * VALUE_CHANGE_BYTES));
    members.all = calloc(count, sizeof *members.all);
    if (!members.all)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "values: out of memory");
    struct status status = set_together(&members, pairs, bytes);
    free(members.all);
    if (status_ok(status))
        wait_for_save(store, saved);
    return status;
}

/* --- looking ----------------------------------------------------------------------------- */

static struct status look(struct value_store *store, struct bytes key, bool counts,
                          struct cache_entry **entry, int64_t *expires_us)
{
    struct place place;

    *entry = NULL;
    TRY(check_key(key));
    TRY(place_find(store, key, &place));
    if (counts) {
        place.shard->hits += place.was_cached && place.entry;
        place.shard->misses += !(place.was_cached && place.entry);
        if (place.was_cached && place.entry)
            cache_touch(store->options.cache, place.shard, place.table);
    }
    if (place.entry) {
        *entry = cache_entry_hold(place.entry);
        if (expires_us)
            *expires_us = place.entry->expires_us;
    } else if (place.table && !(place.table->state & (ENTRY_GONE | ENTRY_HELD))) {
        place.shard->expirations++; /* its row is swept later */
        cache_remove(store->options.cache, place.shard, place.table);
    }
    place_leave(&place);
    return OK;
}

struct status value_get(struct value_store *store, struct bytes key, struct cache_entry **entry,
                        int64_t *expires_us)
{
    return look(store, key, true, entry, expires_us);
}

struct status value_peek(struct value_store *store, struct bytes key, struct cache_entry **entry,
                         int64_t *expires_us)
{
    return look(store, key, false, entry, expires_us);
}

uint64_t value_count(struct value_store *store)
{
    return atomic_load(&store->count);
}
