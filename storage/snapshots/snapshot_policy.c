/* The table is small and changes seldom, so it is a sorted array: listing is walking it, and a
 * look-up is two searches by halving under a lock for readers. */
#include "storage/snapshots/snapshot_policy.h"

#include <stdlib.h>

#include "storage/log/query.h"
#include "storage/snapshots/snapshot_state.h"

struct policy_entry {
    bool is_category;
    struct snapshot_policy policy;
    size_t name_size;
    uint8_t name[];
};

static struct bytes name_of(const struct policy_entry *entry)
{
    return (struct bytes){entry->name, entry->name_size};
}

static struct policy_entry *entry_create(bool is_category, struct bytes name,
                                         const struct snapshot_policy *policy)
{
    struct policy_entry *entry = malloc(sizeof *entry + name.size);

    if (!entry)
        return NULL;
    *entry = (struct policy_entry){
        .is_category = is_category, .policy = *policy, .name_size = name.size};
    memcpy(entry->name, name.data, name.size);
    return entry;
}

/* --- places: with the lock ------------------------------------------------------------------- */

static int compare(const struct policy_entry *entry, bool is_category, struct bytes name)
{
    if (entry->is_category != is_category)
        return entry->is_category ? -1 : 1;
    return bytes_compare(name_of(entry), name);
}

