/* The gateway: what is written, when, and what is told. The first argument names the engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sagas/saga_rebuild.h"
#include "storage/log/erasure.h"
#include "tests/support/fault_engine.h"
#include "tests/support/gateway_fixture.h"

enum {
    SECOND_US = 1000000,
    ACCEPTED = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED,
    DUPLICATE = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_DUPLICATE,
    SUPERSEDED = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_SUPERSEDED,
    WRONG_REVISION = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_WRONG_EXPECTED_REVISION,
    UNKNOWN_COMMAND = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNKNOWN_COMMAND,
    STARTED = SAGABASE__V1__START_OUTCOME__START_OUTCOME_STARTED,
    ATTACHED = SAGABASE__V1__START_OUTCOME__START_OUTCOME_ATTACHED,
    RUNNING = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING,
    COMPLETED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED,
    COMPENSATED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED,
    COMPENSATING = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATING,
    TERMINATED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_TERMINATED,
    COMPENSATION = SAGABASE__V1__OPERATION__OPERATION_COMPENSATION,
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

static void put_three_steps(void)
{
    recipe_step(&recipe, NULL, "a");
    recipe_step(&recipe, NULL, "b");
    recipe_step(&recipe, NULL, "c");
    assert_ok(fixture_put(&fixture, &recipe, NULL));
}

static struct task next_task(void)
{
    struct task task;

    assert_true(fixture_await(&fixture, &task));
    return task;
}

static void assert_rows_are_folds(void)
{
    const char *difference = fixture_compare_rows(&fixture);

    if (difference)
        fail_msg("the row of %s is not the fold of its stream", difference);
}

/* --- forward ----------------------------------------------------------------------------- */

static void three_steps_are_four_commits_and_eight_events(void **state)
{
    (void)state;
    put_three_steps();
    fixture_join(&fixture, "work", NULL, NULL);
    uint64_t commits = fault_engine_counts(fixture.store.engine).commits;
    assert_ok(fixture_start(&fixture, "order", "1"));
    for (int i = 0; i < 3; i++) {
        struct task task = next_task();
        assert_string_equal(task.command->step, i == 0 ? "a" : i == 1 ? "b" : "c");
        assert_string_equal(task.command->saga_id, "1");
        assert_int_equal(task.command->attempt, 1);
        assert_int_equal(fixture_succeed(&fixture, task.command->command_id, 0), ACCEPTED);
    }
    assert_int_equal(fault_engine_counts(fixture.store.engine).commits, commits + 4);
    assert_string_equal(fixture_events(&fixture, "$saga-order-1"),
                        "$SagaStarted $CommandIssued $CommandSucceeded $CommandIssued "
                        "$CommandSucceeded $CommandIssued $CommandSucceeded $SagaCompleted");
    assert_string_equal(fixture_events(&fixture, "$cmd-work"), "Do Do Do");
    assert_int_equal(fixture_status(&fixture, "order", "1"), COMPLETED);
    struct gateway_counts counts = gateway_counts(fixture.gateway);
    assert_int_equal(counts.open, 0);
    assert_int_equal(counts.memory_bytes, 0);
    assert_int_equal(counts.started, 1);
    assert_int_equal(counts.replies, 3);
    assert_rows_are_folds();
}

static void commands_reach_whoever_joins_later(void **state)
{
    (void)state;
    put_three_steps();
    assert_ok(fixture_start(&fixture, "order", "1"));
    assert_ok(fixture_start(&fixture, "order", "2"));
    fixture_join(&fixture, "work", NULL, NULL);
    struct task tasks[2];
    assert_int_equal(fixture_take(&fixture, tasks, 2), 2);
    assert_string_equal(tasks[0].command->saga_id, "1");
    assert_string_equal(tasks[1].command->saga_id, "2");
}

/* --- backward ---------------------------------------------------------------------------- */

