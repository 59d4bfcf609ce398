/* Participant.Work as a participant sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/integration/sagas/order.h"

enum { WAIT_MS = 20000 };

#define ACCEPTED SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED

static struct sagabase_work *open_work(void)
{
    struct sagabase_options options = {.timeout_ms = WAIT_MS};
    struct sagabase_work *work;

    expect(sagabase_work_open(client, &options, &work), SAGABASE_OK);
    return work;
}

static void send(struct sagabase_work *work, int which, const void *message)
{
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;

    request.message_case = (Sagabase__V1__WorkRequest__MessageCase)which;
    request.hello = (Sagabase__V1__Hello *)message; /* all cases are in one place */
    expect(sagabase_work_send(work, &request), SAGABASE_OK);
}

/* The next message, which must be of this case. */
static const Sagabase__V1__WorkResponse *receive(struct sagabase_work *work, int which)
{
    const Sagabase__V1__WorkResponse *response = NULL;

    expect(sagabase_work_receive(work, &response), SAGABASE_OK);
    assert_non_null(response);
    assert_int_equal(response->message_case, which);
    return response;
}

/* Says hello for one queue, and takes the welcome. */
static struct sagabase_work *join(const char *queue, uint32_t credit)
{
    Sagabase__V1__QueueSubscription subscription = SAGABASE__V1__QUEUE_SUBSCRIPTION__INIT;
    Sagabase__V1__QueueSubscription *queues[] = {&subscription};
    Sagabase__V1__Hello hello = SAGABASE__V1__HELLO__INIT;
    struct sagabase_work *work = open_work();
    const Sagabase__V1__WorkResponse *response;

    subscription.queue = (char *)queue;
    subscription.credit = credit;
    hello.participant = "tester";
    hello.queues = queues;
    hello.n_queues = 1;
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_HELLO, &hello);
    response = receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_WELCOME);
    assert_int_equal(response->welcome->n_adopted, 0);
    assert_true(response->welcome->resume_within_ms > 0);
    return work;
}

/* What a participant keeps of a command. */
struct kept {
    char id[SAGABASE_UUID_BYTES];
    uint64_t token;
    uint32_t delivery, attempt;
};

/* The next message must be so many commands; the first of them. */
static struct kept receive_commands(struct sagabase_work *work, size_t count)
{
    const Sagabase__V1__WorkResponse *response =
        receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_COMMANDS);
    const Sagabase__V1__Command *command = response->commands->commands[0];
    struct kept kept = {
        .token = command->lease_token, .delivery = command->delivery, .attempt = command->attempt};

    assert_int_equal(response->commands->n_commands, count);
    snprintf(kept.id, sizeof kept.id, "%s", command->command_id);
    return kept;
}

static void send_credit(struct sagabase_work *work, const char *queue, uint32_t count)
{
    Sagabase__V1__Credit credit = SAGABASE__V1__CREDIT__INIT;

    credit.queue = (char *)queue;
    credit.count = count;
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_CREDIT, &credit);
}

static void send_success(struct sagabase_work *work, const char *command_id)
{
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;

    reply.command_id = (char *)command_id;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_REPLY, &reply);
}

static void expect_ack(struct sagabase_work *work, const char *command_id,
                       Sagabase__V1__ReplyOutcome outcome)
{
    const Sagabase__V1__WorkResponse *response =
        receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_ACKS);

    assert_int_equal(response->acks->n_acks, 1);
    assert_string_equal(response->acks->acks[0]->command_id, command_id);
    assert_int_equal(response->acks->acks[0]->outcome, outcome);
}

static void expect_end(struct sagabase_work *work)
{
    const Sagabase__V1__WorkResponse *response = NULL;

    expect(sagabase_work_receive(work, &response), SAGABASE_OK);
    assert_null(response);
    sagabase_work_close(work);
}

