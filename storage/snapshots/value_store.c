/* A key is looked for in its shard, and else on disk, without the shard's lock; if something in the
 * shard changed meanwhile, what was read may be stale and is read again. */
#include "storage/snapshots/value_store.h"

#include <stdlib.h>

#include "base/hash.h"
#include "storage/log/event_log.h"
#include "storage/snapshots/rows.h"
#include "storage/snapshots/snapshot_store.h"
#include "storage/snapshots/value_flush.h"

enum { UNSAVED_SHARE = 4, FLUSH_EARLY_SHARE = 8, SCAN_PAGE_MAX = 1000 };

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

/* Asked before a change; a flush that is due early is begun. */
static struct status admit(struct value_store *store)
{
    struct snapshot_cache *cache = store->options.cache;
    size_t unsaved = atomic_load_explicit(&cache->unsaved_bytes, memory_order_relaxed);

    if (unsaved > cache->options.bytes_max / FLUSH_EARLY_SHARE)
        value_flush_wake(store);
    if (unsaved > cache->options.bytes_max / UNSAVED_SHARE)
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "values: %zu bytes wait for the disk, a quarter of --cache-memory",
                           unsaved);
    return OK;
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
    return status_make(STATUS_RESOURCE_EXHAUSTED, "values: no room in the cache (--cache-memory)");
}

/* Puts the entry in the key's place; takes over entry and slot. Ends with the lock held. */
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
    if (set->value.size > VALUE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "value: at most %d bytes", VALUE_BYTES_MAX);
    TRY(admit(store));
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
    TRY(admit(store));
    TRY(remove_value(store, key, false, deleted));
    if (*deleted)
        wait_for_save(store, saved);
    return OK;
}

struct status value_sweep(struct value_store *store, struct bytes key)
{
    bool deleted;

    TRY(remove_value(store, key, true, &deleted));
    if (deleted)
        value_count_expired(store, key);
    return OK;
}

struct status value_expire(struct value_store *store, struct bytes key, int64_t expires_us,
                           struct value_saved *saved, bool *found, int64_t *previous_us)
{
    struct place place;

    *found = false;
    TRY(check_key(key));
    TRY(admit(store));
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
