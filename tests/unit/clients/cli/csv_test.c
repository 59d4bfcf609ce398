/* CSV as files have it, and the rules that broken ones break. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/csv.h"
#include "tests/unit/clients/cli/memory_input.h"

struct reading {
    struct input *input;
    struct csv *csv;
    struct status why;
};

static struct reading begin_with(const char *text, char separator)
{
    struct reading reading = {memory_input(text, strlen(text)), malloc(sizeof(struct csv)), OK};

    csv_init(reading.csv, reading.input, separator);
    return reading;
}

static struct reading begin(const char *text)
{
    return begin_with(text, ',');
}

static void end(struct reading *reading)
{
    csv_destroy(reading->csv);
    free(reading->csv);
    memory_input_free(reading->input);
}

/* The fields of the next row, joined with "|". */
static void expect_row(struct reading *reading, const char *joined)
{
    char seen[256] = "";

    assert_int_equal(csv_next(reading->csv, &reading->why), ROW_READ);
    for (size_t i = 0; i < reading->csv->field_count; i++) {
        if (i > 0)
            strncat(seen, "|", sizeof seen - strlen(seen) - 1);
        strncat(seen, (const char *)reading->csv->fields[i].data, reading->csv->fields[i].size);
    }
    assert_string_equal(seen, joined);
}

static void expect_bad(struct reading *reading, const char *why)
{
    assert_int_equal(csv_next(reading->csv, &reading->why), ROW_BAD);
    assert_string_equal(reading->why.message, why);
}

static void expect_end(struct reading *reading)
{
    assert_int_equal(csv_next(reading->csv, &reading->why), ROW_END);
}

static void plain_rows_are_split(void **state)
{
    struct reading reading = begin("a,b,c\n1,,3\n");

    (void)state;
    expect_row(&reading, "a|b|c");
    expect_row(&reading, "1||3");
    expect_end(&reading);
    end(&reading);
}

static void quotes_hold_separators_quotes_and_line_ends(void **state)
{
    struct reading reading = begin("\"a,b\",\"say \"\"yes\"\"\",\"two\r\nlines\"\nnext,\"\",x\n");

    (void)state;
    expect_row(&reading, "a,b|say \"yes\"|two\r\nlines");
    expect_row(&reading, "next||x");
    assert_int_equal(reading.csv->row_line, 3);
    end(&reading);
}

static void line_ends_may_be_crlf_and_the_last_may_be_missing(void **state)
{
    struct reading reading = begin("a,b\r\n\"c\",\"d\"\r\ne,f");

    (void)state;
    expect_row(&reading, "a|b");
    expect_row(&reading, "c|d");
    expect_row(&reading, "e|f");
    expect_end(&reading);
    end(&reading);
}

static void a_row_may_have_only_empty_fields(void **state)
{
    struct reading reading = begin(",\n");

    (void)state;
    expect_row(&reading, "|");
    for (size_t i = 0; i < 2; i++)
        assert_non_null(reading.csv->fields[i].data);
    expect_end(&reading);
    end(&reading);
}

static void a_byte_order_mark_is_skipped(void **state)
{
    struct reading reading = begin("\xef\xbb\xbf\"a\",b\n");

    (void)state;
    expect_row(&reading, "a|b");
    end(&reading);
}

static void empty_lines_are_skipped_but_counted(void **state)
{
    struct reading reading = begin("\n\r\na,b\n\n\nc,d\n\n");

    (void)state;
    expect_row(&reading, "a|b");
    assert_int_equal(reading.csv->row_line, 3);
    expect_row(&reading, "c|d");
    assert_int_equal(reading.csv->row_line, 6);
    expect_end(&reading);
    end(&reading);
}

static void the_separator_can_be_chosen(void **state)
{
    struct reading reading = begin_with("a;b,c\n\"d;e\";f\n", ';');

    (void)state;
    expect_row(&reading, "a|b,c");
    expect_row(&reading, "d;e|f");
    end(&reading);
}

static void bytes_beyond_ascii_are_kept(void **state)
{
    struct reading reading = begin("Größe,\"名前\"\n");

    (void)state;
    expect_row(&reading, "Größe|名前");
    end(&reading);
}

static void a_bad_row_names_its_column_and_the_next_is_read(void **state)
{
    struct reading reading = begin("a,b\"c,d\n\"x\"y,z\nlast,row\n");

    (void)state;
    expect_bad(&reading, "column 2: quotes stand in a field that does not start with them");
    assert_int_equal(reading.csv->row_line, 1);
    expect_bad(&reading, "column 1: something stands behind the closing quotes");
    assert_int_equal(reading.csv->row_line, 2);
    expect_row(&reading, "last|row");
    expect_end(&reading);
    end(&reading);
}

static void open_quotes_are_told_at_the_end(void **state)
{
    struct reading reading = begin("a,\"b\nc,d\n");

    (void)state;
    expect_bad(&reading, "column 2: the quotes are not closed");
    expect_end(&reading);
    end(&reading);
}

static void a_row_over_its_limit_is_refused_and_the_next_is_read(void **state)
{
    size_t size = CSV_ROW_BYTES_MAX + 10;
    char *text = malloc(size + sizeof "\nshort,row\n");

    (void)state;
    memset(text, 'x', size);
    memcpy(text + size, "\nshort,row\n", sizeof "\nshort,row\n");
    struct reading reading = begin(text);
    expect_bad(&reading, "column 1: too long: a row is at most 1 MiB");
    expect_row(&reading, "short|row");
    end(&reading);
    free(text);
}

static void too_many_columns_are_refused(void **state)
{
    char *text = malloc(CSV_FIELDS_MAX + 16);

    (void)state;
    memset(text, ',', CSV_FIELDS_MAX);
    memcpy(text + CSV_FIELDS_MAX, "\na,b\n", sizeof "\na,b\n");
    struct reading reading = begin(text);
    expect_bad(&reading, "at most 4096 columns");
    expect_row(&reading, "a|b");
    end(&reading);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_rows_are_split),
        cmocka_unit_test(quotes_hold_separators_quotes_and_line_ends),
        cmocka_unit_test(line_ends_may_be_crlf_and_the_last_may_be_missing),
        cmocka_unit_test(a_row_may_have_only_empty_fields),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(empty_lines_are_skipped_but_counted),
        cmocka_unit_test(the_separator_can_be_chosen),
        cmocka_unit_test(bytes_beyond_ascii_are_kept),
        cmocka_unit_test(a_bad_row_names_its_column_and_the_next_is_read),
        cmocka_unit_test(open_quotes_are_told_at_the_end),
        cmocka_unit_test(a_row_over_its_limit_is_refused_and_the_next_is_read),
        cmocka_unit_test(too_many_columns_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