static void expect_refusal(struct sagabase_work *work, const char *part)
{
    const Sagabase__V1__WorkResponse *response = NULL;
    struct sagabase_status status = {.code = SAGABASE_OK};

    while (status.code == SAGABASE_OK) {
        status = sagabase_work_receive(work, &response);
        assert_true(status.code != SAGABASE_OK || response);
    }
    expect_told(status, SAGABASE_INVALID_ARGUMENT, part);
    sagabase_work_close(work);
}

static void a_saga_is_worked_through_on_one_stream(void **state)
{
    struct sagabase_work *stock = join("stock", 10);
    struct sagabase_work *cards = join("cards", 10);
    struct kept command;

    (void)state;
    start_order("1");
    command = receive_commands(stock, 1);
    send_success(stock, command.id);
    expect_ack(stock, command.id, ACCEPTED);
    command = receive_commands(cards, 1);
    send_success(cards, command.id);
    expect_ack(cards, command.id, ACCEPTED);
    assert_int_equal(end_of_order("1"), SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED);
    sagabase_work_close(stock);
    sagabase_work_close(cards);
}

static void no_more_commands_come_than_there_is_credit_for(void **state)
{
    struct sagabase_work *work;
    struct kept command;

    (void)state;
    for (int i = 0; i < 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", i);
        start_order(id);
    }
    work = join("stock", 1);
    command = receive_commands(work, 1);
    send_success(work, command.id);
    expect_ack(work, command.id, ACCEPTED);
    send_credit(work, "stock", 3);
    receive_commands(work, 3);
    send_success(work, command.id); /* what comes next is its ack, not the fifth command */
    expect_ack(work, command.id, SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_DUPLICATE);
    sagabase_work_close(work);
    do_next("stock", "ReserveStock");
}

static void many_commands_come_in_one_message(void **state)
{
    enum { MANY = 120 };
    struct sagabase_work *work;
    size_t count = 0, messages = 0;

    (void)state;
    for (int i = 0; i < MANY; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", i);
        start_order(id);
    }
    work = join("stock", MANY);
    while (count < MANY) {
        const Sagabase__V1__WorkResponse *response =
            receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_COMMANDS);
        assert_true(response->commands->n_commands <= 100);
        count += response->commands->n_commands;
        messages++;
    }
    assert_int_equal(count, MANY);
    assert_true(messages < MANY / 10);
    sagabase_work_close(work);
}

static void each_of_many_replies_gets_its_ack(void **state)
{
    enum { MANY = 600 }; /* more than one stream has in flight */
    struct sagabase_work *work = join("stock", 1);
    size_t acks = 0;

    (void)state;
    for (int i = 0; i < MANY; i++)
        send_success(work, "11111111-1111-4111-8111-111111111111");
    while (acks < MANY) {
        const Sagabase__V1__WorkResponse *response =
            receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_ACKS);
        assert_true(response->acks->n_acks <= 256);
        for (size_t i = 0; i < response->acks->n_acks; i++)
            assert_int_equal(response->acks->acks[i]->outcome,
                             SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNKNOWN_COMMAND);
        acks += response->acks->n_acks;
    }
    assert_int_equal(acks, MANY);
    sagabase_work_close(work);
}

static void a_wrong_reply_is_acked_as_invalid_and_the_stream_goes_on(void **state)
{
    struct sagabase_work *work = join("stock", 1);
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    const Sagabase__V1__WorkResponse *response;

    (void)state;
    reply.command_id = "11111111-1111-4111-8111-111111111111";
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_REPLY, &reply);
    response = receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_ACKS);
    assert_int_equal(response->acks->acks[0]->outcome,
                     SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_INVALID);
    assert_non_null(strstr(response->acks->acks[0]->message, "outcome"));
    start_order("1");
    receive_commands(work, 1);
    sagabase_work_close(work);
}

