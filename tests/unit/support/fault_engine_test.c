/* The fault engine fails where it is told and nowhere else; that it is an
 * engine is tested by the contract. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "storage/engine/memory_engine.h"
#include "tests/support/fault_engine.h"

struct subject {
    struct engine *inner;
    struct engine *engine;
};

static struct subject subject;

static int set_up(void **state)
{
    (void)state;
    if (!status_ok(memory_engine_open(&subject.inner)))
        return -1;
    subject.engine = fault_engine_open(subject.inner);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    engine_close(subject.engine);
    engine_close(subject.inner);
    return 0;
}

static enum status_code put(const char *key)
{
    struct write write = {
        .family = FAMILY_META, .key = bytes_of_text(key), .value = bytes_of_text("value")};
    return engine_commit(subject.engine, &write, 1, true).code;
}

/* Looks below the fault engine. */
static bool is_stored(const char *key)
{
    struct bytes value = {0};
    struct arena arena;

    arena_init(&arena, 1024);
    struct status status =
        engine_get(subject.inner, FAMILY_META, bytes_of_text(key), &arena, &value);
    bool stored = value.data != NULL;
    arena_destroy(&arena);
    assert_true(status_ok(status));
    return stored;
}

static void a_commit_that_fails_before_has_no_effect(void **state)
{
    (void)state;
    fault_engine_fail_commit(subject.engine, 2, FAULT_BEFORE);
    assert_int_equal(put("a"), STATUS_OK);
    assert_int_equal(put("b"), STATUS_UNAVAILABLE);
    assert_true(is_stored("a"));
    assert_false(is_stored("b"));
}

static void a_commit_that_fails_after_has_its_effect(void **state)
{
    (void)state;
    fault_engine_fail_commit(subject.engine, 1, FAULT_AFTER);
    assert_int_equal(put("a"), STATUS_UNAVAILABLE);
    assert_true(is_stored("a"));
}

static void no_commit_succeeds_after_one_has_failed(void **state)
{
    (void)state;
    fault_engine_fill_disk(subject.engine, 1);
    assert_int_equal(put("a"), STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(put("b"), STATUS_UNAVAILABLE);
    assert_false(is_stored("a"));
    assert_false(is_stored("b"));
}

static void a_new_one_over_the_same_inner_engine_starts_afresh(void **state)
{
    (void)state;
    assert_int_equal(put("a"), STATUS_OK);
    fault_engine_fill_disk(subject.engine, 1);
    assert_int_equal(put("b"), STATUS_RESOURCE_EXHAUSTED);
    engine_close(subject.engine);
    subject.engine = fault_engine_open(subject.inner);
    assert_true(is_stored("a"));
    assert_int_equal(put("b"), STATUS_OK);
}

static bool visit_nothing(void *context, struct bytes key, struct bytes value)
{
    (void)context, (void)key, (void)value;
    return true;
}

static void one_read_of_any_kind_fails(void **state)
{
    struct bytes key = bytes_of_text("a");
    struct bytes value;
    struct arena arena;
    enum status_code codes[4];

    (void)state;
    arena_init(&arena, 1024);
    for (uint64_t nth = 1; nth <= 3; nth++) {
        fault_engine_fail_read(subject.engine, nth);
        codes[0] = engine_get(subject.engine, FAMILY_META, key, &arena, &value).code;
        codes[1] = engine_multi_get(subject.engine, FAMILY_META, &key, 1, &arena, &value).code;
        codes[2] =
            engine_scan(subject.engine, &(struct scan){.family = FAMILY_META}, visit_nothing, NULL)
                .code;
        codes[3] = engine_get(subject.engine, FAMILY_META, key, &arena, &value).code;
        for (uint64_t i = 0; i < 4; i++)
            assert_int_equal(codes[i], i + 1 == nth ? STATUS_UNAVAILABLE : STATUS_OK);
    }
    arena_destroy(&arena);
    assert_int_equal(fault_engine_counts(subject.engine).reads, 12);
}

static void commits_and_writes_are_counted(void **state)
{
    struct write writes[3] = {
        {.family = FAMILY_META, .key = bytes_of_text("a")},
        {.family = FAMILY_LOG, .key = bytes_of_text("b")},
        {.family = FAMILY_LOG, .kind = WRITE_DELETE, .key = bytes_of_text("c")},
    };

    (void)state;
    assert_true(status_ok(engine_commit(subject.engine, writes, 3, true)));
    assert_int_equal(put("d"), STATUS_OK);
    assert_int_equal(fault_engine_counts(subject.engine).commits, 2);
    assert_int_equal(fault_engine_counts(subject.engine).writes, 4);
}

static void *put_in_a_thread(void *code)
{
    *(enum status_code *)code = put("held");
    return NULL;
}

static void a_held_commit_takes_effect_after_the_release(void **state)
{
    enum status_code code = STATUS_UNKNOWN;
    pthread_t thread;

    (void)state;
    fault_engine_hold_commits(subject.engine);
    assert_int_equal(pthread_create(&thread, NULL, put_in_a_thread, &code), 0);
    fault_engine_await_held_commit(subject.engine);
    bool stored_while_held = is_stored("held");
    fault_engine_release_commits(subject.engine);
    pthread_join(thread, NULL);
    assert_false(stored_while_held);
    assert_int_equal(code, STATUS_OK);
    assert_true(is_stored("held"));
}

#define FAULT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAULT(a_commit_that_fails_before_has_no_effect),
        FAULT(a_commit_that_fails_after_has_its_effect),
        FAULT(no_commit_succeeds_after_one_has_failed),
        FAULT(a_new_one_over_the_same_inner_engine_starts_afresh),
        FAULT(one_read_of_any_kind_fails),
        FAULT(commits_and_writes_are_counted),
        FAULT(a_held_commit_takes_effect_after_the_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
