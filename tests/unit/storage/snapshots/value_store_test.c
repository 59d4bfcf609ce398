/* Plain values: Redis' conditions and times, what the disk knows, what the cache may take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/log_fixture.h"
#include "tests/unit/storage/snapshots/fixture.h"

enum { OVERHEAD_BYTES_MAX = 96 };

static struct value_set set_of(const char *key, const char *value)
{
    return (struct value_set){
        .key = bytes_of_text(key), .value = bytes_of_text(value), .expires_us = VALUE_NO_EXPIRY};
}

static void set(struct fixture *fixture, const char *key, const char *value)
{
    struct value_set change = set_of(key, value);

    assert_ok(value_set(fixture->values, &change));
    assert_true(change.is_set);
}

/* Its beginning; "" if there is none. */
static const char *get(struct fixture *fixture, const char *key)
{
    static char text[64];
    struct cache_entry *entry;

    assert_ok(value_get(fixture->values, bytes_of_text(key), &entry, NULL));
    text[0] = 0;
    if (entry) {
        struct bytes value = cache_entry_value(entry);
        size_t size = value.size < sizeof text ? value.size : sizeof text - 1;
        memcpy(text, value.data, size);
        text[size] = 0;
        cache_entry_release(entry);
    }
    return text;
}

static void a_value_is_seen_at_once_and_survives_a_restart(void **state)
{
    struct fixture *fixture = *state;

    set(fixture, "a", "1");
    assert_string_equal(get(fixture, "a"), "1");
    set(fixture, "a", "2");
    reopen(fixture, 8 << 20, CACHE_ALLKEYS_LRU);
    assert_string_equal(get(fixture, "a"), "2");
    assert_int_equal(value_count(fixture->values), 1);
}

static void conditions_hold_in_memory_and_on_disk(void **state)
{
    struct fixture *fixture = *state;
    struct value_set absent = set_of("a", "1"), present = set_of("a", "2");

    absent.condition = VALUE_IF_ABSENT;
    present.condition = VALUE_IF_PRESENT;
    assert_ok(value_set(fixture->values, &present));
    assert_false(present.is_set);
    assert_ok(value_set(fixture->values, &absent));
    assert_true(absent.is_set);
    reopen(fixture, 8 << 20, CACHE_ALLKEYS_LRU);
    assert_ok(value_set(fixture->values, &absent));
    assert_false(absent.is_set);
    present.want_previous = true;
    assert_ok(value_set(fixture->values, &present));
    assert_true(present.is_set);
    assert_true(bytes_equal(cache_entry_value(present.previous), bytes_of_text("1")));
    cache_entry_release(present.previous);
}

static void a_value_expires_and_its_row_is_swept(void **state)
{
    struct fixture *fixture = *state;
    struct value_set change = set_of("a", "1");

    change.expires_us = now() + SECOND_US;
    assert_ok(value_set(fixture->values, &change));
    assert_ok(value_store_flush(fixture->values));
    assert_string_equal(get(fixture, "a"), "1");
    set_now_us(now() + SECOND_US);
    assert_string_equal(get(fixture, "a"), "");
    while (value_count(fixture->values) > 0)
        assert_ok(value_store_flush(fixture->values)); /* the thread sweeps between */
}

static void expiry_is_changed_kept_and_taken_away(void **state)
{
    struct fixture *fixture = *state;
    struct value_set change = set_of("a", "2");
    struct cache_entry *entry;
    int64_t previous_us, expires_us;
    bool found;

    set(fixture, "a", "1");
    assert_ok(value_expire(fixture->values, bytes_of_text("a"), now() + SECOND_US, NULL, &found,
                           &previous_us));
    assert_true(found && previous_us == VALUE_NO_EXPIRY);
    change.keep_expiry = true;
    assert_ok(value_set(fixture->values, &change));
    reopen(fixture, 8 << 20, CACHE_ALLKEYS_LRU);
    assert_ok(value_get(fixture->values, bytes_of_text("a"), &entry, &expires_us));
    assert_int_equal(expires_us, now() + SECOND_US);
    cache_entry_release(entry);
    assert_ok(value_expire(fixture->values, bytes_of_text("a"), VALUE_NO_EXPIRY, NULL, &found,
                           &previous_us));
    set_now_us(now() + 2 * SECOND_US);
    assert_string_equal(get(fixture, "a"), "2");
}

