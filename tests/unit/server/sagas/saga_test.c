/* A saga as row, as command and as answer; and events that cannot be. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "sagabase/storage/saga_row.pb-c.h"
#include "tests/unit/server/sagas/machine_testing.h"

static void start_three_steps(void)
{
    recipe_step(&recipe, NULL, "a");
    recipe_step(&recipe, NULL, "b");
    recipe_step(&recipe, NULL, "c");
    start();
}

/* --- memory --------------------------------------------------------------------------------------
 */

static void an_open_saga_of_three_steps_takes_less_than_a_kibibyte(void **state)
{
    (void)state;
    start_three_steps();
    assert_true(run.saga->bytes < 1024);
    succeed("a");
    assert_true(run.saga->bytes < 1024);
    succeed("b");
    print_message("with its last step open: %zu bytes\n", run.saga->bytes);
    assert_true(run.saga->bytes < 1024);
}

static void what_a_saga_takes_is_told_after_each_change(void **state)
{
    (void)state;
    start_three_steps();
    size_t before = run.saga->bytes;
    static char output[10000];
    memset(output, 'x', sizeof output - 1);
    assert_int_equal(saga_run_succeed_with(&run, "a", output, "some code"), ACCEPTED);
    assert_true(run.saga->bytes > before + sizeof output);
    assert_int_equal(run.saga->payload_bytes, sizeof output - 1);
}

/* --- rows
 * ----------------------------------------------------------------------------------------- */

/* A state with something in every part, and its row. */
static struct bytes rich_row(void)
{
    Sagabase__V1__Signal signal = SAGABASE__V1__SIGNAL__INIT;
    struct bytes row;

    recipe_step(&recipe, NULL, "a");
    recipe_parallel(&recipe, NULL, "both");
    recipe_branch(&recipe, recipe.definition.nodes[1]->parallel, "left");
    recipe_branch(&recipe, recipe.definition.nodes[1]->parallel, "right");
    recipe_step(&recipe, recipe_block(&recipe, "left"), "l");
    recipe_wait(&recipe, recipe_block(&recipe, "right"), "w", "paid");
    start();
    saga_run_succeed_with(&run, "a", "an output", "C");
    err("l", "Busy");
    signal.name = (char *)"sent";
    signal.signal_id = (char *)"1";
    assert_ok(saga_run_signal(&run, &signal));
    run.saga->position = 7;
    assert_ok(saga_encode(run.saga, &run.arena, &row));
    return row;
}

static void a_row_is_read_back_as_it_was(void **state)
{
    (void)state;
    struct bytes row = rich_row(), again, type;
    struct saga *read;
    uint32_t version;
    assert_ok(saga_row_definition(row, &run.arena, &type, &version));
    assert_true(bytes_equal(type, bytes_of_text("order")));
    assert_int_equal(version, 1);
    assert_ok(saga_decode(row, run.definition, &read));
    assert_ok(saga_encode(read, &run.arena, &again));
    assert_true(bytes_equal(row, again));
    assert_int_equal(read->position, 7);
    assert_int_equal(read->payload_bytes, run.saga->payload_bytes);
    assert_int_equal(saga_due_us(read), saga_due_us(run.saga));
    saga_free(read);
}

static void a_row_is_what_protobuf_c_would_write(void **state)
{
    (void)state;
    struct bytes row = rich_row();
    size_t size = row.size - 8;
    Sagabase__Storage__SagaRow *message = sagabase__storage__saga_row__unpack(NULL, size, row.data);
    assert_non_null(message);
    assert_int_equal(sagabase__storage__saga_row__get_packed_size(message), size);
    uint8_t *packed = malloc(size);
    sagabase__storage__saga_row__pack(message, packed);
    assert_memory_equal(packed, row.data, size);
    free(packed);
    sagabase__storage__saga_row__free_unpacked(message, NULL);
}

static void damage_to_a_row_is_found(void **state)
{
    (void)state;
    struct bytes row = rich_row();
    struct saga *read;
    for (size_t i = 0; i < row.size; i++) {
        uint8_t *copy = malloc(row.size); /* of its own, so that a sanitizer sees its end */
        memcpy(copy, row.data, row.size);
        copy[i] ^= 0x10;
        assert_code(saga_decode(bytes_of(copy, row.size), run.definition, &read), STATUS_DATA_LOSS);
        assert_code(saga_decode(bytes_of(copy, i), run.definition, &read), STATUS_DATA_LOSS);
        free(copy);
    }
}

