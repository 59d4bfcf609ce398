/* What a client does, task by task. docs/api.md shows the regions.
 *
 *   bazel run //examples/c:tour -- 127.0.0.1:2113
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/c/sagabase.h"

static const struct sagabase_status fine = {.code = SAGABASE_OK};

/* region event */
/* With retries: a repeated append carries the same event ids, so it is stored once. */
static const struct sagabase_options patient = {.timeout_ms = 10000, .retries = 3};

struct event {
    char id[SAGABASE_UUID_BYTES];
    char *tags[1];
    Sagabase__V1__ProposedEvent proposed;
    Sagabase__V1__ProposedEvent *list[1];
};

/* `tag` may be NULL. */
static void propose(struct event *event, char *type, char *json, char *tag)
{
    sagabase_uuid(event->id);
    event->tags[0] = tag;
    sagabase__v1__proposed_event__init(&event->proposed);
    event->proposed.id = event->id;
    event->proposed.type = type;
    event->proposed.content_type = "application/json";
    event->proposed.data = (ProtobufCBinaryData){strlen(json), (uint8_t *)json};
    event->proposed.tags = event->tags;
    event->proposed.n_tags = tag ? 1 : 0;
    event->list[0] = &event->proposed;
}

/* One event, if its stream is in the state. */
static void append_event(Sagabase__V1__StreamAppend *append, char *stream,
                         Sagabase__V1__StreamState state, struct event *event)
{
    sagabase__v1__stream_append__init(append);
    append->stream = stream;
    append->expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE;
    append->state = state;
    append->events = event->list;
    append->n_events = 1;
}
/* endregion */

static struct sagabase_status append(struct sagabase_client *client, char *order)
{
    /* region append */
    struct event placed, packed, cancelled;
    propose(&placed, "OrderPlaced", "{\"cents\": 1200}", NULL);
    propose(&packed, "OrderPacked", "{}", NULL);
    propose(&cancelled, "OrderCancelled", "{}", NULL);

    Sagabase__V1__AppendToStreamRequest request = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;
    request.stream = order;
    request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE;
    request.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM;
    request.events = placed.list;
    request.n_events = 1;
    Sagabase__V1__AppendToStreamResponse *response;
    struct sagabase_status status =
        sagabase_append_to_stream(client, &request, &patient, &response);
    if (status.code != SAGABASE_OK)
        return status;

    request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_REVISION;
    request.revision = response->last_revision;
    request.events = packed.list;
    sagabase__v1__append_to_stream_response__free_unpacked(response, NULL);
    status = sagabase_append_to_stream(client, &request, &patient, &response);
    if (status.code != SAGABASE_OK)
        return status;
    sagabase__v1__append_to_stream_response__free_unpacked(response, NULL);

    request.events = cancelled.list; /* somebody who has not seen the packing */
    status = sagabase_append_to_stream(client, &request, &patient, &response);
    if (status.code != SAGABASE_ABORTED)
        return status;
    printf("expected revision %" PRIu64 ", but it is at %" PRIu64 "\n",
           status.conflict.expected.revision, status.conflict.actual.revision);
    /* endregion */
    return fine;
}

static struct sagabase_status read_order(struct sagabase_client *client, char *order)
{
    /* region read */
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;
    struct sagabase_read *read;
    struct sagabase_page page;

    request.stream = order;
    struct sagabase_status status = sagabase_read_stream(client, &request, NULL, &read);
    if (status.code != SAGABASE_OK)
        return status;
    while ((status = sagabase_read_next(read, &page)).code == SAGABASE_OK && page.count > 0)
        for (size_t i = 0; i < page.count; i++)
            printf("read %" PRIu64 " %s\n", page.events[i]->revision, page.events[i]->type);
    sagabase_read_close(read);
    /* endregion */
    return status;
}

