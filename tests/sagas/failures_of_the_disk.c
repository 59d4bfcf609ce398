/* The rows of the failure table that are about the disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/rocksdb/rocksdb_engine.h"
#include "tests/sagas/failures.h"

void f17_a_commit_that_fails_changes_nothing_and_ends_the_server(void **state)
{
    struct rpc_client *rpc = stage_rpc_client();

    (void)state;
    define(TWO);
    start_order("1");
    struct taken taken = take_step("a", "a");
    stage_fail_writes();
    struct rpc_call *reply = send_success(rpc, taken.id);
    struct rpc_call *start = send_start(rpc, "2");
    expect_unavailable(reply);
    expect_unavailable(start);
    rpc_client_free(rpc);
    stage_expect_end();
    stage_start(NULL);
    expect_no_saga("2");
    expect_status("1", RUNNING);
    assert_int_equal(count_events("work-1"), 0);
    expect_nothing_ready("b");
    do_step("a", "a");
    do_step("b", "b");
    assert_int_equal(end_of_order("1"), COMPLETED);
}

/* The newest write-ahead log. */
static void find_wal(char path[512], off_t *size)
{
    char pattern[300];
    struct stat file;
    glob_t found;

    snprintf(pattern, sizeof pattern, "%.280s/*.log", stage_data());
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    snprintf(path, 512, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    assert_int_equal(stat(path, &file), 0);
    *size = file.st_size;
}

void f18_a_torn_tail_of_the_write_ahead_log_takes_only_what_was_in_it(void **state)
{
    char before_path[512], path[512];
    off_t before, size;

    (void)state;
    define(ONE);
    start_order("1");
    find_wal(before_path, &before);
    start_order("2");
    stage_kill();
    find_wal(path, &size);
    assert_string_equal(path, before_path);
    assert_true(size > before);
    assert_int_equal(truncate(path, before + (size - before) / 2), 0);
    stage_start(NULL);
    expect_no_saga("2");
    do_step("a", "a");
    assert_int_equal(end_of_order("1"), COMPLETED);
    expect_nothing_ready("a");
    expect_started("2", STARTED);
    do_step("a", "a");
    assert_int_equal(end_of_order("2"), COMPLETED);
}

struct first_key {
    uint8_t bytes[256];
    size_t size;
};

static bool keep_key(void *context, struct bytes key, struct bytes value)
{
    struct first_key *first = context;

    (void)value;
    assert_true(key.size <= sizeof first->bytes);
    memcpy(first->bytes, key.data, key.size);
    first->size = key.size;
    return false;
}

/* Deletes the first entry of a family. */
static void lose_entry(enum family family)
{
    struct rocksdb_engine_options options = {
        .directory = stage_data(), .block_cache_bytes = 8 << 20, .write_buffer_bytes = 8 << 20};
    struct scan scan = {.family = family};
    struct first_key first = {.size = 0};
    struct engine *engine = NULL;

    assert_string_equal(rocksdb_engine_open(&options, &engine).message, "");
    assert_string_equal(engine_scan(engine, &scan, keep_key, &first).message, "");
    assert_true(first.size > 0);
    struct write lost = {.family = family, .kind = WRITE_DELETE, .key = {first.bytes, first.size}};
    assert_string_equal(engine_commit(engine, &lost, 1, true).message, "");
    engine_close(engine);
}

void f19_what_follows_from_the_log_is_made_again(void **state)
{
    static const enum family of_sagas[] = {FAMILY_SAGAS, FAMILY_SAGA_IDS, FAMILY_SAGA_INDEX};

    (void)state;
    define(TWO);
    start_order("1");
    do_step("a", "a");
    stage_stop();
    lose_entry(FAMILY_STREAMS);
    assert_int_not_equal(stage_maintain("verify"), 0);
    assert_int_equal(stage_maintain("rebuild"), 0);
    assert_int_equal(stage_maintain("verify"), 0);
    lose_entry(FAMILY_SAGAS);
    stage_expect_no_start(); /* an open saga is not passed over */
    for (size_t i = 0; i < sizeof of_sagas / sizeof *of_sagas; i++) {
        if (i > 0)
            lose_entry(of_sagas[i]);
        assert_int_not_equal(stage_maintain("verify"), 0);
        assert_int_equal(stage_maintain("rebuild"), 0);
        assert_int_equal(stage_maintain("verify"), 0);
    }
    stage_start(NULL);
    expect_status("1", RUNNING);
    do_step("b", "b");
    assert_int_equal(end_of_order("1"), COMPLETED);
}
