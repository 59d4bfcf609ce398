/* Messages of the API as JSON, in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clients/c/sagabase.h"
#include "clients/cli/message_json.h"

static struct status read(struct arena *arena, const char *json,
                          Sagabase__V1__SagaDefinition **definition)
{
    ProtobufCMessage *message = NULL;
    struct status status = message_read_json(&sagabase__v1__saga_definition__descriptor,
                                             bytes_of_text(json), arena, &message);

    *definition = (Sagabase__V1__SagaDefinition *)message;
    return status;
}

static void a_definition_is_read(void **state)
{
    static const char json[] =
        "{\"type\": \"order\", \"nodes\": [\n"
        "  {\"name\": \"charge\", \"step\": {\"kind\": \"STEP_KIND_PIVOT\", \"nothing_to_undo\": "
        "true,\n"
        "    \"action\": {\"queue\": \"cards\", \"type\": \"Charge\"}, \"inputs\": [\"a\", "
        "\"b\"],\n"
        "    \"retry\": {\"backoff_coefficient\": 1.5, \"maximum_attempts\": 3},\n"
        "    \"timeouts\": {\"startToCloseMs\": \"30000\", \"heartbeat_ms\": 5000}}},\n"
        "  {\"name\": \"pause\", \"timer\": {\"delayMs\": 9007199254740993}}],\n"
        " \"description\": null}";
    Sagabase__V1__SagaDefinition *definition;
    const Sagabase__V1__Step *step;
    struct arena arena;

    (void)state;
    arena_init(&arena, 1 << 20);
    struct status status = read(&arena, json, &definition);
    assert_string_equal(status.message, "");
    assert_string_equal(definition->type, "order");
    assert_string_equal(definition->description, "");
    assert_int_equal(definition->n_nodes, 2);
    assert_int_equal(definition->nodes[0]->kind_case, SAGABASE__V1__NODE__KIND_STEP);
    step = definition->nodes[0]->step;
    assert_int_equal(step->kind, SAGABASE__V1__STEP_KIND__STEP_KIND_PIVOT);
    assert_true(step->nothing_to_undo);
    assert_string_equal(step->action->queue, "cards");
    assert_int_equal(step->n_inputs, 2);
    assert_string_equal(step->inputs[1], "b");
    assert_true(step->retry->backoff_coefficient == 1.5);
    assert_int_equal(step->timeouts->start_to_close_ms, 30000);
    assert_int_equal(step->timeouts->heartbeat_ms, 5000);
    assert_int_equal(definition->nodes[1]->timer->delay_ms, 9007199254740993);
    arena_destroy(&arena);
}

static void what_is_wrong_is_named_with_its_place(void **state)
{
    static const struct {
        const char *json, *message;
    } cases[] = {
        {"{\"type\": \"order\",\n \"nodes\": [}", "line 2, column"},
        {"[]", "must be an object"},
        {"{\"typ\": \"order\"}", "typ: no such field"},
        {"{\"type\": 1}", "type: must be a string"},
        {"{\"nodes\": {}}", "nodes: must be an array"},
        {"{\"nodes\": [{\"name\": \"a\"}, {\"step\": {\"action\": {\"queue\": 2}}}]}",
         "nodes[1].step.action.queue: must be a string"},
        {"{\"nodes\": [{\"step\": {}, \"timer\": {}}]}",
         "nodes[0].timer: only one of its kind may be set"},
        {"{\"nodes\": [{\"step\": {\"kind\": \"PIVOT\"}}]}",
         "nodes[0].step.kind: \"PIVOT\" is none of StepKind"},
        {"{\"run_timeout_ms\": \"12x\"}", "run_timeout_ms: must be a whole number"},
        {"{\"run_timeout_ms\": 1.5}", "run_timeout_ms: must be a whole number"},
        {"{\"nodes\": [{\"step\": {\"retry\": {\"maximum_attempts\": -1}}}]}",
         "nodes[0].step.retry.maximum_attempts: out of range"},
        {"{\"nodes\": [{\"step\": {\"idempotent\": 1}}]}",
         "nodes[0].step.idempotent: must be true or false"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Sagabase__V1__SagaDefinition *definition;
        struct arena arena;

        arena_init(&arena, 1 << 20);
        struct status status = read(&arena, cases[i].json, &definition);
        assert_int_equal(status.code, STATUS_INVALID_ARGUMENT);
        if (strncmp(status.message, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("%s: not \"%s\"", status.message, cases[i].message);
        arena_destroy(&arena);
    }
}

static void memory_is_bounded(void **state)
{
    Sagabase__V1__SagaDefinition *definition;
    struct arena arena;

    (void)state;
    arena_init(&arena, 64);
    struct status status = read(&arena, "{\"nodes\": [{}, {}, {}, {}, {}, {}]}", &definition);
    assert_int_equal(status.code, STATUS_RESOURCE_EXHAUSTED);
    arena_destroy(&arena);
}

static void expect_json(const ProtobufCMessage *message, const char *expected)
{
    struct buffer out;

    buffer_init(&out, 1 << 16);
    message_put_json(&out, message);
    buffer_put_byte(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    buffer_destroy(&out);
}

static void a_message_is_put_without_its_defaults(void **state)
{
    Sagabase__V1__CommandIssued issued = SAGABASE__V1__COMMAND_ISSUED__INIT;
    Sagabase__V1__SagaEvent event = SAGABASE__V1__SAGA_EVENT__INIT;

    (void)state;
    expect_json(&issued.base, "{}");
    issued.operation = (Sagabase__V1__Operation)77; /* of a newer server */
    expect_json(&issued.base, "{\"operation\":77}");
    issued.activity = 4294967295U;
    issued.node = "a \"b\"";
    issued.operation = SAGABASE__V1__OPERATION__OPERATION_ACTION;
    issued.close_due_us = -9007199254740993;
    issued.check = true;
    event.event_case = SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED;
    event.command_issued = &issued;
    expect_json(&event.base,
                "{\"command_issued\":{\"activity\":4294967295,\"node\":\"a \\\"b\\\"\","
                "\"operation\":\"OPERATION_ACTION\",\"close_due_us\":-9007199254740993,"
                "\"check\":true}}");
}

