/* What a definition may be, and what is said of one that is wrong: where, and what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/sagas/limits.h"
#include "tests/support/saga_recipe.h"

static struct recipe recipe;

static int set_up(void **state)
{
    (void)state;
    recipe_init(&recipe, "order");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    recipe_destroy(&recipe);
    return 0;
}

static size_t validate(const struct definition_problem **problems)
{
    size_t count;
    struct status status = definition_validate(&recipe.definition, &recipe.arena, problems, &count);

    assert_true(status_ok(status));
    return count;
}

static void assert_valid(void)
{
    const struct definition_problem *problems;

    if (validate(&problems) > 0)
        fail_msg("%s: %s", problems[0].path, problems[0].message);
}

/* One problem of that path whose message has these words; there may be others. */
static void assert_problem(const char *path, const char *words)
{
    const struct definition_problem *problems;
    size_t count = validate(&problems);

    for (size_t i = 0; i < count; i++)
        if (strcmp(problems[i].path, path) == 0 && strstr(problems[i].message, words))
            return;
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%s: %s\n", problems[i].path, problems[i].message);
    fail_msg("%zu problems, but not %s: ...%s...", count, path, words);
}

static void assert_only_problem(const char *path, const char *words)
{
    const struct definition_problem *problems;

    assert_problem(path, words);
    assert_int_equal(validate(&problems), 1);
}

/* --- what is right -----------------------------------------------------------------------------
 */

static void a_definition_is_a_tree_of_nodes(void **state)
{
    (void)state;
    Sagabase__V1__Parallel *parallel;
    recipe_step(&recipe, NULL, "a");
    parallel = recipe_parallel(&recipe, NULL, "both");
    recipe_branch(&recipe, parallel, "left");
    recipe_branch(&recipe, parallel, "right");
    recipe_step(&recipe, NULL, "z");
    recipe_step(&recipe, recipe_block(&recipe, "right"), "r");
    Sagabase__V1__Block *left = recipe_block(&recipe, "left");
    recipe_step(&recipe, left, "l1");
    recipe_step(&recipe, left, "l2");
    struct definition *made = recipe_definition(&recipe);
    assert_int_equal(made->node_count, 6);
    assert_int_equal(made->nodes[0].next, 1);
    assert_int_equal(made->nodes[2].next, NODE_NONE);
    uint16_t both = definition_find(made, bytes_of_text("both"));
    uint16_t l1 = definition_find(made, bytes_of_text("l1"));
    uint16_t r = definition_find(made, bytes_of_text("r"));
    assert_int_equal(made->nodes[both].block_count, 2);
    assert_int_equal(made->nodes[both].blocks[0], l1);
    assert_int_equal(made->nodes[both].blocks[1], r);
    assert_string_equal(made->nodes[both].block_names[1], "right");
    assert_int_equal(made->nodes[l1].parent, both);
    assert_int_equal(made->nodes[r].block, 1);
    assert_int_equal(made->nodes[made->nodes[l1].next].parent, both);
    assert_int_equal(made->nodes[0].parent, NODE_NONE);
    assert_int_equal(definition_find(made, bytes_of_text("nobody")), NODE_NONE);
    definition_release(made);
}

static void equal_bytes_have_an_equal_hash(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a");
    struct definition *one = recipe_definition(&recipe), *two = recipe_definition(&recipe);
    recipe.definition.description = (char *)"another";
    struct definition *three = recipe_definition(&recipe);
    assert_memory_equal(one->hash, two->hash, DEFINITION_HASH_BYTES);
    assert_memory_not_equal(one->hash, three->hash, DEFINITION_HASH_BYTES);
    assert_ptr_equal(definition_acquire(one), one);
    definition_release(one);
    definition_release(one);
    definition_release(two);
    definition_release(three);
}

static void a_wrong_definition_is_not_made(void **state)
{
    (void)state;
    struct definition *definition;
    recipe_step(&recipe, NULL, "a b");
    struct status status = definition_create(recipe_pack(&recipe), 1, 0, &definition);
    assert_int_equal(status.code, STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(status.message, "nodes[0].name: "));
    status = definition_create(bytes_of_text("\xff\xff\xff"), 1, 0, &definition);
    assert_int_equal(status.code, STATUS_INVALID_ARGUMENT);
    status = definition_create((struct bytes){NULL, 0}, 1, 0, &definition);
    assert_int_equal(status.code, STATUS_INVALID_ARGUMENT);
}

/* --- names -------------------------------------------------------------------------------------
 */