static void a_deleted_value_stays_deleted(void **state)
{
    struct fixture *fixture = *state;
    bool deleted;

    set(fixture, "a", "1");
    assert_ok(value_store_flush(fixture->values));
    assert_ok(value_delete(fixture->values, bytes_of_text("a"), NULL, &deleted));
    assert_true(deleted);
    assert_ok(value_delete(fixture->values, bytes_of_text("a"), NULL, &deleted));
    assert_false(deleted);
    assert_int_equal(value_count(fixture->values), 0);
    reopen(fixture, 8 << 20, CACHE_ALLKEYS_LRU);
    assert_string_equal(get(fixture, "a"), "");
    assert_int_equal(value_count(fixture->values), 0);
}

static void limits_are_named(void **state)
{
    struct fixture *fixture = *state;
    struct value_set change = set_of("", "1");

    assert_fails(value_set(fixture->values, &change), INVALID_ARGUMENT, "key: 1 to 4096 bytes");
    change = set_of("snapshot:a", "1");
    assert_fails(value_set(fixture->values, &change), INVALID_ARGUMENT, "names a snapshot");
}

/* --- several at once ----------------------------------------------------------------------- */

enum { MEMBERS = 700, ROUNDS = 60 };

/* m0 ... all with the same value. */
static struct status set_members(struct fixture *fixture, uint32_t value)
{
    static char keys[MEMBERS][8];
    struct value_pair pairs[MEMBERS];

    for (int i = 0; i < MEMBERS; i++) {
        snprintf(keys[i], sizeof keys[i], "m%d", i);
        pairs[i] = (struct value_pair){bytes_of_text(keys[i]), {(uint8_t *)&value, sizeof value}};
    }
    return value_set_all(fixture->values, pairs, MEMBERS, NULL);
}

static void what_is_set_together_is_there_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct value_pair pairs[] = {{bytes_of_text("a"), bytes_of_text("1")},
                                 {bytes_of_text("b"), bytes_of_text("2")},
                                 {bytes_of_text("a"), bytes_of_text("3")}};

    set(fixture, "b", "0");
    assert_ok(value_set_all(fixture->values, pairs, 3, NULL));
    assert_string_equal(get(fixture, "a"), "3");
    assert_int_equal(value_count(fixture->values), 2);
    reopen(fixture, 8 << 20, CACHE_ALLKEYS_LRU);
    assert_string_equal(get(fixture, "a"), "3");
    assert_string_equal(get(fixture, "b"), "2");
    assert_int_equal(value_count(fixture->values), 2);
}

static void nothing_is_set_if_one_of_them_cannot_be(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *large = calloc(1, VALUE_BYTES_MAX);
    struct value_pair pairs[] = {{bytes_of_text("a"), bytes_of_text("1")},
                                 {bytes_of_text("b"), {large, VALUE_BYTES_MAX}},
                                 {bytes_of_text("c"), bytes_of_text("1")}};

    reopen(fixture, 1 << 20, CACHE_ALLKEYS_LRU);
    size_t bytes = snapshot_cache_stats(fixture->cache).bytes;
    assert_fails(value_set_all(fixture->values, pairs, 3, NULL), RESOURCE_EXHAUSTED, "no room");
    assert_string_equal(get(fixture, "a"), "");
    assert_string_equal(get(fixture, "c"), "");
    assert_int_equal(snapshot_cache_stats(fixture->cache).bytes, bytes);
    pairs[1] = (struct value_pair){bytes_of_text("snapshot:a"), bytes_of_text("1")};
    assert_fails(value_set_all(fixture->values, pairs, 3, NULL), INVALID_ARGUMENT, "names a");
    assert_string_equal(get(fixture, "a"), "");
    assert_int_equal(value_count(fixture->values), 0);
    free(large);
}

struct rows {
    size_t count;
    uint32_t values[MEMBERS];
};

