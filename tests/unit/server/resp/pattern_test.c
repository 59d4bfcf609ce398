/* Patterns of keys, and numbers. Goal: they match and read as in Redis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "server/resp/number.h"
#include "server/resp/pattern.h"

static bool matches(const char *pattern, const char *text)
{
    return pattern_matches(bytes_of_text(pattern), bytes_of_text(text), false);
}

static void stars_and_question_marks_match(void **state)
{
    (void)state;
    assert_true(matches("*", ""));
    assert_true(matches("a*c", "abbbc"));
    assert_true(matches("a*b*c", "axxbyyc"));
    assert_true(matches("?b", "ab"));
    assert_true(matches("", ""));
    assert_false(matches("", "a"));
    assert_false(matches("a*c", "abbb"));
    assert_false(matches("?", ""));
    assert_false(matches("a", "ab"));
}

static void classes_match(void **state)
{
    (void)state;
    assert_true(matches("h[ae]llo", "hello"));
    assert_false(matches("h[ae]llo", "hillo"));
    assert_true(matches("h[^e]llo", "hallo"));
    assert_false(matches("h[^e]llo", "hello"));
    assert_true(matches("[a-c]", "b"));
    assert_true(matches("[c-a]", "b"));
    assert_false(matches("[a-c]", "d"));
    assert_true(matches("[\\]]", "]"));
    assert_true(matches("[a", "a")); /* it need not end */
}

static void a_backslash_takes_the_meaning_away(void **state)
{
    (void)state;
    assert_true(matches("a\\*", "a*"));
    assert_false(matches("a\\*", "ab"));
    assert_true(matches("a\\", "a\\"));
}

static void any_case_can_be_asked_for(void **state)
{
    (void)state;
    assert_true(pattern_matches(bytes_of_text("MAX*"), bytes_of_text("maxmemory"), true));
    assert_false(matches("MAX*", "maxmemory"));
}

/* With a naive matcher it would not end before the test does. */
static void many_stars_take_no_longer_than_few(void **state)
{
    char pattern[PATTERN_BYTES_MAX + 1], *text = malloc(65537);

    (void)state;
    for (size_t i = 0; i < PATTERN_BYTES_MAX; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[PATTERN_BYTES_MAX - 1] = 'b';
    pattern[PATTERN_BYTES_MAX] = '\0';
    memset(text, 'a', 65536);
    text[65536] = '\0';
    assert_false(matches(pattern, text));
    free(text);
}

static void whole_numbers_are_read(void **state)
{
    static const char *const good[] = {"0", "-1", "9223372036854775807", "-9223372036854775808"};
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      "01",
                                      "-0",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "1e3",
                                      "0x1",
                                      "abc",
                                      "9223372036854775808",
                                      "-9223372036854775809"};
    char text[NUMBER_TEXT_BYTES];
    int64_t number;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(number_read(bytes_of_text(good[i]), &number));
        assert_int_equal(number_write(number, text), strlen(good[i]));
        assert_memory_equal(text, good[i], strlen(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(number_read(bytes_of_text(bad[i]), &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stars_and_question_marks_match),
        cmocka_unit_test(classes_match),
        cmocka_unit_test(a_backslash_takes_the_meaning_away),
        cmocka_unit_test(any_case_can_be_asked_for),
        cmocka_unit_test(many_stars_take_no_longer_than_few),
        cmocka_unit_test(whole_numbers_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
