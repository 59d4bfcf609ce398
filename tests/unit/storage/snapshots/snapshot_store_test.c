/* Snapshots of streams: what is put is found, in the cache and on disk, and nothing older. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/keys/key_store.h"
#include "storage/log/erasure.h"
#include "storage/log/scavenge.h"
#include "storage/log/stream_change.h"
#include "tests/support/inspect.h"
#include "tests/support/log_fixture.h"
#include "tests/unit/storage/snapshots/fixture.h"

static const struct bytes stream = {(const uint8_t *)"order-1", 7};

static void append(struct fixture *fixture, size_t count)
{
    uint64_t last;

    assert_ok(append_some(fixture->log, "order-1", ANY, count, &last));
}

static struct snapshot_change put_of(uint64_t revision, const char *state)
{
    return (struct snapshot_change){.kind = SNAPSHOT_PUT,
                                    .stream = stream,
                                    .revision = revision,
                                    .content_type = bytes_of_text("application/json"),
                                    .state = bytes_of_text(state),
                                    .expires_us = SNAPSHOT_NO_EXPIRY};
}

static struct status put(struct fixture *fixture, uint64_t revision, const char *state)
{
    struct snapshot_change change = put_of(revision, state);

    change.keep = 3;
    return run_change(fixture, &change);
}

static struct status get(struct fixture *fixture, uint64_t at, char state[100],
                         struct snapshot *found)
{
    struct arena arena;

    arena_init(&arena, 1 << 20);
    struct status status = snapshot_get(fixture->snapshots, stream, at, &arena, found);
    if (status_ok(status)) {
        memcpy(state, found->state.data, found->state.size);
        state[found->state.size] = 0;
        assert_true(bytes_equal(found->content_type, bytes_of_text("application/json")));
        snapshot_release(found);
    }
    arena_destroy(&arena);
    return status;
}

static void assert_found(struct fixture *fixture, uint64_t at, uint64_t revision, const char *state)
{
    struct snapshot found;
    char text[100];

    assert_ok(get(fixture, at, text, &found));
    assert_int_equal(found.revision, revision);
    assert_string_equal(text, state);
}

static void assert_none(struct fixture *fixture)
{
    struct snapshot found;
    char text[100];

    assert_fails(get(fixture, SNAPSHOT_NEWEST, text, &found), NOT_FOUND, "");
}

static void the_newest_is_found_from_memory_and_after_a_restart_from_disk(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot found;
    char text[100];

    append(fixture, 10);
    assert_ok(put(fixture, 4, "four"));
    assert_ok(get(fixture, SNAPSHOT_NEWEST, text, &found));
    assert_true(found.cached);
    reopen(fixture, 8 << 20, CACHE_ALLKEYS_LRU);
    assert_ok(get(fixture, SNAPSHOT_NEWEST, text, &found));
    assert_false(found.cached);
    assert_int_equal(found.created_us, SECOND_US);
    assert_found(fixture, SNAPSHOT_NEWEST, 4, "four");
    assert_int_equal(snapshot_stream_count(fixture->snapshots), 1);
}

static void an_older_one_is_found_by_a_revision_and_only_so_many_are_kept(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot_info *infos;
    struct arena arena;
    size_t count;

    append(fixture, 10);
    assert_ok(put(fixture, 1, "one"));
    assert_ok(put(fixture, 3, "three"));
    assert_ok(put(fixture, 5, "five"));
    assert_found(fixture, 4, 3, "three");
    assert_ok(put(fixture, 7, "seven"));
    arena_init(&arena, 1 << 16);
    assert_ok(snapshot_list(fixture->snapshots, stream, &arena, &infos, &count));
    assert_int_equal(count, 3);
    assert_int_equal(infos[0].revision, 7);
    assert_int_equal(infos[0].state_bytes, 5);
    assert_int_equal(infos[2].revision, 3);
    arena_destroy(&arena);
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot_change change = put_of(3, "x");

    assert_fails(run_change(fixture, &change), NOT_FOUND, "no such stream");
    append(fixture, 3);
    change = put_of(3, "x");
    assert_fails(run_change(fixture, &change), OUT_OF_RANGE, "revision: 3 does not exist");
    change = put_of(2, "x");
    change.state =
        (struct bytes){calloc(1, SNAPSHOT_STATE_BYTES_MAX + 1), SNAPSHOT_STATE_BYTES_MAX + 1};
    assert_fails(run_change(fixture, &change), INVALID_ARGUMENT, "state: at most 1048576 bytes");
    free((void *)change.state.data);
}

static void a_snapshot_may_not_go_back_but_may_be_put_again(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot_change change = put_of(4, "late");

    append(fixture, 10);
    assert_ok(put(fixture, 5, "five"));
    assert_fails(run_change(fixture, &change), ABORTED, "may not go back");
    assert_int_equal(change.newest_revision, 5);
    assert_ok(put(fixture, 5, "five again"));
    assert_found(fixture, SNAPSHOT_NEWEST, 5, "five again");
    change = put_of(8, "eight");
    change.has_newer_than = true;
    change.newer_than = 4;
    assert_fails(run_change(fixture, &change), ABORTED, "newer_than");
    change = put_of(8, "eight");
    change.has_newer_than = true;
    change.newer_than = 5;
    assert_ok(run_change(fixture, &change));
}

static void an_expired_snapshot_is_gone_and_an_older_one_shows(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot_change change = put_of(6, "six");

    append(fixture, 10);
    assert_ok(put(fixture, 2, "two"));
    change.expires_us = now() + SECOND_US;
    change.keep = 2;
    assert_ok(run_change(fixture, &change));
    assert_found(fixture, SNAPSHOT_NEWEST, 6, "six");
    set_now_us(now() + SECOND_US);
    assert_found(fixture, SNAPSHOT_NEWEST, 2, "two");
}

static void a_deleted_snapshot_is_gone_from_the_cache_too(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot_change change = {.kind = SNAPSHOT_DELETE, .stream = stream, .revision = 6};

    append(fixture, 10);
    assert_ok(put(fixture, 2, "two"));
    assert_ok(put(fixture, 6, "six"));
    assert_ok(run_change(fixture, &change));
    assert_true(change.found);
    assert_found(fixture, SNAPSHOT_NEWEST, 2, "two");
    change = (struct snapshot_change){.kind = SNAPSHOT_DELETE_ALL, .stream = stream};
    assert_ok(run_change(fixture, &change));
    assert_none(fixture);
    assert_int_equal(snapshot_stream_count(fixture->snapshots), 0);
}

static void a_stream_that_was_deleted_and_written_again_shows_no_old_state(void **state)
{
    struct fixture *fixture = *state;

    append(fixture, 10);
    assert_ok(put(fixture, 9, "nine"));
    assert_ok(
        change_stream(fixture->log, (struct stream_change){.kind = CHANGE_DELETE, .name = stream}));
    assert_none(fixture);
    append(fixture, 1);
    assert_none(fixture);
}

static void a_policy_that_reaches_beyond_the_end_brings_back_no_deleted_state(void **state)
{
    struct fixture *fixture = *state;

    append(fixture, 3);
    assert_ok(put(fixture, 2, "two"));
    assert_ok(change_stream(
        fixture->log,
        (struct stream_change){.kind = CHANGE_DELETE, .name = stream, .expected = ANY}));
    assert_ok(change_stream(
        fixture->log, (struct stream_change){.kind = CHANGE_POLICY, .name = stream, .before = 7}));
    append(fixture, 1);
    assert_none(fixture);
    reopen(fixture, 8 << 20, CACHE_ALLKEYS_LRU);
    assert_none(fixture);
}

static bool delete_state(void *context, struct bytes key, struct bytes value)
{
    struct write write = {FAMILY_SNAPSHOTS, WRITE_DELETE, key, {0}};

    (void)value;
    return key.data[0] != 's' || status_ok(engine_commit(context, &write, 1, true));
}

static void a_state_that_is_missing_is_told_as_damage(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot found;
    char text[100];

    append(fixture, 3);
    assert_ok(put(fixture, 1, "one"));
    assert_ok(put(fixture, 2, "two"));
    reopen(fixture, 8 << 20, CACHE_ALLKEYS_LRU);
    assert_ok(engine_scan(fixture->engine, &(struct scan){.family = FAMILY_SNAPSHOTS}, delete_state,
                          fixture->engine));
    assert_fails(get(fixture, SNAPSHOT_NEWEST, text, &found), DATA_LOSS, "snapshots: ");
}

static void a_stream_that_was_cut_off_behind_its_snapshot_still_shows_it(void **state)
{
    struct fixture *fixture = *state;

    append(fixture, 10);
    assert_ok(put(fixture, 5, "five"));
    assert_ok(change_stream(
        fixture->log, (struct stream_change){.kind = CHANGE_POLICY, .name = stream, .before = 6}));
    assert_found(fixture, SNAPSHOT_NEWEST, 5, "five");
    assert_ok(change_stream(
        fixture->log, (struct stream_change){.kind = CHANGE_POLICY, .name = stream, .before = 7}));
    assert_none(fixture); /* event 6 is missing between */
}

