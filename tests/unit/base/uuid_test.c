#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/uuid.h"

static bool parses(const char *text)
{
    struct uuid uuid;
    return uuid_parse(bytes_of_text(text), &uuid);
}

static void either_case_is_read_and_lower_case_is_written(void **state)
{
    static const uint8_t expected[] = {0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x11, 0xd0,
                                       0xa7, 0x65, 0x00, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6};
    uint8_t text[UUID_TEXT_BYTES];
    struct uuid uuid;

    (void)state;
    assert_true(uuid_parse(bytes_of_text("F81D4FAE-7dec-11d0-A765-00a0c91e6bf6"), &uuid));
    assert_memory_equal(uuid.bytes, expected, sizeof expected);
    uuid_format(&uuid, text);
    assert_memory_equal(text, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", UUID_TEXT_BYTES);
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    assert_false(parses(""));
    assert_false(parses("f81d4fae-7dec-11d0-a765-00a0c91e6bf"));
    assert_false(parses("f81d4fae-7dec-11d0-a765-00a0c91e6bf66"));
    assert_false(parses("f81d4fae7dec-11d0-a765-00a0c91e6bf6--"));
    assert_false(parses("f81d4fae-7dec-11d0-a765-00a0c91e6bg6"));
    assert_false(parses("{81d4fae-7dec-11d0-a765-00a0c91e6bf6"));
    assert_false(parses("f81d4fae-7dec-11d0-a765_00a0c91e6bf6"));
    assert_false(parses("00000000-0000-0000-0000-000000000000"));
    assert_true(parses("00000000-0000-0000-0000-000000000001"));
}

static void a_refused_text_leaves_the_target_alone(void **state)
{
    struct uuid uuid = {{1, 2, 3}};

    (void)state;
    assert_false(uuid_parse(bytes_of_text("f81d4fae-7dec-11d0-a765-00a0c91e6bfx"), &uuid));
    assert_memory_equal(uuid.bytes, "\1\2\3\0", 4);
}

static void random_ones_are_of_version_4_and_differ(void **state)
{
    struct uuid first = uuid_random();
    struct uuid second = uuid_random();

    (void)state;
    assert_int_equal(first.bytes[6] >> 4, 4);
    assert_int_equal(first.bytes[8] >> 6, 2);
    assert_memory_not_equal(first.bytes, second.bytes, UUID_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(either_case_is_read_and_lower_case_is_written),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(a_refused_text_leaves_the_target_alone),
        cmocka_unit_test(random_ones_are_of_version_4_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
