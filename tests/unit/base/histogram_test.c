#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/histogram.h"

static void empty_histogram_tells_zero(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    assert_int_equal(histogram_permille(&histogram, 500), 0);
}

static void small_values_are_exact(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    for (int i = 1; i <= 50; i++)
        histogram_add(&histogram, i);
    assert_int_equal(histogram_permille(&histogram, 500), 25);
    assert_int_equal(histogram_permille(&histogram, 1000), 50);
}

static void percentiles_are_at_most_a_64th_too_high(void **state)
{
    struct histogram *histogram = calloc(1, sizeof *histogram);

    (void)state;
    for (int64_t i = 1; i <= 100000; i++)
        histogram_add(histogram, i * 10);
    for (unsigned permille = 1; permille <= 1000; permille += 37) {
        int64_t exact = 1000 * (int64_t)permille;
        assert_in_range(histogram_permille(histogram, permille), exact, exact + exact / 64 + 1);
    }
    free(histogram);
}

static void merged_histograms_tell_of_all_values(void **state)
{
    struct histogram low = {0}, high = {0};

    (void)state;
    for (int64_t i = 1; i <= 10; i++) {
        histogram_add(&low, i);
        histogram_add(&high, 10 + i);
    }
    histogram_merge(&low, &high);
    assert_int_equal(low.count, 20);
    assert_int_equal(histogram_permille(&low, 500), 10);
    assert_int_equal(histogram_permille(&low, 1000), 20);
    assert_int_equal(high.count, 10);
}

static void values_out_of_range_are_kept_at_its_ends(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    histogram_add(&histogram, -5);
    histogram_add(&histogram, INT64_MAX);
    assert_int_equal(histogram_permille(&histogram, 500), 0);
    assert_true(histogram_permille(&histogram, 1000) > INT64_C(1) << 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_histogram_tells_zero),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(percentiles_are_at_most_a_64th_too_high),
        cmocka_unit_test(merged_histograms_tell_of_all_values),
        cmocka_unit_test(values_out_of_range_are_kept_at_its_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
