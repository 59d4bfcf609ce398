/* Sagas are started, looked at and followed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/integration/sagas/order.h"

enum { WAIT_MS = 20000 };

#define RUNNING   SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING
#define COMPLETED SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED
#define STARTED   SAGABASE__V1__START_OUTCOME__START_OUTCOME_STARTED
#define ATTACHED  SAGABASE__V1__START_OUTCOME__START_OUTCOME_ATTACHED

static Sagabase__V1__StartSagaRequest start_request(const char *id)
{
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;

    request.type = "order";
    request.id = (char *)id;
    return request;
}

/* The outcome of a start that is not refused. */
static Sagabase__V1__StartOutcome start(const Sagabase__V1__StartSagaRequest *request,
                                        uint32_t *run)
{
    Sagabase__V1__StartSagaResponse *response;
    Sagabase__V1__StartOutcome outcome;

    expect(sagabase_start_saga(client, request, NULL, &response), SAGABASE_OK);
    outcome = response->outcome;
    *run = response->run;
    sagabase__v1__start_saga_response__free_unpacked(response, NULL);
    return outcome;
}

static void complete_order(const char *id)
{
    (void)id;
    do_next("stock", "ReserveStock");
    do_next("cards", "Charge");
}

static Sagabase__V1__GetSagaResponse *get(const char *id)
{
    Sagabase__V1__GetSagaRequest request = SAGABASE__V1__GET_SAGA_REQUEST__INIT;
    Sagabase__V1__SagaName name = order_name(id);
    Sagabase__V1__GetSagaResponse *response;

    request.saga = &name;
    expect(sagabase_get_saga(client, &request, NULL, &response), SAGABASE_OK);
    return response;
}

static void the_same_start_again_attaches(void **state)
{
    Sagabase__V1__StartSagaRequest request = start_request("1");
    Sagabase__V1__Payload input = SAGABASE__V1__PAYLOAD__INIT;
    Sagabase__V1__StartSagaResponse *response;
    uint32_t run = 0;

    (void)state;
    assert_int_equal(start(&request, &run), STARTED);
    assert_int_equal(run, 1);
    assert_int_equal(start(&request, &run), ATTACHED);
    assert_int_equal(run, 1);
    input.data = (ProtobufCBinaryData){1, (uint8_t *)"x"};
    request.input = &input;
    expect(sagabase_start_saga(client, &request, NULL, &response), SAGABASE_ALREADY_EXISTS);
}

static void an_ended_saga_may_run_again_if_that_is_asked(void **state)
{
    Sagabase__V1__StartSagaRequest request = start_request("1");
    uint32_t run = 0;

    (void)state;
    assert_int_equal(start(&request, &run), STARTED);
    complete_order("1");
    assert_int_equal(end_of_order("1"), COMPLETED);
    assert_int_equal(start(&request, &run), ATTACHED);
    request.id_reuse = SAGABASE__V1__ID_REUSE__ID_REUSE_ALLOW;
    request.request_id = "second";
    assert_int_equal(start(&request, &run), STARTED);
    assert_int_equal(run, 2);
    assert_int_equal(start(&request, &run), ATTACHED);
    assert_int_equal(run, 2);
}

static void events_are_stored_with_the_start_or_not_at_all(void **state)
{
    Sagabase__V1__StartSagaRequest request = start_request("1");
    Sagabase__V1__StartSagaResponse *response;
    struct part part;

    (void)state;
    part_of(&part, "basket-1");
    part.append.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS;
    request.appends = part.appends;
    request.n_appends = 1;
    struct sagabase_status status = sagabase_start_saga(client, &request, NULL, &response);
    expect(status, SAGABASE_ABORTED);
    assert_string_equal(status.conflict.stream, "basket-1");
    expect_nothing_ready("stock");
    part.append.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM;
    expect(sagabase_start_saga(client, &request, NULL, &response), SAGABASE_OK);
    assert_int_equal(response->n_appended, 1);
    assert_string_equal(response->appended[0]->stream, "basket-1");
    assert_int_equal(response->status, RUNNING);
    sagabase__v1__start_saga_response__free_unpacked(response, NULL);
    assert_int_equal(count_events("basket-1"), 1);
}

static void a_wrong_start_names_its_field(void **state)
{
    Sagabase__V1__StartSagaRequest request = start_request("1");
    Sagabase__V1__StartSagaResponse *response;

    (void)state;
    request.type = "trip";
    expect(sagabase_start_saga(client, &request, NULL, &response), SAGABASE_NOT_FOUND);
    request.type = "";
    expect_told(sagabase_start_saga(client, &request, NULL, &response), SAGABASE_INVALID_ARGUMENT,
                "type");
    request.type = "order";
    request.id = "";
    expect_told(sagabase_start_saga(client, &request, NULL, &response), SAGABASE_INVALID_ARGUMENT,
                "id");
}