static void failure_compensates_what_was_done_in_reverse(void **state)
{
    (void)state;
    put_three_steps();
    fixture_join(&fixture, "work", NULL, NULL);
    assert_ok(fixture_start(&fixture, "order", "1"));
    assert_int_equal(fixture_succeed(&fixture, next_task().command->command_id, 0), ACCEPTED);
    assert_int_equal(fixture_succeed(&fixture, next_task().command->command_id, 0), ACCEPTED);
    assert_int_equal(fixture_fail(&fixture, next_task().command->command_id), ACCEPTED);
    assert_int_equal(fixture_status(&fixture, "order", "1"), COMPENSATING);
    struct task undo = next_task();
    assert_string_equal(undo.command->step, "b");
    assert_int_equal(undo.command->operation, COMPENSATION);
    assert_int_equal(fixture_succeed(&fixture, undo.command->command_id, 0), ACCEPTED);
    undo = next_task();
    assert_string_equal(undo.command->step, "a");
    assert_int_equal(fixture_succeed(&fixture, undo.command->command_id, 0), ACCEPTED);
    assert_int_equal(fixture_status(&fixture, "order", "1"), COMPENSATED);
    assert_string_equal(fixture_events(&fixture, "$cmd-work"), "Do Do Do Undo Undo");
    assert_rows_are_folds();
}

static struct status cancel(const char *id, Sagabase__V1__SagaStatus *status)
{
    Sagabase__V1__CancelSagaRequest request = SAGABASE__V1__CANCEL_SAGA_REQUEST__INIT;
    struct saga_act act = {.input = {.kind = INPUT_CANCEL, .cancel = &request}};

    TRY(fixture_act(&fixture, "order", id, &act));
    if (status)
        *status = act.status;
    return OK;
}

static void cancel_tells_the_participant_and_waits_for_its_answer(void **state)
{
    Sagabase__V1__SagaStatus status;
    struct uuid told;

    (void)state;
    put_three_steps();
    fixture_join(&fixture, "work", NULL, NULL);
    assert_ok(fixture_start(&fixture, "order", "1"));
    struct task task = next_task();
    assert_ok(cancel("1", &status));
    assert_int_equal(status, COMPENSATING);
    assert_true(fixture_await_cancel(&fixture, &told));
    assert_memory_equal(told.bytes, task.lease.command_id.bytes, UUID_BYTES);
    assert_ok(cancel("1", &status)); /* changes nothing */
    assert_int_equal(fixture_succeed(&fixture, task.command->command_id, 0), ACCEPTED);
    task = next_task();
    assert_int_equal(task.command->operation, COMPENSATION);
    assert_int_equal(fixture_succeed(&fixture, task.command->command_id, 0), ACCEPTED);
    assert_int_equal(fixture_status(&fixture, "order", "1"), COMPENSATED);
    assert_ok(cancel("1", &status));
    assert_int_equal(status, COMPENSATED);
    assert_rows_are_folds();
}

static void cancel_waits_for_nobody_where_nobody_has_the_command(void **state)
{
    (void)state;
    put_three_steps();
    assert_ok(fixture_start(&fixture, "order", "1"));
    assert_ok(cancel("1", NULL));
    assert_true(fixture_await_status(&fixture, "order", "1",
                                     SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED));
    assert_string_equal(fixture_events(&fixture, "$cmd-work"), "Do");
    assert_rows_are_folds();
}

static void terminate_withdraws_what_is_out(void **state)
{
    Sagabase__V1__TerminateSagaRequest request = SAGABASE__V1__TERMINATE_SAGA_REQUEST__INIT;
    struct saga_act act = {.input = {.kind = INPUT_TERMINATE, .terminate = &request}};
    struct uuid told;

    (void)state;
    request.reason = "test";
    put_three_steps();
    fixture_join(&fixture, "work", NULL, NULL);
    assert_ok(fixture_start(&fixture, "order", "1"));
    struct task task = next_task();
    assert_ok(fixture_act(&fixture, "order", "1", &act));
    assert_true(fixture_await_cancel(&fixture, &told));
    assert_int_equal(fixture_status(&fixture, "order", "1"), TERMINATED);
    assert_int_equal(fixture_succeed(&fixture, task.command->command_id, 0), SUPERSEDED);
    assert_fails(fixture_act(&fixture, "order", "1", &act), FAILED_PRECONDITION, "");
    assert_fails(fixture_act(&fixture, "order", "2", &act), NOT_FOUND, "order/2: no such saga");
    assert_int_equal(gateway_counts(fixture.gateway).open, 0);
}

static sem_t act_is_done;

static void on_act_done(struct intent *intent)
{
    (void)intent;
    sem_post(&act_is_done);
}