static struct sagabase_status transfer(struct sagabase_client *client, char *tag, char *ann,
                                       char *bob, char *order)
{
    /* region transfer */
    struct event withdrawn, deposited;
    propose(&withdrawn, "Withdrawn", "{\"cents\": 500}", tag);
    propose(&deposited, "Deposited", "{\"cents\": 500}", tag);

    Sagabase__V1__StreamAppend from, to, *appends[] = {&from, &to};
    append_event(&from, ann, SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY, &withdrawn);
    append_event(&to, bob, SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM, &deposited);
    Sagabase__V1__StreamCheck check = SAGABASE__V1__STREAM_CHECK__INIT, *checks[] = {&check};
    check.stream = order; /* not written, but it has to be so */
    check.expected_case = SAGABASE__V1__STREAM_CHECK__EXPECTED_STATE;
    check.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS;

    Sagabase__V1__AppendRequest request = SAGABASE__V1__APPEND_REQUEST__INIT;
    request.appends = appends;
    request.n_appends = 2;
    request.checks = checks;
    request.n_checks = 1;
    Sagabase__V1__AppendResponse *response;
    struct sagabase_status status = sagabase_append(client, &request, &patient, &response);
    if (status.code == SAGABASE_OK)
        sagabase__v1__append_response__free_unpacked(response, NULL);
    /* endregion */
    return status;
}

static struct sagabase_status query(struct sagabase_client *client, char *tag)
{
    /* region query */
    char *types[] = {"Withdrawn", "Deposited"};
    Sagabase__V1__QueryItem item = SAGABASE__V1__QUERY_ITEM__INIT, *items[] = {&item};
    Sagabase__V1__Query moved = SAGABASE__V1__QUERY__INIT;
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    struct sagabase_read *read;
    struct sagabase_page page;

    item.tags = &tag;
    item.n_tags = 1;
    item.types = types;
    item.n_types = 2;
    moved.items = items;
    moved.n_items = 1;
    request.query = &moved;
    struct sagabase_status status = sagabase_read_all(client, &request, NULL, &read);
    if (status.code != SAGABASE_OK)
        return status;
    while ((status = sagabase_read_next(read, &page)).code == SAGABASE_OK && page.count > 0)
        for (size_t i = 0; i < page.count; i++)
            printf("found %s\n", page.events[i]->type);
    sagabase_read_close(read);
    /* endregion */
    return status;
}

/* region condition */
/* What a decision about a course is made from: how many have joined, and who was the last. */
struct joined {
    Sagabase__V1__Query query;
    Sagabase__V1__QueryItem item, *items[1];
    char *types[1], *tags[1];
    size_t count;
    uint64_t last; /* position, if there is one */
};

static struct sagabase_status count_joined(struct sagabase_client *client, char *course,
                                           struct joined *joined)
{
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;
    struct sagabase_read *read;
    struct sagabase_page page;

    sagabase__v1__query__init(&joined->query);
    sagabase__v1__query_item__init(&joined->item);
    joined->types[0] = "Joined";
    joined->tags[0] = course;
    joined->items[0] = &joined->item;
    joined->item.types = joined->types;
    joined->item.n_types = 1;
    joined->item.tags = joined->tags;
    joined->item.n_tags = 1;
    joined->query.items = joined->items;
    joined->query.n_items = 1;
    joined->count = 0;
    request.query = &joined->query;
    struct sagabase_status status = sagabase_read_all(client, &request, NULL, &read);
    if (status.code != SAGABASE_OK)
        return status;
    while ((status = sagabase_read_next(read, &page)).code == SAGABASE_OK && page.count > 0) {
        joined->count += page.count;
        joined->last = page.events[page.count - 1]->position;
    }
    sagabase_read_close(read);
    return status;
}