/* --- what leaves the disk ------------------------------------------------------------------ */

static void scavenge(struct fixture *fixture)
{
    struct scavenge_progress progress;

    assert_ok(event_log_scavenge(fixture->log));
    do {
        sched_yield();
        progress = event_log_scavenge_progress(fixture->log);
    } while (progress.state == SCAVENGE_RUNNING);
    assert_int_equal(progress.state, SCAVENGE_DONE);
}

static size_t row_count(struct fixture *fixture)
{
    return inspect_family(fixture->engine, FAMILY_SNAPSHOTS).count;
}

static void a_scavenge_takes_what_is_not_to_be_seen_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot_change brief = put_of(9, "brief");
    struct snapshot_change other = put_of(1, "other");

    append(fixture, 10);
    for (uint64_t revision = 4; revision < 7; revision++)
        assert_ok(put(fixture, revision, "kept"));
    brief.expires_us = now() + SECOND_US;
    brief.keep = 10;
    assert_ok(run_change(fixture, &brief));
    assert_ok(append_some(fixture->log, "other-1", NO_STREAM, 2, NULL));
    other.stream = bytes_of_text("other-1");
    assert_ok(run_change(fixture, &other));
    assert_int_equal(row_count(fixture), 5 + 2);
    scavenge(fixture);
    assert_int_equal(row_count(fixture), 5 + 2);
    set_now_us(now() + SECOND_US);
    assert_ok(change_stream(
        fixture->log, (struct stream_change){.kind = CHANGE_POLICY, .name = stream, .before = 6}));
    scavenge(fixture);
    assert_int_equal(row_count(fixture), 3 + 2); /* of 5 and of 6 */
    assert_found(fixture, SNAPSHOT_NEWEST, 6, "kept");
    assert_found(fixture, 5, 5, "kept");
}

