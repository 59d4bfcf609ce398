/* JSON lines, one object each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/lines.h"
#include "tests/unit/clients/cli/memory_input.h"

static void objects_are_read_and_empty_lines_skipped(void **state)
{
    const char text[] = "{\"a\":1}\r\n\n  \n{\"b\":2}";
    struct input *input = memory_input(text, strlen(text));
    struct status why;
    struct bytes object;
    struct lines lines;

    (void)state;
    lines_init(&lines, input);
    assert_int_equal(lines_next_object(&lines, &object, &why), ROW_READ);
    assert_true(bytes_have_prefix(object, bytes_of_text("{\"a\":1}")));
    assert_int_equal(lines.line, 1);
    assert_int_equal(lines_next_object(&lines, &object, &why), ROW_READ);
    assert_true(bytes_equal(object, bytes_of_text("{\"b\":2}")));
    assert_int_equal(lines.line, 4);
    assert_int_equal(lines_next_object(&lines, &object, &why), ROW_END);
    lines_destroy(&lines);
    memory_input_free(input);
}

static void a_line_that_is_no_object_is_bad_and_the_next_is_read(void **state)
{
    const char text[] = "[1]\n{\"a\"\n{}\n";
    struct input *input = memory_input(text, strlen(text));
    struct status why;
    struct bytes object;
    struct lines lines;

    (void)state;
    lines_init(&lines, input);
    assert_int_equal(lines_next_object(&lines, &object, &why), ROW_BAD);
    assert_string_equal(why.message, "not a JSON object");
    assert_int_equal(lines_next_object(&lines, &object, &why), ROW_BAD);
    assert_int_equal(lines.line, 2);
    assert_int_equal(lines_next_object(&lines, &object, &why), ROW_READ);
    lines_destroy(&lines);
    memory_input_free(input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_read_and_empty_lines_skipped),
        cmocka_unit_test(a_line_that_is_no_object_is_bad_and_the_next_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
