/* Spans of sagas and of the attempts of their commands. Goal: one for each, where it belongs, and
 * none that nobody asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/support/gateway_fixture.h"

#define STARTER "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

enum {
    SECOND_US = 1000000,
    SPANS_MAX = 16,
    ACCEPTED = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED,
    COMPENSATED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED,
};

static struct gateway_fixture fixture;
static struct recipe recipe;
static struct trace_span spans[SPANS_MAX];

static int set_up(void **state)
{
    (void)state;
    gateway_fixture_open(&fixture, "memory");
    fixture.tracer = tracer_create((struct sampler){SAMPLE_ALL, 0, true}, SPANS_MAX);
    gateway_fixture_restart(&fixture);
    recipe_init(&recipe, "order");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    recipe_destroy(&recipe);
    gateway_fixture_close(&fixture);
    tracer_free(fixture.tracer);
    return 0;
}

static void put_and_join(void)
{
    assert_ok(fixture_put(&fixture, &recipe, NULL));
    fixture_join(&fixture, "work", NULL, NULL);
}

static void start_within(const char *traceparent)
{
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    struct saga_start start = {.request = &request, .traceparent = bytes_of_text(traceparent)};

    request.type = "order";
    request.id = "1";
    assert_ok(fixture_start_with(&fixture, &start));
}

static struct task next_task(void)
{
    struct task task;

    assert_true(fixture_await(&fixture, &task));
    return task;
}

/* Takes the spans that there are, which must be so many. */
static void expect_spans(size_t count)
{
    assert_int_equal(tracer_take(fixture.tracer, spans, SPANS_MAX, 0), count);
    for (size_t i = 0; i < count; i++)
        span_destroy(&spans[i]); /* gives back its links only */
}

static const struct span_attribute *find(const struct trace_span *span, const char *key)
{
    for (size_t i = 0; i < span->attribute_count; i++)
        if (strcmp(span->attributes[i].key, key) == 0)
            return &span->attributes[i];
    return NULL;
}

static void expect_text(const struct trace_span *span, const char *key, const char *text)
{
    const struct span_attribute *found = find(span, key);

    assert_non_null(found);
    assert_int_equal(found->text.size, strlen(text));
    assert_memory_equal(found->text.data, text, strlen(text));
}

static int64_t number_of(const struct trace_span *span, const char *key)
{
    const struct span_attribute *found = find(span, key);

    assert_non_null(found);
    return found->number;
}

/* The attempt that a command names as the parent of what is done for it. */
static void expect_handed_out(const struct trace_span *span, const Sagabase__V1__Command *command)
{
    uint8_t text[TRACEPARENT_BYTES];

    trace_context_write(&span->context, text);
    assert_memory_equal(command->traceparent, text, sizeof text);
}

static void an_attempt_lies_below_its_saga_and_that_below_its_start(void **state)
{
    struct trace_context starter;

    (void)state;
    recipe_step(&recipe, NULL, "pay");
    put_and_join();
    start_within(STARTER);
    struct task task = next_task();
    manual_clock_advance(&fixture.clock, 5 * SECOND_US);
    assert_int_equal(fixture_succeed(&fixture, task.command->command_id, 0), ACCEPTED);
    expect_spans(2);
    const struct trace_span *step = &spans[0], *saga = &spans[1];
    assert_string_equal(step->name, "step pay");
    assert_string_equal(saga->name, "saga order");
    assert_true(trace_context_read(bytes_of_text(STARTER), &starter));
    assert_memory_equal(saga->parent_id, starter.span_id, SPAN_ID_BYTES);
    assert_memory_equal(step->parent_id, saga->context.span_id, SPAN_ID_BYTES);
    assert_memory_equal(saga->context.trace_id, starter.trace_id, TRACE_ID_BYTES);
    assert_memory_equal(step->context.trace_id, starter.trace_id, TRACE_ID_BYTES);
    expect_handed_out(step, task.command);
    expect_text(step, "sagabase.command.id", task.command->command_id);
    expect_text(step, "sagabase.outcome", "success");
    expect_text(saga, "sagabase.outcome", "completed");
    assert_int_equal(number_of(step, "sagabase.attempt"), 1);
    assert_true(step->end_us - step->start_us >= 5 * SECOND_US);
    assert_false(step->failed || saga->failed);
}