static void a_scavenge_keeps_the_state_of_a_stream_that_was_cut_off_as_a_whole(void **state)
{
    struct fixture *fixture = *state;

    append(fixture, 10);
    assert_ok(put(fixture, 9, "nine"));
    assert_ok(change_stream(
        fixture->log, (struct stream_change){.kind = CHANGE_POLICY, .name = stream, .before = 10}));
    scavenge(fixture);
    append(fixture, 1);
    assert_found(fixture, SNAPSHOT_NEWEST, 9, "nine");
}

static void the_states_of_deleted_streams_leave_the_disk(void **state)
{
    struct fixture *fixture = *state;
    char name[16];

    for (int i = 0; i < 150; i++) { /* more than a scavenge looks at in one step */
        struct snapshot_change change = put_of(0, "state");
        snprintf(name, sizeof name, "s-%d", i);
        assert_ok(append_some(fixture->log, name, NO_STREAM, 1, NULL));
        change.stream = bytes_of_text(name);
        assert_ok(run_change(fixture, &change));
        struct stream_change wanted = {.kind = i % 2 ? CHANGE_DELETE : CHANGE_TOMBSTONE,
                                       .name = bytes_of_text(name)};
        if (i % 10 != 0)
            assert_ok(change_stream(fixture->log, wanted));
    }
    scavenge(fixture);
    assert_int_equal(row_count(fixture), 2 * 15);
    assert_int_equal(snapshot_stream_count(fixture->snapshots), 15);
}

