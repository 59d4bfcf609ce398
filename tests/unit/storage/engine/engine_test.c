/* The contract of the storage port, run over each engine: the first argument
 * names it (memory, rocksdb, fault). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/engine/engine.h"
#include "storage/engine/memory_engine.h"
#include "storage/rocksdb/rocksdb_engine.h"
#include "tests/support/fault_engine.h"

enum { ARENA_BYTES_MAX = 1 << 20, SEEN_BYTES_MAX = 4096 };

struct subject {
    struct engine *engine;
    struct engine *inner; /* of a fault engine, or NULL */
    struct arena arena;
};

/* --- engines -------------------------------------------------------------- */

static struct status open_memory(struct subject *subject)
{
    return memory_engine_open(&subject->engine);
}

static struct status open_fault(struct subject *subject)
{
    TRY(memory_engine_open(&subject->inner));
    subject->engine = fault_engine_open(subject->inner);
    return OK;
}

static struct status open_rocksdb(struct subject *subject)
{
    const char *parent = getenv("TEST_TMPDIR");
    char directory[512];

    snprintf(directory, sizeof directory, "%s/engine.XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(directory));
    struct rocksdb_engine_options options = {
        .directory = directory,
        .block_cache_bytes = 8 << 20,
        .write_buffer_bytes = 8 << 20,
        .create_if_missing = true,
    };
    return rocksdb_engine_open(&options, &subject->engine);
}

static struct status (*open_subject)(struct subject *subject);

static int set_up(void **state)
{
    struct subject *subject = calloc(1, sizeof *subject);

    assert_non_null(subject);
    struct status status = open_subject(subject);
    if (!status_ok(status))
        fail_msg("open: %s", status.message);
    arena_init(&subject->arena, ARENA_BYTES_MAX);
    *state = subject;
    return 0;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;

    engine_close(subject->engine);
    if (subject->inner)
        engine_close(subject->inner);
    arena_destroy(&subject->arena);
    free(subject);
    return 0;
}

/* --- short forms ---------------------------------------------------------- */

static void assert_ok(struct status status)
{
    if (!status_ok(status))
        fail_msg("%s: %s", status_code_name(status.code), status.message);
}

#define TEXT(text) bytes_of((text), sizeof(text) - 1)

static struct write put_of(enum family family, struct bytes key, struct bytes value)
{
    return (struct write){.family = family, .kind = WRITE_PUT, .key = key, .value = value};
}

static struct write delete_of(enum family family, struct bytes key)
{
    return (struct write){.family = family, .kind = WRITE_DELETE, .key = key};
}

static void put(struct subject *subject, enum family family, struct bytes key, struct bytes value)
{
    struct write write = put_of(family, key, value);
    assert_ok(engine_commit(subject->engine, &write, 1, false));
}

static struct bytes get(struct subject *subject, enum family family, struct bytes key)
{
    struct bytes value = {0};
    assert_ok(engine_get(subject->engine, family, key, &subject->arena, &value));
    return value;
}

static void assert_bytes(struct bytes actual, struct bytes expected)
{
    assert_non_null(actual.data);
    assert_int_equal(actual.size, expected.size);
    assert_memory_equal(actual.data, expected.data, expected.size);
}

/* What a scan visits, as "key=value ". */
struct seen {
    char text[SEEN_BYTES_MAX];
    size_t size;
    size_t visits_max; /* 0: no limit */
    size_t visits;
};

static bool see(void *context, struct bytes key, struct bytes value)
{
    struct seen *seen = context;
    int size =
        snprintf(seen->text + seen->size, sizeof seen->text - seen->size, "%.*s=%.*s ",
                 (int)key.size, (const char *)key.data, (int)value.size, (const char *)value.data);

    seen->size += (size_t)size;
    assert_true(seen->size < sizeof seen->text);
    return ++seen->visits != seen->visits_max;
}

static void assert_scan(struct subject *subject, struct scan scan, const char *expected)
{
    struct seen seen = {0};

    assert_ok(engine_scan(subject->engine, &scan, see, &seen));
    assert_string_equal(seen.text, expected);
}

static void put_letters(struct subject *subject)
{
    put(subject, FAMILY_NAMES, TEXT("d"), TEXT("4"));
    put(subject, FAMILY_NAMES, TEXT("b"), TEXT("2"));
    put(subject, FAMILY_NAMES, TEXT("a"), TEXT("1"));
    put(subject, FAMILY_NAMES, TEXT("c"), TEXT("3"));
}

/* --- get ------------------------------------------------------------------ */

static void get_returns_what_was_put(void **state)
{
    put(*state, FAMILY_NAMES, TEXT("order-1"), TEXT("one"));
    assert_bytes(get(*state, FAMILY_NAMES, TEXT("order-1")), TEXT("one"));
}

static void get_of_a_missing_key_is_null(void **state)
{
    put(*state, FAMILY_NAMES, TEXT("order-1"), TEXT("one"));
    assert_null(get(*state, FAMILY_NAMES, TEXT("order-")).data);
    assert_null(get(*state, FAMILY_NAMES, TEXT("order-11")).data);
    assert_null(get(*state, FAMILY_TYPES, TEXT("order-1")).data);
}

static void get_of_an_empty_value_is_not_null(void **state)
{
    put(*state, FAMILY_META, TEXT("empty"), TEXT(""));
    assert_bytes(get(*state, FAMILY_META, TEXT("empty")), TEXT(""));
}

static void the_last_put_of_a_key_wins(void **state)
{
    put(*state, FAMILY_META, TEXT("key"), TEXT("a longer first value"));
    put(*state, FAMILY_META, TEXT("key"), TEXT("second"));
    assert_bytes(get(*state, FAMILY_META, TEXT("key")), TEXT("second"));
}

static void a_value_that_does_not_fit_the_arena_is_refused(void **state)
{
    struct subject *subject = *state;
    uint8_t large[4096] = {7};
    struct bytes key = TEXT("large");
    struct bytes value = {0};
    struct arena small;

    put(subject, FAMILY_LOG, key, bytes_of(large, sizeof large));
    arena_init(&small, 1024);
    struct status got = engine_get(subject->engine, FAMILY_LOG, key, &small, &value);
    struct status got_many = engine_multi_get(subject->engine, FAMILY_LOG, &key, 1, &small, &value);
    arena_destroy(&small);
    assert_int_equal(got.code, STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(got_many.code, STATUS_RESOURCE_EXHAUSTED);
    assert_null(value.data);
}

static void multi_get_answers_each_key(void **state)
{
    struct subject *subject = *state;
    const struct bytes keys[] = {TEXT("a"), TEXT("aa"), TEXT("b"), TEXT("e"), TEXT("z")};
    struct bytes values[5];

    put_letters(subject);
    put(subject, FAMILY_NAMES, TEXT("e"), TEXT(""));
    assert_ok(engine_multi_get(subject->engine, FAMILY_NAMES, keys, 5, &subject->arena, values));
    assert_bytes(values[0], TEXT("1"));
    assert_null(values[1].data);
    assert_bytes(values[2], TEXT("2"));
    assert_bytes(values[3], TEXT(""));
    assert_null(values[4].data);
}

static void multi_get_takes_any_number_of_keys(void **state)
{
    enum { COUNT = 1000 };
    struct subject *subject = *state;
    uint8_t stored[COUNT][8];
    struct bytes keys[COUNT];
    struct bytes values[COUNT];
    struct write writes[COUNT];

    for (uint64_t i = 0; i < COUNT; i++) {
        put_u64_big_endian(stored[i], i);
        keys[i] = bytes_of(stored[i], 8);
        writes[i] = put_of(FAMILY_LOG, keys[i], keys[i]);
    }
    assert_ok(engine_commit(subject->engine, writes, COUNT, false));
    assert_ok(engine_multi_get(subject->engine, FAMILY_LOG, keys, COUNT, &subject->arena, values));
    for (size_t i = 0; i < COUNT; i++)
        assert_bytes(values[i], keys[i]);
    assert_ok(engine_multi_get(subject->engine, FAMILY_LOG, keys, 0, &subject->arena, values));
}

/* --- commit --------------------------------------------------------------- */

static void a_commit_spans_families(void **state)
{
    struct subject *subject = *state;
    struct write writes[FAMILY_COUNT];

    for (int i = 0; i < FAMILY_COUNT; i++)
        writes[i] = put_of(i, TEXT("key"), bytes_of_text(family_name(i)));
    assert_ok(engine_commit(subject->engine, writes, FAMILY_COUNT, true));
    for (int i = 0; i < FAMILY_COUNT; i++)
        assert_bytes(get(subject, i, TEXT("key")), bytes_of_text(family_name(i)));
}

static void a_later_write_in_a_commit_wins(void **state)
{
    struct subject *subject = *state;
    struct write writes[] = {
        put_of(FAMILY_META, TEXT("twice"), TEXT("first")),
        put_of(FAMILY_META, TEXT("deleted"), TEXT("first")),
        delete_of(FAMILY_META, TEXT("put")),
        put_of(FAMILY_META, TEXT("twice"), TEXT("second")),
        delete_of(FAMILY_META, TEXT("deleted")),
        put_of(FAMILY_META, TEXT("put"), TEXT("again")),
    };

    assert_ok(engine_commit(subject->engine, writes, 6, true));
    assert_scan(subject, (struct scan){.family = FAMILY_META}, "put=again twice=second ");
}

static void a_deleted_key_is_gone(void **state)
{
    struct subject *subject = *state;
    struct write writes[] = {
        delete_of(FAMILY_NAMES, TEXT("b")), delete_of(FAMILY_NAMES, TEXT("never there")),
        delete_of(FAMILY_TYPES, TEXT("a")), /* of another family */
    };

    put_letters(subject);
    assert_ok(engine_commit(subject->engine, writes, 3, true));
    assert_null(get(subject, FAMILY_NAMES, TEXT("b")).data);
    assert_scan(subject, (struct scan){.family = FAMILY_NAMES}, "a=1 c=3 d=4 ");
}

static void compacting_changes_nothing_that_is_there(void **state)
{
    struct subject *subject = *state;
    struct write deletion = delete_of(FAMILY_NAMES, TEXT("b"));

    put_letters(subject);
    assert_ok(engine_commit(subject->engine, &deletion, 1, true));
    assert_ok(engine_compact(subject->engine, FAMILY_NAMES, TEXT("a"), TEXT("c")));
    assert_ok(engine_compact(subject->engine, FAMILY_NAMES, (struct bytes){0}, (struct bytes){0}));
    assert_scan(subject, (struct scan){.family = FAMILY_NAMES}, "a=1 c=3 d=4 ");
    put(subject, FAMILY_NAMES, TEXT("e"), TEXT("5"));
    assert_scan(subject, (struct scan){.family = FAMILY_NAMES}, "a=1 c=3 d=4 e=5 ");
}

static void an_empty_commit_succeeds(void **state)
{
    struct subject *subject = *state;
    assert_ok(engine_commit(subject->engine, NULL, 0, true));
}

static void a_commit_borrows_its_bytes_only_for_the_call(void **state)
{
    char key[] = "key";
    char value[] = "value";

    put(*state, FAMILY_META, bytes_of(key, 3), bytes_of(value, 5));
    memset(key, 'x', 3);
    memset(value, 'x', 5);
    assert_bytes(get(*state, FAMILY_META, TEXT("key")), TEXT("value"));
}

/* --- scan ----------------------------------------------------------------- */

static void a_scan_visits_keys_in_order(void **state)
{
    put_letters(*state);
    assert_scan(*state, (struct scan){.family = FAMILY_NAMES}, "a=1 b=2 c=3 d=4 ");
    assert_scan(*state, (struct scan){.family = FAMILY_NAMES, .bulk = true}, "a=1 b=2 c=3 d=4 ");
    assert_scan(*state, (struct scan){.family = FAMILY_NAMES, .readahead_bytes = 1 << 20},
                "a=1 b=2 c=3 d=4 ");
    assert_scan(*state, (struct scan){.family = FAMILY_NAMES, .backwards = true},
                "d=4 c=3 b=2 a=1 ");
    assert_scan(*state, (struct scan){.family = FAMILY_TYPES}, "");
}

static void a_scan_keeps_to_its_bounds(void **state)
{
    struct scan inner = {.family = FAMILY_NAMES, .from = TEXT("b"), .to = TEXT("d")};
    struct scan between = {.family = FAMILY_NAMES, .from = TEXT("aa"), .to = TEXT("cc")};
    struct scan from = {.family = FAMILY_NAMES, .from = TEXT("c")};
    struct scan to = {.family = FAMILY_NAMES, .to = TEXT("c")};

    put_letters(*state);
    assert_scan(*state, inner, "b=2 c=3 ");
    assert_scan(*state, between, "b=2 c=3 ");
    assert_scan(*state, from, "c=3 d=4 ");
    assert_scan(*state, to, "a=1 b=2 ");
    inner.backwards = between.backwards = from.backwards = to.backwards = true;
    assert_scan(*state, inner, "c=3 b=2 ");
    assert_scan(*state, between, "c=3 b=2 ");
    assert_scan(*state, from, "d=4 c=3 ");
    assert_scan(*state, to, "b=2 a=1 ");
}

static void a_scan_of_nothing_visits_nothing(void **state)
{
    struct scan empty = {.family = FAMILY_NAMES, .from = TEXT("b"), .to = TEXT("b")};
    struct scan reversed = {.family = FAMILY_NAMES, .from = TEXT("d"), .to = TEXT("b")};
    struct scan behind = {.family = FAMILY_NAMES, .from = TEXT("e")};

    put_letters(*state);
    for (int backwards = SCAN_FORWARDS; backwards <= SCAN_BACKWARDS; backwards++) {
        empty.backwards = reversed.backwards = behind.backwards = backwards;
        assert_scan(*state, empty, "");
        assert_scan(*state, reversed, "");
        assert_scan(*state, behind, "");
    }
}

static void a_scan_ends_when_visit_says_so(void **state)
{
    struct subject *subject = *state;
    struct scan scan = {.family = FAMILY_NAMES};
    struct seen forwards = {.visits_max = 2};
    struct seen backwards = {.visits_max = 3};

    put_letters(subject);
    assert_ok(engine_scan(subject->engine, &scan, see, &forwards));
    assert_string_equal(forwards.text, "a=1 b=2 ");
    scan.backwards = true;
    assert_ok(engine_scan(subject->engine, &scan, see, &backwards));
    assert_string_equal(backwards.text, "d=4 c=3 b=2 ");
}

static bool count_ascending(void *context, struct bytes key, struct bytes value)
{
    uint64_t *count = context;

    assert_int_equal(key.size, 8);
    assert_int_equal(get_u64_big_endian(key.data), *count);
    assert_bytes(value, key);
    ++*count;
    return true;
}

static void many_keys_put_in_order_are_scanned_in_order(void **state)
{
    enum { COMMITS = 200, WRITES = 100 };
    struct subject *subject = *state;
    struct write writes[WRITES];
    uint8_t keys[WRITES][8];
    uint64_t count = 0;

    for (uint64_t commit = 0; commit < COMMITS; commit++) {
        for (uint64_t i = 0; i < WRITES; i++) {
            put_u64_big_endian(keys[i], commit * WRITES + i);
            writes[i] = put_of(FAMILY_LOG, bytes_of(keys[i], 8), bytes_of(keys[i], 8));
        }
        assert_ok(engine_commit(subject->engine, writes, WRITES, false));
    }
    assert_ok(engine_scan(subject->engine, &(struct scan){.family = FAMILY_LOG, .bulk = true},
                          count_ascending, &count));
    assert_int_equal(count, COMMITS * WRITES);
}

struct keys {
    struct bytes keys[8];
    size_t count;
    struct arena *arena;
};

static bool collect_key(void *context, struct bytes key, struct bytes value)
{
    struct keys *keys = context;

    (void)value;
    keys->keys[keys->count++] = arena_copy(keys->arena, key);
    return keys->count < 8;
}

static void keys_are_ordered_as_unsigned_bytes(void **state)
{
    struct subject *subject = *state;
    const struct bytes ordered[] = {
        TEXT("\x00"), TEXT("\x00\x00"), TEXT("\x00\xff"), TEXT("\x7f"),
        TEXT("\x80"), TEXT("\xff"),     TEXT("\xff\x00"), TEXT("\xff\xff"),
    };
    const int order[] = {5, 0, 7, 3, 1, 6, 2, 4};
    struct keys keys = {.arena = &subject->arena};

    for (int i = 0; i < 8; i++)
        put(subject, FAMILY_STREAMS, ordered[order[i]], ordered[order[i]]);
    assert_ok(
        engine_scan(subject->engine, &(struct scan){.family = FAMILY_STREAMS}, collect_key, &keys));
    assert_int_equal(keys.count, 8);
    for (int i = 0; i < 8; i++) {
        assert_bytes(keys.keys[i], ordered[i]);
        assert_bytes(get(subject, FAMILY_STREAMS, ordered[i]), ordered[i]);
    }
}

/* --- a scan sees one state ------------------------------------------------ */

static bool write_while_scanning(void *context, struct bytes key, struct bytes value)
{
    struct subject *subject = context;
    uint8_t next[] = {(uint8_t)(key.data[0] + 1)};

    assert_bytes(value, TEXT("old"));
    assert_bytes(get(subject, FAMILY_NAMES, key), TEXT("old"));
    put(subject, FAMILY_NAMES, bytes_of(next, 1), TEXT("new"));
    return true;
}

static void visit_may_read_and_commit_and_the_scan_does_not_see_it(void **state)
{
    struct subject *subject = *state;

    put(subject, FAMILY_NAMES, TEXT("a"), TEXT("old"));
    put(subject, FAMILY_NAMES, TEXT("f"), TEXT("old"));
    assert_ok(engine_scan(subject->engine, &(struct scan){.family = FAMILY_NAMES},
                          write_while_scanning, subject));
    assert_scan(subject, (struct scan){.family = FAMILY_NAMES}, "a=old b=new f=old g=new ");
}

/* The writer gives all of ROWS keys the same number, in one commit after the
 * other, and each number deletes or puts a key in the middle. */
enum { ROWS = 64, ROUNDS = 300 };

struct writer {
    struct subject *subject;
    struct status status; /* read after the join: cmocka fails in its own thread only */
    atomic_bool finished;
};

static struct status commit_round(struct subject *subject, uint64_t number)
{
    struct write writes[ROWS + 1];
    uint8_t keys[ROWS + 1][8];
    uint8_t value[8];

    put_u64_little_endian(value, number);
    for (uint64_t i = 0; i <= ROWS; i++)
        put_u64_big_endian(keys[i], i);
    for (uint64_t i = 0; i < ROWS; i++)
        writes[i] = put_of(FAMILY_STREAMS, bytes_of(keys[i], 8), bytes_of(value, 8));
    writes[ROWS] = number % 2 ? put_of(FAMILY_STREAMS, bytes_of(keys[ROWS], 8), bytes_of(value, 8))
                              : delete_of(FAMILY_STREAMS, bytes_of(keys[ROWS], 8));
    return engine_commit(subject->engine, writes, ROWS + 1, false);
}

static void *write_rounds(void *argument)
{
    struct writer *writer = argument;

    for (uint64_t number = 1; number <= ROUNDS && status_ok(writer->status); number++)
        writer->status = commit_round(writer->subject, number);
    atomic_store(&writer->finished, true);
    return NULL;
}

struct state {
    uint64_t number;
    uint64_t rows;
    bool mixed;
};

static bool look(void *context, struct bytes key, struct bytes value)
{
    struct state *seen = context;
    uint64_t number = get_u64_little_endian(value.data);

    (void)key;
    if (seen->rows++ == 0)
        seen->number = number;
    seen->mixed |= number != seen->number;
    return true;
}

static void a_scan_is_consistent_while_another_thread_commits(void **state)
{
    struct writer writer = {.subject = *state};
    struct engine *engine = writer.subject->engine;
    uint64_t newest = 0;
    bool finished = false;
    pthread_t thread;

    assert_ok(commit_round(writer.subject, 0));
    assert_int_equal(pthread_create(&thread, NULL, write_rounds, &writer), 0);
    for (bool backwards = false; !finished; backwards = !backwards) {
        struct state seen = {0};
        finished = atomic_load(&writer.finished); /* then one last look */
        assert_ok(engine_scan(
            engine, &(struct scan){.family = FAMILY_STREAMS, .backwards = backwards}, look, &seen));
        assert_false(seen.mixed);
        assert_int_equal(seen.rows, ROWS + seen.number % 2);
        assert_true(seen.number >= newest);
        newest = seen.number;
    }
    pthread_join(thread, NULL);
    assert_ok(writer.status);
    assert_int_equal(newest, ROUNDS);
}

static void get_and_multi_get_work_while_another_thread_commits(void **state)
{
    struct writer writer = {.subject = *state};
    struct engine *engine = writer.subject->engine;
    uint8_t stored[2][8];
    bool finished = false;
    pthread_t thread;

    put_u64_big_endian(stored[0], 1);
    put_u64_big_endian(stored[1], ROWS - 1);
    const struct bytes keys[] = {bytes_of(stored[0], 8), bytes_of(stored[1], 8)};
    assert_ok(commit_round(writer.subject, 0));
    assert_int_equal(pthread_create(&thread, NULL, write_rounds, &writer), 0);
    while (!finished) {
        struct bytes first;
        struct bytes values[2];
        struct arena arena;
        finished = atomic_load(&writer.finished);
        arena_init(&arena, 4096);
        assert_ok(engine_get(engine, FAMILY_STREAMS, keys[0], &arena, &first));
        assert_ok(engine_multi_get(engine, FAMILY_STREAMS, keys, 2, &arena, values));
        uint64_t number = get_u64_little_endian(first.data);
        assert_true(get_u64_little_endian(values[0].data) >= number);
        assert_true(get_u64_little_endian(values[1].data) >= number);
        if (finished)
            assert_int_equal(number, ROUNDS);
        arena_destroy(&arena);
    }
    pthread_join(thread, NULL);
    assert_ok(writer.status);
}

/* --- which engine --------------------------------------------------------- */

#define CONTRACT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static int run_contract(const char *name)
{
    const struct CMUnitTest contract[] = {
        CONTRACT(get_returns_what_was_put),
        CONTRACT(get_of_a_missing_key_is_null),
        CONTRACT(get_of_an_empty_value_is_not_null),
        CONTRACT(the_last_put_of_a_key_wins),
        CONTRACT(a_value_that_does_not_fit_the_arena_is_refused),
        CONTRACT(multi_get_answers_each_key),
        CONTRACT(multi_get_takes_any_number_of_keys),
        CONTRACT(a_commit_spans_families),
        CONTRACT(a_later_write_in_a_commit_wins),
        CONTRACT(a_deleted_key_is_gone),
        CONTRACT(compacting_changes_nothing_that_is_there),
        CONTRACT(an_empty_commit_succeeds),
        CONTRACT(a_commit_borrows_its_bytes_only_for_the_call),
        CONTRACT(a_scan_visits_keys_in_order),
        CONTRACT(a_scan_keeps_to_its_bounds),
        CONTRACT(a_scan_of_nothing_visits_nothing),
        CONTRACT(a_scan_ends_when_visit_says_so),
        CONTRACT(many_keys_put_in_order_are_scanned_in_order),
        CONTRACT(keys_are_ordered_as_unsigned_bytes),
        CONTRACT(visit_may_read_and_commit_and_the_scan_does_not_see_it),
        CONTRACT(a_scan_is_consistent_while_another_thread_commits),
        CONTRACT(get_and_multi_get_work_while_another_thread_commits),
    };
    return cmocka_run_group_tests_name(name, contract, NULL, NULL);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        struct status (*open)(struct subject *subject);
    } engines[] = {{"memory", open_memory}, {"rocksdb", open_rocksdb}, {"fault", open_fault}};

    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
        if (argc != 2 || strcmp(argv[1], engines[i].name) != 0)
            continue;
        open_subject = engines[i].open;
        return run_contract(engines[i].name);
    }
    fprintf(stderr, "usage: engine_test memory|rocksdb|fault\n");
    return 2;
}