static void appends_of_a_reply_come_back_in_its_ack(void **state)
{
    struct sagabase_work *work = join("stock", 1);
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    const Sagabase__V1__WorkResponse *response;
    struct kept command;
    struct part part;

    (void)state;
    start_order("1");
    command = receive_commands(work, 1);
    part_of(&part, "shelf-9");
    part.append.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS;
    reply.command_id = command.id;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    reply.appends = part.appends;
    reply.n_appends = 1;
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_REPLY, &reply);
    response = receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_ACKS);
    assert_int_equal(response->acks->acks[0]->outcome,
                     SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_WRONG_EXPECTED_REVISION);
    assert_string_equal(response->acks->acks[0]->conflict->stream, "shelf-9");

    part.append.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM;
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_REPLY, &reply);
    response = receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_ACKS);
    assert_int_equal(response->acks->acks[0]->outcome, ACCEPTED);
    assert_int_equal(response->acks->acks[0]->n_appended, 1);
    assert_int_equal(response->acks->acks[0]->appended[0]->last_revision, 0);
    assert_int_equal(count_events("shelf-9"), 1);
    sagabase_work_close(work);
}

static void acks_that_are_large_come_in_several_messages(void **state)
{
    enum { MANY = 8, STREAMS = 100, NAME_BYTES = 1000, MESSAGE_BYTES_MAX = 512 << 10 };
    struct part *parts = calloc(STREAMS, sizeof *parts);
    char(*names)[NAME_BYTES + 1] = calloc(STREAMS, sizeof *names);
    Sagabase__V1__StreamAppend *appends[STREAMS];
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    struct sagabase_work *work;
    struct kept commands[MANY];
    size_t acks = 0;

    (void)state;
    assert_true(parts && names);
    for (int i = 0; i < MANY; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", i);
        start_order(id);
    }
    work = join("stock", 0);
    for (int i = 0; i < MANY; i++) {
        send_credit(work, "stock", 1);
        commands[i] = receive_commands(work, 1);
    }
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    reply.appends = appends;
    reply.n_appends = STREAMS;
    for (int i = 0; i < MANY; i++) {
        for (int j = 0; j < STREAMS; j++) {
            snprintf(names[j], sizeof names[j], "%0*d", NAME_BYTES, j);
            part_of(&parts[j], names[j]);
            appends[j] = &parts[j].append;
        }
        reply.command_id = commands[i].id;
        send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_REPLY, &reply);
    }
    while (acks < MANY) {
        const Sagabase__V1__WorkResponse *response =
            receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_ACKS);
        assert_true(protobuf_c_message_get_packed_size(&response->base) < MESSAGE_BYTES_MAX);
        for (size_t i = 0; i < response->acks->n_acks; i++, acks++) {
            assert_string_equal(response->acks->acks[i]->command_id, commands[acks].id);
            assert_int_equal(response->acks->acks[i]->n_appended, STREAMS);
        }
    }
    sagabase_work_close(work);
    free(names);
    free(parts);
}

static void a_heartbeat_is_answered(void **state)
{
    struct sagabase_work *work = join("stock", 1);
    Sagabase__V1__CommandHeartbeat beat = SAGABASE__V1__COMMAND_HEARTBEAT__INIT;
    const Sagabase__V1__WorkResponse *response;
    struct kept command;

    (void)state;
    start_order("1");
    command = receive_commands(work, 1);
    beat.command_id = command.id;
    beat.lease_token = command.token;
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_HEARTBEAT, &beat);
    response = receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_HEARTBEAT_ACK);
    assert_string_equal(response->heartbeat_ack->command_id, command.id);
    assert_false(response->heartbeat_ack->lost);
    beat.lease_token++;
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_HEARTBEAT, &beat);
    response = receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_HEARTBEAT_ACK);
    assert_true(response->heartbeat_ack->lost);
    sagabase_work_close(work);
}