static void an_act_before_the_start_finds_no_saga(void **state)
{
    Sagabase__V1__CancelSagaRequest request = SAGABASE__V1__CANCEL_SAGA_REQUEST__INIT;
    struct saga_act act = {.intent.done = on_act_done,
                           .type = bytes_of_text("order"),
                           .id = bytes_of_text("1"),
                           .input = {.kind = INPUT_CANCEL, .cancel = &request}};

    (void)state;
    put_three_steps();
    sem_init(&act_is_done, 0, 0);
    assert_ok(saga_act_submit(fixture.gateway, &act, &fixture.arena));
    while (sem_wait(&act_is_done) != 0)
        continue;
    assert_ok(fixture_start(&fixture, "order", "1"));
    assert_fails(saga_act_settle(&act, &fixture.arena), NOT_FOUND, "order/1: no such saga");
    assert_int_equal(fixture_status(&fixture, "order", "1"), RUNNING);
    sem_destroy(&act_is_done);
}

/* --- replies ----------------------------------------------------------------------------- */

static void repeated_and_made_up_replies_change_nothing(void **state)
{
    struct uuid made_up = uuid_random();
    uint8_t text[UUID_TEXT_BYTES + 1] = {0};

    (void)state;
    put_three_steps();
    fixture_join(&fixture, "work", NULL, NULL);
    assert_ok(fixture_start(&fixture, "order", "1"));
    struct task first = next_task();
    assert_int_equal(fixture_succeed(&fixture, first.command->command_id, 0), ACCEPTED);
    uint64_t end = event_log_end(fixture.log);
    assert_int_equal(fixture_succeed(&fixture, first.command->command_id, 0), DUPLICATE);
    assert_int_equal(fixture_fail(&fixture, first.command->command_id), DUPLICATE);
    uuid_format(&made_up, text);
    assert_int_equal(fixture_succeed(&fixture, (char *)text, 0), UNKNOWN_COMMAND);
    struct task second = next_task();
    assert_int_equal(fixture_succeed(&fixture, second.command->command_id, 7), UNKNOWN_COMMAND);
    assert_int_equal(event_log_end(fixture.log), end);
    assert_int_equal(fixture_succeed(&fixture, second.command->command_id, 1), ACCEPTED);
    assert_int_equal(fixture_succeed(&fixture, next_task().command->command_id, 0), ACCEPTED);
    assert_int_equal(fixture_succeed(&fixture, second.command->command_id, 0), DUPLICATE);
    gateway_fixture_restart(&fixture);
    assert_int_equal(fixture_succeed(&fixture, second.command->command_id, 0), DUPLICATE);
    assert_int_equal(gateway_counts(fixture.gateway).late_replies, 1);
}

/* Success with one event for a stream. */
struct reply_with_event {
    struct new_event event;
    struct stream_append stream;
    struct append append;
    Sagabase__V1__Success success;
    Sagabase__V1__Reply message;
    struct saga_reply reply;
};

static void make_reply(struct reply_with_event *self, const char *command_id, const char *stream,
                       struct expectation expected)
{
    *self = (struct reply_with_event){.event = make_event(uuid_random())};
    self->stream = (struct stream_append){.stream = bytes_of_text(stream),
                                          .expected = expected,
                                          .events = &self->event,
                                          .event_count = 1};
    self->append = (struct append){.streams = &self->stream, .stream_count = 1};
    self->success = (Sagabase__V1__Success)SAGABASE__V1__SUCCESS__INIT;
    self->message = (Sagabase__V1__Reply)SAGABASE__V1__REPLY__INIT;
    self->message.command_id = (char *)command_id;
    self->message.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    self->message.success = &self->success;
    self->reply = (struct saga_reply){.reply = &self->message, .append = &self->append};
}

