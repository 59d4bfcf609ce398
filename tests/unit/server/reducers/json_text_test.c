/* JSON within bounds, and merge patches. Goal: what RFC 7396 says, and whole numbers to the last
 * digit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "server/reducers/json_text.h"
#include "server/reducers/limits.h"
#include "tests/support/log_fixture.h"

static json_t *read_text(const char *text)
{
    json_t *json;

    assert_ok(json_text_read(bytes_of_text(text), &json));
    return json;
}

static void expect_text(const json_t *json, const char *expected)
{
    struct buffer text;

    buffer_init(&text, 1 << 20);
    assert_ok(json_text_write(json, &text));
    buffer_put_byte(&text, '\0');
    assert_string_equal((char *)text.data, expected);
    buffer_destroy(&text);
}

static void expect_merged(const char *target, const char *patch, const char *result)
{
    json_t *change = read_text(patch);
    json_t *merged = json_merge(target ? read_text(target) : NULL, change);
    json_t *expected = read_text(result);

    assert_non_null(merged);
    assert_true(json_equal(merged, expected));
    json_decref(change);
    json_decref(merged);
    json_decref(expected);
}

static void merges_as_the_examples_of_rfc_7396(void **state)
{
    static const char *const appendix_a[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof appendix_a / sizeof appendix_a[0]; i++)
        expect_merged(appendix_a[i][0], appendix_a[i][1], appendix_a[i][2]);
}

static void merges_the_document_of_rfc_7396(void **state)
{
    (void)state;
    expect_merged(
        "{\"title\":\"Goodbye!\",\"author\":{\"givenName\":\"John\",\"familyName\":\"Doe\"},"
        "\"tags\":[\"example\",\"sample\"],\"content\":\"This will be unchanged\"}",
        "{\"title\":\"Hello!\",\"phoneNumber\":\"+01-123-456-7890\",\"author\":"
        "{\"familyName\":null},\"tags\":[\"example\"]}",
        "{\"title\":\"Hello!\",\"author\":{\"givenName\":\"John\"},\"tags\":[\"example\"],"
        "\"content\":\"This will be unchanged\",\"phoneNumber\":\"+01-123-456-7890\"}");
}

static void a_patch_is_not_changed_by_what_is_merged_later(void **state)
{
    json_t *first = read_text("{\"a\":{\"b\":[1]}}"), *second = read_text("{\"a\":{\"c\":2}}");
    json_t *merged = json_merge(json_merge(NULL, first), second);

    (void)state;
    expect_text(merged, "{\"a\":{\"b\":[1],\"c\":2}}");
    expect_text(first, "{\"a\":{\"b\":[1]}}");
    json_decref(first);
    json_decref(second);
    json_decref(merged);
}

static void numbers_keep_their_digits(void **state)
{
    json_t *json = read_text("[9223372036854775807,-9223372036854775808,9007199254740993,19.99,"
                             "0.1,1.0,1e300,-0.0,0]");

    (void)state;
    expect_text(json, "[9223372036854775807,-9223372036854775808,9007199254740993,19.99,0.1,1.0,"
                      "1e+300,-0.0,0]");
    json_decref(json);
}

static void names_are_in_order_and_strings_escaped(void **state)
{
    json_t *json = read_text("{\"b\":\"\\u0000\\n\\\"\\\\\",\"a\":\"\\u00e9/\"}");

    (void)state;
    expect_text(json, "{\"a\":\"\u00e9/\",\"b\":\"\\u0000\\u000a\\\"\\\\\"}");
    json_decref(json);
}

static char *repeated(const char *part, size_t times)
{
    char *text = calloc(strlen(part), times + 1);

    for (size_t i = 0; i < times; i++)
        memcpy(text + i * strlen(part), part, strlen(part));
    return text;
}

static void what_is_too_deep_or_too_much_is_refused(void **state)
{
    char *deep = repeated("[", JSON_DEPTH_MAX + 1), *many = repeated("[],", JSON_VALUES_MAX);
    json_t *json;

    (void)state;
    assert_fails(json_text_read(bytes_of_text(deep), &json), INVALID_ARGUMENT, "64 levels");
    assert_fails(json_text_read(bytes_of_text(many), &json), INVALID_ARGUMENT, "100000 values");
    free(deep);
    free(many);
}

static void what_is_not_json_is_refused_with_its_place(void **state)
{
    static const char *const texts[] = {"",         "{",    "{\"a\":}", "01",
                                        "nan",      "'a'",  "1e999",    "18446744073709551616",
                                        "\"\xff\"", "[1] 2"};
    json_t *json;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_fails(json_text_read(bytes_of_text(texts[i]), &json), INVALID_ARGUMENT, "byte");
}

static void a_text_beyond_its_buffer_is_refused(void **state)
{
    json_t *json = read_text("[\"0123456789\"]");
    struct buffer text;

    (void)state;
    buffer_init(&text, 8);
    assert_fails(json_text_write(json, &text), INVALID_ARGUMENT, "more than 8 bytes");
    buffer_destroy(&text);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_as_the_examples_of_rfc_7396),
        cmocka_unit_test(merges_the_document_of_rfc_7396),
        cmocka_unit_test(a_patch_is_not_changed_by_what_is_merged_later),
        cmocka_unit_test(numbers_keep_their_digits),
        cmocka_unit_test(names_are_in_order_and_strings_escaped),
        cmocka_unit_test(what_is_too_deep_or_too_much_is_refused),
        cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
        cmocka_unit_test(a_text_beyond_its_buffer_is_refused),
    };

    return cmocka_run_group_tests_name("json_text", tests, NULL, NULL);
}
