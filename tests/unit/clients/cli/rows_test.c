/* Rows of files as events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/rows.h"
#include "tests/unit/clients/cli/memory_input.h"

struct reading {
    struct input *input;
    struct rows *rows;
    struct arena arena;
    struct bytes stream;
    Sagabase__V1__ProposedEvent *event;
    struct status why;
};

static struct rows_options csv_options(void)
{
    return (struct rows_options){.source = "file.csv",
                                 .format = ROWS_CSV,
                                 .stream_column = "stream",
                                 .type_column = "type",
                                 .separator = ','};
}

static struct reading begin(struct rows_options options, const char *text)
{
    struct reading reading = {.input = memory_input(text, strlen(text))};

    arena_init(&reading.arena, 1 << 20);
    reading.why = rows_open(&options, reading.input, &reading.rows);
    return reading;
}

static void end(struct reading *reading)
{
    rows_close(reading->rows);
    arena_destroy(&reading->arena);
    memory_input_free(reading->input);
}

/* False: the row is bad, and `why` tells. */
static bool next(struct reading *reading)
{
    enum row_result result = rows_next(reading->rows, &reading->stream, &reading->why);

    if (result == ROW_READ)
        reading->why = rows_event(reading->rows, &reading->arena, &reading->event);
    assert_int_not_equal(result, ROW_END);
    return status_ok(reading->why);
}

static void expect_data(const struct reading *reading, const char *data)
{
    const ProtobufCBinaryData *seen = &reading->event->data;
    assert_true(bytes_equal(bytes_of(seen->data, seen->len), bytes_of_text(data)));
}

static void all_columns_become_the_data_in_their_order(void **state)
{
    struct reading reading =
        begin(csv_options(), "z,type,stream,a\n\"1,\"\"x\"\"\",Placed,order-1,\"line\nend\"\n");

    (void)state;
    assert_true(next(&reading));
    assert_true(bytes_equal(reading.stream, bytes_of_text("order-1")));
    assert_string_equal(reading.event->type, "Placed");
    assert_string_equal(reading.event->content_type, "application/json");
    expect_data(&reading, "{\"z\":\"1,\\\"x\\\"\",\"type\":\"Placed\",\"stream\":\"order-1\",\"a\":"
                          "\"line\\nend\"}");
    assert_int_equal(rows_next(reading.rows, &reading.stream, &reading.why), ROW_END);
    end(&reading);
}

/* The id of the second of two rows. */
static void second_id(const char *source, const char *text, char id[SAGABASE_UUID_BYTES])
{
    struct rows_options options = csv_options();

    options.source = source;
    struct reading reading = begin(options, text);
    assert_true(next(&reading) && next(&reading));
    memcpy(id, reading.event->id, SAGABASE_UUID_BYTES);
    end(&reading);
}

static void ids_follow_from_source_line_and_content(void **state)
{
    const char text[] = "stream,type\ns,A\ns,A\n";
    char id[SAGABASE_UUID_BYTES], same[SAGABASE_UUID_BYTES], other[SAGABASE_UUID_BYTES];

    (void)state;
    second_id("file.csv", text, id);
    second_id("file.csv", text, same);
    assert_string_equal(id, same);
    assert_int_equal(id[14], '8'); /* its version */
    second_id("other.csv", text, other);
    assert_string_not_equal(id, other);
    second_id("file.csv", "stream,type\ns,A\n\ns,A\n", other);
    assert_string_not_equal(id, other);
    second_id("file.csv", "stream,type\ns,A\ns,B\n", other);
    assert_string_not_equal(id, other);
    second_id("file.csv", "stream,type\ns,A\nsA,A\n", id);
    second_id("file.csv", "stream,type\ns,A\ns,AA\n", other);
    assert_string_not_equal(id, other);
}