/* A row of `values` ends with the value. */
static bool collect_row(void *context, struct bytes key, struct bytes row)
{
    struct rows *rows = context;

    (void)key;
    assert_true(rows->count < MEMBERS && row.size > sizeof(uint32_t));
    memcpy(&rows->values[rows->count++], row.data + row.size - sizeof(uint32_t), sizeof(uint32_t));
    return true;
}

static atomic_bool is_over;

static void *flush_again_and_again(void *argument)
{
    while (!atomic_load(&is_over))
        assert_ok(value_store_flush(argument));
    return NULL;
}

/* A flush may begin at any moment. */
static void the_disk_never_holds_a_part_of_what_is_set_together(void **state)
{
    struct fixture *fixture = *state;
    struct rows *rows = calloc(1, sizeof *rows);
    pthread_t flusher;

    fixture->intents_alone = true;
    reopen(fixture, 8 << 20, CACHE_ALLKEYS_LRU);
    atomic_store(&is_over, false);
    assert_int_equal(pthread_create(&flusher, NULL, flush_again_and_again, fixture->values), 0);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        assert_ok(set_members(fixture, round));
        rows->count = 0;
        assert_ok(engine_scan(fixture->engine, &(struct scan){.family = FAMILY_VALUES}, collect_row,
                              rows));
        assert_true(rows->count == 0 || rows->count == MEMBERS);
        for (size_t i = 1; i < rows->count; i++)
            assert_int_equal(rows->values[i], rows->values[0]);
    }
    atomic_store(&is_over, true);
    assert_int_equal(pthread_join(flusher, NULL), 0);
    free(rows);
}

/* --- walking ----------------------------------------------------------------------------- */

enum { KEYS = 2500 };

struct seen {
    unsigned times[KEYS];
    unsigned others;
};

static void see(void *context, struct bytes key)
{
    struct seen *seen = context;
    char text[16] = {0};
    int number = -1;

    memcpy(text, key.data, key.size < 15 ? key.size : 15);
    if (sscanf(text, "k%d", &number) == 1 && number >= 0 && number < KEYS)
        seen->times[number]++;
    else
        seen->others++;
}

static void a_walk_meets_every_key_whether_saved_or_not(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    uint64_t cursor = 0;
    unsigned steps = 0;

    for (int i = 0; i < KEYS; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        set(fixture, key, "v");
        if (i == KEYS / 2)
            assert_ok(value_store_flush(fixture->values));
    }
    do {
        assert_ok(value_scan(fixture->values, cursor, 100, see, &seen, &cursor));
        steps++;
    } while (cursor != 0);
    for (int i = 0; i < KEYS; i++)
        assert_true(seen.times[i] >= 1);
    assert_int_equal(seen.others, 0);
    assert_true(steps > 5);
    assert_int_equal(value_count(fixture->values), KEYS);
}

/* --- the cache --------------------------------------------------------------------------- */

static void fill(struct fixture *fixture, int first, int count, size_t size)
{
    uint8_t *value = calloc(1, size);

    for (int i = first; i < first + count; i++) {
        char key[16];
        snprintf(key, sizeof key, "f%d", i);
        struct value_set change = {
            .key = bytes_of_text(key), .value = {value, size}, .expires_us = VALUE_NO_EXPIRY};
        set_now_us(now() + 2000);
        assert_ok(value_set(fixture->values, &change));
        if (i % 10 == 9)
            assert_ok(value_store_flush(fixture->values));
    }
    assert_ok(value_store_flush(fixture->values));
    free(value);
}

static bool is_cached(struct fixture *fixture, const char *key)
{
    uint64_t hits = snapshot_cache_stats(fixture->cache).hits;

    get(fixture, key);
    return snapshot_cache_stats(fixture->cache).hits > hits;
}

static void what_was_looked_at_lately_stays_under_lru(void **state)
{
    struct fixture *fixture = *state;

    reopen(fixture, 2 << 20, CACHE_ALLKEYS_LRU);
    set(fixture, "hot", "1");
    for (int i = 0; i < 30; i++) {
        fill(fixture, i * 10, 10, 10000);
        set_now_us(now() + 2000);
        assert_true(is_cached(fixture, "hot"));
    }
    assert_true(snapshot_cache_stats(fixture->cache).evictions > 50);
    assert_true(snapshot_cache_stats(fixture->cache).bytes <= 2 << 20);
}

