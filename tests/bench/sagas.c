/* Sagas of three steps: starters, one participant on a Work stream, and one watcher that sees them
 * end. A saga's latency is from sending StartSaga to being told that it is completed. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/uuid.h"
#include "sagabase/v1/participant.pb-c.h"
#include "sagabase/v1/saga_definition.pb-c.h"
#include "sagabase/v1/sagas.pb-c.h"
#include "tests/bench/workloads.h"

#define SAGAS "/sagabase.v1.Sagas/"

enum { STEPS = 3, CREDIT = 2000, OUTBOX_MAX = 8192, INPUT_BYTES = 100 };

static char *const step_names[STEPS] = {"credit", "stock", "charge"};

struct starter {
    struct saga_load *sagas;
    unsigned index;
    int64_t sent_us;
};

struct saga_load {
    struct run run;
    struct wire_stream *work, *watch;
    bool sending, ready, watching;
    bool burst; /* who started a saga does not wait for its end */
    unsigned open;
    uint64_t next, started, refused;
    struct starter starters[OUTSTANDING_MAX];

    /* What is to be said on the Work stream when it can send again. */
    char replies[OUTBOX_MAX][UUID_TEXT_BYTES + 1];
    unsigned first_reply, reply_count; /* a ring */
    uint32_t credit_owed[STEPS];
};

static void start_next(struct starter *starter);

/* --- the definition --------------------------------------------------------------------------- */

static void on_defined(void *context, struct status status, struct bytes response)
{
    struct saga_load *sagas = context;

    (void)response;
    must(status);
    sagas->ready = true;
}

static void define(struct saga_load *sagas)
{
    static Sagabase__V1__Node nodes[STEPS];
    static Sagabase__V1__Step steps[STEPS];
    static Sagabase__V1__CommandTarget actions[STEPS], compensations[STEPS];
    static Sagabase__V1__StepTimeouts timeouts = SAGABASE__V1__STEP_TIMEOUTS__INIT;
    Sagabase__V1__Node *list[STEPS];
    Sagabase__V1__SagaDefinition definition = SAGABASE__V1__SAGA_DEFINITION__INIT;
    Sagabase__V1__PutDefinitionRequest request = SAGABASE__V1__PUT_DEFINITION_REQUEST__INIT;

    timeouts.start_to_close_ms = 60000;
    for (size_t i = 0; i < STEPS; i++) {
        sagabase__v1__node__init(&nodes[i]);
        sagabase__v1__step__init(&steps[i]);
        sagabase__v1__command_target__init(&actions[i]);
        sagabase__v1__command_target__init(&compensations[i]);
        actions[i].queue = compensations[i].queue = step_names[i];
        actions[i].type = "Do";
        compensations[i].type = "Undo";
        steps[i].action = &actions[i];
        steps[i].compensation = &compensations[i];
        steps[i].timeouts = &timeouts;
        nodes[i].name = step_names[i];
        nodes[i].kind_case = SAGABASE__V1__NODE__KIND_STEP;
        nodes[i].step = &steps[i];
        list[i] = &nodes[i];
    }
    definition.type = "order";
    definition.n_nodes = STEPS;
    definition.nodes = list;
    request.definition = &definition;
    wire_unary(sagas->run.load->wire, 0, "/sagabase.v1.SagaDefinitions/PutDefinition",
               &request.base, 0, on_defined, sagas);
}

/* --- the participant -------------------------------------------------------------------------- */

static void send_reply(struct saga_load *sagas)
{
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;

    reply.command_id = sagas->replies[sagas->first_reply++ % OUTBOX_MAX];
    sagas->reply_count--;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    request.message_case = SAGABASE__V1__WORK_REQUEST__MESSAGE_REPLY;
    request.reply = &reply;
    wire_stream_send(sagas->work, &request.base);
}

static void send_credit(struct saga_load *sagas, unsigned step)
{
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;
    Sagabase__V1__Credit credit = SAGABASE__V1__CREDIT__INIT;

    credit.queue = step_names[step];
    credit.count = sagas->credit_owed[step];
    sagas->credit_owed[step] = 0;
    request.message_case = SAGABASE__V1__WORK_REQUEST__MESSAGE_CREDIT;
    request.credit = &credit;
    wire_stream_send(sagas->work, &request.base);
}

static void work_next(struct saga_load *sagas)
{
    if (sagas->sending)
        return;
    for (unsigned i = 0; i < STEPS; i++)
        if (sagas->credit_owed[i] >= CREDIT / 2) {
            sagas->sending = true;
            return send_credit(sagas, i);
        }
    if (sagas->reply_count > 0) {
        sagas->sending = true;
        send_reply(sagas);
    }
}

static void on_work_sent(void *context)
{
    struct saga_load *sagas = context;

    sagas->sending = false;
    work_next(sagas);
}

