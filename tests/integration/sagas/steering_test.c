/* Sagas are steered: signals, decisions, and what operators do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/integration/sagas/order.h"

#define RUNNING      SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING
#define COMPENSATING SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATING
#define PARKED       SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED
#define COMPLETED    SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED
#define COMPENSATED  SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED
#define TERMINATED   SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_TERMINATED
#define ACCEPTED     SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED

static Sagabase__V1__SagaName name;

static struct sagabase_status cancel(const char *id, Sagabase__V1__SagaStatus *now)
{
    Sagabase__V1__CancelSagaRequest request = SAGABASE__V1__CANCEL_SAGA_REQUEST__INIT;
    Sagabase__V1__CancelSagaResponse *response;

    name = order_name(id);
    request.saga = &name;
    request.reason = "test";
    request.principal = "ann";
    struct sagabase_status status = sagabase_cancel_saga(client, &request, NULL, &response);
    if (status.code == SAGABASE_OK) {
        *now = response->status;
        sagabase__v1__cancel_saga_response__free_unpacked(response, NULL);
    }
    return status;
}

static struct sagabase_status terminate(const char *id, const char *reason)
{
    Sagabase__V1__TerminateSagaRequest request = SAGABASE__V1__TERMINATE_SAGA_REQUEST__INIT;
    Sagabase__V1__TerminateSagaResponse *response;

    name = order_name(id);
    request.saga = &name;
    request.reason = (char *)reason;
    struct sagabase_status status = sagabase_terminate_saga(client, &request, NULL, &response);
    if (status.code == SAGABASE_OK)
        sagabase__v1__terminate_saga_response__free_unpacked(response, NULL);
    return status;
}

static struct sagabase_status pause_saga(const char *id)
{
    Sagabase__V1__PauseSagaRequest request = SAGABASE__V1__PAUSE_SAGA_REQUEST__INIT;
    Sagabase__V1__PauseSagaResponse *response;

    name = order_name(id);
    request.saga = &name;
    struct sagabase_status status = sagabase_pause_saga(client, &request, NULL, &response);
    if (status.code == SAGABASE_OK)
        sagabase__v1__pause_saga_response__free_unpacked(response, NULL);
    return status;
}

static struct sagabase_status resume_saga(const char *id)
{
    Sagabase__V1__ResumeSagaRequest request = SAGABASE__V1__RESUME_SAGA_REQUEST__INIT;
    Sagabase__V1__ResumeSagaResponse *response;

    name = order_name(id);
    request.saga = &name;
    struct sagabase_status status = sagabase_resume_saga(client, &request, NULL, &response);
    if (status.code == SAGABASE_OK)
        sagabase__v1__resume_saga_response__free_unpacked(response, NULL);
    return status;
}

static struct sagabase_status retry_step(const char *id, const char *step,
                                         Sagabase__V1__SagaStatus *now)
{
    Sagabase__V1__RetryStepRequest request = SAGABASE__V1__RETRY_STEP_REQUEST__INIT;
    Sagabase__V1__RetryStepResponse *response;

    name = order_name(id);
    request.saga = &name;
    request.step = (char *)step;
    struct sagabase_status status = sagabase_retry_step(client, &request, NULL, &response);
    if (status.code == SAGABASE_OK) {
        *now = response->status;
        sagabase__v1__retry_step_response__free_unpacked(response, NULL);
    }
    return status;
}

static struct sagabase_status skip_step(const char *id, const char *step, const char *reason,
                                        Sagabase__V1__SagaStatus *now)
{
    Sagabase__V1__SkipStepRequest request = SAGABASE__V1__SKIP_STEP_REQUEST__INIT;
    Sagabase__V1__SkipStepResponse *response;

    name = order_name(id);
    request.saga = &name;
    request.step = (char *)step;
    request.reason = (char *)reason;
    struct sagabase_status status = sagabase_skip_step(client, &request, NULL, &response);
    if (status.code == SAGABASE_OK) {
        *now = response->status;
        sagabase__v1__skip_step_response__free_unpacked(response, NULL);
    }
    return status;
}

static struct sagabase_status resolve_step(const char *id, const char *step,
                                           Sagabase__V1__Outcome outcome, const char *reason,
                                           Sagabase__V1__SagaStatus *now)
{
    Sagabase__V1__ResolveStepRequest request = SAGABASE__V1__RESOLVE_STEP_REQUEST__INIT;
    Sagabase__V1__ResolveStepResponse *response;

    name = order_name(id);
    request.saga = &name;
    request.step = (char *)step;
    request.outcome = outcome;
    request.reason = (char *)reason;
    struct sagabase_status status = sagabase_resolve_step(client, &request, NULL, &response);
    if (status.code == SAGABASE_OK) {
        *now = response->status;
        sagabase__v1__resolve_step_response__free_unpacked(response, NULL);
    }
    return status;
}

/* An order whose compensation of "reserve" was refused. */
static void park_order(const char *id)
{
    Sagabase__V1__PollCommandResponse *taken;

    start_order(id);
    do_next("stock", "ReserveStock");
    taken = take("cards");
    assert_int_equal(fail_for_good(taken->command->command_id, "declined"), ACCEPTED);
    forget_command(taken);
    taken = take("stock");
    assert_string_equal(taken->command->type, "ReleaseStock");
    assert_int_equal(fail_for_good(taken->command->command_id, "gone"), ACCEPTED);
    forget_command(taken);
    assert_int_equal(end_of_order(id), PARKED);
}