static void an_attempt_that_takes_too_long_has_failed_and_another_follows(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "pay")->retry = recipe_retry(&recipe, 3, 1000);
    put_and_join();
    start_within(STARTER);
    struct task first = next_task();
    gateway_fixture_wait(&fixture, 30 * SECOND_US);
    while (tracer_counts(fixture.tracer).waiting == 0)
        gateway_fixture_wait(&fixture, 0);
    gateway_fixture_wait(&fixture, SECOND_US);
    struct task second = next_task();
    expect_spans(1);
    assert_true(spans[0].failed);
    expect_text(&spans[0], "sagabase.outcome", "timeout");
    expect_text(&spans[0], "error.type", "START_TO_CLOSE");
    expect_handed_out(&spans[0], first.command);
    assert_int_equal(fixture_succeed(&fixture, second.command->command_id, 0), ACCEPTED);
    expect_spans(2);
    assert_int_equal(number_of(&spans[0], "sagabase.attempt"), 2);
    expect_handed_out(&spans[0], second.command);
}

static void what_nobody_took_was_not_delivered(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "pay")->timeouts->schedule_to_start_ms = 5000;
    assert_ok(fixture_put(&fixture, &recipe, NULL));
    start_within(STARTER);
    gateway_fixture_wait(&fixture, 5 * SECOND_US);
    assert_true(
        fixture_await_status(&fixture, "order", "1", (Sagabase__V1__SagaStatus)COMPENSATED));
    gateway_fixture_stop(&fixture); /* the writer has told the last of it */
    gateway_fixture_continue(&fixture);
    expect_spans(2);
    assert_int_equal(number_of(&spans[0], "sagabase.deliveries"), 0);
    expect_text(&spans[0], "sagabase.outcome", "failure");
    assert_true(spans[0].end_us - spans[0].start_us >= 5 * SECOND_US);
    expect_text(&spans[1], "sagabase.outcome", "compensated");
}

static void a_command_given_back_is_one_attempt_of_two_deliveries(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "pay");
    put_and_join();
    start_within(STARTER);
    struct task task = next_task();
    assert_true(dispatch_nack(gateway_dispatch(fixture.gateway), &task.lease.command_id,
                              task.lease.token, 0));
    struct task again = next_task();
    assert_string_equal(again.command->traceparent, task.command->traceparent);
    assert_int_equal(fixture_succeed(&fixture, again.command->command_id, 0), ACCEPTED);
    expect_spans(2);
    assert_int_equal(number_of(&spans[0], "sagabase.deliveries"), 2);
}

static void a_terminated_saga_ends_its_attempts_with_it(void **state)
{
    Sagabase__V1__TerminateSagaRequest request = SAGABASE__V1__TERMINATE_SAGA_REQUEST__INIT;
    struct saga_act act = {.input = {.kind = INPUT_TERMINATE, .terminate = &request}};

    (void)state;
    recipe_step(&recipe, NULL, "pay");
    put_and_join();
    start_within(STARTER);
    next_task();
    request.reason = "enough";
    assert_ok(fixture_act(&fixture, "order", "1", &act));
    expect_spans(2);
    expect_text(&spans[0], "sagabase.outcome", "terminated");
    expect_text(&spans[1], "sagabase.outcome", "terminated");
    assert_true(spans[0].failed && spans[1].failed);
}

static void a_restart_changes_no_id(void **state)
{
    (void)state;
    recipe_step(&recipe, NULL, "pay");
    put_and_join();
    start_within(STARTER);
    struct task before = next_task();
    gateway_fixture_restart(&fixture);
    fixture_join(&fixture, "work", NULL, NULL);
    struct task after = next_task();
    assert_string_equal(after.command->traceparent, before.command->traceparent);
    assert_int_equal(fixture_succeed(&fixture, after.command->command_id, 0), ACCEPTED);
    expect_spans(2);
    expect_handed_out(&spans[0], before.command);
    assert_memory_equal(spans[0].parent_id, spans[1].context.span_id, SPAN_ID_BYTES);
    assert_null(fixture_compare_rows(&fixture));
}

static void run_to_the_end(const char *traceparent)
{
    recipe_step(&recipe, NULL, "pay");
    put_and_join();
    start_within(traceparent);
    struct task task = next_task();
    assert_string_equal(task.command->traceparent, traceparent);
    assert_int_equal(fixture_succeed(&fixture, task.command->command_id, 0), ACCEPTED);
    expect_spans(0);
}

static void a_trace_that_is_not_sampled_is_handed_on_without_spans(void **state)
{
    (void)state;
    run_to_the_end("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
}

static void a_saga_without_a_trace_has_no_spans(void **state)
{
    (void)state;
    run_to_the_end("");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_attempt_lies_below_its_saga_and_that_below_its_start),
        TEST(an_attempt_that_takes_too_long_has_failed_and_another_follows),
        TEST(what_nobody_took_was_not_delivered),
        TEST(a_command_given_back_is_one_attempt_of_two_deliveries),
        TEST(a_terminated_saga_ends_its_attempts_with_it),
        TEST(a_restart_changes_no_id),
        TEST(a_trace_that_is_not_sampled_is_handed_on_without_spans),
        TEST(a_saga_without_a_trace_has_no_spans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
