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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_time_level_component_event_and_pairs),
        cmocka_unit_test(a_line_without_pairs_has_no_space_at_its_end),
        cmocka_unit_test(only_the_level_and_those_before_it_are_written),
        cmocka_unit_test(an_endless_line_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