static struct sagabase_status join(struct sagabase_client *client, struct joined *joined,
                                   char *student)
{
    struct event event;
    propose(&event, "Joined", "{}", joined->tags[0]);
    Sagabase__V1__StreamAppend append, *appends[] = {&append};
    append_event(&append, student, SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY, &event);

    Sagabase__V1__AppendCondition still_so = SAGABASE__V1__APPEND_CONDITION__INIT;
    still_so.fail_if = &joined->query;
    if (joined->count > 0) {
        still_so.seen_case = SAGABASE__V1__APPEND_CONDITION__SEEN_AFTER_POSITION;
        still_so.after_position = joined->last;
    }
    Sagabase__V1__AppendRequest request = SAGABASE__V1__APPEND_REQUEST__INIT;
    request.appends = appends;
    request.n_appends = 1;
    request.condition = &still_so;
    Sagabase__V1__AppendResponse *response;
    struct sagabase_status status = sagabase_append(client, &request, &patient, &response);
    if (status.code == SAGABASE_OK)
        sagabase__v1__append_response__free_unpacked(response, NULL);
    return status;
}

static struct sagabase_status fill(struct sagabase_client *client, char *course, char *ada,
                                   char *bea)
{
    struct joined joined;
    struct sagabase_status status = count_joined(client, course, &joined);
    if (status.code != SAGABASE_OK || joined.count >= 20) /* seats */
        return status;
    status = join(client, &joined, ada);
    if (status.code != SAGABASE_OK)
        return status;
    status = join(client, &joined, bea); /* somebody else, who decided by the same events */
    if (status.condition_failed) {
        printf("refused: somebody has joined since\n"); /* read again, decide again */
        return fine;
    }
    return status;
}
/* endregion */

/* region subscribe */
/* `position`: what to resume from; -1: nothing was seen yet. */
static struct sagabase_status follow(struct sagabase_client *client, char *tag, int64_t *position)
{
    Sagabase__V1__QueryItem item = SAGABASE__V1__QUERY_ITEM__INIT, *items[] = {&item};
    Sagabase__V1__Query tagged = SAGABASE__V1__QUERY__INIT;
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    const Sagabase__V1__SubscribeResponse *message;
    struct sagabase_subscription *subscription;
    bool caught_up = false;

    item.tags = &tag;
    item.n_tags = 1;
    tagged.items = items;
    tagged.n_items = 1;
    request.query = &tagged;
    if (*position >= 0) {
        request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_AFTER_POSITION;
        request.after_position = (uint64_t)*position;
    }
    struct sagabase_status status = sagabase_subscribe(client, &request, NULL, &subscription);
    if (status.code != SAGABASE_OK)
        return status;
    while (!caught_up && /* a service would go on; SAGABASE_UNAVAILABLE: subscribe again */
           (status = sagabase_subscription_next(subscription, &message)).code == SAGABASE_OK) {
        switch (message->message_case) {
        case SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS:
            for (size_t i = 0; i < message->events->n_events; i++) {
                printf("handled %s\n", message->events->events[i]->type);
                /* Store it together with what was made of the event. */
                *position = (int64_t)message->events->events[i]->position;
            }
            break;
        case SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CHECKPOINT:
            *position = (int64_t)message->checkpoint->position; /* nothing matched up to here */
            break;
        default:
            caught_up =
                message->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CAUGHT_UP;
        }
    }
    sagabase_subscription_close(subscription);
    return status;
}
/* endregion */

static struct sagabase_status note(struct sagabase_client *client, char *stream, char *tag)
{
    struct event checked;
    propose(&checked, "Checked", "{}", tag);
    Sagabase__V1__StreamAppend append, *appends[] = {&append};
    append_event(&append, stream, SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY, &checked);
    Sagabase__V1__AppendRequest request = SAGABASE__V1__APPEND_REQUEST__INIT;
    request.appends = appends;
    request.n_appends = 1;
    Sagabase__V1__AppendResponse *response;
    struct sagabase_status status = sagabase_append(client, &request, &patient, &response);
    if (status.code == SAGABASE_OK)
        sagabase__v1__append_response__free_unpacked(response, NULL);
    return status;
}

