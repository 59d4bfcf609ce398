/* The process dies at each commit, just before it or just behind it; another one goes on. What was
 * to be done is done exactly once. The first argument names the engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/support/fault_engine.h"
#include "tests/support/gateway_fixture.h"

enum {
    SECOND_US = 1000000,
    PATIENCE_US = 60 * SECOND_US, /* with a disk that others keep busy */
    COMMITS_MAX = 40,
    ACCEPTED = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED,
    DUPLICATE = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_DUPLICATE,
    UNDECIDED = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNSPECIFIED,
    NONE = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_UNSPECIFIED,
    COMPLETED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED,
    COMPENSATED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED,
    COMPENSATION = SAGABASE__V1__OPERATION__OPERATION_COMPENSATION,
};

static const char *engine_kind;
static struct gateway_fixture fixture;
static struct recipe recipe;

/* A participant that knows which events it wants to store for which command, whatever happens. */
struct work {
    bool refuses_last; /* step "c" answers FAILURE */
    bool is_doomed;    /* the fault is still to come */
    int restarts;
};

static void restart(struct work *work)
{
    gateway_fixture_restart(&fixture);
    fixture_join(&fixture, "work", NULL, NULL);
    work->restarts++;
}

/* Success with an event for the step's stream, or the answer that the test wants. False: the
 * process has died. */
static bool answer(const struct work *work, const struct task *task)
{
    char stream[64];
    struct new_event event = make_event(uuid_random());
    struct stream_append appended = {.events = &event, .event_count = 1};
    struct append append = {.streams = &appended, .stream_count = 1};
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__Reply message = SAGABASE__V1__REPLY__INIT;
    struct saga_reply reply = {.reply = &message, .append = &append};

    if (work->refuses_last && strcmp(task->command->step, "c") == 0) {
        int outcome = (int)fixture_fail(&fixture, task->command->command_id);
        assert_true(outcome == ACCEPTED || outcome == DUPLICATE || outcome == UNDECIDED);
        return outcome != UNDECIDED;
    }
    snprintf(stream, sizeof stream, "%s-%s",
             (int)task->command->operation == COMPENSATION ? "undone" : "done",
             task->command->step);
    appended.stream = bytes_of_text(stream);
    message.command_id = task->command->command_id;
    message.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    message.success = &success;
    if (!status_ok(fixture_reply_with(&fixture, &reply)))
        return false;
    assert_true((int)reply.outcome == ACCEPTED || (int)reply.outcome == DUPLICATE);
    return true;
}

/* Does whatever there is to do, over as many processes as it takes, until the saga is `status`. */
static void work_until(struct work *work, int status)
{
    while (!status_ok(fixture_start(&fixture, "order", "1")))
        restart(work);
    int64_t until_us = clock_monotonic_us(system_clock()) + PATIENCE_US;
    while ((int)fixture_status(&fixture, "order", "1") != status &&
           clock_monotonic_us(system_clock()) < until_us) {
        struct task task;
        if (work->is_doomed && !status_ok(fixture_start(&fixture, "order", "1"))) {
            restart(work); /* its timers could not go on */
            work->is_doomed = false;
        }
        gateway_fixture_wait(&fixture, SECOND_US / 10);
        if (fixture_take(&fixture, &task, 1) == 1 && !answer(work, &task)) {
            restart(work);
            work->is_doomed = false;
            answer(work, &task); /* unacknowledged, it is sent again */
        }
    }
    assert_int_equal(fixture_status(&fixture, "order", "1"), status);
}

static void assert_stream(const char *stream, const char *expected)
{
    const char *events = fixture_events(&fixture, stream);

    if (strcmp(events, expected) != 0)
        fail_msg("%s holds \"%s\", not \"%s\"", stream, events, expected);
}