static void a_reply_and_its_events_are_one_commit(void **state)
{
    struct reply_with_event with;

    (void)state;
    put_three_steps();
    fixture_join(&fixture, "work", NULL, NULL);
    assert_ok(fixture_start(&fixture, "order", "1"));
    struct task task = next_task();
    uint64_t commits = fault_engine_counts(fixture.store.engine).commits;
    make_reply(&with, task.command->command_id, "stock-1", NO_STREAM);
    assert_ok(fixture_reply_with(&fixture, &with.reply));
    assert_int_equal(with.reply.outcome, ACCEPTED);
    assert_int_equal(fault_engine_counts(fixture.store.engine).commits, commits + 1);
    assert_int_equal(with.reply.position, event_log_end(fixture.log) - 1);
    assert_int_equal(with.stream.last_revision, 0);
    assert_string_equal(fixture_events(&fixture, "stock-1"), "Tested");
    assert_rows_are_folds();

    /* A duplicate's events are not stored. */
    make_reply(&with, task.command->command_id, "stock-1", ANY);
    assert_ok(fixture_reply_with(&fixture, &with.reply));
    assert_int_equal(with.reply.outcome, DUPLICATE);
    assert_int_equal(with.reply.recorded, SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS);
    assert_string_equal(fixture_events(&fixture, "stock-1"), "Tested");
}

static void a_stale_expectation_leaves_the_command_open(void **state)
{
    struct reply_with_event with;

    (void)state;
    put_three_steps();
    fixture_join(&fixture, "work", NULL, NULL);
    assert_ok(append_some(fixture.log, "stock-1", ANY, 3, NULL));
    assert_ok(fixture_start(&fixture, "order", "1"));
    struct task task = next_task();
    uint64_t end = event_log_end(fixture.log);
    make_reply(&with, task.command->command_id, "stock-1", REVISION(0));
    assert_ok(fixture_reply_with(&fixture, &with.reply));
    assert_int_equal(with.reply.outcome, WRONG_REVISION);
    assert_int_equal(with.append.conflict.actual_revision, 2);
    assert_non_null(strstr(with.reply.message, "stock-1: expected revision 0"));
    assert_int_equal(event_log_end(fixture.log), end);
    make_reply(&with, task.command->command_id, "stock-1", REVISION(2));
    assert_ok(fixture_reply_with(&fixture, &with.reply));
    assert_int_equal(with.reply.outcome, ACCEPTED);
}

/* An ordinary append of a domain event and the request to reply. */
struct append_with_reply {
    struct metadata_entry metadata[3];
    struct new_event events[2];
    struct stream_append stream;
    struct append append;
};

static void make_append(struct append_with_reply *self, const char *command_id, const char *outcome)
{
    *self = (struct append_with_reply){
        .metadata = {{bytes_of_text("command-id"), bytes_of_text(command_id)},
                     {bytes_of_text("outcome"), bytes_of_text(outcome)},
                     {bytes_of_text("attribute.shelf"), bytes_of_text("7")}},
        .events = {make_event(uuid_random()), make_event(uuid_random())},
    };
    self->events[1].type = bytes_of_text("$SagaReplyRequested");
    self->events[1].metadata = self->metadata;
    self->events[1].metadata_count = 3;
    self->stream = (struct stream_append){
        .stream = bytes_of_text("stock-1"), .events = self->events, .event_count = 2};
    self->append = (struct append){.streams = &self->stream, .stream_count = 1};
}

static void an_append_can_be_the_reply(void **state)
{
    struct append_with_reply first, second;

    (void)state;
    put_three_steps();
    fixture_join(&fixture, "work", NULL, NULL);
    assert_ok(fixture_start(&fixture, "order", "1"));
    const char *command_id = next_task().command->command_id;
    make_append(&first, command_id, "SUCCESS");
    assert_true(append_has_reply(&first.append));
    assert_ok(fixture_append(&fixture, &first.append));
    assert_false(first.append.replayed);
    assert_string_equal(fixture_events(&fixture, "stock-1"), "Tested $SagaReplyRequested");
    assert_string_equal(next_task().command->step, "b");
    uint64_t end = event_log_end(fixture.log);

    assert_ok(fixture_append(&fixture, &first.append)); /* the same again */
    assert_true(first.append.replayed);
    make_append(&second, command_id, "SUCCESS");
    assert_fails(fixture_append(&fixture, &second.append), FAILED_PRECONDITION,
                 "with the outcome SUCCESS");
    make_append(&second, "00000000-0000-8000-8000-000000000001", "SUCCESS");
    assert_fails(fixture_append(&fixture, &second.append), INVALID_ARGUMENT, "is no command");
    make_append(&second, command_id, "MAYBE");
    assert_fails(fixture_append(&fixture, &second.append), INVALID_ARGUMENT,
                 "SUCCESS, FAILURE, ERROR or ONGOING");
    second.events[0].type = second.events[1].type;
    assert_fails(fixture_append(&fixture, &second.append), INVALID_ARGUMENT, "at most one");
    assert_int_equal(event_log_end(fixture.log), end);
    assert_rows_are_folds();
}