/* With a checksum that fits, but wrong in itself: still found, or harmless. */
static void a_row_that_was_written_wrong_does_no_harm(void **state)
{
    (void)state;
    struct bytes row = rich_row();
    size_t size = row.size - 8, found = 0;
    uint8_t *copy = malloc(row.size);
    for (size_t i = 0; i < size; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            struct saga *read = NULL;
            memcpy(copy, row.data, size);
            copy[i] ^= (uint8_t)(1 << bit);
            put_u64_little_endian(copy + size, checksum_bytes(bytes_of(copy, size)));
            struct status status = saga_decode(bytes_of(copy, row.size), run.definition, &read);
            found += !status_ok(status);
            if (status_ok(status)) {
                saga_assert_invariant(read);
                saga_free(read);
            } else {
                assert_int_equal(status.code, STATUS_DATA_LOSS);
            }
        }
    free(copy);
    assert_true(found > 100);
}

static void the_definition_of_a_damaged_row_is_not_told(void **state)
{
    (void)state;
    static const char *const rows[] = {"",
                                       "\x0a",
                                       "\x0a\x05orde",
                                       "\x0a\x05order",
                                       "\x0a\x05order\x10",
                                       "\x0a\x05order\x10\xff\xff\xff\xff\xff\xff\xff\xff",
                                       "\x0a\x7forder"};
    struct arena arena;
    struct bytes type;
    uint32_t version;
    arena_init(&arena, 1000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_code(saga_row_definition(bytes_of_text(rows[i]), &arena, &type, &version),
                    STATUS_DATA_LOSS);
    arena_destroy(&arena);
}

static void a_row_belongs_to_its_definition(void **state)
{
    (void)state;
    struct bytes row = rich_row();
    struct definition *other;
    struct saga *read;
    assert_ok(definition_create(recipe_pack(&recipe), 2, 0, &other));
    assert_code(saga_decode(row, other, &read), STATUS_DATA_LOSS);
    definition_release(other);
}

/* --- commands
 * --------------------------------------------------------------------------------------- */

static void a_command_brings_what_the_participant_needs(void **state)
{
    (void)state;
    Sagabase__V1__Command command;
    Sagabase__V1__Step *b;
    recipe_step(&recipe, NULL, "a");
    b = recipe_step(&recipe, NULL, "b");
    b->timeouts->heartbeat_ms = 700;
    recipe_append(&recipe, &b->inputs, &b->n_inputs, (char *)"a");
    start();
    assert_int_equal(saga_run_succeed_with(&run, "a", "seat 7", "OK"), ACCEPTED);
    assert_ok(saga_command(run.saga, 1, &run.secret, &run.arena, &command));
    assert_string_equal(command.command_id, run.decision.events[1]->command_issued->command_id);
    assert_string_equal(command.saga_type, "order");
    assert_string_equal(command.saga_id, "1");
    assert_string_equal(command.step, "b");
    assert_string_equal(command.type, "Do");
    assert_string_equal(command.queue, "work");
    assert_int_equal(command.operation, SAGABASE__V1__OPERATION__OPERATION_ACTION);
    assert_int_equal(command.attempt, 1);
    assert_int_equal(command.input->data.len, 200);
    assert_int_equal(command.n_inputs, 1);
    assert_string_equal(command.inputs[0]->step, "a");
    assert_memory_equal(command.inputs[0]->output->data.data, "seat 7", 6);
    assert_int_equal(command.n_attributes, 1);
    assert_string_equal(command.attributes[0]->name, "a.code");
    assert_int_equal(command.start_to_close_ms, 30000);
    assert_int_equal(command.heartbeat_ms, 700);
    assert_int_equal(command.issued_us, run.now_us);
    assert_string_equal(command.action_command_id, "");
}

static void a_compensation_is_told_what_became_of_the_action(void **state)
{
    (void)state;
    Sagabase__V1__Command command;
    start_three_steps();
    assert_int_equal(saga_run_succeed_with(&run, "a", "seat 7", ""), ACCEPTED);
    char action[37];
    struct command_name name = {1, 0, false};
    struct uuid id = command_id(&run.secret, name);
    uuid_format(&id, (uint8_t *)action);
    action[36] = 0;
    fail_with("b", "No");
    assert_ok(saga_command(run.saga, 0, &run.secret, &run.arena, &command));
    assert_int_equal(command.operation, SAGABASE__V1__OPERATION__OPERATION_COMPENSATION);
    assert_string_equal(command.type, "Undo");
    assert_int_equal(command.action_outcome, SUCCESS);
    assert_memory_equal(command.action_output->data.data, "seat 7", 6);
    assert_string_equal(command.action_command_id, action);
    assert_string_not_equal(command.command_id, action);
}

static void a_compensation_has_its_own_limits_or_those_of_an_attempt(void **state)
{
    (void)state;
    Sagabase__V1__Step *a = recipe_step(&recipe, NULL, "a");
    a->timeouts->start_to_close_ms = 0;
    a->timeouts->schedule_to_close_ms = 5000;
    recipe_step(&recipe, NULL, "b");
    start();
    assert_int_equal(saga_limits(run.saga, 0).schedule_to_close_us, 5000000);
    succeed("a");
    fail_with("b", "No");
    assert_int_equal(saga_limits(run.saga, 0).schedule_to_close_us, 0);
    assert_int_equal(saga_limits(run.saga, 0).start_to_close_us, 5000000);
    assert_true(saga_due_us(run.saga) == INT64_MAX);
}

static void the_largest_command_fits_into_an_event(void **state)
{
    (void)state;
    static uint8_t data[SAGA_PAYLOAD_BYTES_MAX];
    static char names[SAGA_STEP_INPUTS_MAX][8];
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__Payload payload = SAGABASE__V1__PAYLOAD__INIT;
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Command command;
    for (unsigned i = 0; i < SAGA_STEP_INPUTS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "s%u", i);
        recipe_step(&recipe, NULL, names[i]);
    }
    Sagabase__V1__Step *last = recipe_step(&recipe, NULL, "last");
    for (unsigned i = 0; i < SAGA_STEP_INPUTS_MAX; i++)
        recipe_append(&recipe, &last->inputs, &last->n_inputs, names[i]);
    last->compensate_on_failure = true;
    recipe_step(&recipe, NULL, "end");
    saga_run_init(&run, recipe_definition(&recipe));
    payload.data.data = data;
    payload.data.len = sizeof data;
    success.output = request.input = &payload;
    request.type = (char *)"order";
    request.id = (char *)"1";
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    assert_ok(saga_run_start_with(&run, &request));
    for (unsigned i = 0; i < SAGA_STEP_INPUTS_MAX; i++)
        assert_int_equal(saga_run_reply(&run, names[i], &reply), ACCEPTED);
    assert_int_equal(saga_run_reply(&run, "last", &reply), ACCEPTED);
    fail_with("end", "No");
    assert_ok(saga_command(run.saga, SAGA_STEP_INPUTS_MAX, &run.secret, &run.arena, &command));
    size_t size = sagabase__v1__command__get_packed_size(&command);
    size_t attributes = SAGA_ATTRIBUTES_MAX * (128 + 256 + 8); /* none here */
    assert_true(size > SAGA_STEP_INPUTS_MAX * sizeof data);
    assert_true(size + attributes < 1 << 20); /* EVENT_DATA_BYTES_MAX */
}