static void what_is_looked_at_often_stays_under_lfu(void **state)
{
    struct fixture *fixture = *state;

    reopen(fixture, 2 << 20, CACHE_ALLKEYS_LFU);
    set(fixture, "hot", "1");
    for (int i = 0; i < 1000; i++)
        assert_string_equal(get(fixture, "hot"), "1");
    fill(fixture, 0, 600, 10000);
    assert_true(is_cached(fixture, "hot"));
    assert_true(snapshot_cache_stats(fixture->cache).evictions > 300);
}

static void only_what_expires_goes_under_volatile_ttl(void **state)
{
    struct fixture *fixture = *state;
    struct value_set brief = set_of("brief", "1");

    reopen(fixture, 2 << 20, CACHE_VOLATILE_TTL);
    brief.expires_us = now() + 3600 * (int64_t)SECOND_US;
    set(fixture, "lasting", "1");
    assert_ok(value_set(fixture->values, &brief));
    fill(fixture, 0, 300, 10000);
    assert_true(is_cached(fixture, "lasting"));
    assert_string_equal(get(fixture, "brief"), "1"); /* evicted or not, it is there */
    assert_true(snapshot_cache_stats(fixture->cache).bytes <= 2 << 20);
}

static void nothing_goes_under_noeviction_and_the_rest_is_read_from_disk(void **state)
{
    struct fixture *fixture = *state;
    struct cache_entry *entry;

    reopen(fixture, 2 << 20, CACHE_NOEVICTION);
    fill(fixture, 0, 300, 10000);
    assert_int_equal(snapshot_cache_stats(fixture->cache).evictions, 0);
    assert_true(is_cached(fixture, "f0"));
    assert_false(is_cached(fixture, "f299"));
    assert_ok(value_get(fixture->values, bytes_of_text("f299"), &entry, NULL));
    assert_int_equal(cache_entry_value(entry).size, 10000);
    cache_entry_release(entry);
}

enum { MIXED_CACHE_BYTES = 16 << 20, MIXED_CHANGES = 1500, MIXED_KEYS = 600 };

/* Mostly small, sometimes large: 0 bytes to 256 KiB. */
static size_t mixed_size(uint32_t *random)
{
    *random = *random * 1664525 + 1013904223;
    return (*random >> 8) % ((size_t)1 << (*random >> 28) % 4 * 6);
}

static void await_room(struct value_store *values, size_t bytes)
{
    while (!value_store_has_room(values, bytes))
        assert_ok(value_store_flush(values));
}

/* Sets, sets together, deletes, lets expire; after each change the cache holds no more than it may,
 * by a twentieth. */
static void change_mixed(struct value_store *values, struct snapshot_cache *cache)
{
    uint8_t *value = calloc(1, 256 << 10);
    uint32_t random = 7;
    int64_t previous_us;

    for (int i = 0; i < MIXED_CHANGES; i++) {
        char key[64], second[64];
        size_t size = mixed_size(&random);
        bool found;
        snprintf(key, sizeof key, "%0*u", 1 + (int)(random % 40), random % MIXED_KEYS);
        snprintf(second, sizeof second, "second-%s", key);
        struct value_set one = {.key = bytes_of_text(key), .value = {value, size}};
        struct value_pair both[] = {{one.key, one.value}, {bytes_of_text(second), one.value}};
        one.expires_us = i % 3 ? VALUE_NO_EXPIRY : now() + 3600 * (int64_t)SECOND_US;
        await_room(values, 2 * (size + sizeof second + VALUE_CHANGE_BYTES));
        if (i % 10 == 0)
            assert_ok(value_set_all(values, both, 2, NULL));
        else if (i % 11 == 0)
            assert_ok(value_delete(values, one.key, NULL, &found));
        else if (i % 13 == 0)
            assert_ok(value_expire(values, one.key, one.expires_us, NULL, &found, &previous_us));
        else
            assert_ok(value_set(values, &one));
        struct cache_stats stats = snapshot_cache_stats(cache);
        assert_true(stats.bytes <= MIXED_CACHE_BYTES / 20 * 21);
        assert_true(stats.unsaved_bytes <= stats.bytes);
    }
    free(value);
}