static void names_are_words_and_unique(void **state)
{
    (void)state;
    recipe.definition.type = (char *)"an order";
    recipe_step(&recipe, NULL, "a");
    recipe_step(&recipe, NULL, "a");
    recipe_step(&recipe, NULL, "");
    recipe_step(&recipe, recipe_block(&recipe, "x y"), "b");
    recipe.definition.nodes[0]->step->action->queue = (char *)"a queue";
    recipe.definition.nodes[0]->step->action->type = (char *)"";
    assert_problem("type", "letters");
    assert_problem("nodes[1].name", "nodes[0] is called \"a\" already");
    assert_problem("nodes[2].name", "required");
    assert_problem("blocks[0].name", "letters");
    assert_problem("nodes[0].step.action.queue", "letters");
    assert_problem("nodes[0].step.action.type", "required");
}

static void a_definition_has_nodes_and_not_too_many(void **state)
{
    (void)state;
    char name[8];
    assert_problem("nodes", "required");
    Sagabase__V1__Node *node = recipe_node(&recipe, NULL, "what");
    assert_problem("nodes[0]", "say what it is");
    node->name = (char *)"s0";
    for (unsigned i = 1; i <= DEFINITION_NODES_MAX; i++) {
        snprintf(name, sizeof name, "s%u", i);
        recipe_step(&recipe, NULL,
                    (const char *)arena_copy(&recipe.arena, bytes_of_text(name)).data);
    }
    assert_only_problem("nodes", "at most 500");
}

static void no_more_than_a_hundred_problems_are_listed(void **state)
{
    (void)state;
    const struct definition_problem *problems;
    for (unsigned i = 0; i < 200; i++)
        recipe_step(&recipe, NULL, "same");
    assert_int_equal(validate(&problems), DEFINITION_PROBLEMS_MAX);
}

/* --- blocks ------------------------------------------------------------------------------------
 */

static void a_block_is_named_once(void **state)
{
    (void)state;
    Sagabase__V1__Parallel *parallel = recipe_parallel(&recipe, NULL, "both");
    recipe_branch(&recipe, parallel, "b");
    recipe_branch(&recipe, parallel, "b");
    recipe_branch(&recipe, parallel, "none");
    recipe_step(&recipe, recipe_block(&recipe, "b"), "x");
    recipe_step(&recipe, recipe_block(&recipe, "lost"), "y");
    recipe_block(&recipe, "empty");
    assert_problem("nodes[0].parallel.branches[1]", "belongs to node \"both\" already");
    assert_problem("nodes[0].parallel.branches[2]", "there is no block \"none\"");
    assert_problem("blocks[1]", "never reached");
    assert_problem("blocks[2].nodes", "required");
}

static void blocks_that_name_each_other_are_never_reached(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "a");
    recipe_loop(&recipe, recipe_block(&recipe, "one"), "x", "two", "k", "v", 2);
    recipe_loop(&recipe, recipe_block(&recipe, "two"), "y", "one", "k", "v", 2);
    recipe_loop(&recipe, recipe_block(&recipe, "self"), "z", "self", "k", "v", 2);
    assert_problem("blocks[0]", "circle");
    assert_problem("blocks[1]", "circle");
    assert_problem("blocks[2]", "circle");
}

static void a_block_of_the_main_sequence_cannot_name_itself(void **state)
{
    (void)state;
    recipe_loop(&recipe, NULL, "a", "b", "k", "v", 2);
    recipe_loop(&recipe, recipe_block(&recipe, "b"), "x", "b", "k", "v", 2);
    assert_only_problem("blocks[0].nodes[0].loop.block", "belongs to node \"a\" already");
}

static void a_loop_is_bounded(void **state)
{
    (void)state;
    Sagabase__V1__Loop *loop = recipe_loop(&recipe, NULL, "a", "b", "k", "v", 0);
    recipe_step(&recipe, recipe_block(&recipe, "b"), "x");
    assert_only_problem("nodes[0].loop.maximum_iterations", "required");
    loop->maximum_iterations = 1001;
    assert_only_problem("nodes[0].loop.maximum_iterations", "1 to 1000");
    loop->maximum_iterations = 1000;
    assert_valid();
    loop->n_repeat_while = 0;
    assert_only_problem("nodes[0].loop.repeat_while", "1 to 10");
}

static void loops_together_reach_no_more_nodes_than_a_saga_may_have(void **state)
{
    (void)state;
    recipe_loop(&recipe, NULL, "a", "b", "k", "v", 999);
    Sagabase__V1__Block *block = recipe_block(&recipe, "b");
    recipe_step(&recipe, block, "x");
    recipe_step(&recipe, block, "y");
    assert_valid(); /* 1,999 */
    recipe_step(&recipe, NULL, "z");
    assert_valid();
    recipe_step(&recipe, NULL, "z2");
    assert_only_problem("nodes", "may reach 2001 nodes");
}