/* --- encrypted streams --------------------------------------------------------------------- */

static const char secret[] = "Vd7m+Q4sX1oYk9uGe5Jw8BtZ";

static void encrypt(struct fixture *fixture)
{
    assert_ok(change_stream(fixture->log, (struct stream_change){.kind = CHANGE_CATEGORY_POLICY,
                                                                 .name = bytes_of_text("order"),
                                                                 .policy = {.encrypt = true}}));
}

static int files_with_secret(struct fixture *fixture)
{
    static const struct bytes all = {0};

    if (!fixture->on_disk)
        return 0;
    assert_ok(engine_compact(fixture->engine, FAMILY_SNAPSHOTS, all, all));
    return inspect_files_with(fixture->directory, bytes_of_text(secret));
}

static void the_state_of_an_encrypted_stream_is_sealed_on_disk(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot_change other = put_of(0, secret);

    encrypt(fixture);
    append(fixture, 3);
    assert_ok(put(fixture, 1, secret));
    assert_found(fixture, SNAPSHOT_NEWEST, 1, secret);
    assert_int_equal(files_with_secret(fixture), 0);
    reopen(fixture, 8 << 20, CACHE_ALLKEYS_LRU);
    assert_found(fixture, SNAPSHOT_NEWEST, 1, secret);
    assert_ok(append_some(fixture->log, "plain-1", NO_STREAM, 1, NULL));
    other.stream = bytes_of_text("plain-1");
    assert_ok(run_change(fixture, &other));
    assert_true(!fixture->on_disk || files_with_secret(fixture) > 0);
}

static void a_sealed_state_is_lost_with_the_key_and_an_open_one_shows(void **state)
{
    struct fixture *fixture = *state;

    append(fixture, 3);
    assert_ok(put(fixture, 0, "open"));
    encrypt(fixture);
    assert_ok(put(fixture, 1, secret));
    assert_ok(put(fixture, 2, secret));
    assert_ok(key_store_destroy(fixture->keys, stream));
    reopen(fixture, 8 << 20, CACHE_ALLKEYS_LRU);
    assert_found(fixture, SNAPSHOT_NEWEST, 0, "open");
    assert_ok(put(fixture, 2, "again")); /* with a new key */
    reopen(fixture, 8 << 20, CACHE_ALLKEYS_LRU);
    assert_found(fixture, SNAPSHOT_NEWEST, 2, "again");
    assert_found(fixture, 1, 0, "open");
}

static void no_state_is_readable_after_its_stream_was_erased(void **state)
{
    struct fixture *fixture = *state;
    struct erasure erasure = {.stream = stream, .whole = true, .reason = bytes_of_text("a test")};
    struct arena arena;

    encrypt(fixture);
    append(fixture, 3);
    assert_ok(put(fixture, 2, secret));
    arena_init(&arena, 1 << 20);
    assert_ok(event_log_erase(fixture->log, &erasure, &arena));
    arena_destroy(&arena);
    assert_none(fixture); /* though memory still has it */
    reopen(fixture, 8 << 20, CACHE_ALLKEYS_LRU);
    assert_none(fixture);
    append(fixture, 1);
    assert_ok(put(fixture, 3, "later"));
    assert_found(fixture, SNAPSHOT_NEWEST, 3, "later");
}

