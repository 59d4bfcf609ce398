/* An order saga and its participant in one program: reserve stock, charge a card. The second
 * order's card is declined, so its stock is released.
 *
 *   bazel run //examples/c:order_saga -- 127.0.0.1:2113
 *
 * The participant answers each command together with an event of its own: both are stored in one
 * write, or neither. It keeps nothing in memory, because the server hands out again what was not
 * answered. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/c/sagabase.h"

static void must(const char *what, struct sagabase_status status)
{
    if (status.code == SAGABASE_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, sagabase_code_name(status.code), status.message);
    exit(1);
}

/* --- the definition ------------------------------------------------------------------------ */

/* A step with its compensation, on the caller's stack. */
struct step {
    Sagabase__V1__CommandTarget action, compensation;
    Sagabase__V1__StepTimeouts timeouts;
    Sagabase__V1__Step step;
    Sagabase__V1__Node node;
};

static void step_of(struct step *step, char *name, char *queue, char *action, char *compensation)
{
    sagabase__v1__command_target__init(&step->action);
    step->action.queue = queue;
    step->action.type = action;
    sagabase__v1__command_target__init(&step->compensation);
    step->compensation.queue = queue;
    step->compensation.type = compensation;
    sagabase__v1__step_timeouts__init(&step->timeouts);
    step->timeouts.start_to_close_ms = 30000;
    sagabase__v1__step__init(&step->step);
    step->step.action = &step->action;
    step->step.compensation = &step->compensation;
    step->step.timeouts = &step->timeouts;
    sagabase__v1__node__init(&step->node);
    step->node.name = name;
    step->node.kind_case = SAGABASE__V1__NODE__KIND_STEP;
    step->node.step = &step->step;
}

static void define(struct sagabase_client *client)
{
    Sagabase__V1__SagaDefinition definition = SAGABASE__V1__SAGA_DEFINITION__INIT;
    Sagabase__V1__PutDefinitionRequest request = SAGABASE__V1__PUT_DEFINITION_REQUEST__INIT;
    Sagabase__V1__PutDefinitionResponse *response;
    struct step reserve, charge;
    Sagabase__V1__Node *nodes[] = {&reserve.node, &charge.node};

    step_of(&reserve, "reserve", "stock", "ReserveStock", "ReleaseStock");
    step_of(&charge, "charge", "cards", "ChargeCard", "RefundCard");
    definition.type = "order";
    definition.nodes = nodes;
    definition.n_nodes = 2;
    request.definition = &definition;
    must("define", sagabase_put_definition(client, &request, NULL, &response));
    sagabase__v1__put_definition_response__free_unpacked(response, NULL);
}

/* --- the participant ----------------------------------------------------------------------- */

/* What is written when a command was done. */
static const struct {
    const char *command, *event;
} done[] = {
    {"ReserveStock", "StockReserved"},
    {"ReleaseStock", "StockReleased"},
    {"ChargeCard", "CardCharged"},
    {"RefundCard", "CardRefunded"},
};

static char *event_of(const char *command)
{
    for (size_t i = 0; i < sizeof done / sizeof *done; i++)
        if (strcmp(done[i].command, command) == 0)
            return (char *)done[i].event;
    return "Unknown";
}

static bool is_declined(const Sagabase__V1__Command *command)
{
    static const char broke[] = "broke";
    const ProtobufCBinaryData *customer = &command->input->data;

    return strcmp(command->type, "ChargeCard") == 0 && customer->len == strlen(broke) &&
           memcmp(customer->data, broke, customer->len) == 0;
}

static void send(struct sagabase_work *work, Sagabase__V1__WorkRequest__MessageCase which,
                 void *message)
{
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;

    request.message_case = which;
    request.hello = message; /* every case is in this place */
    must("send", sagabase_work_send(work, &request));
}

/* Success comes with an event in a stream of ours. If the command was answered before, neither
 * counts: so the event needs no id that survives a restart. */
static void answer(struct sagabase_work *work, const Sagabase__V1__Command *command)
{
    Sagabase__V1__ProposedEvent event = SAGABASE__V1__PROPOSED_EVENT__INIT;
    Sagabase__V1__StreamAppend append = SAGABASE__V1__STREAM_APPEND__INIT;
    Sagabase__V1__ProposedEvent *events[] = {&event};
    Sagabase__V1__StreamAppend *appends[] = {&append};
    Sagabase__V1__SagaError error = SAGABASE__V1__SAGA_ERROR__INIT;
    Sagabase__V1__Failure failure = SAGABASE__V1__FAILURE__INIT;
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    char stream[300], id[SAGABASE_UUID_BYTES];

    reply.command_id = command->command_id;
    reply.attempt = command->attempt;
    if (is_declined(command)) {
        error.type = "declined";
        failure.error = &error;
        reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_FAILURE;
        reply.failure = &failure;
        return send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_REPLY, &reply);
    }
    sagabase_uuid(id);
    event.id = id;
    event.type = event_of(command->type);
    snprintf(stream, sizeof stream, "%s-%s", command->queue, command->saga_id);
    append.stream = stream;
    append.events = events;
    append.n_events = 1;
    append.expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE;
    append.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    reply.appends = appends;
    reply.n_appends = 1;
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_REPLY, &reply);
}