/* --- starting ---------------------------------------------------------------------------- */

static Sagabase__V1__StartSagaRequest request_of(const char *id)
{
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;

    request.type = "order";
    request.id = (char *)id;
    return request;
}

static void complete_one(void)
{
    for (int i = 0; i < 3; i++)
        assert_int_equal(fixture_succeed(&fixture, next_task().command->command_id, 0), ACCEPTED);
}

static void the_same_start_attaches_and_another_is_refused(void **state)
{
    Sagabase__V1__StartSagaRequest request = request_of("1");
    Sagabase__V1__Payload input = SAGABASE__V1__PAYLOAD__INIT;
    struct saga_start start = {.request = &request};

    (void)state;
    put_three_steps();
    fixture_join(&fixture, "work", NULL, NULL);
    assert_ok(fixture_start_with(&fixture, &start));
    assert_int_equal(start.outcome, STARTED);
    assert_int_equal(start.position, 2);
    for (int restarted = 0; restarted < 2; restarted++) {
        start = (struct saga_start){.request = &request};
        assert_ok(fixture_start_with(&fixture, &start));
        assert_int_equal(start.outcome, ATTACHED);
        assert_int_equal(start.run, 1);
        assert_int_equal(start.status, RUNNING);
        gateway_fixture_restart(&fixture);
        fixture_join(&fixture, "work", NULL, NULL);
    }
    input.data.data = (uint8_t *)"other";
    input.data.len = 5;
    request.input = &input;
    assert_fails(fixture_start_with(&fixture, &start), ALREADY_EXISTS, "another input");
    complete_one();
    assert_fails(fixture_start_with(&fixture, &start), ALREADY_EXISTS, "another input");
    request.input = NULL;
    assert_ok(fixture_start_with(&fixture, &start));
    assert_int_equal(start.outcome, ATTACHED);
    assert_int_equal(start.status, COMPLETED);
    request.type = "nothing";
    assert_fails(fixture_start_with(&fixture, &start), NOT_FOUND, "no such saga type");
}

static void an_id_can_be_used_again_where_that_is_allowed(void **state)
{
    Sagabase__V1__StartSagaRequest request = request_of("1");
    struct saga_start start = {.request = &request};

    (void)state;
    put_three_steps();
    fixture_join(&fixture, "work", NULL, NULL);
    request.id_reuse = SAGABASE__V1__ID_REUSE__ID_REUSE_ALLOW;
    request.request_id = "first";
    assert_ok(fixture_start_with(&fixture, &start));
    complete_one();
    assert_ok(fixture_start_with(&fixture, &start)); /* the same request */
    assert_int_equal(start.outcome, ATTACHED);
    request.id_reuse = SAGABASE__V1__ID_REUSE__ID_REUSE_ALLOW_IF_NOT_COMPLETED;
    request.request_id = "second";
    assert_ok(fixture_start_with(&fixture, &start));
    assert_int_equal(start.outcome, ATTACHED);
    request.id_reuse = SAGABASE__V1__ID_REUSE__ID_REUSE_ALLOW;
    assert_ok(fixture_start_with(&fixture, &start));
    assert_int_equal(start.outcome, STARTED);
    assert_int_equal(start.run, 2);
    complete_one();
    assert_int_equal(fixture_status(&fixture, "order", "1"), COMPLETED);
    assert_rows_are_folds();
}

static void a_start_and_its_events_are_all_or_nothing(void **state)
{
    Sagabase__V1__StartSagaRequest request = request_of("1");
    struct new_event event = make_event(uuid_random());
    struct stream_append stream = {.stream = bytes_of_text("order-1"),
                                   .expected = STREAM_EXISTS,
                                   .events = &event,
                                   .event_count = 1};
    struct append append = {.streams = &stream, .stream_count = 1};
    struct saga_start start = {.request = &request, .append = &append};

    (void)state;
    put_three_steps();
    assert_fails(fixture_start_with(&fixture, &start), ABORTED, "order-1");
    assert_false(append.conflict.exists);
    assert_int_equal(fixture_status(&fixture, "order", "1"), 0);
    assert_int_equal(event_log_end(fixture.log), 0);
    stream.expected = NO_STREAM;
    assert_ok(fixture_start_with(&fixture, &start));
    assert_int_equal(start.outcome, STARTED);
    assert_string_equal(fixture_events(&fixture, "order-1"), "Tested");
    assert_ok(fixture_start_with(&fixture, &start));
    assert_int_equal(start.outcome, ATTACHED);
    assert_string_equal(fixture_events(&fixture, "order-1"), "Tested");
}