/* Each turn of a loop is undone with what it was done with. */
static void a_compensation_gets_the_inputs_that_its_action_had(void **state)
{
    static const char *const outputs[] = {"seat 1", "", "seat 3"};
    Sagabase__V1__Command command;
    Sagabase__V1__Block *body = recipe_block(&recipe, "body");
    Sagabase__V1__Step *pay;

    (void)state;
    recipe_loop(&recipe, NULL, "all", "body", "pay.code", "more", 3);
    recipe_step(&recipe, body, "reserve")->nothing_to_undo = true;
    recipe.definition.blocks[0]->nodes[0]->step->compensation = NULL;
    pay = recipe_step(&recipe, body, "pay");
    recipe_append(&recipe, &pay->inputs, &pay->n_inputs, (char *)"reserve");
    start();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(saga_run_succeed_with(&run, "reserve", outputs[i], ""), ACCEPTED);
        assert_int_equal(saga_run_succeed_with(&run, "pay", "", "more"), ACCEPTED);
    }
    assert_status(COMPENSATING); /* for the loop's limit */
    for (int i = 3; i-- > 0;) {
        uint32_t undone = 2 + 2 * (uint32_t)i;
        assert_ok(saga_command(run.saga, undone, &run.secret, &run.arena, &command));
        assert_int_equal(command.operation, SAGABASE__V1__OPERATION__OPERATION_COMPENSATION);
        assert_int_equal(command.n_inputs, outputs[i][0] != 0);
        if (command.n_inputs > 0)
            assert_memory_equal(command.inputs[0]->output->data.data, outputs[i], 6);
        succeed("pay");
    }
    assert_status(COMPENSATED);
}

