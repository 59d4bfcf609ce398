/* What a start, a signal and a reply must be, before there is a saga to give them to. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/server/sagas/machine_testing.h"

static void assert_invalid(struct status status, const char *words)
{
    if (status.code != STATUS_INVALID_ARGUMENT || !strstr(status.message, words))
        fail_msg("%s: %s, but not %s", status_code_name(status.code), status.message, words);
}

static char *text_of(size_t size)
{
    static char text[100000];

    assert_true(size < sizeof text);
    memset(text, 'x', size);
    text[size] = 0;
    return text;
}

static void a_start_has_its_limits(void **state)
{
    (void)state;
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__Payload payload = SAGABASE__V1__PAYLOAD__INIT;
    Sagabase__V1__Attribute one = SAGABASE__V1__ATTRIBUTE__INIT, *attributes[] = {&one, &one};
    Sagabase__V1__Signal signal = SAGABASE__V1__SIGNAL__INIT, *signals[] = {&signal};
    assert_invalid(saga_check_start(&request), "type: 1 to 100 bytes");
    request.type = (char *)"order";
    assert_invalid(saga_check_start(&request), "id: 1 to 200 bytes");
    request.id = (char *)"1";
    assert_ok(saga_check_start(&request));
    request.input = &payload;
    payload.data.len = SAGA_PAYLOAD_BYTES_MAX + 1;
    assert_invalid(saga_check_start(&request), "input.data: at most 65536 bytes");
    payload.data.len = 0;
    payload.content_type = text_of(129);
    assert_invalid(saga_check_start(&request), "input.content_type");
    request.input = NULL;
    request.attributes = attributes;
    request.n_attributes = 1;
    assert_invalid(saga_check_start(&request), "attributes[0].name: 1 to 128 bytes");
    one.name = (char *)"color";
    request.n_attributes = 2;
    assert_invalid(saga_check_start(&request), "attributes[1].name: \"color\" is there twice");
    request.n_attributes = SAGA_START_ATTRIBUTES_MAX + 1;
    assert_invalid(saga_check_start(&request), "attributes: at most 32");
    request.n_attributes = 1;
    one.value = text_of(257);
    assert_invalid(saga_check_start(&request), "attributes[0].value");
    request.n_attributes = 0;
    request.id_reuse = (Sagabase__V1__IdReuse)77;
    assert_invalid(saga_check_start(&request), "id_reuse: 77");
    request.id_reuse = SAGABASE__V1__ID_REUSE__ID_REUSE_ALLOW;
    request.run_timeout_ms = -1;
    assert_invalid(saga_check_start(&request), "run_timeout_ms");
    request.run_timeout_ms = 1;
    request.signals = signals;
    request.n_signals = 1;
    assert_invalid(saga_check_start(&request), "signals[0].name: 1 to 128 bytes");
    signal.name = (char *)"paid";
    assert_invalid(saga_check_start(&request), "signals[0].signal_id");
    request.n_signals = SAGA_START_SIGNALS_MAX + 1;
    assert_invalid(saga_check_start(&request), "signals: at most 16");
    assert_invalid(saga_check_signal(NULL, "signal"), "signal: required");
}

static void a_reply_has_its_limits(void **state)
{
    (void)state;
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__Failure failure = SAGABASE__V1__FAILURE__INIT;
    Sagabase__V1__Error error = SAGABASE__V1__ERROR__INIT;
    Sagabase__V1__Ongoing ongoing = SAGABASE__V1__ONGOING__INIT;
    Sagabase__V1__SagaError why = SAGABASE__V1__SAGA_ERROR__INIT;
    reply.command_id = (char *)"nonsense";
    assert_invalid(saga_check_reply_fields(&reply), "command_id");
    reply.command_id = (char *)"00000000-0001-8000-8000-000000000001";
    assert_invalid(saga_check_reply_fields(&reply), "outcome");
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    assert_ok(saga_check_reply_fields(&reply));
    success.code = text_of(257);
    assert_invalid(saga_check_reply_fields(&reply), "success.code");
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_FAILURE;
    reply.failure = &failure;
    assert_ok(saga_check_reply_fields(&reply));
    failure.error = error.error = &why;
    why.type = (char *)"$timeout";
    assert_invalid(saga_check_reply_fields(&reply), "failure.error.type");
    why.type = (char *)"NoStock";
    why.message = text_of(1025);
    assert_invalid(saga_check_reply_fields(&reply), "failure.error.message: 0 to 1024 bytes");
    why.message = (char *)"";
    reply.n_appends = 1;
    assert_ok(saga_check_reply_fields(&reply));
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_ERROR;
    reply.error = &error;
    assert_invalid(saga_check_reply_fields(&reply), "appends");
    reply.n_appends = 0;
    error.next_retry_delay_ms = INT64_C(30) * 86400000 + 1;
    assert_invalid(saga_check_reply_fields(&reply), "error.next_retry_delay_ms");
    error.next_retry_delay_ms = 0;
    assert_ok(saga_check_reply_fields(&reply));
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_ONGOING;
    reply.ongoing = &ongoing;
    assert_invalid(saga_check_reply_fields(&reply), "ongoing.check_after_ms: 1 ");
}

static void equal_starts_have_an_equal_hash(void **state)
{
    (void)state;
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__Payload payload = SAGABASE__V1__PAYLOAD__INIT;
    Sagabase__V1__Attribute one = SAGABASE__V1__ATTRIBUTE__INIT, *attributes[] = {&one};
    uint64_t hashes[5];
    recipe_step(&recipe, NULL, "a");
    struct definition *definition = recipe_definition(&recipe);
    hashes[0] = saga_input_hash(definition, &request);
    request.input = &payload;
    payload.data.data = (uint8_t *)"x";
    payload.data.len = 1;
    hashes[1] = saga_input_hash(definition, &request);
    payload.content_type = (char *)"x";
    hashes[2] = saga_input_hash(definition, &request);
    request.attributes = attributes;
    request.n_attributes = 1;
    one.name = (char *)"a";
    one.value = (char *)"b";
    hashes[3] = saga_input_hash(definition, &request);
    one.name = (char *)"ab";
    one.value = (char *)"";
    hashes[4] = saga_input_hash(definition, &request);
    for (unsigned i = 0; i < 5; i++)
        for (unsigned j = 0; j < i; j++)
            assert_true(hashes[i] != hashes[j]);
    assert_true(hashes[4] == saga_input_hash(definition, &request));
    /* The state knows it as well. */
    saga_run_init(&run, definition);
    request.type = (char *)"order";
    request.id = (char *)"1";
    assert_ok(saga_run_start_with(&run, &request));
    assert_true(run.saga->input_hash == hashes[4]);
}

