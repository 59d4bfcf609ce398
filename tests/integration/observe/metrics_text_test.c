/* Metrics as text. Goal: what a room counts is what Prometheus reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "server/observe/metrics.h"

static void visit_two(void *room, metric_visit *visit, void *context)
{
    (void)room;
    visit(context, &(struct metric){.name = "rooms",
                                    .help = "Rooms.",
                                    .kind = METRIC_GAUGE,
                                    .labels = {{"floor", "1"}, {"side", "left"}},
                                    .value = 2});
    visit(context, &(struct metric){.name = "rooms",
                                    .help = "Rooms.",
                                    .kind = METRIC_GAUGE,
                                    .labels = {{"floor", "2"}, {"side", "left"}},
                                    .value = 12345678901});
    metric_counter(visit, context, "doors_total", "Doors.", 3);
}

static void visit_histogram(void *room, metric_visit *visit, void *context)
{
    metric_histogram(visit, context, "wait_seconds", "Waiting.", &bounds_duration_us, room);
}

static void writes(const struct metric_source *sources, const char *wanted)
{
    struct buffer text;

    metrics_write(sources, &text);
    buffer_put_byte(&text, 0);
    assert_true(buffer_ok(&text));
    if (!strstr((char *)text.data, wanted))
        fail_msg("no \"%s\" in:\n%s", wanted, (char *)text.data);
    buffer_destroy(&text);
}

static void metrics_of_one_name_stand_below_one_heading(void **state)
{
    const struct metric_source sources[] = {{visit_two, NULL}, {NULL, NULL}};

    (void)state;
    writes(sources, "# HELP rooms Rooms.\n# TYPE rooms gauge\n"
                    "rooms{floor=\"1\",side=\"left\"} 2\n"
                    "rooms{floor=\"2\",side=\"left\"} 12345678901\n"
                    "# HELP doors_total Doors.\n# TYPE doors_total counter\ndoors_total 3\n");
}

static void buckets_of_a_histogram_are_cumulative_and_in_its_unit(void **state)
{
    struct distribution waits = {0};
    const struct metric_source sources[] = {{visit_histogram, &waits}, {NULL, NULL}};

    (void)state;
    distribution_add_alone(&waits, &bounds_duration_us, 100);
    distribution_add_alone(&waits, &bounds_duration_us, 101);
    distribution_add_alone(&waits, &bounds_duration_us, 20000000);
    distribution_add_alone(&waits, &bounds_duration_us, -5); /* a clock that went back */
    assert_int_equal(distribution_count(&waits), 4);
    writes(sources, "# TYPE wait_seconds histogram\n"
                    "wait_seconds_bucket{le=\"0.0001\"} 2\n"
                    "wait_seconds_bucket{le=\"0.00025\"} 3\n");
    writes(sources, "wait_seconds_bucket{le=\"10\"} 3\nwait_seconds_bucket{le=\"+Inf\"} 4\n"
                    "wait_seconds_sum 20.000201\nwait_seconds_count 4\n");
}

static void merged_distributions_have_all_of_both(void **state)
{
    struct distribution one = {0}, other = {0};

    (void)state;
    distribution_add_alone(&one, &bounds_count, 1);
    distribution_add_alone(&other, &bounds_count, 3);
    distribution_add_alone(&other, &bounds_count, 1000000);
    distribution_merge(&one, &other);
    assert_int_equal(distribution_count(&one), 3);
    assert_int_equal(counter_get(&one.sum), 1000004);
    assert_int_equal(distribution_count(&other), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_of_one_name_stand_below_one_heading),
        cmocka_unit_test(buckets_of_a_histogram_are_cumulative_and_in_its_unit),
        cmocka_unit_test(merged_distributions_have_all_of_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
