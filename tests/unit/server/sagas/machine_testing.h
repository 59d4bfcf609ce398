/* What the tests of the machine share: one recipe and one run of it. */
#ifndef TESTS_UNIT_SERVER_SAGAS_MACHINE_TESTING_H
#define TESTS_UNIT_SERVER_SAGAS_MACHINE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/saga_recipe.h"
#include "tests/support/saga_run.h"

#define assert_code(expression, expected)                                                          \
    do {                                                                                           \
        struct status assert_status = (expression);                                                \
        if (assert_status.code != (expected))                                                      \
            fail_msg("%s: %s %s", #expression, status_code_name(assert_status.code),               \
                     assert_status.message);                                                       \
    } while (0)

#define assert_ok(expression) assert_code(expression, STATUS_OK)

#define assert_events(expected) assert_string_equal(saga_run_events(&run), expected)
#define assert_no_events()      assert_int_equal(run.decision.event_count, 0)
#define assert_status(expected) assert_int_equal(run.saga->status, expected)

#define row(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

enum {
    ACCEPTED = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED,
    DUPLICATE = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_DUPLICATE,
    SUPERSEDED = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_SUPERSEDED,
    UNKNOWN_COMMAND = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNKNOWN_COMMAND,

    RUNNING = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING,
    COMPENSATING = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATING,
    PARKED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED,
    COMPLETED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED,
    COMPENSATED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED,
    TERMINATED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_TERMINATED,

    SUCCESS = SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS,
    FAILURE = SAGABASE__V1__OUTCOME__OUTCOME_FAILURE,
    UNKNOWN = SAGABASE__V1__OUTCOME__OUTCOME_UNKNOWN,
    SKIPPED = SAGABASE__V1__OUTCOME__OUTCOME_SKIPPED,

    START_TO_CLOSE = SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_START_TO_CLOSE,
    SCHEDULE_TO_START = SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_SCHEDULE_TO_START,
    HEARTBEAT = SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_HEARTBEAT,
};

static struct recipe recipe;
static struct saga_run run;

static int set_up(void **state)
{
    (void)state;
    recipe_init(&recipe, "order");
    run = (struct saga_run){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (run.saga)
        saga_run_destroy(&run);
    recipe_destroy(&recipe);
    return 0;
}

/* Starts what the recipe has become. */
static inline void start(void)
{
    saga_run_init(&run, recipe_definition(&recipe));
    assert_ok(saga_run_start(&run));
}

/* A reply in the words of transition.h; an accepted one is decided. */
#define succeed(node)         assert_int_equal(saga_run_succeed(&run, node), ACCEPTED)
#define fail_with(node, type) assert_int_equal(saga_run_fail(&run, node, type), ACCEPTED)
#define err(node, type)       assert_int_equal(saga_run_error(&run, node, type), ACCEPTED)

static inline void time_out(const char *node, int kind)
{
    assert_ok(saga_run_timeout(&run, node, (Sagabase__V1__TimeoutKind)kind, false));
}

static inline void nobody_took(const char *node)
{
    assert_ok(saga_run_timeout(&run, node,
                               SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_SCHEDULE_TO_START, true));
}

#endif