static void a_command_that_is_given_back_comes_again(void **state)
{
    struct sagabase_work *work = join("stock", 2);
    Sagabase__V1__Nack nack = SAGABASE__V1__NACK__INIT;
    struct kept first, second;

    (void)state;
    start_order("1");
    first = receive_commands(work, 1);
    nack.command_id = first.id;
    nack.lease_token = first.token;
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_NACK, &nack);
    second = receive_commands(work, 1);
    assert_string_equal(second.id, first.id);
    assert_int_equal(second.attempt, 1);
    assert_int_equal(second.delivery, 2);
    assert_true(second.token != first.token);
    sagabase_work_close(work);
}

static void a_command_survives_a_broken_stream(void **state)
{
    Sagabase__V1__QueueSubscription subscription = SAGABASE__V1__QUEUE_SUBSCRIPTION__INIT;
    Sagabase__V1__QueueSubscription *queues[] = {&subscription};
    Sagabase__V1__LeaseName ours = SAGABASE__V1__LEASE_NAME__INIT;
    Sagabase__V1__LeaseName made_up = SAGABASE__V1__LEASE_NAME__INIT;
    Sagabase__V1__LeaseName *leases[] = {&made_up, &ours};
    Sagabase__V1__Hello hello = SAGABASE__V1__HELLO__INIT;
    struct sagabase_work *work = join("stock", 1);
    const Sagabase__V1__WorkResponse *response;
    struct kept command;

    (void)state;
    start_order("1");
    command = receive_commands(work, 1);
    sagabase_work_close(work);

    work = open_work();
    subscription.queue = "stock";
    subscription.credit = 1;
    ours.command_id = command.id;
    ours.lease_token = command.token;
    made_up.command_id = "11111111-1111-4111-8111-111111111111";
    made_up.lease_token = 7;
    hello.queues = queues;
    hello.n_queues = 1;
    hello.resume = leases;
    hello.n_resume = 2;
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_HELLO, &hello);
    response = receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_WELCOME);
    assert_int_equal(response->welcome->n_adopted, 1);
    assert_string_equal(response->welcome->adopted[0], command.id);
    assert_int_equal(response->welcome->n_lost, 1);
    assert_string_equal(response->welcome->lost[0], made_up.command_id);
    send_success(work, command.id); /* it was not handed out again: the ack comes first */
    expect_ack(work, command.id, ACCEPTED);
    sagabase_work_close(work);
}

static void commands_of_a_stream_that_left_go_to_others_at_once(void **state)
{
    struct sagabase_work *work = join("stock", 1);
    Sagabase__V1__PollCommandResponse *taken;
    struct kept command;

    (void)state;
    start_order("1");
    command = receive_commands(work, 1);
    expect(sagabase_work_finish(work), SAGABASE_OK);
    expect_end(work);
    taken = take("stock");
    assert_string_equal(taken->command->command_id, command.id);
    assert_int_equal(taken->command->delivery, 2);
    forget_command(taken);
}

static void a_drained_stream_ends_when_all_is_answered(void **state)
{
    Sagabase__V1__Drain drain = SAGABASE__V1__DRAIN__INIT;
    struct sagabase_work *work = join("stock", 10);
    struct kept command;

    (void)state;
    start_order("1");
    command = receive_commands(work, 1);
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_DRAIN, &drain);
    send_success(work, "11111111-1111-4111-8111-111111111111"); /* its ack: drained by then */
    expect_ack(work, "11111111-1111-4111-8111-111111111111",
               SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNKNOWN_COMMAND);
    start_order("2");
    send_success(work, command.id); /* what comes next is its ack, not the other command */
    expect_ack(work, command.id, ACCEPTED);
    expect_end(work);
    do_next("stock", "ReserveStock");
}