static struct sagabase_status load_from_snapshot(struct sagabase_client *client, char *account)
{
    /* region snapshot */
    Sagabase__V1__PutSnapshotRequest put = SAGABASE__V1__PUT_SNAPSHOT_REQUEST__INIT;
    Sagabase__V1__PutSnapshotResponse *response;
    put.stream = account;
    put.revision = 0;
    put.state = (ProtobufCBinaryData){strlen("500"), (uint8_t *)"500"};
    struct sagabase_status status = sagabase_put_snapshot(client, &put, &patient, &response);
    if (status.code != SAGABASE_OK)
        return status;
    sagabase__v1__put_snapshot_response__free_unpacked(response, NULL);

    Sagabase__V1__LoadStreamRequest load = SAGABASE__V1__LOAD_STREAM_REQUEST__INIT;
    struct sagabase_read *read;
    struct sagabase_page page;
    char state[64] = "";
    size_t events = 0;
    load.stream = account;
    status = sagabase_load_stream(client, &load, NULL, &read);
    if (status.code != SAGABASE_OK)
        return status;
    while ((status = sagabase_read_next(read, &page)).code == SAGABASE_OK &&
           (page.count > 0 || page.snapshot)) {
        if (page.snapshot)
            snprintf(state, sizeof state, "%.*s", (int)page.snapshot->state.len,
                     (const char *)page.snapshot->state.data);
        events += page.count; /* apply them to the state */
    }
    sagabase_read_close(read);
    printf("loaded %s and %zu event behind it\n", state, events);
    /* endregion */
    return status;
}

static struct sagabase_status compute(struct sagabase_client *client, char *account)
{
    /* region reducer */
    Sagabase__V1__LuaReducer fold = SAGABASE__V1__LUA_REDUCER__INIT;
    Sagabase__V1__Reducer reducer = SAGABASE__V1__REDUCER__INIT;
    Sagabase__V1__PutReducerRequest put = SAGABASE__V1__PUT_REDUCER_REQUEST__INIT;
    Sagabase__V1__PutReducerResponse *done;
    fold.source = "return function(balance, event)\n"
                  "  local cents = event.type == 'Deposited' and event.data.cents or 0\n"
                  "  return (balance or 0) + cents\n"
                  "end\n";
    reducer.category = "account";
    reducer.kind_case = SAGABASE__V1__REDUCER__KIND_LUA;
    reducer.lua = &fold;
    put.reducer = &reducer;
    struct sagabase_status status = sagabase_put_reducer(client, &put, &patient, &done);
    if (status.code != SAGABASE_OK)
        return status;
    sagabase__v1__put_reducer_response__free_unpacked(done, NULL);

    Sagabase__V1__GetStateRequest get = SAGABASE__V1__GET_STATE_REQUEST__INIT;
    Sagabase__V1__GetStateResponse *answer;
    get.stream = account;
    status = sagabase_get_state(client, &get, &patient, &answer);
    if (status.code != SAGABASE_OK)
        return status;
    printf("computed %.*s\n", (int)answer->state.len, (const char *)answer->state.data); /* JSON */
    sagabase__v1__get_state_response__free_unpacked(answer, NULL);
    /* endregion */
    return fine;
}

static struct sagabase_status define(struct sagabase_client *client)
{
    /* region define */
    Sagabase__V1__CommandTarget action = SAGABASE__V1__COMMAND_TARGET__INIT;
    Sagabase__V1__CommandTarget compensation = SAGABASE__V1__COMMAND_TARGET__INIT;
    Sagabase__V1__StepTimeouts timeouts = SAGABASE__V1__STEP_TIMEOUTS__INIT;
    Sagabase__V1__Step charge = SAGABASE__V1__STEP__INIT;
    Sagabase__V1__Node node = SAGABASE__V1__NODE__INIT, *nodes[] = {&node};
    Sagabase__V1__SagaDefinition payment = SAGABASE__V1__SAGA_DEFINITION__INIT;
    Sagabase__V1__PutDefinitionRequest request = SAGABASE__V1__PUT_DEFINITION_REQUEST__INIT;
    Sagabase__V1__PutDefinitionResponse *response;