static void a_saga_is_shown_with_its_steps(void **state)
{
    Sagabase__V1__GetSagaResponse *response;

    (void)state;
    start_order("1");
    do_next("stock", "ReserveStock");
    response = get("1");
    assert_string_equal(response->summary->type, "order");
    assert_string_equal(response->summary->id, "1");
    assert_int_equal(response->summary->status, RUNNING);
    assert_int_equal(response->summary->version, 1);
    assert_true(response->summary->started_us > 0);
    assert_int_equal(response->summary->ended_us, 0);
    assert_int_equal(response->summary->n_waiting_for, 1);
    assert_non_null(strstr(response->summary->waiting_for[0], "charge"));
    assert_int_equal(response->n_activities, 2);
    assert_string_equal(response->activities[0]->node, "reserve");
    assert_int_equal(response->activities[0]->outcome, SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS);
    assert_string_equal(response->activities[1]->node, "charge");
    assert_int_equal(response->activities[1]->state,
                     SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_OPEN);
    assert_int_equal(strlen(response->activities[1]->command_id), 36);
    sagabase__v1__get_saga_response__free_unpacked(response, NULL);
}

static void what_is_not_there_is_not_found(void **state)
{
    Sagabase__V1__GetSagaRequest get_request = SAGABASE__V1__GET_SAGA_REQUEST__INIT;
    Sagabase__V1__WaitSagaRequest wait = SAGABASE__V1__WAIT_SAGA_REQUEST__INIT;
    Sagabase__V1__GetHistoryRequest history = SAGABASE__V1__GET_HISTORY_REQUEST__INIT;
    const Sagabase__V1__WaitSagaResponse *waited = NULL;
    const Sagabase__V1__GetHistoryResponse *page = NULL;
    Sagabase__V1__SagaName name = order_name("1");
    Sagabase__V1__GetSagaResponse *response;
    struct sagabase_saga_stream *stream;

    (void)state;
    get_request.saga = wait.saga = history.saga = &name;
    expect(sagabase_get_saga(client, &get_request, NULL, &response), SAGABASE_NOT_FOUND);
    expect(sagabase_wait_saga(client, &wait, NULL, &stream), SAGABASE_OK);
    expect(sagabase_wait_saga_next(stream, &waited), SAGABASE_NOT_FOUND);
    sagabase_saga_stream_close(stream);
    expect(sagabase_get_history(client, &history, NULL, &stream), SAGABASE_OK);
    expect(sagabase_get_history_next(stream, &page), SAGABASE_NOT_FOUND);
    sagabase_saga_stream_close(stream);

    get_request.saga = NULL;
    expect_told(sagabase_get_saga(client, &get_request, NULL, &response), SAGABASE_INVALID_ARGUMENT,
                "saga: required");
    name.type = "";
    get_request.saga = &name;
    expect_told(sagabase_get_saga(client, &get_request, NULL, &response), SAGABASE_INVALID_ARGUMENT,
                "saga.type: 1 to 100 bytes");
}

static void waiting_tells_each_change_until_the_end(void **state)
{
    struct sagabase_options options = {.timeout_ms = WAIT_MS};
    Sagabase__V1__WaitSagaRequest request = SAGABASE__V1__WAIT_SAGA_REQUEST__INIT;
    const Sagabase__V1__WaitSagaResponse *response = NULL;
    Sagabase__V1__SagaName name = order_name("1");
    struct sagabase_saga_stream *stream;
    uint64_t position;

    (void)state;
    start_order("1");
    request.saga = &name;
    expect(sagabase_wait_saga(client, &request, &options, &stream), SAGABASE_OK);
    expect(sagabase_wait_saga_next(stream, &response), SAGABASE_OK);
    assert_int_equal(response->summary->status, RUNNING);
    position = response->summary->position;
    do_next("stock", "ReserveStock");
    expect(sagabase_wait_saga_next(stream, &response), SAGABASE_OK);
    assert_int_equal(response->summary->status, RUNNING);
    assert_true(response->summary->position > position);
    do_next("cards", "Charge");
    expect(sagabase_wait_saga_next(stream, &response), SAGABASE_OK);
    assert_int_equal(response->summary->status, COMPLETED);
    assert_true(response->summary->ended_us > 0);
    expect(sagabase_wait_saga_next(stream, &response), SAGABASE_OK);
    assert_null(response);
    sagabase_saga_stream_close(stream);
    assert_int_equal(end_of_order("1"), COMPLETED); /* and at once, when it has ended */
}