static void a_start_that_brings_too_much_is_refused_before_anything_happens(void **state)
{
    (void)state;
    static Sagabase__V1__Attribute many[SAGA_START_SIGNALS_MAX][SAGA_ADDED_ATTRIBUTES_MAX];
    static Sagabase__V1__Attribute *lists[SAGA_START_SIGNALS_MAX][SAGA_ADDED_ATTRIBUTES_MAX];
    static char names[SAGA_START_SIGNALS_MAX][SAGA_ADDED_ATTRIBUTES_MAX][8];
    static Sagabase__V1__Signal made[SAGA_START_SIGNALS_MAX];
    Sagabase__V1__Signal *signals[SAGA_START_SIGNALS_MAX];
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    static char ids[SAGA_START_SIGNALS_MAX][8];
    recipe_step(&recipe, NULL, "a");
    saga_run_init(&run, recipe_definition(&recipe));
    for (unsigned i = 0; i < SAGA_START_SIGNALS_MAX; i++) {
        made[i] = (Sagabase__V1__Signal)SAGABASE__V1__SIGNAL__INIT;
        snprintf(ids[i], sizeof ids[i], "%u", i);
        made[i].name = (char *)"paid";
        made[i].signal_id = ids[i];
        made[i].attributes = lists[i];
        made[i].n_attributes = SAGA_ADDED_ATTRIBUTES_MAX;
        signals[i] = &made[i];
        for (unsigned j = 0; j < SAGA_ADDED_ATTRIBUTES_MAX; j++) {
            snprintf(names[i][j], sizeof names[i][j], "%u.%u", i, j);
            many[i][j] = (Sagabase__V1__Attribute)SAGABASE__V1__ATTRIBUTE__INIT;
            many[i][j].name = names[i][j];
            lists[i][j] = &many[i][j];
        }
    }
    request.type = (char *)"order";
    request.id = (char *)"1";
    request.signals = signals;
    request.n_signals = SAGA_START_SIGNALS_MAX;
    assert_code(saga_run_start_with(&run, &request), STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(run.saga->number, 0);
    request.n_signals = 4;
    assert_ok(saga_run_start_with(&run, &request));
    assert_int_equal(run.saga->attribute_count, SAGA_ATTRIBUTES_MAX);
    succeed("a"); /* without a code, it needs no more room */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        row(a_start_has_its_limits),
        row(a_reply_has_its_limits),
        row(equal_starts_have_an_equal_hash),
        row(a_start_that_brings_too_much_is_refused_before_anything_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