    action.queue = compensation.queue = "payments";
    action.type = "Charge";
    compensation.type = "Refund";
    timeouts.start_to_close_ms = 30000;
    charge.action = &action;
    charge.compensation = &compensation;
    charge.timeouts = &timeouts;
    node.name = "charge";
    node.kind_case = SAGABASE__V1__NODE__KIND_STEP;
    node.step = &charge;
    payment.type = "payment";
    payment.nodes = nodes;
    payment.n_nodes = 1;
    request.definition = &payment;
    struct sagabase_status status = sagabase_put_definition(client, &request, &patient, &response);
    if (status.code == SAGABASE_OK)
        sagabase__v1__put_definition_response__free_unpacked(response, NULL);
    /* endregion */
    return status;
}

static struct sagabase_status start(struct sagabase_client *client, char *order)
{
    /* region start */
    struct event requested;
    propose(&requested, "PaymentRequested", "{}", NULL);
    Sagabase__V1__StreamAppend append, *appends[] = {&append};
    append_event(&append, order, SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY, &requested);

    char *json = "{\"cents\": 1200}";
    Sagabase__V1__Payload input = SAGABASE__V1__PAYLOAD__INIT;
    input.data = (ProtobufCBinaryData){strlen(json), (uint8_t *)json};
    input.content_type = "application/json";
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    request.type = "payment";
    request.id = order;
    request.input = &input;
    request.appends = appends; /* in the same write */
    request.n_appends = 1;
    Sagabase__V1__StartSagaResponse *response;
    struct sagabase_status status = sagabase_start_saga(client, &request, &patient, &response);
    if (status.code != SAGABASE_OK)
        return status;
    sagabase__v1__start_saga_response__free_unpacked(response, NULL);
    printf("started\n");
    /* endregion */
    return fine;
}

/* region participant */
static struct sagabase_status complete(struct sagabase_client *client,
                                       const Sagabase__V1__Command *command)
{
    bool undo = command->operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION;
    struct event event;
    propose(&event, undo ? "Refunded" : "Paid", "{}", NULL);
    Sagabase__V1__StreamAppend append, *appends[] = {&append};
    append_event(&append, command->saga_id, SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY, &event);

    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__CompleteCommandRequest request = SAGABASE__V1__COMPLETE_COMMAND_REQUEST__INIT;
    Sagabase__V1__CompleteCommandResponse *response;
    request.command_id = command->command_id;
    request.success = &success;
    request.appends = appends; /* in the same write */
    request.n_appends = 1;
    /* Repeating it is safe: a second reply does no harm. */
    struct sagabase_status status =
        sagabase_complete_command(client, &request, &patient, &response);
    if (status.code != SAGABASE_OK)
        return status;
    if (response->ack->outcome != SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED)
        printf("nothing was stored: %d\n", (int)response->ack->outcome);
    sagabase__v1__complete_command_response__free_unpacked(response, NULL);
    return fine;
}

static struct sagabase_status take_part(struct sagabase_client *client)
{
    char *queues[] = {"payments"};
    Sagabase__V1__PollCommandRequest request = SAGABASE__V1__POLL_COMMAND_REQUEST__INIT;
    Sagabase__V1__PollCommandResponse *response;
    request.participant = "till-1";
    request.queues = queues;
    request.n_queues = 1;
    request.wait_ms = 10000;
    struct sagabase_status status = sagabase_poll_command(client, &request, NULL, &response);
    if (status.code != SAGABASE_OK)
        return status;
    if (response->command) { /* NULL: poll again */
        const Sagabase__V1__Payload *input = response->command->input;
        char json[64]; /* for a JSON library */
        int cents = 0;
        snprintf(json, sizeof json, "%.*s", (int)input->data.len, (const char *)input->data.data);
        sscanf(json, "{\"cents\": %d}", &cents);
        printf("%s %d\n", response->command->type, cents);
        status = complete(client, response->command);
    }
    sagabase__v1__poll_command_response__free_unpacked(response, NULL);
    return status;
}
/* endregion */

