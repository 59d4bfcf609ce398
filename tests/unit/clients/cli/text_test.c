/* Text as people see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/text.h"

static void expect_line(struct bytes bytes, size_t columns, const char *expected)
{
    struct buffer out;

    buffer_init(&out, 4096);
    text_put_line(&out, bytes, columns);
    buffer_put_byte(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    buffer_destroy(&out);
}

static void lines_are_cut_by_columns_not_bytes(void **state)
{
    (void)state;
    expect_line(bytes_of_text("äöü"), 3, "äöü");
    expect_line(bytes_of_text("äöüß"), 3, "äö…");
    expect_line(bytes_of_text("long enough"), 0, "long enough");
}

static void control_characters_cannot_reach_the_terminal(void **state)
{
    (void)state;
    expect_line(bytes_of_text("a\nb\033[31mc\x7f\xc2\x9b"), 0, "a b [31mc  ");
    expect_line(bytes_of("\xff\x00\x01", 3), 0, "(3 bytes)");
}

static void names_are_padded_by_columns(void **state)
{
    struct buffer out;

    (void)state;
    buffer_init(&out, 4096);
    text_put_name(&out, "ö\n", 4);
    text_put_name(&out, "longer", 4);
    buffer_put_byte(&out, 0);
    assert_string_equal((const char *)out.data, "ö   longer");
    buffer_destroy(&out);
}

static void only_well_formed_utf8_is_text(void **state)
{
    const char *good[] = {"", "plain", "ö", "名", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"};
    const char *bad[] = {"\x80",
                         "\xc0\xaf",
                         "\xc3",
                         "\xe0\x80\x80",
                         "\xed\xa0\x80",
                         "\xf0\x80\x80\x80",
                         "\xf4\x90\x80\x80",
                         "\xf8\x88\x80\x80\x80"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(text_is_utf8(bytes_of_text(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (text_is_utf8(bytes_of_text(bad[i])))
            fail_msg("bad[%zu] is taken", i);
}

static void numbers_are_grouped(void **state)
{
    char text[TEXT_NUMBER_BYTES];

    (void)state;
    assert_string_equal(text_number(0, text), "0");
    assert_string_equal(text_number(999, text), "999");
    assert_string_equal(text_number(8577, text), "8,577");
    assert_string_equal(text_number(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_cut_by_columns_not_bytes),
        cmocka_unit_test(control_characters_cannot_reach_the_terminal),
        cmocka_unit_test(names_are_padded_by_columns),
        cmocka_unit_test(only_well_formed_utf8_is_text),
        cmocka_unit_test(numbers_are_grouped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