static void a_history_tells_every_event_in_order(void **state)
{
    static const int expected[] = {
        SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_STARTED,
        SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED,
        SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_SUCCEEDED,
        SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED,
        SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_SUCCEEDED,
        SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_COMPLETED,
    };
    Sagabase__V1__GetHistoryRequest request = SAGABASE__V1__GET_HISTORY_REQUEST__INIT;
    const Sagabase__V1__GetHistoryResponse *page = NULL;
    Sagabase__V1__SagaName name = order_name("1");
    struct sagabase_saga_stream *stream;
    size_t seen = 0;

    (void)state;
    start_order("1");
    complete_order("1");
    request.saga = &name;
    expect(sagabase_get_history(client, &request, NULL, &stream), SAGABASE_OK);
    do {
        expect(sagabase_get_history_next(stream, &page), SAGABASE_OK);
        for (size_t i = 0; page && i < page->n_entries; i++, seen++) {
            assert_true(seen < sizeof expected / sizeof *expected);
            assert_int_equal(page->entries[i]->revision, seen);
            assert_true(page->entries[i]->created_us > 0);
            assert_int_equal(page->entries[i]->event->event_case, expected[seen]);
        }
    } while (page);
    sagabase_saga_stream_close(stream);
    assert_int_equal(seen, sizeof expected / sizeof *expected);
}

static size_t list(Sagabase__V1__ListSagasRequest *request, char *ids, size_t size)
{
    Sagabase__V1__ListSagasResponse *page;
    char token[64] = "";
    size_t count = 0;

    *ids = '\0';
    do {
        request->page_token = token;
        expect(sagabase_list_sagas(client, request, NULL, &page), SAGABASE_OK);
        for (size_t i = 0; i < page->n_sagas; i++, count++) {
            size_t used = strlen(ids);
            snprintf(ids + used, size - used, "%s ", page->sagas[i]->id);
        }
        snprintf(token, sizeof token, "%s", page->next_page_token);
        sagabase__v1__list_sagas_response__free_unpacked(page, NULL);
    } while (*token);
    return count;
}

static void sagas_are_listed_newest_first_in_pages(void **state)
{
    Sagabase__V1__ListSagasRequest request = SAGABASE__V1__LIST_SAGAS_REQUEST__INIT;
    Sagabase__V1__SagaStatus statuses[] = {COMPLETED};
    char ids[64];

    (void)state;
    start_order("1");
    complete_order("1");
    start_order("2");
    start_order("3");
    assert_int_equal(list(&request, ids, sizeof ids), 3);
    assert_string_equal(ids, "3 2 1 ");
    request.page_size = 1;
    assert_int_equal(list(&request, ids, sizeof ids), 3);
    assert_string_equal(ids, "3 2 1 ");
    request.statuses = statuses;
    request.n_statuses = 1;
    list(&request, ids, sizeof ids);
    assert_string_equal(ids, "1 ");
    request.n_statuses = 0;
    request.queue = "stock";
    list(&request, ids, sizeof ids);
    assert_string_equal(ids, "3 2 ");
    request.queue = "";
    request.type = "trip";
    assert_int_equal(list(&request, ids, sizeof ids), 0);
}

static void a_wrong_list_names_its_field(void **state)
{
    Sagabase__V1__ListSagasRequest request = SAGABASE__V1__LIST_SAGAS_REQUEST__INIT;
    Sagabase__V1__ListSagasResponse *page;

    (void)state;
    request.page_size = 1001;
    expect_told(sagabase_list_sagas(client, &request, NULL, &page), SAGABASE_INVALID_ARGUMENT,
                "page_size: 1 to 1000");
    request.page_size = 0;
    request.page_token = "12x";
    expect_told(sagabase_list_sagas(client, &request, NULL, &page), SAGABASE_INVALID_ARGUMENT,
                "page_token");
    request.page_token = "";
    request.started_from_us = -1;
    expect_told(sagabase_list_sagas(client, &request, NULL, &page), SAGABASE_INVALID_ARGUMENT,
                "started_from_us");
}

/* The next saga that is told; its id must be this. */
static Sagabase__V1__SagaStatus next_change(struct sagabase_saga_stream *stream, const char *id)
{
    const Sagabase__V1__WatchSagasResponse *response = NULL;

    expect(sagabase_watch_sagas_next(stream, &response), SAGABASE_OK);
    assert_int_equal(response->n_sagas, 1);
    assert_string_equal(response->sagas[0]->id, id);
    return response->sagas[0]->status;
}

