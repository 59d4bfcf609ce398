#include "storage/log/retention.h"

#include <stdlib.h>

#include "base/hash.h"
#include "storage/log/keys.h"
#include "storage/log/query.h"

enum {
    SLOTS_MIN = 64,
    ROW_VERSION = 1,
    ROW_VERSION_ERASED = 2,
    FLAG_TOMBSTONED = 1,
    FLAG_ERASING = 2,
    FLAG_DELETED = 4,
    FLAG_ENCRYPT = 8,
    FLAG_KEY_GONE = 16,
    CATEGORY_VERSION_ENCRYPT = 2,
};

void retention_init(struct retention *retention)
{
    *retention = (struct retention){0};
    pthread_rwlock_init(&retention->lock, NULL);
}

void retention_destroy(struct retention *retention)
{
    for (size_t i = 0; i < retention->category_count; i++)
        free((void *)retention->categories[i].category.data);
    free(retention->categories);
    free(retention->streams);
    pthread_rwlock_destroy(&retention->lock);
}

/* --- rows ----------------------------------------------------------------------------- */

struct bytes retained_encode(uint8_t value[RETAINED_BYTES + ERASED_BYTES],
                             const struct retained *row)
{
    value[0] = ROW_VERSION;
    value[1] =
        (uint8_t)((row->tombstoned ? FLAG_TOMBSTONED : 0) | (row->is_erasing ? FLAG_ERASING : 0) |
                  (row->is_deleted ? FLAG_DELETED : 0) | (row->policy.encrypt ? FLAG_ENCRYPT : 0) |
                  (row->is_key_gone ? FLAG_KEY_GONE : 0));
    put_u64_little_endian(value + 2, row->first_revision);
    put_u64_little_endian(value + 10, row->policy.max_count);
    put_u64_little_endian(value + 18, (uint64_t)row->policy.max_age_us);
    if (row->erased_before == 0)
        return (struct bytes){value, RETAINED_BYTES};
    value[0] = ROW_VERSION_ERASED;
    put_u64_little_endian(value + 26, row->erased_before);
    put_u64_little_endian(value + 34, (uint64_t)row->erased_us);
    return (struct bytes){value, RETAINED_BYTES + ERASED_BYTES};
}

static bool retained_decode(struct bytes value, struct retained *row)
{
    bool has_erased = value.size == RETAINED_BYTES + ERASED_BYTES;

    if (!has_erased && value.size != RETAINED_BYTES)
        return false;
    if (value.data[0] != (has_erased ? ROW_VERSION_ERASED : ROW_VERSION))
        return false;
    if (has_erased) {
        row->erased_before = get_u64_little_endian(value.data + 26);
        row->erased_us = (int64_t)get_u64_little_endian(value.data + 34);
    }
    row->tombstoned = value.data[1] & FLAG_TOMBSTONED;
    row->is_erasing = value.data[1] & FLAG_ERASING;
    row->policy.encrypt = value.data[1] & FLAG_ENCRYPT;
    row->is_deleted = value.data[1] & FLAG_DELETED;
    row->is_key_gone = value.data[1] & FLAG_KEY_GONE;
    row->first_revision = get_u64_little_endian(value.data + 2);
    row->policy.max_count = get_u64_little_endian(value.data + 10);
    row->policy.max_age_us = (int64_t)get_u64_little_endian(value.data + 18);
    return true;
}

struct bytes category_policy_encode(uint8_t value[CATEGORY_POLICY_BYTES],
                                    struct stream_policy policy)
{
    value[0] = policy.encrypt ? CATEGORY_VERSION_ENCRYPT : ROW_VERSION;
    put_u64_little_endian(value + 1, policy.max_count);
    put_u64_little_endian(value + 9, (uint64_t)policy.max_age_us);
    return (struct bytes){value, CATEGORY_POLICY_BYTES};
}

static bool category_policy_decode(struct bytes value, struct stream_policy *policy)
{
    if (value.size != CATEGORY_POLICY_BYTES ||
        (value.data[0] != ROW_VERSION && value.data[0] != CATEGORY_VERSION_ENCRYPT))
        return false;
    policy->encrypt = value.data[0] == CATEGORY_VERSION_ENCRYPT;
    policy->max_count = get_u64_little_endian(value.data + 1);
    policy->max_age_us = (int64_t)get_u64_little_endian(value.data + 9);
    return true;
}

/* --- looking, any thread ---------------------------------------------------------------- */

/* The slot of a stream, or the empty one where it would go. Numbers begin with 1. */
static struct retained *probe(struct retained *streams, size_t slots, uint64_t number)
{
    size_t at = (number * 0x9e3779b97f4a7c15u) >> 32 & (slots - 1);

    while (streams[at].number && streams[at].number != number)
        at = (at + 1) & (slots - 1);
    return &streams[at];
}

struct retained retention_of(struct retention *retention, uint64_t number)
{
    struct retained row = {.number = number};

    if (retention_is_empty(retention))
        return row;
    pthread_rwlock_rdlock(&retention->lock);
    if (retention->stream_slots) {
        const struct retained *found = probe(retention->streams, retention->stream_slots, number);
        if (found->number)
            row = *found;
    }
    pthread_rwlock_unlock(&retention->lock);
    return row;
}

struct retained retention_find_erasing(struct retention *retention)
{
    struct retained row = {0};