/* --- steps
 * ---------------------------------------------------------------------------------------- */

static void a_step_says_how_it_is_undone(void **state)
{
    (void)state;
    Sagabase__V1__Step *step = recipe_step(&recipe, NULL, "a");
    Sagabase__V1__CommandTarget *undo = step->compensation;
    step->compensation = NULL;
    assert_only_problem("nodes[0].step.compensation", "nothing could undo");
    step->nothing_to_undo = true;
    assert_valid();
    step->compensation = undo;
    assert_only_problem("nodes[0].step.compensation", "nothing_to_undo");
    step->compensation = NULL;
    step->compensation_retry = recipe_retry(&recipe, 1, 1);
    assert_only_problem("nodes[0].step.compensation_retry", "there is no compensation");
    step->compensation_retry = NULL;
    step->action = NULL;
    assert_only_problem("nodes[0].step.action", "required");
}

static void a_step_has_a_limit_of_time(void **state)
{
    (void)state;
    Sagabase__V1__Step *step = recipe_step(&recipe, NULL, "a");
    step->timeouts->start_to_close_ms = 0;
    assert_only_problem("nodes[0].step.timeouts", "schedule_to_close_ms");
    step->timeouts->schedule_to_close_ms = 1;
    assert_valid();
    step->timeouts->heartbeat_ms = -1;
    assert_only_problem("nodes[0].step.timeouts.heartbeat_ms", "0 to");
    step->timeouts = NULL;
    assert_only_problem("nodes[0].step.timeouts", "schedule_to_close_ms");
}

static void a_retry_policy_has_its_ranges(void **state)
{
    (void)state;
    Sagabase__V1__Step *step = recipe_step(&recipe, NULL, "a");
    Sagabase__V1__RetryPolicy *retry = step->retry = recipe_retry(&recipe, 3, 1000);
    static const double wrong[] = {0.5, -1, 101, NAN, INFINITY};
    assert_valid();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        retry->backoff_coefficient = wrong[i];
        assert_only_problem("nodes[0].step.retry.backoff_coefficient", "1 to 100");
    }
    retry->backoff_coefficient = 1;
    retry->initial_interval_ms = INT64_C(86400001);
    assert_only_problem("nodes[0].step.retry.initial_interval_ms", "86400000");
    retry->initial_interval_ms = 1000;
    retry->maximum_interval_ms = 999;
    assert_only_problem("nodes[0].step.retry.maximum_interval_ms", "initial_interval_ms");
    retry->maximum_interval_ms = 0;
    retry->maximum_attempts = 1000001;
    assert_only_problem("nodes[0].step.retry.maximum_attempts", "1000000");
    retry->maximum_attempts = 1;
    retry->jitter = (Sagabase__V1__Jitter)9;
    assert_only_problem("nodes[0].step.retry.jitter", "9 is no Jitter");
    retry->jitter = SAGABASE__V1__JITTER__JITTER_UNSPECIFIED;
    recipe_append(&recipe, &retry->non_retryable_error_types, &retry->n_non_retryable_error_types,
                  (char *)"");
    assert_only_problem("nodes[0].step.retry.non_retryable_error_types[0]", "required");
}

/* --- the pivot
 * -------------------------------------------------------------------------------------- */

static void there_is_one_pivot_in_the_main_sequence(void **state)
{
    (void)state;
    recipe_pivot(&recipe, "p");
    assert_valid();
    recipe_pivot(&recipe, "q");
    assert_only_problem("nodes[1].step.kind", "\"p\" is the pivot already");
    recipe.definition.n_nodes = 1;
    recipe_loop(&recipe, NULL, "l", "b", "k", "v", 2);
    recipe_step(&recipe, recipe_block(&recipe, "b"), "x")->kind =
        SAGABASE__V1__STEP_KIND__STEP_KIND_PIVOT;
    assert_only_problem("blocks[0].nodes[0].step.kind", "main sequence");
}

static void behind_the_pivot_nothing_may_turn_the_saga_backward(void **state)
{
    (void)state;
    Sagabase__V1__WaitEvent *wait;
    recipe_pivot(&recipe, "p");
    recipe_step(&recipe, NULL, "a");
    recipe_loop(&recipe, NULL, "l", "b", "k", "v", 2);
    recipe_step(&recipe, recipe_block(&recipe, "b"), "x");
    recipe_approval(&recipe, NULL, "ok");
    wait = recipe_wait(&recipe, NULL, "w", "paid");
    wait->timeout_ms = 1;
    assert_problem("nodes[1].step.kind", "must be RETRIABLE");
    assert_problem("blocks[0].nodes[0].step.kind", "must be RETRIABLE");
    assert_problem("nodes[3].approval", "before it");
    assert_problem("nodes[4].wait_event.on_timeout", "CONTINUE");
}