/* Runs the saga with the nth commit failing; false: it took fewer commits. */
static bool run_dying_at(uint64_t nth, enum fault_moment moment, bool refuses_last)
{
    struct work work = {.refuses_last = refuses_last, .is_doomed = true};

    gateway_fixture_open(&fixture, engine_kind);
    recipe_init(&recipe, "order");
    recipe_step(&recipe, NULL, "a");
    recipe_timer(&recipe, NULL, "sleep", 1000);
    recipe_step(&recipe, NULL, "b");
    recipe_step(&recipe, NULL, "c");
    assert_ok(fixture_put(&fixture, &recipe, NULL));
    fixture_join(&fixture, "work", NULL, NULL);
    fault_engine_fail_commit(fixture.store.engine, nth, moment);
    work_until(&work, refuses_last ? COMPENSATED : COMPLETED);

    assert_stream("done-a", "Tested");
    assert_stream("done-b", "Tested");
    assert_stream("done-c", refuses_last ? "" : "Tested");
    assert_stream("undone-a", refuses_last ? "Tested" : "");
    assert_stream("undone-b", refuses_last ? "Tested" : "");
    assert_stream("undone-c", "");
    assert_stream("$cmd-work", refuses_last ? "Do Do Do Undo Undo" : "Do Do Do");
    assert_null(fixture_compare_rows(&fixture));
    assert_int_equal(gateway_counts(fixture.gateway).open, 0);
    recipe_destroy(&recipe);
    gateway_fixture_close(&fixture);
    return work.restarts > 0;
}

/* The log's own index thread may commit too, so how many there are is found by trying. */
static void die_at_each_commit(enum fault_moment moment, bool refuses_last)
{
    uint64_t nth = 1;

    while (nth < COMMITS_MAX && run_dying_at(nth, moment, refuses_last))
        nth++;
    assert_true(nth > 4 && nth < COMMITS_MAX);
}

static void going_forward_survives_dying_before_each_commit(void **state)
{
    (void)state;
    die_at_each_commit(FAULT_BEFORE, false);
}

static void going_forward_survives_dying_after_each_commit(void **state)
{
    (void)state;
    die_at_each_commit(FAULT_AFTER, false);
}

static void going_backward_survives_dying_before_each_commit(void **state)
{
    (void)state;
    die_at_each_commit(FAULT_BEFORE, true);
}

static void going_backward_survives_dying_after_each_commit(void **state)
{
    (void)state;
    die_at_each_commit(FAULT_AFTER, true);
}

/* Three sagas at different places. */
static void a_restart_hands_open_commands_out_again_with_the_same_attempt(void **state)
{
    struct task first[3], second[3];

    (void)state;
    gateway_fixture_open(&fixture, engine_kind);
    recipe_init(&recipe, "order");
    recipe_step(&recipe, NULL, "a");
    recipe_step(&recipe, NULL, "b");
    assert_ok(fixture_put(&fixture, &recipe, NULL));
    fixture_join(&fixture, "work", NULL, NULL);
    for (int i = 0; i < 3; i++) {
        char id[2] = {(char)('1' + i), 0};
        assert_ok(fixture_start(&fixture, "order", id));
        assert_int_equal(fixture_take(&fixture, &first[i], 1), 1);
    }
    assert_int_equal(fixture_succeed(&fixture, first[0].command->command_id, 0), ACCEPTED);
    assert_int_equal(fixture_take(&fixture, &first[0], 1), 1);
    gateway_fixture_restart(&fixture);
    fixture_join(&fixture, "work", NULL, NULL);
    assert_int_equal(gateway_counts(fixture.gateway).open, 3);
    assert_int_equal(fixture_take(&fixture, second, 3), 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(second[i].command->command_id, first[i].command->command_id);
        assert_int_equal(second[i].command->attempt, 1);
        assert_int_not_equal(second[i].lease.token, first[i].lease.token);
    }
    recipe_destroy(&recipe);
    gateway_fixture_close(&fixture);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(going_forward_survives_dying_before_each_commit),
        cmocka_unit_test(going_forward_survives_dying_after_each_commit),
        cmocka_unit_test(going_backward_survives_dying_before_each_commit),
        cmocka_unit_test(going_backward_survives_dying_after_each_commit),
        cmocka_unit_test(a_restart_hands_open_commands_out_again_with_the_same_attempt),
    };

    engine_kind = argc > 1 ? argv[1] : "memory";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