/* --- answers
 * ---------------------------------------------------------------------------------------- */

static void a_saga_tells_what_it_waits_for(void **state)
{
    (void)state;
    Sagabase__V1__SagaSummary summary = SAGABASE__V1__SAGA_SUMMARY__INIT;
    recipe_step(&recipe, NULL, "a")->retry = recipe_retry(&recipe, 5, 10);
    recipe_step(&recipe, NULL, "b");
    start();
    err("a", "Busy");
    assert_ok(saga_summarize(run.saga, &run.arena, &summary));
    assert_int_equal(summary.n_waiting_for, 1);
    assert_string_equal(summary.waiting_for[0],
                        "step a: attempt 1 of 5, waits for its next attempt");
    saga_run_wait(&run, 10);
    succeed("a");
    fail_with("b", "NoStock");
    assert_ok(saga_summarize(run.saga, &run.arena, &summary));
    assert_string_equal(summary.waiting_for[0],
                        "compensation of a: attempt 1, waits for an answer");
    assert_string_equal(summary.cause->type, "NoStock");
    assert_int_equal(summary.status, COMPENSATING);
}

static void a_saga_is_described_with_its_activities(void **state)
{
    (void)state;
    Sagabase__V1__GetSagaResponse response = SAGABASE__V1__GET_SAGA_RESPONSE__INIT;
    start_three_steps();
    assert_int_equal(saga_run_succeed_with(&run, "a", "seat 7", "OK"), ACCEPTED);
    err("b", "Busy");
    assert_ok(saga_run_pause(&run));
    assert_ok(saga_describe(run.saga, &run.secret, &run.arena, &response));
    assert_int_equal(response.n_activities, 2);
    assert_string_equal(response.activities[0]->node, "a");
    assert_int_equal(response.activities[0]->outcome, SUCCESS);
    assert_memory_equal(response.activities[0]->output->data.data, "seat 7", 6);
    assert_int_equal(response.activities[1]->state,
                     SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_HELD);
    assert_string_equal(response.activities[1]->error->type, "Busy");
    assert_string_equal(response.activities[1]->queue, "work");
    assert_int_equal(strlen(response.activities[1]->command_id), 36);
    assert_int_equal(response.input->data.len, 200);
    assert_true(response.summary->paused);
    assert_string_equal(response.summary->attributes[0]->value, "OK");
}

static void the_stream_of_a_saga_has_its_name(void **state)
{
    uint8_t text[SAGA_STREAM_BYTES_MAX];
    struct bytes name = saga_stream(text, bytes_of_text("order"), bytes_of_text("17"));

    (void)state;
    assert_true(bytes_equal(name, bytes_of_text("$saga-order-17")));
}

/* --- events that cannot be
 * ----------------------------------------------------------------------------- */

static void refuse_event(int which, void *body)
{
    Sagabase__V1__SagaEvent event = SAGABASE__V1__SAGA_EVENT__INIT;
    struct bytes row;
    struct saga *copy;

    assert_ok(saga_encode(run.saga, &run.arena, &row));
    assert_ok(saga_decode(row, run.definition, &copy));
    event.event_case = (Sagabase__V1__SagaEvent__EventCase)which;
    event.saga_started = body;
    assert_code(saga_apply(copy, &event, run.now_us), STATUS_DATA_LOSS);
    saga_free(copy);
}