static void on_command(struct saga_load *sagas, const Sagabase__V1__Command *command)
{
    for (unsigned i = 0; i < STEPS; i++)
        if (strcmp(command->step, step_names[i]) == 0)
            sagas->credit_owed[i]++;
    assert(sagas->reply_count < OUTBOX_MAX);
    snprintf(sagas->replies[(sagas->first_reply + sagas->reply_count++) % OUTBOX_MAX],
             UUID_TEXT_BYTES + 1, "%s", command->command_id);
}

static void on_work(void *context, struct bytes bytes)
{
    struct saga_load *sagas = context;
    Sagabase__V1__WorkResponse *response =
        sagabase__v1__work_response__unpack(NULL, bytes.size, bytes.data);

    assert(response);
    if (response->message_case == SAGABASE__V1__WORK_RESPONSE__MESSAGE_COMMANDS)
        for (size_t i = 0; i < response->commands->n_commands; i++)
            on_command(sagas, response->commands->commands[i]);
    if (response->message_case == SAGABASE__V1__WORK_RESPONSE__MESSAGE_ACKS)
        for (size_t i = 0; i < response->acks->n_acks; i++)
            if (response->acks->acks[i]->outcome !=
                SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED)
                must(status_make(STATUS_INTERNAL, "a reply was not accepted: %s",
                                 response->acks->acks[i]->message));
    sagabase__v1__work_response__free_unpacked(response, NULL);
    work_next(sagas);
}

static void on_stream_ended(void *context, struct status status)
{
    struct saga_load *sagas = context;

    if (sagas->run.load && !run_is_over(&sagas->run))
        must(status);
}

static void open_work(struct saga_load *sagas)
{
    static const struct wire_stream_events events = {
        .message = on_work, .sent = on_work_sent, .ended = on_stream_ended};
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;
    Sagabase__V1__Hello hello = SAGABASE__V1__HELLO__INIT;
    Sagabase__V1__QueueSubscription queues[STEPS];
    Sagabase__V1__QueueSubscription *list[STEPS];

    for (size_t i = 0; i < STEPS; i++) {
        sagabase__v1__queue_subscription__init(&queues[i]);
        queues[i].queue = step_names[i];
        queues[i].credit = CREDIT;
        list[i] = &queues[i];
    }
    hello.participant = "bench";
    hello.n_queues = STEPS;
    hello.queues = list;
    request.message_case = SAGABASE__V1__WORK_REQUEST__MESSAGE_HELLO;
    request.hello = &hello;
    sagas->work = wire_stream_open(sagas->run.load->wire, 1, "/sagabase.v1.Participant/Work", NULL,
                                   &events, sagas);
    sagas->sending = true;
    wire_stream_send(sagas->work, &request.base);
}

/* --- the watcher --------------------------------------------------------------------------------
 */

static void on_watched(void *context, struct bytes bytes)
{
    struct saga_load *sagas = context;
    Sagabase__V1__WatchSagasResponse *response =
        sagabase__v1__watch_sagas_response__unpack(NULL, bytes.size, bytes.data);

    assert(response);
    sagas->watching = true;
    for (size_t i = 0; i < response->n_sagas; i++) {
        unsigned long index = strtoul(response->sagas[i]->id, NULL, 10);
        if (sagas->burst) {
            run_count(&sagas->run, sagas->run.from_us, 1);
            continue;
        }
        assert(index < OUTSTANDING_MAX);
        run_count(&sagas->run, sagas->starters[index].sent_us, 1);
        sagas->open--;
        if (!run_is_over(&sagas->run))
            start_next(&sagas->starters[index]);
    }
    sagabase__v1__watch_sagas_response__free_unpacked(response, NULL);
}

static void open_watch(struct saga_load *sagas)
{
    static const struct wire_stream_events events = {.message = on_watched,
                                                     .ended = on_stream_ended};
    Sagabase__V1__SagaStatus completed = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED;
    Sagabase__V1__WatchSagasRequest request = SAGABASE__V1__WATCH_SAGAS_REQUEST__INIT;

    request.type = "order";
    request.n_statuses = 1;
    request.statuses = &completed;
    sagas->watch = wire_stream_open(sagas->run.load->wire, 2, SAGAS "WatchSagas", &request.base,
                                    &events, sagas);
}

/* --- starters ------------------------------------------------------------------------------------
 */

static void send_start(struct starter *starter, wire_done *done)
{
    static uint8_t customer[INPUT_BYTES];
    struct saga_load *sagas = starter->sagas;
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__Payload input = SAGABASE__V1__PAYLOAD__INIT;
    char id[64];

    snprintf(id, sizeof id, "%u-%" PRIu64 "-%d", starter->index, sagas->next++, (int)getpid());
    input.data = (struct ProtobufCBinaryData){sizeof customer, customer};
    request.type = "order";
    request.id = id;
    request.input = &input;
    starter->sent_us = now_us();
    wire_unary(sagas->run.load->wire, starter->index, SAGAS "StartSaga", &request.base, 0, done,
               starter);
}