    pthread_rwlock_rdlock(&retention->lock);
    for (size_t i = 0; i < retention->stream_slots && row.number == 0; i++)
        if (retention->streams[i].number && retention->streams[i].is_erasing)
            row = retention->streams[i];
    pthread_rwlock_unlock(&retention->lock);
    return row;
}

static struct category_policy *find_category(struct retention *retention, struct bytes category)
{
    uint64_t hash = hash_bytes(category);

    for (size_t i = 0; i < retention->category_count; i++)
        if (retention->categories[i].hash == hash &&
            bytes_equal(retention->categories[i].category, category))
            return &retention->categories[i];
    return NULL;
}

struct stream_policy retention_of_category(struct retention *retention, struct bytes category)
{
    struct stream_policy policy = {0};

    if (retention_is_empty(retention))
        return policy;
    pthread_rwlock_rdlock(&retention->lock);
    const struct category_policy *found = find_category(retention, category);
    if (found)
        policy = found->policy;
    pthread_rwlock_unlock(&retention->lock);
    return policy;
}

struct stream_policy retention_policy(struct retention *retention, const struct retained *row,
                                      struct bytes stream)
{
    if (row->policy.max_count || row->policy.max_age_us)
        return row->policy;
    return retention_of_category(retention, category_of(stream));
}

bool retention_encrypts(struct retention *retention, uint64_t number, struct bytes stream)
{
    return (number && retention_of(retention, number).policy.encrypt) ||
           retention_of_category(retention, category_of(stream)).encrypt;
}

uint64_t retention_first(const struct retained *row, struct stream_policy policy,
                         uint64_t event_count)
{
    uint64_t first = row->tombstoned ? event_count : row->first_revision;

    if (policy.max_count && event_count > policy.max_count &&
        event_count - policy.max_count > first)
        first = event_count - policy.max_count;
    return first;
}

/* --- changing: @thread writer -------------------------------------------------------------- */

static bool grow(struct retention *retention)
{
    size_t slots = retention->stream_slots ? retention->stream_slots * 2 : SLOTS_MIN;
    struct retained *streams = calloc(slots, sizeof *streams);

    if (!streams)
        return false;
    for (size_t i = 0; i < retention->stream_slots; i++)
        if (retention->streams[i].number)
            *probe(streams, slots, retention->streams[i].number) = retention->streams[i];
    free(retention->streams);
    retention->streams = streams;
    retention->stream_slots = slots;
    return true;
}

bool retention_set(struct retention *retention, const struct retained *row)
{
    bool room = true;

    pthread_rwlock_wrlock(&retention->lock);
    if ((retention->stream_count + 1) * 2 > retention->stream_slots)
        room = grow(retention);
    if (room) {
        struct retained *slot = probe(retention->streams, retention->stream_slots, row->number);
        retention->stream_count += slot->number == 0;
        *slot = *row;
        atomic_fetch_add_explicit(&retention->count, 1, memory_order_release);
    }
    pthread_rwlock_unlock(&retention->lock);
    return room;
}

static struct category_policy *add_category(struct retention *retention, struct bytes category)
{
    uint8_t *copy = malloc(category.size + 1);
    struct category_policy *categories =
        realloc(retention->categories, (retention->category_count + 1) * sizeof *categories);

    if (categories)
        retention->categories = categories;
    if (!categories || !copy) {
        free(copy);
        return NULL;
    }
    if (category.size)
        memcpy(copy, category.data, category.size);
    categories[retention->category_count] =
        (struct category_policy){.hash = hash_bytes(category), .category = {copy, category.size}};
    return &categories[retention->category_count++];
}

bool retention_set_category(struct retention *retention, struct bytes category,
                            struct stream_policy policy)
{
    pthread_rwlock_wrlock(&retention->lock);
    struct category_policy *found = find_category(retention, category);
    if (!found)
        found = add_category(retention, category);
    if (found) {
        found->policy = policy;
        atomic_fetch_add_explicit(&retention->count, 1, memory_order_release);
    }
    pthread_rwlock_unlock(&retention->lock);
    return found != NULL;
}

/* --- loading ---------------------------------------------------------------------------------- */

struct load {
    struct retention *retention;
    struct status status;
};

static bool visit_row(void *context, struct bytes key, struct bytes value)
{
    struct load *load = context;
    struct retained row = {0};
    struct stream_policy policy;
    bool room = true;

    if (key.size == POLICY_KEY_BYTES && key.data[0] == POLICY_OF_STREAM &&
        retained_decode(value, &row)) {
        row.number = get_u64_big_endian(key.data + 1);
        room = retention_set(load->retention, &row);
    } else if (key.size > 0 && key.data[0] == POLICY_OF_CATEGORY &&
               category_policy_decode(value, &policy)) {
        struct bytes category = {key.data + 1, key.size - 1};
        room = retention_set_category(load->retention, category, policy);
    } else {
        load->status = status_make(STATUS_DATA_LOSS, "policies: damaged entry");
    }
    if (!room)
        load->status = status_make(STATUS_RESOURCE_EXHAUSTED, "policies: out of memory");
    return status_ok(load->status);
}

struct status retention_load(struct retention *retention, struct engine *engine)
{
    struct load load = {retention, OK};

    TRY(engine_scan(engine, &(struct scan){.family = FAMILY_POLICIES}, visit_row, &load));
    return load.status;
}
