/* Participants: a Work stream each, and what they make of a command. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sagas/cast_internal.h"

static void on_message(void *context, struct bytes message);
static void on_sent(void *context);
static void on_ended(void *context, struct status status);

/* --- sending: one message at a time ------------------------------------------------------------
 */

static void send_next(struct participant *participant)
{
    if (participant->sending || !participant->stream || participant->outbox_count == 0)
        return;
    Sagabase__V1__WorkRequest *request = participant->outbox[0];
    participant->outbox_count--;
    memmove(participant->outbox, participant->outbox + 1,
            participant->outbox_count * sizeof(Sagabase__V1__WorkRequest *));
    participant->sending = true;
    wire_stream_send(participant->stream, &request->base);
    sagabase__v1__work_request__free_unpacked(request, NULL);
}

void participant_send(struct participant *participant, const Sagabase__V1__WorkRequest *request)
{
    size_t size = sagabase__v1__work_request__get_packed_size(request);
    uint8_t *packed = malloc(size);

    assert(packed);
    sagabase__v1__work_request__pack(request, packed);
    if (participant->outbox_count == participant->outbox_capacity) {
        participant->outbox_capacity = participant->outbox_capacity * 2 + 16;
        participant->outbox = realloc(participant->outbox, participant->outbox_capacity *
                                                               sizeof(Sagabase__V1__WorkRequest *));
        assert(participant->outbox);
    }
    participant->outbox[participant->outbox_count++] =
        sagabase__v1__work_request__unpack(NULL, size, packed);
    free(packed);
    send_next(participant);
}

static void on_sent(void *context)
{
    struct participant *participant = context;

    participant->sending = false;
    send_next(participant);
}

/* --- joining and leaving ------------------------------------------------------------------------
 */

void participant_join(struct participant *participant, struct cast *cast, uint32_t index)
{
    static const struct wire_stream_events events = {
        .message = on_message, .sent = on_sent, .ended = on_ended};
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;
    Sagabase__V1__Hello hello = SAGABASE__V1__HELLO__INIT;
    Sagabase__V1__QueueSubscription queues[QUEUES];
    Sagabase__V1__QueueSubscription *list[QUEUES];

    participant_free(participant);
    *participant = (struct participant){.cast = cast, .index = index};
    for (size_t i = 0; i < QUEUES; i++) {
        sagabase__v1__queue_subscription__init(&queues[i]);
        queues[i].queue = (char *)play_queues[i];
        queues[i].credit = CREDIT;
        list[i] = &queues[i];
    }
    hello.participant = "cast";
    hello.n_queues = QUEUES;
    hello.queues = list;
    request.message_case = SAGABASE__V1__WORK_REQUEST__MESSAGE_HELLO;
    request.hello = &hello;
    participant->stream =
        wire_stream_open(cast->wire, index, PARTICIPANT "Work", NULL, &events, participant);
    participant_send(participant, &request);
}

void participant_free(struct participant *participant)
{
    for (uint32_t i = 0; i < participant->outbox_count; i++)
        sagabase__v1__work_request__free_unpacked(participant->outbox[i], NULL);
    free(participant->outbox);
    participant->outbox = NULL;
    participant->outbox_count = participant->outbox_capacity = 0;
}

static void on_ended(void *context, struct status status)
{
    struct participant *participant = context;
    struct cast *cast = participant->cast;

    participant->stream = NULL;
    replies_lost(participant);
    if (!participant->leaving && !cast->death_expected)
        cast_judge(cast, status_make(STATUS_INTERNAL, "Work ended: %s: %.200s",
                                     status_code_name(status.code), status.message));
}

/* --- commands ------------------------------------------------------------------------------------
 */

static void nack(struct participant *participant, const Sagabase__V1__Command *command)
{
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;
    Sagabase__V1__Nack nack = SAGABASE__V1__NACK__INIT;

    nack.command_id = command->command_id;
    nack.lease_token = command->lease_token;
    nack.delay_ms = chance_below(participant->cast->chance, 20);
    request.message_case = SAGABASE__V1__WORK_REQUEST__MESSAGE_NACK;
    request.nack = &nack;
    participant_send(participant, &request);
}

