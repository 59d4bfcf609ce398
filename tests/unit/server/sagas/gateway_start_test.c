/* Starts: what they attach to, and the largest. The first argument names the engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/support/gateway_fixture.h"

enum {
    ACCEPTED = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED,
    ATTACHED = SAGABASE__V1__START_OUTCOME__START_OUTCOME_ATTACHED,
    COMPENSATED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED,
};

static const char *engine_kind;
static struct gateway_fixture fixture;
static struct recipe recipe;

static int set_up(void **state)
{
    (void)state;
    gateway_fixture_open(&fixture, engine_kind);
    recipe_init(&recipe, "order");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    recipe_destroy(&recipe);
    gateway_fixture_close(&fixture);
    return 0;
}

static Sagabase__V1__StartSagaRequest request_of(const char *id)
{
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;

    request.type = "order";
    request.id = (char *)id;
    return request;
}

/* As a trigger that is delivered once more, or a starter that heard nothing. */
static void a_repeated_start_attaches_whatever_the_default_version_is_by_now(void **state)
{
    Sagabase__V1__StartSagaRequest request = request_of("1");
    struct saga_start start = {.request = &request};

    (void)state;
    recipe_step(&recipe, NULL, "a");
    assert_ok(fixture_put(&fixture, &recipe, NULL));
    assert_ok(fixture_start_with(&fixture, &start));
    recipe_step(&recipe, NULL, "b");
    assert_ok(fixture_put(&fixture, &recipe, NULL));
    assert_ok(fixture_start_with(&fixture, &start));
    assert_int_equal(start.outcome, ATTACHED);
    request.version = 1;
    assert_ok(fixture_start_with(&fixture, &start));
    request.version = 2;
    assert_fails(fixture_start_with(&fixture, &start), ALREADY_EXISTS, "definition");
}

/* A loop of choices that meets no step goes through all its turns at once: 3,000 events, each with
 * the longest names. */
static void what_is_too_much_for_one_append_is_stored_all_the_same(void **state)
{
    Sagabase__V1__Attribute more = SAGABASE__V1__ATTRIBUTE__INIT, *attributes[] = {&more};
    Sagabase__V1__Comparison equal = SAGABASE__V1__COMPARISON__COMPARISON_EQUAL;
    char id[SAGA_ID_BYTES_MAX + 1] = {0}, tracestate[513] = {0};
    Sagabase__V1__StartSagaRequest request = request_of(id);
    struct saga_start start = {.request = &request, .tracestate = {(uint8_t *)tracestate, 512}};
    Sagabase__V1__Choice *choice;

    (void)state;
    recipe_loop(&recipe, NULL, "again", "one", "more", "yes", 499);
    choice = recipe_choice(&recipe, recipe_block(&recipe, "one"), "first");
    recipe_case(&recipe, choice, "more", equal, "yes", "two");
    choice = recipe_choice(&recipe, recipe_block(&recipe, "two"), "second");
    recipe_case(&recipe, choice, "more", equal, "yes", "three");
    choice = recipe_choice(&recipe, recipe_block(&recipe, "three"), "third");
    recipe_case(&recipe, choice, "more", equal, "no", "four");
    recipe_step(&recipe, recipe_block(&recipe, "four"), "never");
    memset(id, 'i', SAGA_ID_BYTES_MAX);
    memset(tracestate, 't', sizeof tracestate - 1);
    more.name = "more";
    more.value = "yes";
    request.attributes = attributes;
    request.n_attributes = 1;
    assert_ok(fixture_put(&fixture, &recipe, NULL));
    assert_ok(fixture_start_with(&fixture, &start));
    assert_int_equal(start.status, COMPENSATED); /* for the loop's limit */
    assert_null(fixture_compare_rows(&fixture));
    assert_ok(fixture_start(&fixture, "order", "another"));
}

static void starts_beyond_the_memory_are_refused_and_replies_are_not(void **state)
{
    struct task task;

    (void)state;
    recipe_step(&recipe, NULL, "a");
    assert_ok(fixture_put(&fixture, &recipe, NULL));
    fixture.memory_bytes_max = 1;
    gateway_fixture_restart(&fixture);
    fixture_join(&fixture, "work", NULL, NULL);
    assert_ok(fixture_start(&fixture, "order", "1"));
    assert_fails(fixture_start(&fixture, "order", "2"), RESOURCE_EXHAUSTED, "--saga-memory");
    assert_true(fixture_await(&fixture, &task));
    assert_int_equal(fixture_succeed(&fixture, task.command->command_id, 0), ACCEPTED);
    assert_ok(fixture_start(&fixture, "order", "2"));
}

#define start_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        start_test(a_repeated_start_attaches_whatever_the_default_version_is_by_now),
        start_test(what_is_too_much_for_one_append_is_stored_all_the_same),
        start_test(starts_beyond_the_memory_are_refused_and_replies_are_not),
    };

    engine_kind = argc > 1 ? argv[1] : "memory";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