static size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* And what it counts is what malloc gets back in the end. */
static void mixed_values_never_take_more_than_the_cache_may(void **state)
{
    struct fixture *fixture = *state;

    for (enum cache_policy policy = CACHE_ALLKEYS_LRU; policy <= CACHE_NOEVICTION; policy++) {
        struct cache_options options = {.bytes_max = MIXED_CACHE_BYTES, .policy = policy};
        struct snapshot_cache *cache;
        struct value_store *values;

        assert_ok(snapshot_cache_create(&options, &cache));
        assert_ok(value_store_open(&(struct value_store_options){.log = fixture->log,
                                                                 .engine = fixture->engine,
                                                                 .cache = cache},
                                   &values));
        change_mixed(values, cache);
        assert_ok(value_store_flush(values));
        value_store_close(values);
        /* When this is written, the writer has given back what the last flush took. */
        assert_ok(append_some(fixture->log, "last", ANY, 1, NULL));
        size_t counted = snapshot_cache_stats(cache).bytes, before = allocated();
        assert_true(counted > MIXED_CACHE_BYTES / 2);
        snapshot_cache_free(cache);
        size_t freed = before - allocated();
        if (before > 0) /* a sanitizer's malloc does not tell */
            assert_in_range(counted, freed - freed / 50, freed + freed / 50);
    }
}

static void an_entry_costs_little_and_the_count_of_bytes_is_malloc_s(void **state)
{
    struct fixture *fixture = *state;
    size_t before = snapshot_cache_stats(fixture->cache).bytes, content = 0;
    struct cache_entry *entry;

    for (int i = 0; i < 20000; i++) {
        char key[16];
        snprintf(key, sizeof key, "f%d", i);
        content += strlen(key) + 100;
    }
    fill(fixture, 0, 20000, 100);
    struct cache_stats stats = snapshot_cache_stats(fixture->cache);
    assert_int_equal(stats.entries, 20000);
    size_t overhead = (stats.bytes - before - content) / stats.entries;
    print_message("overhead: %zu bytes an entry\n", overhead);
    assert_true(overhead <= OVERHEAD_BYTES_MAX);
    assert_ok(value_peek(fixture->values, bytes_of_text("f7"), &entry, NULL));
    assert_true(cache_entry_bytes(entry) >= malloc_usable_size(entry));
    cache_entry_release(entry);
}

#define ON_BOTH(test)                                                                              \
    cmocka_unit_test_setup_teardown(test, open_in_memory, close_stores),                           \
        cmocka_unit_test_setup_teardown(test, open_on_disk, close_stores)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_value_is_seen_at_once_and_survives_a_restart),
        ON_BOTH(conditions_hold_in_memory_and_on_disk),
        ON_BOTH(a_value_expires_and_its_row_is_swept),
        ON_BOTH(expiry_is_changed_kept_and_taken_away),
        ON_BOTH(a_deleted_value_stays_deleted),
        ON_BOTH(limits_are_named),
        ON_BOTH(what_is_set_together_is_there_after_a_restart),
        ON_BOTH(nothing_is_set_if_one_of_them_cannot_be),
        ON_BOTH(the_disk_never_holds_a_part_of_what_is_set_together),
        ON_BOTH(a_walk_meets_every_key_whether_saved_or_not),
        ON_BOTH(what_was_looked_at_lately_stays_under_lru),
        ON_BOTH(what_is_looked_at_often_stays_under_lfu),
        ON_BOTH(only_what_expires_goes_under_volatile_ttl),
        ON_BOTH(nothing_goes_under_noeviction_and_the_rest_is_read_from_disk),
        cmocka_unit_test_setup_teardown(mixed_values_never_take_more_than_the_cache_may,
                                        open_in_memory, close_stores),
        ON_BOTH(an_entry_costs_little_and_the_count_of_bytes_is_malloc_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