/* --- definitions ------------------------------------------------------------------------- */

static void definitions_have_versions_and_a_default(void **state)
{
    Sagabase__V1__PutDefinitionRequest request = SAGABASE__V1__PUT_DEFINITION_REQUEST__INIT;
    struct definition_put put = {.request = &request};
    struct definition *definition;
    bool is_default;

    (void)state;
    request.definition = &recipe.definition;
    recipe_step(&recipe, NULL, "a");
    assert_ok(fixture_put(&fixture, &recipe, &put));
    assert_int_equal(put.version, 1);
    assert_false(put.existed);
    assert_ok(fixture_put(&fixture, &recipe, &put));
    assert_int_equal(put.version, 1);
    assert_true(put.existed);
    recipe_step(&recipe, NULL, "b");
    request.version = 1;
    assert_fails(fixture_put(&fixture, &recipe, &put), ALREADY_EXISTS, "another definition");
    request.version = 0;
    request.keep_default = true;
    assert_ok(fixture_put(&fixture, &recipe, &put));
    assert_int_equal(put.version, 2);
    for (int restarted = 0; restarted < 2; restarted++) {
        assert_ok(gateway_get_definition(fixture.gateway, bytes_of_text("order"), 0, &definition,
                                         &is_default));
        assert_int_equal(definition->version, 1);
        assert_true(is_default);
        definition_release(definition);
        assert_ok(gateway_get_definition(fixture.gateway, bytes_of_text("order"), 2, &definition,
                                         &is_default));
        assert_int_equal(definition->node_count, 2);
        assert_false(is_default);
        definition_release(definition);
        gateway_fixture_restart(&fixture);
    }
    assert_fails(gateway_get_definition(fixture.gateway, bytes_of_text("order"), 3, &definition,
                                        &is_default),
                 NOT_FOUND, "order: no definition of version 3");
}

/* --- listing ----------------------------------------------------------------------------- */

static bool note_id(void *context, const struct saga *saga)
{
    char *ids = context;

    snprintf(ids + strlen(ids), 64 - strlen(ids), "%.*s ", (int)saga->id.size,
             (const char *)saga->id.data);
    return strlen(ids) < 60;
}

static void assert_lists(Sagabase__V1__ListSagasRequest *filter, const char *expected)
{
    char ids[64] = "";
    uint64_t next;

    assert_ok(gateway_list_sagas(fixture.gateway, filter, 0, note_id, ids, &next));
    assert_string_equal(ids, expected);
}

static void sagas_are_found_by_status_and_attribute(void **state)
{
    Sagabase__V1__Attribute red = SAGABASE__V1__ATTRIBUTE__INIT, *attributes[] = {&red};
    Sagabase__V1__SagaStatus status = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED;

    (void)state;
    put_three_steps();
    fixture_join(&fixture, "work", NULL, NULL);
    red.name = "colour";
    red.value = "red";
    for (int i = 0; i < 4; i++) {
        char id[2] = {(char)('a' + i), 0};
        Sagabase__V1__StartSagaRequest request = request_of(id);
        request.attributes = attributes;
        request.n_attributes = i % 2;
        struct saga_start start = {.request = &request};
        assert_ok(fixture_start_with(&fixture, &start));
        if (i < 2)
            complete_one();
    }
    Sagabase__V1__ListSagasRequest filter = SAGABASE__V1__LIST_SAGAS_REQUEST__INIT;
    assert_lists(&filter, "d c b a ");
    filter.statuses = &status;
    filter.n_statuses = 1;
    assert_lists(&filter, "b a ");
    status = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_UNSPECIFIED; /* any */
    assert_lists(&filter, "d c b a ");
    status = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED;
    filter.attributes = attributes;
    filter.n_attributes = 1;
    assert_lists(&filter, "b ");
    filter.n_statuses = 0;
    assert_lists(&filter, "d b ");
    filter.n_attributes = 0;
    filter.type = "order";
    filter.queue = "work";
    assert_lists(&filter, "d c ");
    filter.type = "other";
    assert_lists(&filter, "");
}