/* Of the first entry at or behind the name. */
static size_t place_of(const struct policy_table *table, bool is_category, struct bytes name)
{
    size_t low = 0, high = atomic_load(&table->count);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(table->entries[middle], is_category, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct policy_table *table, size_t place, bool is_category,
                  struct bytes name)
{
    return place < atomic_load(&table->count) &&
           compare(table->entries[place], is_category, name) == 0;
}

/* Takes the entry. */
static void set(struct policy_table *table, struct policy_entry *entry)
{
    size_t place = place_of(table, entry->is_category, name_of(entry));
    size_t count = atomic_load(&table->count);

    if (is_at(table, place, entry->is_category, name_of(entry))) {
        free(table->entries[place]);
    } else {
        memmove(table->entries + place + 1, table->entries + place,
                (count - place) * sizeof(struct policy_entry *));
        atomic_store(&table->count, count + 1);
    }
    table->entries[place] = entry;
}

static void remove_named(struct policy_table *table, bool is_category, struct bytes name)
{
    size_t place = place_of(table, is_category, name);
    size_t count = atomic_load(&table->count);

    if (!is_at(table, place, is_category, name))
        return;
    free(table->entries[place]);
    memmove(table->entries + place, table->entries + place + 1,
            (count - place - 1) * sizeof(struct policy_entry *));
    atomic_store(&table->count, count - 1);
}

/* --- looking --------------------------------------------------------------------------------- */

size_t snapshot_policy_count(struct snapshot_store *store)
{
    return atomic_load_explicit(&store->policies.count, memory_order_acquire);
}

uint64_t snapshot_policy_version(struct snapshot_store *store)
{
    return atomic_load_explicit(&store->policies.version, memory_order_acquire);
}

bool snapshot_policy_of(struct snapshot_store *store, struct bytes stream,
                        struct snapshot_policy *policy)
{
    struct policy_table *table = &store->policies;
    struct bytes category = category_of(stream);

    if (snapshot_policy_count(store) == 0)
        return false;
    pthread_rwlock_rdlock(&table->lock);
    size_t place = place_of(table, false, stream);
    bool found = is_at(table, place, false, stream);
    if (!found) {
        place = place_of(table, true, category);
        found = is_at(table, place, true, category);
    }
    if (found)
        *policy = table->entries[place]->policy;
    pthread_rwlock_unlock(&table->lock);
    return found;
}

uint32_t policy_keep(struct snapshot_store *store, struct bytes stream)
{
    struct snapshot_policy policy;

    return snapshot_policy_of(store, stream, &policy) ? policy.keep : 1;
}

bool snapshot_policy_next(struct snapshot_store *store, struct snapshot_policy_info *info)
{
    struct policy_table *table = &store->policies;
    struct bytes after = {info->name, info->name_size};

    pthread_rwlock_rdlock(&table->lock);
    size_t place = place_of(table, info->is_category, after);
    place += is_at(table, place, info->is_category, after);
    bool found = place < atomic_load(&table->count);
    if (found) {
        const struct policy_entry *entry = table->entries[place];
        info->is_category = entry->is_category;
        info->name_size = entry->name_size;
        memcpy(info->name, entry->name, entry->name_size);
        info->policy = entry->policy;
    }
    pthread_rwlock_unlock(&table->lock);
    return found;
}

/* --- submitting ------------------------------------------------------------------------------ */

static struct status check(const struct snapshot_policy_change *change)
{
    const struct snapshot_policy *policy = &change->policy;

    if (change->name.size == 0 || change->name.size > STREAM_NAME_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: 1 to %d bytes",
                           change->is_category ? "category" : "stream", STREAM_NAME_BYTES_MAX);
    if (change->is_category)
        TRY(category_check(change->name, "category"));
    if (change->removes)
        return OK;
    if (policy->every_events > SNAPSHOT_EVERY_EVENTS_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "policy.every_events: at most %d",
                           SNAPSHOT_EVERY_EVENTS_MAX);
    if (policy->every_us < 0 || policy->every_us > (int64_t)SNAPSHOT_TTL_S_MAX * 1000000)
        return status_make(STATUS_INVALID_ARGUMENT, "policy.every_ms: 0 to %lld",
                           (long long)SNAPSHOT_TTL_S_MAX * 1000);
    if (policy->keep > SNAPSHOTS_KEPT_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "policy.keep: 1 to %d", SNAPSHOTS_KEPT_MAX);
    return OK;
}

static struct status decide(struct intent *intent, struct commit *commit);
static void on_done(struct intent *intent);

struct status snapshot_policy_submit(struct snapshot_store *store,
                                     struct snapshot_policy_change *change)
{
    TRY(check(change));
    change->store = store;
    change->policy.keep = change->policy.keep ? change->policy.keep : 1;
    change->entry = NULL;
    change->is_decided = false;
    if (!change->removes) {
        change->entry = entry_create(change->is_category, change->name, &change->policy);
        if (!change->entry)
            return status_make(STATUS_RESOURCE_EXHAUSTED, "policies: out of memory");
    }
    change->told = change->intent.done;
    change->intent.decide = decide;
    change->intent.done = on_done;
    change->intent.bytes = change->name.size + POLICY_ROW_BYTES;
    struct status status = event_log_submit(store->options.log, &change->intent);
    if (!status_ok(status)) {
        change->intent.done = change->told;
        free(change->entry);
    }
    return status;
}

/* --- @thread writer -------------------------------------------------------------------------- */

static struct status decide(struct intent *intent, struct commit *commit)
{
    struct snapshot_policy_change *change =
        container_of(intent, struct snapshot_policy_change, intent);
    struct policy_table *table = &change->store->policies;
    uint8_t *memory = arena_alloc_raw(commit_arena(commit), POLICY_KEY_HEAD + change->name.size);
    uint8_t *row = arena_alloc_raw(commit_arena(commit), POLICY_ROW_BYTES);

    if (!memory || !row)
        return snapshot_out_of_memory();
    struct bytes key = policy_key_encode(memory, change->is_category, change->name);
    if (change->removes) {
        commit_delete(commit, FAMILY_SNAPSHOTS, key);
    } else {
        size_t place = place_of(table, change->is_category, change->name);
        if (!is_at(table, place, change->is_category, change->name) &&
            atomic_load(&table->count) + table->underway >= SNAPSHOT_POLICIES_MAX)
            return status_make(STATUS_RESOURCE_EXHAUSTED, "policies: there are %d already",
                               SNAPSHOT_POLICIES_MAX);
        commit_put(commit, FAMILY_SNAPSHOTS, key, policy_row_encode(row, &change->policy));
    }
    table->underway++;
    change->is_decided = true;
    return OK;
}

static void publish(struct snapshot_policy_change *change)
{
    struct policy_table *table = &change->store->policies;
    uint64_t version = atomic_load(&table->version) + 1;

    pthread_rwlock_wrlock(&table->lock);
    if (change->removes) {
        remove_named(table, change->is_category, change->name);
    } else {
        change->entry->policy.version = version;
        set(table, change->entry);
    }
    atomic_store(&table->version, version);
    pthread_rwlock_unlock(&table->lock);
}

static void on_done(struct intent *intent)
{
    struct snapshot_policy_change *change =
        container_of(intent, struct snapshot_policy_change, intent);
    struct snapshot_store *store = change->store;

    store->policies.underway -= change->is_decided;
    if (status_ok(intent->status)) {
        publish(change);
        if (store->watcher)
            store->watcher->policy_changed(store->watcher, change->is_category, change->name);
    } else {
        free(change->entry);
    }
    change->told(intent);
}

/* --- life ------------------------------------------------------------------------------------ */

struct load {
    struct policy_table *table;
    struct status status;
};

static bool visit_row(void *context, struct bytes key, struct bytes row)
{
    struct load *load = context;
    struct snapshot_policy policy;
    bool is_category;
    struct bytes name;

    if (!policy_key_decode(key, &is_category, &name) || !policy_row_decode(row, &policy)) {
        load->status = status_make(STATUS_DATA_LOSS, "snapshots: a damaged policy");
        return false;
    }
    policy.version = 1;
    struct policy_entry *entry = atomic_load(&load->table->count) < SNAPSHOT_POLICIES_MAX
                                     ? entry_create(is_category, name, &policy)
                                     : NULL;
    if (!entry) {
        load->status = status_make(STATUS_RESOURCE_EXHAUSTED, "policies: out of memory");
        return false;
    }
    set(load->table, entry);
    return true;
}

struct status policy_table_load(struct policy_table *table, struct engine *engine)
{
    static const uint8_t from[] = {POLICY_ROWS}, to[] = {POLICY_ROWS + 1};
    struct load load = {table, OK};

    pthread_rwlock_init(&table->lock, NULL);
    atomic_store(&table->version, 1);
    struct status status = engine_scan(engine,
                                       &(struct scan){.family = FAMILY_SNAPSHOTS,
                                                      .from = bytes_of(from, 1),
                                                      .to = bytes_of(to, 1)},
                                       visit_row, &load);
    if (status_ok(status))
        status = load.status;
    if (!status_ok(status))
        policy_table_destroy(table);
    return status;
}

void policy_table_destroy(struct policy_table *table)
{
    for (size_t i = 0; i < atomic_load(&table->count); i++)
        free(table->entries[i]);
    pthread_rwlock_destroy(&table->lock);
}