static void a_cancelled_saga_is_compensated(void **state)
{
    Sagabase__V1__SagaStatus now = RUNNING;
    Sagabase__V1__PollCommandResponse *taken;

    (void)state;
    start_order("1");
    do_next("stock", "ReserveStock");
    taken = take("cards");
    expect(cancel("1", &now), SAGABASE_OK);
    assert_int_equal(now, COMPENSATING);
    expect(cancel("1", &now), SAGABASE_OK); /* again: nothing changes */
    assert_int_equal(complete(taken->command->command_id), ACCEPTED);
    forget_command(taken);
    do_next("cards", "Refund");
    do_next("stock", "ReleaseStock");
    assert_int_equal(end_of_order("1"), COMPENSATED);
    expect(cancel("1", &now), SAGABASE_OK);
    assert_int_equal(now, COMPENSATED);
}

static void a_completed_saga_cannot_be_cancelled(void **state)
{
    Sagabase__V1__SagaStatus now = RUNNING;

    (void)state;
    start_order("1");
    do_next("stock", "ReserveStock");
    do_next("cards", "Charge");
    expect_told(cancel("1", &now), SAGABASE_FAILED_PRECONDITION, "COMPLETED");
}

static void a_terminated_saga_ends_as_it_stands(void **state)
{
    (void)state;
    start_order("1");
    expect_told(terminate("1", ""), SAGABASE_INVALID_ARGUMENT, "reason: 1 to 1024 bytes");
    expect(terminate("1", "test"), SAGABASE_OK);
    assert_int_equal(end_of_order("1"), TERMINATED);
    expect_nothing_ready("stock");
    expect(terminate("1", "test"), SAGABASE_FAILED_PRECONDITION);
}

static void a_paused_saga_issues_nothing_until_it_is_resumed(void **state)
{
    (void)state;
    start_order("1");
    expect(pause_saga("1"), SAGABASE_OK);
    do_next("stock", "ReserveStock"); /* the answer is still taken */
    expect_nothing_ready("cards");
    expect(resume_saga("1"), SAGABASE_OK);
    do_next("cards", "Charge");
    assert_int_equal(end_of_order("1"), COMPLETED);
    expect(pause_saga("1"), SAGABASE_FAILED_PRECONDITION);
    expect(resume_saga("1"), SAGABASE_FAILED_PRECONDITION);
}

static void a_parked_compensation_is_tried_again(void **state)
{
    Sagabase__V1__SagaStatus now = RUNNING;

    (void)state;
    park_order("1");
    expect(retry_step("1", "reserve", &now), SAGABASE_OK);
    assert_int_equal(now, COMPENSATING);
    do_next("stock", "ReleaseStock");
    assert_int_equal(end_of_order("1"), COMPENSATED);
}

static void a_parked_compensation_is_skipped(void **state)
{
    Sagabase__V1__SagaStatus now = RUNNING;

    (void)state;
    park_order("1");
    expect_told(skip_step("1", "reserve", "", &now), SAGABASE_INVALID_ARGUMENT,
                "reason: 1 to 1024 bytes");
    expect(skip_step("1", "reserve", "released by hand", &now), SAGABASE_OK);
    assert_int_equal(now, COMPENSATED);
}

static void a_step_is_answered_in_the_participants_place(void **state)
{
    Sagabase__V1__SagaStatus now = COMPLETED;

    (void)state;
    start_order("1");
    expect_told(resolve_step("1", "reserve", SAGABASE__V1__OUTCOME__OUTCOME_UNKNOWN, "x", &now),
                SAGABASE_INVALID_ARGUMENT, "outcome");
    expect_told(resolve_step("1", "reserve", SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS, "", &now),
                SAGABASE_INVALID_ARGUMENT, "reason: 1 to 1024 bytes");
    expect(resolve_step("1", "reserve", SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS, "seen", &now),
           SAGABASE_OK);
    assert_int_equal(now, RUNNING);
    expect(resolve_step("1", "charge", SAGABASE__V1__OUTCOME__OUTCOME_FAILURE, "seen", &now),
           SAGABASE_OK);
    assert_int_equal(now, COMPENSATING);
    do_next("stock", "ReleaseStock");
    assert_int_equal(end_of_order("1"), COMPENSATED);
}