static void watching_tells_changes_of_status(void **state)
{
    struct sagabase_options options = {.timeout_ms = WAIT_MS};
    Sagabase__V1__WatchSagasRequest request = SAGABASE__V1__WATCH_SAGAS_REQUEST__INIT;
    Sagabase__V1__SagaStatus statuses[] = {COMPLETED};
    const Sagabase__V1__WatchSagasResponse *response = NULL;
    struct sagabase_saga_stream *all, *completed;

    (void)state;
    start_order("before");
    expect(sagabase_watch_sagas(client, &request, &options, &all), SAGABASE_OK);
    expect(sagabase_watch_sagas_next(all, &response), SAGABASE_OK);
    assert_int_equal(response->n_sagas, 0);
    request.type = "order";
    request.statuses = statuses;
    request.n_statuses = 1;
    expect(sagabase_watch_sagas(client, &request, &options, &completed), SAGABASE_OK);
    expect(sagabase_watch_sagas_next(completed, &response), SAGABASE_OK);
    assert_int_equal(response->n_sagas, 0);

    start_order("1");
    assert_int_equal(next_change(all, "1"), RUNNING);
    do_next("stock", "ReserveStock"); /* of "before": no change of status */
    do_next("cards", "Charge");
    assert_int_equal(next_change(all, "before"), COMPLETED);
    assert_int_equal(next_change(completed, "before"), COMPLETED);
    sagabase_saga_stream_close(all);
    sagabase_saga_stream_close(completed);
}

static void watching_another_type_tells_nothing_of_ours(void **state)
{
    struct sagabase_options options = {.timeout_ms = WAIT_MS};
    Sagabase__V1__WatchSagasRequest request = SAGABASE__V1__WATCH_SAGAS_REQUEST__INIT;
    Sagabase__V1__SagaStatus any = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_UNSPECIFIED;
    Sagabase__V1__StartSagaRequest other = start_request("t");
    const Sagabase__V1__WatchSagasResponse *response = NULL;
    struct sagabase_saga_stream *stream;
    uint32_t run = 0;

    (void)state;
    define(
        "{\"type\": \"ord\", \"nodes\": [{\"name\": \"a\", \"wait_event\": {\"event\": \"e\"}}]}");
    request.type = "ord"; /* a prefix of the other */
    request.statuses = &any;
    request.n_statuses = 1;
    expect(sagabase_watch_sagas(client, &request, &options, &stream), SAGABASE_OK);
    expect(sagabase_watch_sagas_next(stream, &response), SAGABASE_OK);
    start_order("1");
    other.type = "ord";
    assert_int_equal(start(&other, &run), STARTED);
    assert_int_equal(next_change(stream, "t"), RUNNING);
    sagabase_saga_stream_close(stream);
}

static void many_changes_at_once_are_all_told(void **state)
{
    enum { MANY = 250 };
    struct sagabase_options options = {.timeout_ms = WAIT_MS};
    Sagabase__V1__WatchSagasRequest request = SAGABASE__V1__WATCH_SAGAS_REQUEST__INIT;
    const Sagabase__V1__WatchSagasResponse *response = NULL;
    struct sagabase_saga_stream *stream;
    size_t told = 0;

    (void)state;
    expect(sagabase_watch_sagas(client, &request, &options, &stream), SAGABASE_OK);
    expect(sagabase_watch_sagas_next(stream, &response), SAGABASE_OK);
    for (int i = 0; i < MANY; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", i);
        start_order(id);
    }
    while (told < MANY) {
        expect(sagabase_watch_sagas_next(stream, &response), SAGABASE_OK);
        assert_true(response->n_sagas >= 1 && response->n_sagas <= 100);
        told += response->n_sagas;
    }
    assert_int_equal(told, MANY);
    sagabase_saga_stream_close(stream);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_start_again_attaches),
        TEST(an_ended_saga_may_run_again_if_that_is_asked),
        TEST(events_are_stored_with_the_start_or_not_at_all),
        TEST(a_wrong_start_names_its_field),
        TEST(a_saga_is_shown_with_its_steps),
        TEST(what_is_not_there_is_not_found),
        TEST(waiting_tells_each_change_until_the_end),
        TEST(a_history_tells_every_event_in_order),
        TEST(sagas_are_listed_newest_first_in_pages),
        TEST(a_wrong_list_names_its_field),
        TEST(watching_tells_changes_of_status),
        TEST(watching_another_type_tells_nothing_of_ours),
        TEST(many_changes_at_once_are_all_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