/* --- readers ------------------------------------------------------------------------------- */

struct reader {
    struct fixture *fixture;
    _Atomic(uint64_t) acknowledged;
    _Atomic(bool) stop;
    _Atomic(unsigned) stale, read;
};

static void *read_newest(void *argument)
{
    struct reader *reader = argument;

    while (!atomic_load(&reader->stop)) {
        struct snapshot found;
        struct arena arena;
        uint64_t at_least = atomic_load(&reader->acknowledged);
        arena_init(&arena, 1 << 20);
        struct status status =
            snapshot_get(reader->fixture->snapshots, stream, SNAPSHOT_NEWEST, &arena, &found);
        if (!status_ok(status) || found.revision < at_least)
            atomic_fetch_add(&reader->stale, 1);
        if (status_ok(status))
            snapshot_release(&found);
        arena_destroy(&arena);
        atomic_fetch_add(&reader->read, 1);
    }
    return NULL;
}

/* A cache so small that the values beside push the snapshot out again and again. */
static void an_answer_is_never_older_than_what_was_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    struct reader reader = {.fixture = fixture};
    static uint8_t filler[100000];
    pthread_t threads[2];

    reopen(fixture, 1 << 20, CACHE_ALLKEYS_LRU);
    append(fixture, 300);
    assert_ok(put(fixture, 0, "0"));
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_newest, &reader), 0);
    for (uint64_t revision = 1; revision < 300; revision++) {
        char key[32], text[32];
        snprintf(text, sizeof text, "%llu", (unsigned long long)revision);
        snprintf(key, sizeof key, "filler-%llu", (unsigned long long)revision % 30);
        assert_ok(put(fixture, revision, text));
        atomic_store(&reader.acknowledged, revision);
        struct value_set set = {.key = bytes_of_text(key),
                                .value = {filler, sizeof filler},
                                .expires_us = VALUE_NO_EXPIRY};
        value_set(fixture->values, &set); /* or it is refused: the disk is behind */
    }
    atomic_store(&reader.stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&reader.stale), 0);
    assert_true(atomic_load(&reader.read) > 0);
}

#define ON_BOTH(test)                                                                              \
    cmocka_unit_test_setup_teardown(test, open_in_memory, close_stores),                           \
        cmocka_unit_test_setup_teardown(test, open_on_disk, close_stores)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(the_newest_is_found_from_memory_and_after_a_restart_from_disk),
        ON_BOTH(an_older_one_is_found_by_a_revision_and_only_so_many_are_kept),
        ON_BOTH(what_cannot_be_is_refused_by_name),
        ON_BOTH(a_snapshot_may_not_go_back_but_may_be_put_again),
        ON_BOTH(an_expired_snapshot_is_gone_and_an_older_one_shows),
        ON_BOTH(a_deleted_snapshot_is_gone_from_the_cache_too),
        ON_BOTH(a_stream_that_was_deleted_and_written_again_shows_no_old_state),
        ON_BOTH(a_policy_that_reaches_beyond_the_end_brings_back_no_deleted_state),
        ON_BOTH(a_state_that_is_missing_is_told_as_damage),
        ON_BOTH(a_stream_that_was_cut_off_behind_its_snapshot_still_shows_it),
        ON_BOTH(a_scavenge_takes_what_is_not_to_be_seen_and_nothing_else),
        ON_BOTH(a_scavenge_keeps_the_state_of_a_stream_that_was_cut_off_as_a_whole),
        ON_BOTH(the_states_of_deleted_streams_leave_the_disk),
        ON_BOTH(the_state_of_an_encrypted_stream_is_sealed_on_disk),
        ON_BOTH(a_sealed_state_is_lost_with_the_key_and_an_open_one_shows),
        ON_BOTH(no_state_is_readable_after_its_stream_was_erased),
        ON_BOTH(an_answer_is_never_older_than_what_was_acknowledged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