static void a_cancelled_command_is_told(void **state)
{
    Sagabase__V1__CancelSagaRequest request = SAGABASE__V1__CANCEL_SAGA_REQUEST__INIT;
    Sagabase__V1__SagaName name = order_name("1");
    Sagabase__V1__CommandHeartbeat beat = SAGABASE__V1__COMMAND_HEARTBEAT__INIT;
    Sagabase__V1__CancelSagaResponse *answer;
    const Sagabase__V1__WorkResponse *response;
    struct sagabase_work *work = join("stock", 1);
    struct kept command;

    (void)state;
    start_order("1");
    command = receive_commands(work, 1);
    request.saga = &name;
    expect(sagabase_cancel_saga(client, &request, NULL, &answer), SAGABASE_OK);
    assert_int_equal(answer->status, SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATING);
    sagabase__v1__cancel_saga_response__free_unpacked(answer, NULL);
    response = receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_CANCEL);
    assert_string_equal(response->cancel->command_id, command.id);
    beat.command_id = command.id;
    beat.lease_token = command.token;
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_HEARTBEAT, &beat);
    response = receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_HEARTBEAT_ACK);
    assert_true(response->heartbeat_ack->cancel_requested);
    send_success(work, command.id); /* an answer is still taken */
    expect_ack(work, command.id, ACCEPTED);
    sagabase_work_close(work);
}

static void the_server_says_goodbye_before_it_stops(void **state)
{
    struct sagabase_work *work = join("stock", 1);
    const Sagabase__V1__WorkResponse *response = NULL;

    (void)state;
    test_server_stop_rpc(server);
    receive(work, SAGABASE__V1__WORK_RESPONSE__MESSAGE_GOODBYE);
    expect(sagabase_work_receive(work, &response), SAGABASE_UNAVAILABLE);
    sagabase_work_close(work);
}

static void what_breaks_the_protocol_ends_the_stream(void **state)
{
    Sagabase__V1__QueueSubscription subscription = SAGABASE__V1__QUEUE_SUBSCRIPTION__INIT;
    Sagabase__V1__QueueSubscription *queues[] = {&subscription};
    Sagabase__V1__Hello hello = SAGABASE__V1__HELLO__INIT;
    Sagabase__V1__Nack nack = SAGABASE__V1__NACK__INIT;
    struct sagabase_work *work;

    (void)state;
    work = open_work();
    send_credit(work, "stock", 1);
    expect_refusal(work, "hello: required as the first message");

    work = open_work();
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_HELLO, &hello);
    expect_refusal(work, "hello.queues: 1 to 50");

    subscription.queue = "stock";
    subscription.credit = 10001;
    hello.queues = queues;
    hello.n_queues = 1;
    work = open_work();
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_HELLO, &hello);
    expect_refusal(work, "credit");

    work = join("stock", 1);
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_HELLO, &hello);
    expect_refusal(work, "hello: only as the first message");

    work = join("stock", 1);
    send_credit(work, "cards", 1);
    expect_refusal(work, "cards is not of this stream");

    work = join("stock", 1);
    send_credit(work, "stock", 10000);
    expect_refusal(work, "credit.count");

    work = join("stock", 1);
    nack.command_id = "x";
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_NACK, &nack);
    expect_refusal(work, "nack.command_id");

    work = join("stock", 1);
    nack.command_id = "11111111-1111-4111-8111-111111111111";
    nack.delay_ms = 3600001;
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_NACK, &nack);
    expect_refusal(work, "nack.delay_ms: 0 to 3600000");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_saga_is_worked_through_on_one_stream),
        TEST(no_more_commands_come_than_there_is_credit_for),
        TEST(many_commands_come_in_one_message),
        TEST(each_of_many_replies_gets_its_ack),
        TEST(a_wrong_reply_is_acked_as_invalid_and_the_stream_goes_on),
        TEST(appends_of_a_reply_come_back_in_its_ack),
        TEST(acks_that_are_large_come_in_several_messages),
        TEST(a_heartbeat_is_answered),
        TEST(a_command_that_is_given_back_comes_again),
        TEST(a_command_survives_a_broken_stream),
        TEST(commands_of_a_stream_that_left_go_to_others_at_once),
        TEST(a_drained_stream_ends_when_all_is_answered),
        TEST(a_cancelled_command_is_told),
        TEST(the_server_says_goodbye_before_it_stops),
        TEST(what_breaks_the_protocol_ends_the_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