static void a_retriable_step_stands_behind_the_pivot_and_never_gives_up(void **state)
{
    (void)state;
    Sagabase__V1__Step *step = recipe_retriable(&recipe, NULL, "r");
    assert_only_problem("nodes[0].step.kind", "behind the pivot");
    recipe.definition.n_nodes = 0;
    recipe_pivot(&recipe, "p");
    step = recipe_retriable(&recipe, NULL, "r");
    assert_valid();
    step->retry = recipe_retry(&recipe, 3, 10);
    assert_only_problem("nodes[1].step.retry.maximum_attempts", "must be 0");
    step->retry = NULL;
    step->timeouts->schedule_to_close_ms = 5;
    assert_only_problem("nodes[1].step.timeouts.schedule_to_close_ms", "start_to_close_ms");
    step->timeouts->schedule_to_close_ms = 0;
    step->timeouts->schedule_to_start_ms = 5;
    assert_only_problem("nodes[1].step.timeouts.schedule_to_start_ms", "must be 0");
    step->timeouts->schedule_to_start_ms = 0;
    step->compensation = step->action;
    assert_only_problem("nodes[1].step.compensation", "never undone");
}

/* --- inputs
 * ------------------------------------------------------------------------------------------ */

static void add_input(Sagabase__V1__Step *step, const char *name)
{
    recipe_append(&recipe, &step->inputs, &step->n_inputs, (char *)name);
}

static void inputs_come_from_before(void **state)
{
    (void)state;
    Sagabase__V1__Step *first = recipe_step(&recipe, NULL, "a"), *second;
    recipe_timer(&recipe, NULL, "nap", 1);
    recipe_wait(&recipe, NULL, "w", "paid");
    second = recipe_step(&recipe, NULL, "b");
    add_input(second, "a");
    add_input(second, "w");
    assert_valid();
    add_input(first, "b");
    assert_only_problem("nodes[0].step.inputs[0]", "does not come before");
    first->inputs[0] = (char *)"a";
    assert_only_problem("nodes[0].step.inputs[0]", "does not come before");
    first->n_inputs = 0;
    second->inputs[0] = (char *)"nobody";
    assert_only_problem("nodes[3].step.inputs[0]", "there is no node");
    second->inputs[0] = (char *)"nap";
    assert_only_problem("nodes[3].step.inputs[0]", "gives nothing");
    second->inputs[0] = (char *)"w";
    assert_only_problem("nodes[3].step.inputs[1]", "once is enough");
    second->n_inputs = 1;
    for (unsigned i = 0; i < SAGA_STEP_INPUTS_MAX; i++)
        add_input(second, "a");
    assert_problem("nodes[3].step.inputs", "0 to 12");
}

static void inputs_do_not_come_from_another_branch(void **state)
{
    (void)state;
    Sagabase__V1__Parallel *parallel = recipe_parallel(&recipe, NULL, "both");
    recipe_branch(&recipe, parallel, "left");
    recipe_branch(&recipe, parallel, "right");
    Sagabase__V1__Block *left = recipe_block(&recipe, "left");
    recipe_step(&recipe, left, "l1");
    Sagabase__V1__Step *l2 = recipe_step(&recipe, left, "l2");
    recipe_loop(&recipe, recipe_block(&recipe, "right"), "often", "body", "k", "v", 2);
    Sagabase__V1__Step *r = recipe_step(&recipe, recipe_block(&recipe, "body"), "r");
    Sagabase__V1__Step *z = recipe_step(&recipe, NULL, "z");
    add_input(l2, "l1");
    add_input(z, "r");
    add_input(z, "l2");
    assert_valid();
    add_input(r, "l1");
    assert_only_problem("blocks[2].nodes[0].step.inputs[0]", "another branch of \"both\"");
}

/* --- conditions
 * ---------------------------------------------------------------------------------------- */