static void a_payload_is_put_as_what_it_is(void **state)
{
    static const struct {
        const char *content_type, *data;
        size_t size;
        const char *expected;
    } cases[] = {
        {"application/json", "{\"a\": 1.10}", 11,
         "{\"data\":{\"a\": 1.10},\"content_type\":\"application/json\"}"},
        {"application/json", "{", 1, "{\"data\":\"{\",\"content_type\":\"application/json\"}"},
        {"", "a\nb", 3, "{\"data\":\"a\\nb\",\"content_type\":\"\"}"},
        {"x/y", "\xff\x00", 2, "{\"data_base64\":\"/wA=\",\"content_type\":\"x/y\"}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Sagabase__V1__Payload payload = SAGABASE__V1__PAYLOAD__INIT;

        payload.content_type = (char *)cases[i].content_type;
        payload.data = (ProtobufCBinaryData){cases[i].size, (uint8_t *)cases[i].data};
        expect_json(&payload.base, cases[i].expected);
    }
}

static void constants_have_plain_words(void **state)
{
    char text[MESSAGE_WORDS_BYTES];

    (void)state;
    assert_string_equal(
        message_enum_words(&sagabase__v1__saga_status__descriptor, 2, "SAGA_STATUS_", text),
        "compensating");
    assert_string_equal(
        message_enum_words(&sagabase__v1__timeout_kind__descriptor, 1, "TIMEOUT_KIND_", text),
        "schedule to start");
    assert_string_equal(message_enum_words(&sagabase__v1__saga_status__descriptor, 99, "", text),
                        "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_definition_is_read),
        cmocka_unit_test(what_is_wrong_is_named_with_its_place),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(a_message_is_put_without_its_defaults),
        cmocka_unit_test(a_payload_is_put_as_what_it_is),
        cmocka_unit_test(constants_have_plain_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
