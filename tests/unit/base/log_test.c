#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

enum { TEXT_BYTES = 8192 };

/* What the calls in between write to stderr. */
static int stderr_before;
static int pipe_ends[2];

static void capture(void)
{
    assert_int_equal(pipe(pipe_ends), 0);
    stderr_before = dup(STDERR_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
    close(pipe_ends[1]);
}

static void captured(char text[TEXT_BYTES])
{
    size_t size = 0;

    dup2(stderr_before, STDERR_FILENO); /* the last writer of the pipe */
    close(stderr_before);
    for (ssize_t some = 1; some > 0; size += (size_t)some)
        some = read(pipe_ends[0], text + size, TEXT_BYTES - 1 - size);
    text[size] = 0;
    close(pipe_ends[0]);
}

static void a_line_is_time_level_component_event_and_pairs(void **state)
{
    char text[TEXT_BYTES];

    (void)state;
    capture();
    log_line(LOG_INFO, "store", "opened", "position=%d streams=%d", 42, 7);
    captured(text);
    assert_int_equal(text[4], '-');
    assert_int_equal(text[10], 'T');
    assert_string_equal(strchr(text, ' '), " INFO store opened position=42 streams=7\n");
}

static void a_line_without_pairs_has_no_space_at_its_end(void **state)
{
    char text[TEXT_BYTES];

    (void)state;
    capture();
    log_line(LOG_WARN, "store", "closed", "%s", "");
    captured(text);
    assert_string_equal(strchr(text, ' '), " WARN store closed\n");
}

static void only_the_level_and_those_before_it_are_written(void **state)
{
    char text[TEXT_BYTES];

    (void)state;
    capture();
    log_line(LOG_DEBUG, "rpc", "hidden", "n=%d", 1);
    log_set_level(LOG_DEBUG);
    log_line(LOG_DEBUG, "rpc", "shown", "n=%d", 2);
    log_set_level(LOG_ERROR);
    log_line(LOG_WARN, "rpc", "hidden", "n=%d", 3);
    log_set_level(LOG_INFO);
    captured(text);
    assert_string_equal(strchr(text, ' '), " DEBUG rpc shown n=2\n");
}

static void an_endless_line_is_cut(void **state)
{
    char value[4000];
    char text[TEXT_BYTES];

    (void)state;
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = 0;
    capture();
    log_line(LOG_INFO, "rpc", "cut", "value=%s", value);
    captured(text);
    assert_in_range(strlen(text), 1000, 3000);
    assert_string_equal(text + strlen(text) - 2, "x\n");
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void in_json_a_line_is_one_object_with_numbers_and_escaped_texts(void **state)
{
    char text[TEXT_BYTES];

    (void)state;
    log_set_format(LOG_JSON);
    capture();
    log_line(LOG_INFO, "store", "opened", "position=%d of=x-%d cause=\"%s\" more=%s", 42, 7,
             "the \"disk\"\nis full", "007");
    captured(text);
    log_set_format(LOG_TEXT);
    assert_memory_equal(text, "{\"time\":\"", 9);
    assert_string_equal(strchr(text, ','),
                        ",\"level\":\"INFO\",\"component\":\"store\",\"event\":\"opened\","
                        "\"position\":42,\"of\":\"x-7\","
                        "\"cause\":\"the \\\"disk\\\"\\u000ais full\",\"more\":\"007\"}\n");
}

static void a_value_with_a_newline_stays_in_its_line(void **state)
{
    char text[TEXT_BYTES];

    (void)state;
    capture();
    log_line(LOG_WARN, "rpc", "forged", "cause=\"%s\"", "a\n2026 ERROR store failed");
    captured(text);
    assert_string_equal(strchr(text, ' '),
                        " WARN rpc forged cause=\"a\\u000a2026 ERROR store failed\"\n");
}

static void a_name_cannot_pass_for_pairs(void **state)
{
    char text[TEXT_BYTES], name[100];

    (void)state;
    log_set_format(LOG_JSON);
    capture();
    log_line(LOG_WARN, "reducers", "disabled", "stream=%s revision=%d",
             log_name(bytes_of_text("a\" level=DEBUG revision=\"7")).text, 3);
    captured(text);
    log_set_format(LOG_TEXT);
    assert_string_equal(strstr(text, ",\"stream\""),
                        ",\"stream\":\"a' level=DEBUG revision='7\",\"revision\":3}\n");
    memset(name, 'x', sizeof name);
    memcpy(name + 59, "\xc3\xa4", 2); /* a letter that does not fit in */
    assert_int_equal(strlen(log_name(bytes_of(name, sizeof name)).text), 61);
}

static unsigned lines_of(const char *text)
{
    unsigned lines = 0;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void a_fact_that_repeats_is_told_twenty_times_in_ten_seconds(void **state)
{
    char text[TEXT_BYTES];

    (void)state;
    capture();
    for (int i = 0; i < 1000; i++)
        log_line(LOG_WARN, "disk", "filled", "n=%d", i);
    log_line(LOG_WARN, "disk", "mended", "n=%d", 1);
    captured(text);
    assert_int_equal(lines_of(text), 21);
    assert_non_null(strstr(text, "disk filled n=19\n"));
    assert_non_null(strstr(text, "disk mended n=1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_time_level_component_event_and_pairs),
        cmocka_unit_test(a_line_without_pairs_has_no_space_at_its_end),
        cmocka_unit_test(only_the_level_and_those_before_it_are_written),
        cmocka_unit_test(an_endless_line_is_cut),
        cmocka_unit_test(in_json_a_line_is_one_object_with_numbers_and_escaped_texts),
        cmocka_unit_test(a_value_with_a_newline_stays_in_its_line),
        cmocka_unit_test(a_name_cannot_pass_for_pairs),
        cmocka_unit_test(a_fact_that_repeats_is_told_twenty_times_in_ten_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