static struct sagabase_status wait(struct sagabase_client *client, char *order)
{
    /* region wait */
    Sagabase__V1__SagaName saga = SAGABASE__V1__SAGA_NAME__INIT;
    Sagabase__V1__WaitSagaRequest request = SAGABASE__V1__WAIT_SAGA_REQUEST__INIT;
    const Sagabase__V1__WaitSagaResponse *change;
    struct sagabase_saga_stream *changes;
    bool completed = false;

    saga.type = "payment";
    saga.id = order;
    request.saga = &saga;
    struct sagabase_status status = sagabase_wait_saga(client, &request, NULL, &changes);
    if (status.code != SAGABASE_OK)
        return status;
    /* NULL: the saga has ended or is parked. */
    while ((status = sagabase_wait_saga_next(changes, &change)).code == SAGABASE_OK && change)
        completed = change->summary->status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED;
    sagabase_saga_stream_close(changes);
    printf("%s\n", completed ? "completed" : "not completed");
    /* endregion */
    return status;
}

/* What was handled before is not handled again. */
static struct sagabase_status follow_twice(struct sagabase_client *client, char *tag, char *bob)
{
    int64_t position = -1;
    struct sagabase_status status = follow(client, tag, &position);
    if (status.code == SAGABASE_OK)
        status = note(client, bob, tag);
    return status.code == SAGABASE_OK ? follow(client, tag, &position) : status;
}

static struct sagabase_status run(struct sagabase_client *client)
{
    char id[SAGABASE_UUID_BYTES], order[64], ann[64], bob[64], tag[64], course[64], ada[64],
        bea[64];
    sagabase_uuid(id);
    snprintf(order, sizeof order, "order-%s", id);
    snprintf(ann, sizeof ann, "account-ann%s", id);
    snprintf(bob, sizeof bob, "account-bob%s", id);
    snprintf(tag, sizeof tag, "transfer:%s", id);
    snprintf(course, sizeof course, "course:%s", id);
    snprintf(ada, sizeof ada, "student-ada%s", id);
    snprintf(bea, sizeof bea, "student-bea%s", id);

    struct sagabase_status status = append(client, order);
    if (status.code == SAGABASE_OK)
        status = read_order(client, order);
    if (status.code == SAGABASE_OK)
        status = transfer(client, tag, ann, bob, order);
    if (status.code == SAGABASE_OK)
        status = query(client, tag);
    if (status.code == SAGABASE_OK)
        status = fill(client, course, ada, bea);
    if (status.code == SAGABASE_OK)
        status = follow_twice(client, tag, bob);
    if (status.code == SAGABASE_OK)
        status = load_from_snapshot(client, bob);
    if (status.code == SAGABASE_OK)
        status = compute(client, bob);
    if (status.code == SAGABASE_OK)
        status = define(client);
    if (status.code == SAGABASE_OK)
        status = start(client, order);
    if (status.code == SAGABASE_OK)
        status = take_part(client);
    return status.code == SAGABASE_OK ? wait(client, order) : status;
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "127.0.0.1:2113";
    /* region connect */
    struct sagabase_client *client;
    struct sagabase_status status = sagabase_open(address, &client);
    /* endregion */
    if (status.code == SAGABASE_OK) {
        status = run(client);
        sagabase_close(client);
    }
    if (status.code != SAGABASE_OK)
        fprintf(stderr, "tour: %s: %s\n", sagabase_code_name(status.code), status.message);
    return status.code != SAGABASE_OK;
}
