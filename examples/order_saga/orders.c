/* The participant that keeps orders. Each command becomes an event in the order's stream, and the
 * event is committed in the same write as the reply.
 *
 *   orders HOST:PORT
 */
#include <stdio.h>
#include <string.h>

#include "clients/c/sagabase.h"

static const struct {
    const char *command;
    char *event;
} does[] = {
    {"CreateOrder", "OrderCreated"},
    {"RejectOrder", "OrderRejected"},
    {"ConfirmOrder", "OrderConfirmed"},
};

static char *event_of(const char *command)
{
    for (size_t i = 0; i < sizeof does / sizeof *does; i++)
        if (strcmp(does[i].command, command) == 0)
            return does[i].event;
    return NULL;
}

static struct sagabase_status say_hello(struct sagabase_work *work)
{
    Sagabase__V1__QueueSubscription orders = SAGABASE__V1__QUEUE_SUBSCRIPTION__INIT;
    Sagabase__V1__QueueSubscription *queues[] = {&orders};
    Sagabase__V1__Hello hello = SAGABASE__V1__HELLO__INIT;
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;

    orders.queue = "orders";
    orders.credit = 10;
    hello.participant = "orders";
    hello.queues = queues;
    hello.n_queues = 1;
    request.message_case = SAGABASE__V1__WORK_REQUEST__MESSAGE_HELLO;
    request.hello = &hello;
    return sagabase_work_send(work, &request);
}

/* A reply with the order's event. */
static struct sagabase_status reply(struct sagabase_work *work,
                                    const Sagabase__V1__Command *command, char *type)
{
    char id[SAGABASE_UUID_BYTES], stream[256];
    Sagabase__V1__ProposedEvent event = SAGABASE__V1__PROPOSED_EVENT__INIT;
    Sagabase__V1__ProposedEvent *events[] = {&event};
    Sagabase__V1__StreamAppend append = SAGABASE__V1__STREAM_APPEND__INIT;
    Sagabase__V1__StreamAppend *appends[] = {&append};
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__Reply answer = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;

    sagabase_uuid(id);
    snprintf(stream, sizeof stream, "order-%s", command->saga_id);
    event.id = id;
    event.type = type;
    event.content_type = command->input->content_type;
    event.data = command->input->data;
    append.stream = stream;
    append.expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE;
    append.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    append.events = events;
    append.n_events = 1;
    answer.command_id = command->command_id;
    answer.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    answer.success = &success;
    answer.appends = appends;
    answer.n_appends = 1;
    request.message_case = SAGABASE__V1__WORK_REQUEST__MESSAGE_REPLY;
    request.reply = &answer;
    return sagabase_work_send(work, &request);
}

static struct sagabase_status take_next(struct sagabase_work *work, char *queue)
{
    Sagabase__V1__Credit credit = SAGABASE__V1__CREDIT__INIT;
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;

    credit.queue = queue;
    credit.count = 1;
    request.message_case = SAGABASE__V1__WORK_REQUEST__MESSAGE_CREDIT;
    request.credit = &credit;
    return sagabase_work_send(work, &request);
}

static struct sagabase_status handle(struct sagabase_work *work,
                                     const Sagabase__V1__WorkResponse *response)
{
    struct sagabase_status status = {.code = SAGABASE_OK};

    if (response->message_case != SAGABASE__V1__WORK_RESPONSE__MESSAGE_COMMANDS)
        return status;
    for (size_t i = 0; status.code == SAGABASE_OK && i < response->commands->n_commands; i++) {
        const Sagabase__V1__Command *command = response->commands->commands[i];
        char *event = event_of(command->type);
        printf("orders: %s of order %s\n", command->type, command->saga_id);
        fflush(stdout);
        if (event)
            status = reply(work, command, event);
        if (status.code == SAGABASE_OK)
            status = take_next(work, command->queue);
    }
    return status;
}

/* Until the stream ends. */
static struct sagabase_status serve(struct sagabase_client *client)
{
    const Sagabase__V1__WorkResponse *response;
    struct sagabase_work *work;
    struct sagabase_status status = sagabase_work_open(client, NULL, &work);

    if (status.code != SAGABASE_OK)
        return status;
    status = say_hello(work);
    while (status.code == SAGABASE_OK) {
        status = sagabase_work_receive(work, &response);
        if (status.code == SAGABASE_OK && !response)
            break;
        if (status.code == SAGABASE_OK)
            status = handle(work, response);
    }
    sagabase_work_close(work);
    return status;
}

int main(int argc, char **argv)
{
    struct sagabase_client *client;
    struct sagabase_status status = sagabase_open(argc > 1 ? argv[1] : "127.0.0.1:2113", &client);

    if (status.code == SAGABASE_OK) {
        status = serve(client);
        sagabase_close(client);
    }
    if (status.code != SAGABASE_OK)
        fprintf(stderr, "orders: %s: %s\n", sagabase_code_name(status.code), status.message);
    return status.code != SAGABASE_OK;
}