static void ids_and_times_come_from_their_columns(void **state)
{
    struct rows_options options = csv_options();

    (void)state;
    options.id_column = "id";
    options.time_column = "at";
    struct reading reading =
        begin(options, "stream,type,id,at\n"
                       "s,A,B27A6D86-6d2f-4c5c-9a0f-0123456789ab,2011-10-11 13:45:40.276000+02:00\n"
                       "s,A,7,2011-10-11\n"
                       "s,A,b27a6d86-6d2f-4c5c-9a0f-0123456789ac,tomorrow\n");
    assert_true(next(&reading));
    assert_string_equal(reading.event->id, "b27a6d86-6d2f-4c5c-9a0f-0123456789ab");
    assert_string_equal(reading.event->metadata[0]->key, "time");
    assert_string_equal(reading.event->metadata[0]->value, "2011-10-11 13:45:40.276000+02:00");
    assert_false(next(&reading));
    assert_string_equal(reading.why.message, "column id: a UUID, not \"7\"");
    assert_false(next(&reading));
    assert_string_equal(reading.why.message,
                        "column at: a time like 2026-11-21T01:02:03+01:00, not \"tomorrow\"");
    end(&reading);
}

static void bad_rows_name_the_column_and_the_rest_is_read(void **state)
{
    struct reading reading =
        begin(csv_options(), "stream,type\n,A\ns,\ns\ns,A,b\ns,\xff\ngood,B\n");
    const char *expected[] = {
        "column stream: 1 to 1024 bytes",  "column type: 1 to 256 bytes",
        "2 columns as in the head, not 1", "2 columns as in the head, not 3",
        "column type: not UTF-8",
    };

    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_false(next(&reading));
        assert_string_equal(reading.why.message, expected[i]);
        assert_int_equal(rows_line(reading.rows), i + 2);
    }
    assert_true(next(&reading));
    assert_true(bytes_equal(reading.stream, bytes_of_text("good")));
    end(&reading);
}

static void a_head_without_the_columns_is_refused(void **state)
{
    const struct {
        const char *text, *message;
    } cases[] = {
        {"", "holds no row of column names"},
        {"a,type\n", "--stream-column: there is no column \"stream\""},
        {"stream,a\n", "--type-column: there is no column \"type\""},
        {"stream,type,stream\n", "column 3: \"stream\" is there twice"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading reading = begin(csv_options(), cases[i].text);
        assert_string_equal(reading.why.message, cases[i].message);
        end(&reading);
    }
}

static void json_lines_stay_as_they_stand(void **state)
{
    struct rows_options options = csv_options();

    (void)state;
    options.format = ROWS_JSON;
    struct reading reading =
        begin(options, "{\"stream\":\"s\", \"type\":17, \"n\":1.10}\n{\"type\":\"A\"}\n");
    assert_true(next(&reading));
    assert_string_equal(reading.event->type, "17");
    expect_data(&reading, "{\"stream\":\"s\", \"type\":17, \"n\":1.10}");
    assert_false(next(&reading));
    assert_string_equal(reading.why.message, "column stream: is missing");
    end(&reading);
}

static void lines_of_read_become_the_same_events(void **state)
{
    struct rows_options options = csv_options();

    (void)state;
    options.format = ROWS_EVENTS;
    struct reading reading = begin(
        options, "{\"stream\":\"s\",\"revision\":3,\"type\":\"A\",\"id\":\"b27a6d86-6d2f-4c5c-9a0f-"
                 "0123456789ab\",\"content_type\":\"text/x\",\"data\":\"d\",\"metadata\":{}}\n"
                 "{\"stream\":\"s\",\"type\":\"B\"}\n");
    assert_true(next(&reading));
    assert_string_equal(reading.event->id, "b27a6d86-6d2f-4c5c-9a0f-0123456789ab");
    assert_string_equal(reading.event->content_type, "text/x");
    expect_data(&reading, "d");
    assert_true(next(&reading));
    assert_int_equal(reading.event->id[14], '8'); /* made from the row */
    end(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_columns_become_the_data_in_their_order),
        cmocka_unit_test(ids_follow_from_source_line_and_content),
        cmocka_unit_test(ids_and_times_come_from_their_columns),
        cmocka_unit_test(bad_rows_name_the_column_and_the_rest_is_read),
        cmocka_unit_test(a_head_without_the_columns_is_refused),
        cmocka_unit_test(json_lines_stay_as_they_stand),
        cmocka_unit_test(lines_of_read_become_the_same_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
