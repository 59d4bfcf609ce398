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

struct entry {
    uint8_t key[64], value[4096];
    struct write write;
};

static bool keep_entry(void *context, struct bytes key, struct bytes value)
{
    struct entry *entry = context;

    assert_true(key.size <= sizeof entry->key && value.size <= sizeof entry->value);
    memcpy(entry->key, key.data, key.size);
    memcpy(entry->value, value.data, value.size);
    entry->write.key = (struct bytes){entry->key, key.size};
    entry->write.value = (struct bytes){entry->value, value.size};
    return false;
}

static struct engine *open_engine(void)
{
    struct rocksdb_engine_options options = {
        .directory = stage_data(), .block_cache_bytes = 8 << 20, .write_buffer_bytes = 8 << 20};
    struct engine *engine = NULL;

    assert_string_equal(rocksdb_engine_open(&options, &engine).message, "");
    return engine;
}

/* Deletes the first entry of a family, which `lost` keeps. */
static void lose_entry(enum family family, struct entry *lost)
{
    struct engine *engine = open_engine();
    struct scan scan = {.family = family};

    assert_string_equal(engine_scan(engine, &scan, keep_entry, lost).message, "");
    assert_true(lost->write.key.size > 0);
    lost->write.family = family;
    lost->write.kind = WRITE_DELETE;
    assert_string_equal(engine_commit(engine, &lost->write, 1, true).message, "");
    engine_close(engine);
}

static void put_back(struct entry *lost)
{
    struct engine *engine = open_engine();

    lost->write.kind = WRITE_PUT;
    assert_string_equal(engine_commit(engine, &lost->write, 1, true).message, "");
    engine_close(engine);
}

void f19_a_damaged_index_is_made_again_and_a_lost_row_is_not_passed_over(void **state)
{
    static struct entry lost;

    (void)state;
    define(TWO);
    start_order("1");
    do_step("a", "a");
    stage_stop();
    lose_entry(FAMILY_STREAMS, &lost);
    assert_int_not_equal(stage_maintain("verify"), 0);
    assert_int_equal(stage_maintain("rebuild"), 0);
    assert_int_equal(stage_maintain("verify"), 0);
    lose_entry(FAMILY_SAGAS, &lost);
    stage_expect_no_start();
    put_back(&lost);
    stage_start(NULL);
    do_step("b", "b");
    assert_int_equal(end_of_order("1"), COMPLETED);
}