static void conditions_have_the_values_they_need(void **state)
{
    (void)state;
    Sagabase__V1__Choice *choice = recipe_choice(&recipe, NULL, "which");
    recipe_case(&recipe, choice, "color", SAGABASE__V1__COMPARISON__COMPARISON_EQUAL, "red", "b");
    recipe_step(&recipe, recipe_block(&recipe, "b"), "x");
    Sagabase__V1__Condition *condition = choice->cases[0]->conditions[0];
    assert_valid();
    condition->comparison = SAGABASE__V1__COMPARISON__COMPARISON_EXISTS;
    assert_only_problem("nodes[0].choice.cases[0].conditions[0].values", "0 to 0");
    condition->n_values = 0;
    assert_valid();
    condition->comparison = SAGABASE__V1__COMPARISON__COMPARISON_IN;
    assert_only_problem("nodes[0].choice.cases[0].conditions[0].values", "1 to 50");
    condition->n_values = 1;
    condition->comparison = SAGABASE__V1__COMPARISON__COMPARISON_UNSPECIFIED;
    assert_only_problem("nodes[0].choice.cases[0].conditions[0].comparison", "required");
    condition->comparison = SAGABASE__V1__COMPARISON__COMPARISON_LESS;
    condition->attribute = (char *)"x.code";
    assert_valid();
    condition->attribute = (char *)"y.code";
    assert_only_problem("nodes[0].choice.cases[0].conditions[0].attribute", "no node \"y\"");
    condition->attribute = (char *)"";
    assert_only_problem("nodes[0].choice.cases[0].conditions[0].attribute", "required");
    condition->attribute = (char *)"color";
    choice->cases[0]->n_conditions = 0;
    assert_only_problem("nodes[0].choice.cases[0].conditions", "1 to 10");
}

static void a_join_counts_branches_that_exist(void **state)
{
    (void)state;
    Sagabase__V1__Parallel *parallel = recipe_parallel(&recipe, NULL, "all");
    recipe_branch(&recipe, parallel, "b");
    recipe_step(&recipe, recipe_block(&recipe, "b"), "x");
    parallel->join_count = 1;
    assert_only_problem("nodes[0].parallel.join_count", "must be 0");
    parallel->join = SAGABASE__V1__JOIN__JOIN_COUNT;
    assert_valid();
    parallel->join_count = 2;
    assert_only_problem("nodes[0].parallel.join_count", "number of branches, 1");
}

static void waits_have_their_ranges(void **state)
{
    (void)state;
    recipe_timer(&recipe, NULL, "nap", 0);
    recipe_wait(&recipe, NULL, "w", "");
    recipe_approval(&recipe, NULL, "ok")->timeout_ms = -1;
    recipe.definition.run_timeout_ms = INT64_MAX;
    recipe.definition.withdraw_after_ms = -1;
    assert_problem("nodes[0].timer.delay_ms", "must be 1 to");
    assert_problem("nodes[1].wait_event.event", "required");
    assert_problem("nodes[2].approval.timeout_ms", "must be 0 to");
    assert_problem("run_timeout_ms", "must be 0 to");
    assert_problem("withdraw_after_ms", "must be 0 to");
}

static void few_waits_set_a_code_when_nothing_came(void **state)
{
    (void)state;
    char name[8];
    for (unsigned i = 0; i < 17; i++) {
        snprintf(name, sizeof name, "w%u", i);
        recipe_wait(&recipe, NULL,
                    (const char *)arena_copy(&recipe.arena, bytes_of_text(name)).data, "paid")
            ->on_timeout = SAGABASE__V1__ON_TIMEOUT__ON_TIMEOUT_CONTINUE;
    }
    assert_only_problem("nodes[16].wait_event.on_timeout", "at most 16");
    recipe.definition.n_nodes = 16;
    assert_valid();
}

#define row(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(a_definition_is_a_tree_of_nodes),
        row(equal_bytes_have_an_equal_hash),
        row(a_wrong_definition_is_not_made),
        row(names_are_words_and_unique),
        row(a_definition_has_nodes_and_not_too_many),
        row(no_more_than_a_hundred_problems_are_listed),
        row(a_block_is_named_once),
        row(blocks_that_name_each_other_are_never_reached),
        row(a_block_of_the_main_sequence_cannot_name_itself),
        row(a_loop_is_bounded),
        row(loops_together_reach_no_more_nodes_than_a_saga_may_have),
        row(a_step_says_how_it_is_undone),
        row(a_step_has_a_limit_of_time),
        row(a_retry_policy_has_its_ranges),
        row(there_is_one_pivot_in_the_main_sequence),
        row(behind_the_pivot_nothing_may_turn_the_saga_backward),
        row(a_retriable_step_stands_behind_the_pivot_and_never_gives_up),
        row(inputs_come_from_before),
        row(inputs_do_not_come_from_another_branch),
        row(conditions_have_the_values_they_need),
        row(a_join_counts_branches_that_exist),
        row(waits_have_their_ranges),
        row(few_waits_set_a_code_when_nothing_came),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