static void heartbeat(struct participant *participant, const Sagabase__V1__Command *command)
{
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;
    Sagabase__V1__CommandHeartbeat beat = SAGABASE__V1__COMMAND_HEARTBEAT__INIT;

    beat.command_id = command->command_id;
    beat.lease_token = command->lease_token;
    request.message_case = SAGABASE__V1__WORK_REQUEST__MESSAGE_HEARTBEAT;
    request.heartbeat = &beat;
    participant_send(participant, &request);
}

static void give_credit(struct participant *participant, char *queue)
{
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;
    Sagabase__V1__Credit credit = SAGABASE__V1__CREDIT__INIT;

    credit.queue = queue;
    credit.count = 1;
    request.message_case = SAGABASE__V1__WORK_REQUEST__MESSAGE_CREDIT;
    request.credit = &credit;
    participant_send(participant, &request);
}

static void misbehave(struct participant *participant, const Sagabase__V1__Command *command)
{
    struct cast *cast = participant->cast;
    const char *id = command->command_id;
    bool undo = command->operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION;
    bool may_refuse = !undo && command->step[0] != 'r';
    uint32_t roll = chance_below(cast->chance, 100);
    int64_t late_us = (START_TO_CLOSE_MS + 30 + (int64_t)chance_below(cast->chance, 100)) * 1000;

    if (roll < 58) {
        reply_add(cast, id, REPLY_SUCCESS, chance_below(cast->chance, 10) * 1000);
    } else if (roll < 65) {
        reply_add(cast, id, REPLY_ERROR, 0);
    } else if (roll < 70) {
        reply_add(cast, id, may_refuse ? REPLY_FAILURE : REPLY_ERROR, 0);
    } else if (roll < 74) {
        reply_add(cast, id, REPLY_ONGOING, 0);
    } else if (roll < 80) {
        reply_add(cast, id, REPLY_SUCCESS, late_us);
    } else if (roll < 83) {
        return; /* silence */
    } else if (roll < 87) {
        nack(participant, command);
    } else if (roll < 91) {
        reply_add(cast, id, REPLY_SUCCESS, 0);
        reply_add(cast, id, REPLY_SUCCESS, 2000);
    } else if (roll < 94) {
        reply_add(cast, id, REPLY_SUCCESS, 0)->forged = true;
        reply_add(cast, id, REPLY_SUCCESS, 0);
    } else if (roll < 98) {
        reply_add(cast, id, REPLY_SUCCESS, 0)->stale = true;
        reply_add(cast, id, REPLY_SUCCESS, 3000);
    } else {
        participant->leaving = true; /* it dies with all it has in hands */
        wire_stream_cancel(participant->stream);
    }
}

static void take(struct participant *participant, const Sagabase__V1__Command *command)
{
    if (chance_below(participant->cast->chance, 10) == 0)
        heartbeat(participant, command);
    if (participant->cast->honest)
        reply_add(participant->cast, command->command_id, REPLY_SUCCESS, 0);
    else
        misbehave(participant, command);
    give_credit(participant, command->queue);
}

static struct status check_command(const Sagabase__V1__Command *command)
{
    if (strlen(command->command_id) != UUID_TEXT_BYTES || command->attempt == 0 ||
        command->delivery == 0 || command->lease_token == 0 || !command->input ||
        command->input->data.len != strlen(command->saga_id) ||
        memcmp(command->input->data.data, command->saga_id, command->input->data.len) != 0)
        return status_make(STATUS_INTERNAL, "a command of %.50s is not whole", command->saga_id);
    return OK;
}

static void on_message(void *context, struct bytes message)
{
    struct participant *participant = context;
    struct cast *cast = participant->cast;
    Sagabase__V1__WorkResponse *response =
        sagabase__v1__work_response__unpack(NULL, message.size, message.data);

    assert(response);
    if (response->message_case == SAGABASE__V1__WORK_RESPONSE__MESSAGE_ACKS)
        for (size_t i = 0; i < response->acks->n_acks; i++)
            reply_acked(participant, response->acks->acks[i]);
    if (response->message_case == SAGABASE__V1__WORK_RESPONSE__MESSAGE_COMMANDS && cast_works(cast))
        for (size_t i = 0; i < response->commands->n_commands && !participant->leaving; i++) {
            cast_judge(cast, check_command(response->commands->commands[i]));
            take(participant, response->commands->commands[i]);
        }
    sagabase__v1__work_response__free_unpacked(response, NULL);
    if (cast_works(cast))
        replies_send_due(cast);
}
