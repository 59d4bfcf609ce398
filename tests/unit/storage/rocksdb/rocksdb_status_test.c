#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "storage/rocksdb/rocksdb_status.h"

static struct status status_of(const char *error)
{
    return status_from_rocksdb("/data", "commit", strdup(error));
}

static void no_error_is_ok(void **state)
{
    (void)state;
    assert_true(status_ok(status_from_rocksdb("/data", "commit", NULL)));
}

static void a_full_disk_is_resource_exhausted_and_names_the_directory(void **state)
{
    (void)state;
    struct status status = status_of(
        "IO error: No space left on device: While appending to file: /data/000004.log: No space "
        "left on device");
    assert_int_equal(status.code, STATUS_RESOURCE_EXHAUSTED);
    assert_ptr_equal(strstr(status.message, "/data: commit: IO error: No space left"),
                     status.message);
}

static void each_kind_of_error_has_its_code(void **state)
{
    static const struct {
        const char *error;
        enum status_code code;
    } rows[] = {
        {"Corruption: block checksum mismatch in /data/000010.sst", STATUS_DATA_LOSS},
        {"IO error: No such file or directory: While open a file for random read: /data/7.sst",
         STATUS_DATA_LOSS},
        {"IO error: While fdatasync: /data/000004.log: Input/output error", STATUS_UNAVAILABLE},
        {"IO error: While appending to file: /data/000004.log: Disk quota exceeded",
         STATUS_RESOURCE_EXHAUSTED},
        {"Busy: ", STATUS_UNAVAILABLE},
        {"Shutdown in progress: ", STATUS_UNAVAILABLE},
        {"Invalid argument: Column families not opened: sagas", STATUS_FAILED_PRECONDITION},
        {"Invalid argument: Sync writes has to enable WAL.", STATUS_INTERNAL},
        {"something new", STATUS_INTERNAL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(status_of(rows[i].error).code, rows[i].code);
}

static void a_held_lock_is_told_in_plain_words(void **state)
{
    (void)state;
    struct status other =
        status_of("IO error: While lock file: /data/LOCK: Resource temporarily unavailable");
    struct status own = status_of("IO error: lock hold by current process, acquire time 1 "
                                  "acquiring thread 2: /data/LOCK: No locks available");
    assert_int_equal(other.code, STATUS_FAILED_PRECONDITION);
    assert_string_equal(other.message, "/data: already open in another process");
    assert_int_equal(own.code, STATUS_FAILED_PRECONDITION);
    assert_string_equal(own.message, other.message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_error_is_ok),
        cmocka_unit_test(a_full_disk_is_resource_exhausted_and_names_the_directory),
        cmocka_unit_test(each_kind_of_error_has_its_code),
        cmocka_unit_test(a_held_lock_is_told_in_plain_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
