#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"

#define TEXT(text) bytes_of((text), sizeof(text) - 1)

static void order_is_that_of_unsigned_bytes_and_prefixes_come_first(void **state)
{
    const struct bytes ordered[] = {
        {0}, TEXT("\x00"), TEXT("\x00\x00"), TEXT("\x01"), TEXT("a"), TEXT("ab"), TEXT("\xff"),
    };

    (void)state;
    for (int i = 0; i < 7; i++) {
        for (int j = 0; j < 7; j++) {
            int order = bytes_compare(ordered[i], ordered[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            assert_int_equal(bytes_equal(ordered[i], ordered[j]), i == j);
        }
    }
}

static void a_prefix_is_recognised(void **state)
{
    (void)state;
    assert_true(bytes_have_prefix(TEXT("order-1"), TEXT("order-")));
    assert_true(bytes_have_prefix(TEXT("order-"), TEXT("order-")));
    assert_true(bytes_have_prefix(TEXT("order-"), (struct bytes){0}));
    assert_true(bytes_have_prefix((struct bytes){0}, (struct bytes){0}));
    assert_false(bytes_have_prefix(TEXT("order"), TEXT("order-")));
    assert_false(bytes_have_prefix(TEXT("Order-"), TEXT("order-")));
}

static void big_endian_numbers_order_as_bytes(void **state)
{
    const uint64_t numbers[] = {0, 1, 255, 256, UINT32_MAX, (uint64_t)1 << 63, UINT64_MAX};
    uint8_t previous[8];
    uint8_t bytes[8];

    (void)state;
    for (int i = 0; i < 7; i++) {
        put_u64_big_endian(bytes, numbers[i]);
        assert_true(get_u64_big_endian(bytes) == numbers[i]);
        if (i > 0)
            assert_true(bytes_compare(bytes_of(previous, 8), bytes_of(bytes, 8)) < 0);
        memcpy(previous, bytes, 8);
    }
}

static void numbers_have_the_stated_layout(void **state)
{
    uint8_t bytes[8];

    (void)state;
    put_u64_big_endian(bytes, 0x0102030405060708);
    assert_memory_equal(bytes, "\1\2\3\4\5\6\7\10", 8);
    put_u64_little_endian(bytes, 0x0102030405060708);
    assert_memory_equal(bytes, "\10\7\6\5\4\3\2\1", 8);
    assert_true(get_u64_little_endian(bytes) == 0x0102030405060708);
    put_u32_little_endian(bytes, 0x01020304);
    assert_memory_equal(bytes, "\4\3\2\1", 4);
    assert_int_equal(get_u32_little_endian(bytes), 0x01020304);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_that_of_unsigned_bytes_and_prefixes_come_first),
        cmocka_unit_test(a_prefix_is_recognised),
        cmocka_unit_test(big_endian_numbers_order_as_bytes),
        cmocka_unit_test(numbers_have_the_stated_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