/* --- the store's other tools ------------------------------------------------------------- */

static void sagas_go_on_behind_verify_and_rebuild(void **state)
{
    (void)state;
    put_three_steps();
    fixture_join(&fixture, "work", NULL, NULL);
    assert_ok(fixture_start(&fixture, "order", "1"));
    complete_one();
    assert_ok(fixture_start(&fixture, "order", "2"));
    assert_int_equal(fixture_succeed(&fixture, next_task().command->command_id, 0), ACCEPTED);
    assert_int_equal(gateway_fixture_maintain(&fixture, false), 0);
    assert_int_equal(gateway_fixture_maintain(&fixture, true), 0);
    assert_int_equal(gateway_fixture_maintain(&fixture, false), 0);
    fixture_join(&fixture, "work", NULL, NULL);
    assert_string_equal(next_task().command->step, "b");
    assert_int_equal(fixture_status(&fixture, "order", "1"), COMPLETED);
    assert_rows_are_folds();
}

static void damage(enum family family, struct bytes key, struct bytes value)
{
    struct write write = {family, value.data ? WRITE_PUT : WRITE_DELETE, key, value};

    assert_ok(engine_commit(fixture.store.engine, &write, 1, true));
}

static struct saga_rebuild rebuild_sagas(void)
{
    struct saga_rebuild rebuild = {.log = NULL};

    assert_ok(event_log_open(
        &(struct event_log_options){.engine = fixture.store.engine, .clock = &fixture.clock.clock},
        &rebuild.log));
    assert_ok(saga_rebuild(&rebuild));
    event_log_close(rebuild.log);
    return rebuild;
}

static void print_line(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "%s\n", line);
}

static uint64_t count_wrong_sagas(void)
{
    struct saga_rebuild sagas = {.tell = print_line};

    assert_ok(event_log_open(&(struct event_log_options){.engine = fixture.store.engine,
                                                         .clock = &fixture.clock.clock,
                                                         .only_reads = true},
                             &sagas.log));
    assert_ok(saga_verify(&sagas));
    event_log_close(sagas.log);
    return sagas.wrong;
}

static void verify_counts_what_of_the_sagas_disagrees_and_changes_nothing(void **state)
{
    uint8_t key[8];

    (void)state;
    put_three_steps();
    assert_ok(fixture_start(&fixture, "order", "1"));
    assert_ok(fixture_start(&fixture, "order", "2"));
    gateway_fixture_stop(&fixture);
    assert_int_equal(count_wrong_sagas(), 0);
    put_u64_big_endian(key, 1);
    damage(FAMILY_SAGAS, bytes_of(key, 8), (struct bytes){0});
    assert_int_equal(count_wrong_sagas(), 3); /* its two entries of the index lead nowhere */
    damage(FAMILY_SAGA_IDS, bytes_of("order\0002", 7), (struct bytes){0});
    assert_int_equal(count_wrong_sagas(), 4);
    damage(FAMILY_SAGA_INDEX, bytes_of("s\1\0\0\0\0\0\0\0\2", 10), (struct bytes){0});
    assert_int_equal(count_wrong_sagas(), 5);
    damage(FAMILY_SAGA_INDEX, bytes_of("s\5\0\0\0\0\0\0\0\2", 10), bytes_of_text(""));
    assert_int_equal(count_wrong_sagas(), 6);
    rebuild_sagas();
    assert_int_equal(count_wrong_sagas(), 0);
    gateway_fixture_continue(&fixture);
}