static void join(struct sagabase_work *work)
{
    Sagabase__V1__QueueSubscription stock = SAGABASE__V1__QUEUE_SUBSCRIPTION__INIT;
    Sagabase__V1__QueueSubscription cards = SAGABASE__V1__QUEUE_SUBSCRIPTION__INIT;
    Sagabase__V1__QueueSubscription *queues[] = {&stock, &cards};
    Sagabase__V1__Hello hello = SAGABASE__V1__HELLO__INIT;

    stock.queue = "stock";
    cards.queue = "cards";
    stock.credit = cards.credit = 10;
    hello.participant = "order_saga";
    hello.queues = queues;
    hello.n_queues = 2;
    send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_HELLO, &hello);
}

/* Each command that was taken makes room for another. */
static void take(struct sagabase_work *work, const Sagabase__V1__Commands *commands)
{
    for (size_t i = 0; i < commands->n_commands; i++) {
        Sagabase__V1__Credit credit = SAGABASE__V1__CREDIT__INIT;

        answer(work, commands->commands[i]);
        credit.queue = commands->commands[i]->queue;
        credit.count = 1;
        send(work, SAGABASE__V1__WORK_REQUEST__MESSAGE_CREDIT, &credit);
    }
}

static void *participate(void *argument)
{
    const Sagabase__V1__WorkResponse *response;
    struct sagabase_work *work = argument;
    struct sagabase_status status;

    join(work);
    while ((status = sagabase_work_receive(work, &response)).code == SAGABASE_OK && response)
        if (response->message_case == SAGABASE__V1__WORK_RESPONSE__MESSAGE_COMMANDS)
            take(work, response->commands);
    if (status.code != SAGABASE_CANCELLED)
        must("work", status);
    return NULL;
}

/* --- two orders ----------------------------------------------------------------------------- */

static void start(struct sagabase_client *client, char *id, char *customer)
{
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__Payload input = SAGABASE__V1__PAYLOAD__INIT;
    Sagabase__V1__StartSagaResponse *response;

    input.data = (ProtobufCBinaryData){strlen(customer), (uint8_t *)customer};
    input.content_type = "text/plain";
    request.type = "order";
    request.id = id;
    request.input = &input;
    must("start", sagabase_start_saga(client, &request, NULL, &response));
    sagabase__v1__start_saga_response__free_unpacked(response, NULL);
}

static void print_end(struct sagabase_client *client, char *id, const char *customer)
{
    Sagabase__V1__SagaName name = SAGABASE__V1__SAGA_NAME__INIT;
    Sagabase__V1__WaitSagaRequest request = SAGABASE__V1__WAIT_SAGA_REQUEST__INIT;
    struct sagabase_options options = {.timeout_ms = 60000};
    const Sagabase__V1__WaitSagaResponse *response;
    struct sagabase_saga_stream *stream;
    int status = 0;

    name.type = "order";
    name.id = id;
    request.saga = &name;
    must("wait", sagabase_wait_saga(client, &request, &options, &stream));
    do {
        must("wait", sagabase_wait_saga_next(stream, &response));
        if (response)
            status = response->summary->status;
    } while (response);
    sagabase_saga_stream_close(stream);
    printf("order of %s: %s\n", customer,
           status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED     ? "completed"
           : status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED ? "compensated"
                                                                          : "not ended");
}

static void print_events(struct sagabase_client *client, const char *queue, const char *id)
{
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;
    struct sagabase_read *read;
    struct sagabase_page page;
    char stream[300];

    snprintf(stream, sizeof stream, "%s-%s", queue, id);
    request.stream = stream;
    must("read", sagabase_read_stream(client, &request, NULL, &read));
    struct sagabase_status status = sagabase_read_next(read, &page);
    for (; status.code == SAGABASE_OK && page.count > 0; status = sagabase_read_next(read, &page))
        for (size_t i = 0; i < page.count; i++)
            printf("  %s\n", page.events[i]->type);
    sagabase_read_close(read);
}

int main(int argc, char **argv)
{
    static char *customers[] = {"ann", "broke"};
    char ids[2][SAGABASE_UUID_BYTES];
    struct sagabase_client *client;
    struct sagabase_work *work;
    pthread_t participant;

    must("open", sagabase_open(argc > 1 ? argv[1] : "127.0.0.1:2113", &client));
    define(client);
    must("work", sagabase_work_open(client, NULL, &work));
    if (pthread_create(&participant, NULL, participate, work) != 0)
        return 1;
    for (int i = 0; i < 2; i++) {
        sagabase_uuid(ids[i]);
        start(client, ids[i], customers[i]);
    }
    for (int i = 0; i < 2; i++) {
        print_end(client, ids[i], customers[i]);
        print_events(client, "stock", ids[i]);
        print_events(client, "cards", ids[i]);
    }
    sagabase_work_cancel(work);
    pthread_join(participant, NULL);
    sagabase_work_close(work);
    sagabase_close(client);
    return 0;
}
