/* JSON goes through unchanged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/json.h"

static void expect_put(void (*put)(struct buffer *, struct bytes), struct bytes bytes,
                       const char *expected)
{
    struct buffer out;

    buffer_init(&out, 4096);
    put(&out, bytes);
    buffer_put_byte(&out, 0);
    assert_true(buffer_ok(&out));
    assert_string_equal((const char *)out.data, expected);
    buffer_destroy(&out);
}

static void texts_are_escaped(void **state)
{
    (void)state;
    expect_put(json_put_text, bytes_of_text(""), "\"\"");
    expect_put(json_put_text, bytes_of_text("a\"b\\c\nd\te\x01"),
               "\"a\\\"b\\\\c\\nd\\u0009e\\u0001\"");
    expect_put(json_put_text, bytes_of_text("Größe"), "\"Größe\"");
    expect_put(json_put_text, bytes_of("a\0b", 3), "\"a\\u0000b\"");
}

static void values_keep_their_writing_on_one_line(void **state)
{
    (void)state;
    expect_put(json_put_value, bytes_of_text("  {\"b\": 1.10,\n\"a\": 1e2}\r\n"),
               "{\"b\": 1.10, \"a\": 1e2}");
    expect_put(json_put_value, bytes_of_text("12345678901234567890123"), "12345678901234567890123");
}

static void base64_goes_there_and_back(void **state)
{
    const struct {
        const char *plain, *base64;
    } pairs[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
    struct arena arena;

    (void)state;
    arena_init(&arena, 4096);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct bytes read;
        expect_put(json_put_base64, bytes_of_text(pairs[i].plain), pairs[i].base64);
        assert_true(json_read_base64(bytes_of_text(pairs[i].base64), &arena, &read));
        assert_true(bytes_equal(read, bytes_of_text(pairs[i].plain)));
    }
    arena_destroy(&arena);
}

static void broken_base64_is_refused(void **state)
{
    const char *broken[] = {"Zg", "Zg=", "Z===", "====", "Zm9*", "Zg==Zg=="};
    struct arena arena;
    struct bytes read;

    (void)state;
    arena_init(&arena, 4096);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        if (json_read_base64(bytes_of_text(broken[i]), &arena, &read))
            fail_msg("%s: taken", broken[i]);
    arena_destroy(&arena);
}

static void members_are_found_as_written(void **state)
{
    struct bytes object = bytes_of_text(
        " { \"a\" : 1.10 , \"b\":{\"c\":[1,{\"a\":2}]}, \"d\":\"x,}\\\"y\" ,\"e\":null}");

    (void)state;
    assert_true(json_is_object_text(object));
    assert_true(bytes_equal(json_find(object, "a"), bytes_of_text("1.10")));
    assert_true(bytes_equal(json_find(object, "b"), bytes_of_text("{\"c\":[1,{\"a\":2}]}")));
    assert_true(bytes_equal(json_find(object, "d"), bytes_of_text("\"x,}\\\"y\"")));
    assert_true(bytes_equal(json_find(object, "e"), bytes_of_text("null")));
    assert_null(json_find(object, "c").data);
    assert_null(json_find(bytes_of_text("{}"), "c").data);
}

static void what_is_no_json_is_told(void **state)
{
    (void)state;
    assert_true(json_is_value(bytes_of_text("\"text\"")));
    assert_true(json_is_value(bytes_of_text(" [1, 2] ")));
    assert_false(json_is_value(bytes_of_text("")));
    assert_false(json_is_value(bytes_of_text("{a:1}")));
    assert_false(json_is_value(bytes_of_text("1 2")));
    assert_false(json_is_object_text(bytes_of_text("[1]")));
    assert_false(json_is_object_text(bytes_of_text("{\"a\":1")));
}

static void strings_lose_their_escapes(void **state)
{
    struct arena arena;
    struct bytes text;

    (void)state;
    arena_init(&arena, 4096);
    assert_true(json_read_text(bytes_of_text("\"a\\u00f6\\n\\\"\""), &arena, &text));
    assert_true(bytes_equal(text, bytes_of_text("aö\n\"")));
    assert_false(json_read_text(bytes_of_text("17"), &arena, &text));
    assert_false(json_read_text(bytes_of_text("\"a\\u0000b\""), &arena, &text));
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(values_keep_their_writing_on_one_line),
        cmocka_unit_test(base64_goes_there_and_back),
        cmocka_unit_test(broken_base64_is_refused),
        cmocka_unit_test(members_are_found_as_written),
        cmocka_unit_test(what_is_no_json_is_told),
        cmocka_unit_test(strings_lose_their_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
