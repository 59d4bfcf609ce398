/* A store that was made before some of the families existed. Goal: reading it alone finds those
 * empty and makes none; opening it for changes makes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/rocksdb/rocksdb_engine.h"

enum { PATH_BYTES = 512, FAMILIES_BEFORE = FAMILY_POLICIES };

static const struct bytes key = {(const uint8_t *)"key", 3};

struct store {
    char parent[PATH_BYTES];
    char directory[PATH_BYTES + 16]; /* in `parent` */
    struct engine *engine;           /* open in `directory`, or NULL */
    struct arena arena;
};

static void assert_ok(struct status status)
{
    if (!status_ok(status))
        fail_msg("%s: %s", status_code_name(status.code), status.message);
}

static void open_store(struct store *store, bool read_only)
{
    struct rocksdb_engine_options options = {
        .directory = store->directory,
        .block_cache_bytes = 8 << 20,
        .write_buffer_bytes = 8 << 20,
        .create_if_missing = !read_only,
        .read_only = read_only,
    };

    if (store->engine)
        engine_close(store->engine);
    store->engine = NULL;
    assert_ok(rocksdb_engine_open(&options, &store->engine));
}

static void put_into_each_family(struct store *store)
{
    struct write writes[FAMILY_COUNT];

    for (int family = 0; family < FAMILY_COUNT; family++)
        writes[family] = (struct write){(enum family)family, WRITE_PUT, key, key};
    assert_ok(engine_commit(store->engine, writes, FAMILY_COUNT, true));
}

static char **list_columns(const struct store *store, size_t *count)
{
    rocksdb_options_t *options = rocksdb_options_create();
    char *error = NULL;
    char **names = rocksdb_list_column_families(options, store->directory, count, &error);

    assert_null(error);
    rocksdb_options_destroy(options);
    return names;
}

static bool is_new(const char *name)
{
    for (int family = FAMILIES_BEFORE; family < FAMILY_COUNT; family++)
        if (strcmp(name, family_name((enum family)family)) == 0)
            return true;
    return false;
}

/* What the store would be if it had been made before them. */
static void drop_new_families(struct store *store)
{
    rocksdb_options_t *options = rocksdb_options_create();
    const rocksdb_options_t *each[FAMILY_COUNT + 1];
    rocksdb_column_family_handle_t *columns[FAMILY_COUNT + 1];
    char *error = NULL;
    size_t count;

    engine_close(store->engine);
    store->engine = NULL;
    char **names = list_columns(store, &count);
    assert_int_equal(count, FAMILY_COUNT + 1);
    for (size_t i = 0; i < count; i++)
        each[i] = options;
    rocksdb_t *database = rocksdb_open_column_families(
        options, store->directory, (int)count, (const char *const *)names, each, columns, &error);
    assert_null(error);
    for (size_t i = 0; i < count; i++) {
        if (is_new(names[i]))
            rocksdb_drop_column_family(database, columns[i], &error);
        assert_null(error);
        rocksdb_column_family_handle_destroy(columns[i]);
    }
    rocksdb_close(database);
    rocksdb_list_column_families_destroy(names, count);
    rocksdb_options_destroy(options);
}

static size_t count_columns(const struct store *store)
{
    size_t count;
    char **names = list_columns(store, &count);

    rocksdb_list_column_families_destroy(names, count);
    return count;
}

static int set_up(void **state)
{
    struct store *store = calloc(1, sizeof *store);
    const char *parent = getenv("TEST_TMPDIR");

    assert_non_null(store);
    snprintf(store->parent, sizeof store->parent, "%s/older.XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(store->parent));
    snprintf(store->directory, sizeof store->directory, "%s/data", store->parent);
    arena_init(&store->arena, 1 << 20);
    open_store(store, false);
    put_into_each_family(store);
    drop_new_families(store);
    *state = store;
    return 0;
}

static int tear_down(void **state)
{
    struct store *store = *state;

    if (store->engine)
        engine_close(store->engine);
    arena_destroy(&store->arena);
    free(store);
    return 0;
}

static bool count_entry(void *context, struct bytes entry_key, struct bytes value)
{
    assert_int_equal(bytes_compare(entry_key, key), 0);
    assert_int_equal(bytes_compare(value, key), 0);
    (*(size_t *)context)++;
    return true;
}

static void assert_entries(struct store *store, enum family family, size_t expected)
{
    struct bytes keys[] = {key, key};
    struct bytes values[] = {key, key};
    struct bytes value = key;

    for (int backwards = 0; backwards < 2; backwards++) {
        struct scan scan = {.family = family, .backwards = backwards};
        size_t count = 0;
        assert_ok(engine_scan(store->engine, &scan, count_entry, &count));
        assert_int_equal(count, expected);
    }
    assert_ok(engine_get(store->engine, family, key, &store->arena, &value));
    assert_int_equal(value.data != NULL, expected);
    assert_ok(engine_multi_get(store->engine, family, keys, 2, &store->arena, values));
    assert_int_equal(values[0].data != NULL, expected);
    assert_int_equal(values[1].data != NULL, expected);
}

static void families_that_are_missing_are_empty_for_who_only_reads(void **state)
{
    struct store *store = *state;

    open_store(store, true);
    for (int family = 0; family < FAMILY_COUNT; family++)
        assert_entries(store, (enum family)family, family < FAMILIES_BEFORE ? 1 : 0);
    engine_close(store->engine);
    store->engine = NULL;
    assert_int_equal(count_columns(store), FAMILIES_BEFORE + 1);
}

static void add_value(void *context, const struct metric *metric)
{
    assert_true(metric->value >= 0);
    (*(size_t *)context)++;
}

static void missing_families_are_counted_as_empty(void **state)
{
    struct store *store = *state;
    size_t count = 0;

    open_store(store, true);
    engine_statistics(store->engine, add_value, &count);
    assert_true(count > FAMILY_COUNT);
}

static void missing_families_are_made_by_who_opens_it_for_changes(void **state)
{
    struct store *store = *state;

    open_store(store, false);
    assert_int_equal(count_columns(store), FAMILY_COUNT + 1);
    for (int family = 0; family < FAMILY_COUNT; family++)
        assert_entries(store, (enum family)family, family < FAMILIES_BEFORE ? 1 : 0);
    put_into_each_family(store);
    open_store(store, true);
    for (int family = 0; family < FAMILY_COUNT; family++)
        assert_entries(store, (enum family)family, 1);
}

#define STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE(families_that_are_missing_are_empty_for_who_only_reads),
        STORE(missing_families_are_counted_as_empty),
        STORE(missing_families_are_made_by_who_opens_it_for_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
