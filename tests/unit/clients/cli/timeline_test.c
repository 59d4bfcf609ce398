/* A saga's run, drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/timeline.h"

#define SECOND_US INT64_C(1000000)
#define ACTION    SAGABASE__V1__OPERATION__OPERATION_ACTION
#define UNDO      SAGABASE__V1__OPERATION__OPERATION_COMPENSATION

static void add(struct timeline *timeline, int64_t time_us, Sagabase__V1__SagaEvent event)
{
    Sagabase__V1__HistoryEntry entry = SAGABASE__V1__HISTORY_ENTRY__INIT;

    entry.created_us = time_us;
    entry.event = &event;
    assert_true(timeline_add(timeline, &entry));
}

static void add_started(struct timeline *timeline, int64_t time_us)
{
    Sagabase__V1__SagaStarted started = SAGABASE__V1__SAGA_STARTED__INIT;
    Sagabase__V1__SagaEvent event = SAGABASE__V1__SAGA_EVENT__INIT;

    event.event_case = SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_STARTED;
    event.saga_started = &started;
    add(timeline, time_us, event);
}

static void add_issued(struct timeline *timeline, int64_t time_us, uint32_t activity, char *node,
                       uint32_t parent, Sagabase__V1__Operation operation, uint32_t attempt)
{
    Sagabase__V1__CommandIssued issued = SAGABASE__V1__COMMAND_ISSUED__INIT;
    Sagabase__V1__SagaEvent event = SAGABASE__V1__SAGA_EVENT__INIT;

    issued.activity = activity;
    issued.node = node;
    issued.parent = parent;
    issued.operation = operation;
    issued.attempt = attempt;
    event.event_case = SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED;
    event.command_issued = &issued;
    add(timeline, time_us, event);
}

static void add_succeeded(struct timeline *timeline, int64_t time_us, uint32_t activity,
                          Sagabase__V1__Operation operation)
{
    Sagabase__V1__CommandSucceeded succeeded = SAGABASE__V1__COMMAND_SUCCEEDED__INIT;
    Sagabase__V1__SagaEvent event = SAGABASE__V1__SAGA_EVENT__INIT;

    succeeded.activity = activity;
    succeeded.operation = operation;
    event.event_case = SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_SUCCEEDED;
    event.command_succeeded = &succeeded;
    add(timeline, time_us, event);
}

static void add_errored(struct timeline *timeline, int64_t time_us, uint32_t activity,
                        int64_t retry_us, char *type)
{
    Sagabase__V1__SagaError error = SAGABASE__V1__SAGA_ERROR__INIT;
    Sagabase__V1__CommandErrored errored = SAGABASE__V1__COMMAND_ERRORED__INIT;
    Sagabase__V1__SagaEvent event = SAGABASE__V1__SAGA_EVENT__INIT;

    error.type = type;
    errored.activity = activity;
    errored.operation = SAGABASE__V1__OPERATION__OPERATION_ACTION;
    errored.error = &error;
    errored.retry_us = retry_us;
    event.event_case = SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ERRORED;
    event.command_errored = &errored;
    add(timeline, time_us, event);
}

static void add_failed(struct timeline *timeline, int64_t time_us, uint32_t activity, char *type)
{
    Sagabase__V1__SagaError error = SAGABASE__V1__SAGA_ERROR__INIT;
    Sagabase__V1__CommandFailed failed = SAGABASE__V1__COMMAND_FAILED__INIT;
    Sagabase__V1__SagaEvent event = SAGABASE__V1__SAGA_EVENT__INIT;

    error.type = type;
    failed.activity = activity;
    failed.operation = SAGABASE__V1__OPERATION__OPERATION_ACTION;
    failed.outcome = SAGABASE__V1__OUTCOME__OUTCOME_FAILURE;
    failed.error = &error;
    event.event_case = SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_FAILED;
    event.command_failed = &failed;
    add(timeline, time_us, event);
}

static void expect_drawing(const struct timeline *timeline, int64_t now_us, size_t columns,
                           const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    timeline_print(timeline, now_us, columns, out);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void steps_are_bars_from_beginning_to_end(void **state)
{
    struct timeline timeline;

    (void)state;
    timeline_init(&timeline);
    add_started(&timeline, SECOND_US);
    add_issued(&timeline, SECOND_US, 0, "reserve", 0, ACTION, 1);
    add_succeeded(&timeline, 6 * SECOND_US, 0, ACTION);
    add_issued(&timeline, 6 * SECOND_US, 1, "charge", 1, ACTION, 1);
    add_errored(&timeline, 11 * SECOND_US, 1, 12 * SECOND_US, "busy");
    add_issued(&timeline, 12 * SECOND_US, 1, "charge", 1, ACTION, 2);
    expect_drawing(&timeline, 20 * SECOND_US, 68,
                   "            0             19.0 s\n"
                   "  reserve   ━━━━━●                done in 5.0 s\n"
                   "  charge         ━━━━━✗━━━━━━━━▶  for 14.0 s, attempt 2: busy\n");
    timeline_destroy(&timeline);
}

static void what_was_undone_is_below_what_was_done(void **state)
{
    struct timeline timeline;

    (void)state;
    timeline_init(&timeline);
    add_started(&timeline, 0);
    add_issued(&timeline, 0, 0, "reserve", 0, ACTION, 1);
    add_succeeded(&timeline, 5 * SECOND_US, 0, ACTION);
    add_issued(&timeline, 5 * SECOND_US, 1, "charge", 1, ACTION, 1);
    add_failed(&timeline, 9 * SECOND_US, 1, "declined");
    add_issued(&timeline, 9 * SECOND_US, 0, "reserve", 0, UNDO, 1);
    add_succeeded(&timeline, 19 * SECOND_US, 0, UNDO);
    expect_drawing(&timeline, 19 * SECOND_US, 72,
                   "                0             19.0 s\n"
                   "  reserve       ━━━━━●                done in 5.0 s\n"
                   "  charge             ━━━━✗            failed after 4.0 s: declined\n"
                   "  undo reserve           ━━━━━━━━━━●  undone in 10.0 s\n");
    timeline_destroy(&timeline);
}

static void nodes_within_blocks_are_indented(void **state)
{
    Sagabase__V1__NodeEntered entered = SAGABASE__V1__NODE_ENTERED__INIT;
    Sagabase__V1__SagaEvent event = SAGABASE__V1__SAGA_EVENT__INIT;
    struct timeline timeline;

    (void)state;
    timeline_init(&timeline);
    add_started(&timeline, 0);
    entered.node = "both";
    event.event_case = SAGABASE__V1__SAGA_EVENT__EVENT_NODE_ENTERED;
    event.node_entered = &entered;
    add(&timeline, 0, event);
    add_issued(&timeline, 0, 1, "hotel", 0, ACTION, 1);
    add_errored(&timeline, SECOND_US, 1, 5 * SECOND_US, "busy");
    expect_drawing(&timeline, 2 * SECOND_US, 68,
                   "            0              2.0 s\n"
                   "  both      ───────────────────▶  for 2.0 s\n"
                   "    hotel   ━━━━━━━━━✗━━━━━━━━━…  for 2.0 s, again in 3.0 s: busy\n");
    timeline_destroy(&timeline);
}

static void a_new_run_begins_anew(void **state)
{
    struct timeline timeline;

    (void)state;
    timeline_init(&timeline);
    add_started(&timeline, 0);
    add_issued(&timeline, 0, 0, "reserve", 0, ACTION, 1);
    add_started(&timeline, SECOND_US);
    assert_int_equal(timeline.count, 0);
    assert_int_equal(timeline.begin_us, SECOND_US);
    timeline_destroy(&timeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_bars_from_beginning_to_end),
        cmocka_unit_test(what_was_undone_is_below_what_was_done),
        cmocka_unit_test(nodes_within_blocks_are_indented),
        cmocka_unit_test(a_new_run_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