static void on_started(void *context, struct status status, struct bytes response)
{
    (void)context;
    (void)response;
    must(status);
}

static void start_next(struct starter *starter)
{
    starter->sagas->open++;
    send_start(starter, on_started);
}

/* Defines the saga, and waits until it is watched and worked for. */
static void open_all(struct saga_load *sagas, const struct load *load)
{
    sagas->run.load = load;
    sagas->run.to_us = INT64_MAX;
    define(sagas);
    while (!sagas->ready)
        wire_step(load->wire, CALL_TIMEOUT_US);
    open_work(sagas);
    open_watch(sagas);
    while (!sagas->watching)
        wire_step(load->wire, CALL_TIMEOUT_US);
}

static void close_all(struct saga_load *sagas)
{
    wire_stream_cancel(sagas->work);
    wire_stream_cancel(sagas->watch);
}

void measure_sagas(const struct load *load, struct measured *measured)
{
    static struct saga_load sagas;

    open_all(&sagas, load);
    run_start(&sagas.run, load, measured);
    assert(load->outstanding > 0 && load->outstanding <= OUTSTANDING_MAX);
    for (unsigned i = 0; i < load->outstanding; i++) {
        sagas.starters[i] = (struct starter){.sagas = &sagas, .index = i};
        start_next(&sagas.starters[i]);
    }
    while (!run_is_over(&sagas.run) || sagas.open > 0)
        if (!wire_step(load->wire, CALL_TIMEOUT_US))
            must(status_make(STATUS_DEADLINE_EXCEEDED, "%u sagas do not end", sagas.open));
    close_all(&sagas);
    run_until_over(&sagas.run);
}

/* --- many at once --------------------------------------------------------------------------------
 */

static void start_of_burst(struct starter *starter);

/* Refused for being too many: later. */
static void on_burst_started(void *context, struct status status, struct bytes response)
{
    struct starter *starter = context;
    struct saga_load *sagas = starter->sagas;

    (void)response;
    if (status.code == STATUS_RESOURCE_EXHAUSTED) {
        sagas->refused++;
        return start_of_burst(starter);
    }
    must(status);
    sagas->started++;
}

static void start_of_burst(struct starter *starter)
{
    send_start(starter, on_burst_started);
}

/* Until `count` more are in; so many calls at once as connections may have. */
static void start_burst(struct saga_load *sagas, const struct load *load, uint64_t count)
{
    enum { IN_FLIGHT = 10000 };
    static struct starter starter;
    uint64_t sent = 0;

    starter = (struct starter){.sagas = sagas};
    for (sagas->started = 0; sagas->started < count;) {
        for (; sent < count && sent - sagas->started < IN_FLIGHT; sent++) {
            starter.index = (unsigned)sent;
            start_of_burst(&starter);
        }
        if (!wire_step(load->wire, CALL_TIMEOUT_US))
            must(status_make(STATUS_DEADLINE_EXCEEDED, "sagas do not start"));
    }
}

void measure_saga_burst(const struct load *load, struct measured *measured)
{
    static struct saga_load sagas;

    open_all(&sagas, load);
    run_start(&sagas.run, load, measured);
    sagas.run.from_us = now_us();
    sagas.run.to_us = INT64_MAX;
    sagas.burst = true;
    start_burst(&sagas, load, load->total);
    while (measured->calls < load->total)
        if (!wire_step(load->wire, CALL_TIMEOUT_US))
            must(status_make(STATUS_DEADLINE_EXCEEDED, "%" PRIu64 " of %" PRIu64 " sagas ended",
                             measured->calls, load->total));
    int64_t ended_us = now_us();
    close_all(&sagas);
    sagas.run.to_us = ended_us;
    run_end(&sagas.run);
    measured->seconds = (double)(ended_us - sagas.run.from_us) / 1e6;
}

void fill_sagas(const struct load *load, struct measured *measured)
{
    static struct saga_load sagas;
    uint64_t resident_before = process_resident_bytes(load->pid);

    sagas.run.load = load;
    define(&sagas);
    while (!sagas.ready)
        wire_step(load->wire, CALL_TIMEOUT_US);
    run_start(&sagas.run, load, measured);
    sagas.run.from_us = now_us();
    start_burst(&sagas, load, load->total);
    measured->calls = measured->events = load->total;
    run_end(&sagas.run);
    measured->seconds = (double)(now_us() - sagas.run.from_us) / 1e6;
    measured->resident_before = resident_before;
}