static void what_is_not_there_cannot_be_steered(void **state)
{
    Sagabase__V1__SagaStatus now = RUNNING;

    (void)state;
    expect(cancel("1", &now), SAGABASE_NOT_FOUND);
    expect(terminate("1", "x"), SAGABASE_NOT_FOUND);
    expect(pause_saga("1"), SAGABASE_NOT_FOUND);
    expect(resume_saga("1"), SAGABASE_NOT_FOUND);
    expect(retry_step("1", "reserve", &now), SAGABASE_NOT_FOUND);
    start_order("1");
    expect(retry_step("1", "nobody", &now), SAGABASE_NOT_FOUND);
    expect(skip_step("1", "nobody", "x", &now), SAGABASE_NOT_FOUND);
    expect_told(retry_step("1", "", &now), SAGABASE_INVALID_ARGUMENT, "step: 1 to 64 bytes");
    expect(retry_step("1", "reserve", &now), SAGABASE_FAILED_PRECONDITION);
}

/* --- signals ---------------------------------------------------------------------------------- */

static void start_waiting(const char *id)
{
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__StartSagaResponse *response;

    define("{\"type\": \"trip\", \"nodes\": ["
           "{\"name\": \"paid\", \"wait_event\": {\"event\": \"PaymentReceived\"}},"
           "{\"name\": \"manager\", \"approval\": {\"principals\": [\"ann\"]}}]}");
    request.type = "trip";
    request.id = (char *)id;
    expect(sagabase_start_saga(client, &request, NULL, &response), SAGABASE_OK);
    sagabase__v1__start_saga_response__free_unpacked(response, NULL);
}

static struct sagabase_status signal_trip(const char *event, const char *signal_id,
                                          const char *principal, bool *duplicate)
{
    Sagabase__V1__SignalSagaRequest request = SAGABASE__V1__SIGNAL_SAGA_REQUEST__INIT;
    Sagabase__V1__Signal signal = SAGABASE__V1__SIGNAL__INIT;
    Sagabase__V1__SignalSagaResponse *response;

    name = order_name("1");
    name.type = "trip";
    signal.name = (char *)event;
    signal.signal_id = (char *)signal_id;
    signal.principal = (char *)principal;
    signal.approved = true;
    request.saga = &name;
    request.signal = &signal;
    struct sagabase_status status = sagabase_signal_saga(client, &request, NULL, &response);
    if (status.code == SAGABASE_OK) {
        *duplicate = response->duplicate;
        sagabase__v1__signal_saga_response__free_unpacked(response, NULL);
    }
    return status;
}

static void signals_and_decisions_let_a_saga_go_on(void **state)
{
    Sagabase__V1__GetSagaRequest request = SAGABASE__V1__GET_SAGA_REQUEST__INIT;
    Sagabase__V1__GetSagaResponse *response;
    bool duplicate = true;

    (void)state;
    start_waiting("1");
    expect(signal_trip("PaymentReceived", "p", "", &duplicate), SAGABASE_OK);
    assert_false(duplicate);
    expect(signal_trip("PaymentReceived", "p", "", &duplicate), SAGABASE_OK);
    assert_true(duplicate);
    expect(signal_trip("manager", "m1", "bob", &duplicate), SAGABASE_PERMISSION_DENIED);
    expect(signal_trip("manager", "m2", "ann", &duplicate), SAGABASE_OK);
    request.saga = &name;
    expect(sagabase_get_saga(client, &request, NULL, &response), SAGABASE_OK);
    assert_int_equal(response->summary->status, COMPLETED);
    sagabase__v1__get_saga_response__free_unpacked(response, NULL);
    expect(signal_trip("more", "x", "", &duplicate), SAGABASE_FAILED_PRECONDITION);
}

static void a_wrong_signal_names_its_field(void **state)
{
    Sagabase__V1__SignalSagaRequest request = SAGABASE__V1__SIGNAL_SAGA_REQUEST__INIT;
    Sagabase__V1__SignalSagaResponse *response;
    bool duplicate;

    (void)state;
    start_waiting("1");
    expect_told(signal_trip("", "p", "", &duplicate), SAGABASE_INVALID_ARGUMENT, "signal.name");
    expect_told(signal_trip("PaymentReceived", "", "", &duplicate), SAGABASE_INVALID_ARGUMENT,
                "signal.signal_id");
    request.saga = &name;
    expect_told(sagabase_signal_saga(client, &request, NULL, &response), SAGABASE_INVALID_ARGUMENT,
                "signal: required");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cancelled_saga_is_compensated),
        TEST(a_completed_saga_cannot_be_cancelled),
        TEST(a_terminated_saga_ends_as_it_stands),
        TEST(a_paused_saga_issues_nothing_until_it_is_resumed),
        TEST(a_parked_compensation_is_tried_again),
        TEST(a_parked_compensation_is_skipped),
        TEST(a_step_is_answered_in_the_participants_place),
        TEST(what_is_not_there_cannot_be_steered),
        TEST(signals_and_decisions_let_a_saga_go_on),
        TEST(a_wrong_signal_names_its_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
