/* Keys outlive the process, are gone for good when destroyed, and open with one master key only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/keys/key_store.h"
#include "tests/support/inspect.h"
#include "tests/support/log_fixture.h"

enum { PATH_BYTES = 256 };

struct fixture {
    char folder[PATH_BYTES], keys[PATH_BYTES + 16], master[PATH_BYTES + 16];
    struct key_store *store;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *parent = getenv("TEST_TMPDIR");

    snprintf(fixture->folder, sizeof fixture->folder, "%.200s/keys.XXXXXX",
             parent ? parent : "/tmp");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->keys, sizeof fixture->keys, "%s/keys", fixture->folder);
    snprintf(fixture->master, sizeof fixture->master, "%s/master", fixture->folder);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    if (fixture->store)
        key_store_close(fixture->store);
    free(fixture);
    return 0;
}

static void write_master(const struct fixture *fixture, const char *text)
{
    FILE *file = fopen(fixture->master, "wb");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static struct status open_keys(struct fixture *fixture, bool with_master)
{
    struct key_store_options options = {.directory = fixture->keys,
                                        .master_key_file = with_master ? fixture->master : NULL};

    if (fixture->store)
        key_store_close(fixture->store);
    fixture->store = NULL;
    return key_store_open(&options, &fixture->store);
}

static bool get(struct fixture *fixture, const char *stream, bool create, struct key *key)
{
    bool found;

    assert_ok(key_store_get(fixture->store, bytes_of_text(stream), create, key, &found));
    return found;
}

static const char first_master[] =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
static const char second_master[] = "an other key, of thirty-two byte";

static void a_key_is_made_once_and_stays(void **state)
{
    struct fixture *fixture = *state;
    struct key made, again, other;

    write_master(fixture, first_master);
    for (int with_master = 0; with_master < 2; with_master++) {
        assert_ok(open_keys(fixture, with_master));
        assert_false(get(fixture, "a-1", false, &made));
        assert_true(get(fixture, "a-1", true, &made));
        assert_true(get(fixture, "a-2", true, &other));
        assert_memory_not_equal(made.bytes, other.bytes, KEY_BYTES);
        for (int opened = 0; opened < 2; opened++) {
            assert_true(get(fixture, "a-1", opened, &again));
            assert_memory_equal(made.bytes, again.bytes, KEY_BYTES);
            assert_ok(open_keys(fixture, with_master));
        }
        snprintf(fixture->keys, sizeof fixture->keys, "%s/more", fixture->folder);
    }
}

static void a_destroyed_key_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct key before, after;

    assert_ok(open_keys(fixture, false));
    assert_true(get(fixture, "a-1", true, &before));
    assert_int_equal(inspect_files_with(fixture->keys, bytes_of(before.bytes, KEY_BYTES)), 1);
    assert_ok(key_store_destroy(fixture->store, bytes_of_text("a-1")));
    assert_int_equal(inspect_files_with(fixture->keys, bytes_of(before.bytes, KEY_BYTES)), 0);
    for (int opened = 0; opened < 2; opened++) {
        assert_false(get(fixture, "a-1", false, &after));
        assert_ok(open_keys(fixture, false));
    }
    assert_ok(key_store_destroy(fixture->store, bytes_of_text("a-1")));
    assert_true(get(fixture, "a-1", true, &after));
    assert_memory_not_equal(before.bytes, after.bytes, KEY_BYTES);
}

static void a_master_key_seals_the_others(void **state)
{
    struct fixture *fixture = *state;
    struct key key;

    write_master(fixture, first_master);
    assert_ok(open_keys(fixture, true));
    assert_true(get(fixture, "a-1", true, &key));
    assert_int_equal(inspect_files_with(fixture->keys, bytes_of(key.bytes, KEY_BYTES)), 0);
    assert_fails(open_keys(fixture, false), FAILED_PRECONDITION, "--master-key-file is missing");
    write_master(fixture, second_master);
    assert_fails(open_keys(fixture, true), FAILED_PRECONDITION, "not the key that those in");
    write_master(fixture, "short");
    assert_fails(open_keys(fixture, true), INVALID_ARGUMENT, "32 bytes, or 64 hexadecimal digits");
    assert_int_equal(unlink(fixture->master), 0);
    assert_fails(open_keys(fixture, true), INVALID_ARGUMENT, "no such file");
}

static void keys_that_lie_open_are_told_from_sealed_ones(void **state)
{
    struct fixture *fixture = *state;
    struct key key;

    write_master(fixture, second_master);
    assert_ok(open_keys(fixture, false));
    assert_true(get(fixture, "a-1", true, &key));
    assert_fails(open_keys(fixture, true), FAILED_PRECONDITION,
                 "they began without --master-key-file");
}

static void what_is_sealed_opens_only_as_it_was(void **state)
{
    struct bytes plain = bytes_of_text("payload"), about = bytes_of_text("event 1");
    struct key key = {"a key"}, other = {"another"};
    uint8_t sealed[7 + SEAL_BYTES], opened[7];
    struct bytes whole = {sealed, sizeof sealed};

    (void)state;
    key_seal(&key, about, plain, sealed);
    assert_true(key_open(&key, about, whole, opened));
    assert_memory_equal(opened, plain.data, plain.size);
    assert_false(key_open(&other, about, whole, opened));
    assert_false(key_open(&key, bytes_of_text("event 2"), whole, opened));
    assert_false(key_open(&key, about, (struct bytes){sealed, SEAL_BYTES - 1}, opened));
    sealed[30] ^= 1;
    assert_false(key_open(&key, about, whole, opened));
}

#define STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE(a_key_is_made_once_and_stays),
        STORE(a_destroyed_key_is_gone),
        STORE(a_master_key_seals_the_others),
        STORE(keys_that_lie_open_are_told_from_sealed_ones),
        cmocka_unit_test(what_is_sealed_opens_only_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