static void an_event_that_cannot_follow_is_damage(void **state)
{
    (void)state;
    Sagabase__V1__SagaStarted started = SAGABASE__V1__SAGA_STARTED__INIT;
    Sagabase__V1__CommandIssued issued = SAGABASE__V1__COMMAND_ISSUED__INIT;
    Sagabase__V1__CommandSucceeded succeeded = SAGABASE__V1__COMMAND_SUCCEEDED__INIT;
    Sagabase__V1__CommandFailed failed = SAGABASE__V1__COMMAND_FAILED__INIT;
    Sagabase__V1__NodeEntered entered = SAGABASE__V1__NODE_ENTERED__INIT;
    Sagabase__V1__NodeFinished finished = SAGABASE__V1__NODE_FINISHED__INIT;
    Sagabase__V1__SagaUnparked unparked = SAGABASE__V1__SAGA_UNPARKED__INIT;
    Sagabase__V1__SagaParked parked = SAGABASE__V1__SAGA_PARKED__INIT;
    start_three_steps();
    succeed("a");
    refuse_event(SAGABASE__V1__SAGA_EVENT__EVENT__NOT_SET, NULL);
    refuse_event(SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_STARTED, &started);
    issued.activity = 2;
    issued.parent = 2;
    issued.operation = SAGABASE__V1__OPERATION__OPERATION_ACTION;
    issued.attempt = 1;
    issued.node = (char *)"nobody";
    refuse_event(SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED, &issued);
    issued.node = (char *)"c";
    issued.attempt = 2;
    refuse_event(SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED, &issued);
    issued.activity = 1; /* it is out */
    refuse_event(SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED, &issued);
    issued.activity = 0; /* it is closed, and the saga goes forward */
    issued.operation = SAGABASE__V1__OPERATION__OPERATION_COMPENSATION;
    issued.attempt = 1;
    refuse_event(SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED, &issued);
    issued.activity = UINT32_MAX;
    refuse_event(SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED, &issued);
    succeeded.operation = SAGABASE__V1__OPERATION__OPERATION_ACTION; /* twice */
    refuse_event(SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_SUCCEEDED, &succeeded);
    failed.activity = 1;
    failed.operation = SAGABASE__V1__OPERATION__OPERATION_ACTION;
    refuse_event(SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_FAILED, &failed);
    entered.activity = 2;
    entered.parent = 2;
    entered.node = (char *)"c";
    refuse_event(SAGABASE__V1__SAGA_EVENT__EVENT_NODE_ENTERED, &entered);
    entered.parent = 1;
    refuse_event(SAGABASE__V1__SAGA_EVENT__EVENT_NODE_ENTERED, &entered);
    finished.activity = 1;
    refuse_event(SAGABASE__V1__SAGA_EVENT__EVENT_NODE_FINISHED, &finished);
    refuse_event(SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_UNPARKED, &unparked);
    parked.activity = 17;
    refuse_event(SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_PARKED, &parked);
}

static void a_stream_of_another_definition_is_damage(void **state)
{
    (void)state;
    struct definition *other;
    struct saga *saga;
    start_three_steps();
    recipe.definition.description = (char *)"changed";
    assert_ok(definition_create(recipe_pack(&recipe), 1, 0, &other));
    saga = saga_create(other);
    assert_code(saga_apply(saga, run.decision.events[0], run.now_us), STATUS_DATA_LOSS);
    saga_free(saga);
    definition_release(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(an_open_saga_of_three_steps_takes_less_than_a_kibibyte),
        row(what_a_saga_takes_is_told_after_each_change),
        row(a_row_is_read_back_as_it_was),
        row(a_row_is_what_protobuf_c_would_write),
        row(damage_to_a_row_is_found),
        row(a_row_that_was_written_wrong_does_no_harm),
        row(the_definition_of_a_damaged_row_is_not_told),
        row(a_row_belongs_to_its_definition),
        row(a_command_brings_what_the_participant_needs),
        row(a_compensation_is_told_what_became_of_the_action),
        row(a_compensation_gets_the_inputs_that_its_action_had),
        row(a_compensation_has_its_own_limits_or_those_of_an_attempt),
        row(the_largest_command_fits_into_an_event),
        row(a_saga_tells_what_it_waits_for),
        row(a_saga_is_described_with_its_activities),
        row(the_stream_of_a_saga_has_its_name),
        row(an_event_that_cannot_follow_is_damage),
        row(a_stream_of_another_definition_is_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