static void damaged_rows_of_sagas_are_folded_anew(void **state)
{
    uint8_t key[8];
    Sagabase__V1__ListSagasRequest all = SAGABASE__V1__LIST_SAGAS_REQUEST__INIT;
    Sagabase__V1__SagaStatus running = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING;

    (void)state;
    put_three_steps();
    fixture_join(&fixture, "work", NULL, NULL);
    assert_ok(fixture_start(&fixture, "order", "1"));
    complete_one();
    assert_ok(fixture_start(&fixture, "order", "2"));
    assert_int_equal(fixture_succeed(&fixture, next_task().command->command_id, 0), ACCEPTED);
    assert_ok(fixture_start(&fixture, "order", "3"));
    gateway_fixture_stop(&fixture);
    struct saga_rebuild rebuild = rebuild_sagas();
    assert_int_equal(rebuild.sagas, 3);
    assert_int_equal(rebuild.renewed, 0);

    put_u64_big_endian(key, 1);
    damage(FAMILY_SAGAS, bytes_of(key, 8), (struct bytes){0});
    put_u64_big_endian(key, 2);
    damage(FAMILY_SAGAS, bytes_of(key, 8), bytes_of_text("damaged"));
    damage(FAMILY_SAGA_IDS, bytes_of("order\0002", 7), (struct bytes){0});
    damage(FAMILY_SAGA_INDEX, bytes_of("s\1\0\0\0\0\0\0\0\2", 10), (struct bytes){0});
    damage(FAMILY_SAGA_INDEX, bytes_of("s\1\0\0\0\0\0\0\0\1", 10), bytes_of_text(""));
    rebuild = rebuild_sagas();
    assert_int_equal(rebuild.sagas, 3);
    assert_int_equal(rebuild.renewed, 2);
    assert_int_equal(rebuild.kept, 0);
    gateway_fixture_continue(&fixture);
    assert_rows_are_folds();
    assert_lists(&all, "3 2 1 ");
    all.statuses = &running;
    all.n_statuses = 1;
    assert_lists(&all, "3 2 ");
    fixture_join(&fixture, "work", NULL, NULL);
    assert_string_equal(next_task().command->step, "b");
    assert_string_equal(next_task().command->step, "a");
    assert_int_equal(fixture_status(&fixture, "order", "2"), RUNNING);
}

static void a_command_whose_event_was_erased_is_made_anew(void **state)
{
    struct erasure erasure = {
        .stream = bytes_of_text("$cmd-work"), .whole = true, .reason = bytes_of_text("test")};

    (void)state;
    put_three_steps();
    assert_ok(fixture_start(&fixture, "order", "1"));
    assert_ok(event_log_erase(fixture.log, &erasure, &fixture.arena));
    assert_int_equal(erasure.event_count, 1);
    fixture_join(&fixture, "work", NULL, NULL);
    struct task task = next_task();
    assert_string_equal(task.command->step, "a");
    assert_int_equal(fixture_succeed(&fixture, task.command->command_id, 0), ACCEPTED);
    struct buffer data;
    buffer_init(&data, 1 << 20);
    assert_fails(gateway_read_command(fixture.gateway, &task.lease, &data), NOT_FOUND,
                 "it is over");
    buffer_destroy(&data);
}

#define gateway_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        gateway_test(three_steps_are_four_commits_and_eight_events),
        gateway_test(commands_reach_whoever_joins_later),
        gateway_test(failure_compensates_what_was_done_in_reverse),
        gateway_test(cancel_tells_the_participant_and_waits_for_its_answer),
        gateway_test(cancel_waits_for_nobody_where_nobody_has_the_command),
        gateway_test(terminate_withdraws_what_is_out),
        gateway_test(an_act_before_the_start_finds_no_saga),
        gateway_test(repeated_and_made_up_replies_change_nothing),
        gateway_test(a_reply_and_its_events_are_one_commit),
        gateway_test(a_stale_expectation_leaves_the_command_open),
        gateway_test(an_append_can_be_the_reply),
        gateway_test(the_same_start_attaches_and_another_is_refused),
        gateway_test(an_id_can_be_used_again_where_that_is_allowed),
        gateway_test(a_start_and_its_events_are_all_or_nothing),
        gateway_test(definitions_have_versions_and_a_default),
        gateway_test(sagas_are_found_by_status_and_attribute),
        gateway_test(sagas_go_on_behind_verify_and_rebuild),
        gateway_test(verify_counts_what_of_the_sagas_disagrees_and_changes_nothing),
        gateway_test(damaged_rows_of_sagas_are_folded_anew),
        gateway_test(a_command_whose_event_was_erased_is_made_anew),
    };

    engine_kind = argc > 1 ? argv[1] : "memory";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
