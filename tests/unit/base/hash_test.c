#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

static void a_checksum_never_changes(void **state)
{
    (void)state;
    assert_true(checksum_bytes(bytes_of("", 0)) == 0x2d06800538d394c2);
    assert_true(checksum_bytes(bytes_of_text("sagabase")) == 0x0690846d815ef0a5);
}

static void each_flipped_bit_changes_both(void **state)
{
    uint8_t bytes[64] = {0};
    uint64_t checksum = checksum_bytes(bytes_of(bytes, sizeof bytes));
    uint64_t hash = hash_bytes(bytes_of(bytes, sizeof bytes));

    (void)state;
    for (int bit = 0; bit < 64 * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_true(checksum_bytes(bytes_of(bytes, sizeof bytes)) != checksum);
        assert_true(hash_bytes(bytes_of(bytes, sizeof bytes)) != hash);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(hash_bytes(bytes_of(bytes, sizeof bytes)) == hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checksum_never_changes),
        cmocka_unit_test(each_flipped_bit_changes_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
