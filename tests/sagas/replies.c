/* Replies: the same answer by three ways, and what comes back. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sagas/cast_internal.h"

static void random_id(char id[UUID_TEXT])
{
    struct uuid uuid = uuid_random();

    uuid_format(&uuid, (uint8_t *)id);
    id[UUID_TEXT_BYTES] = '\0';
}

struct reply_plan *reply_add(struct cast *cast, const char *command_id, enum reply_kind kind,
                             int64_t delay_us)
{
    struct reply_plan *plan = calloc(1, sizeof *plan);

    assert(plan);
    snprintf(plan->command_id, sizeof plan->command_id, "%s", command_id);
    random_id(plan->event_id);
    random_id(plan->request_id);
    plan->kind = kind;
    plan->way = (enum reply_way)chance_below(cast->chance, REPLY_WAYS);
    plan->due_us = cast_now_us() + delay_us;
    plan->next = cast->memory->replies;
    cast->memory->replies = plan;
    return plan;
}

static void reply_remove(struct memory *memory, struct reply_plan *plan)
{
    struct reply_plan **place = &memory->replies;

    while (*place != plan)
        place = &(*place)->next;
    *place = plan->next;
    free(plan);
}

/* --- what came of it ------------------------------------------------------------------------- */

static struct status wrong_answer(const struct reply_plan *plan, int outcome, const char *message)
{
    return status_make(STATUS_INTERNAL, "reply %s by way %d kind %d%s%s: outcome %d %.100s",
                       plan->command_id, plan->way, plan->kind, plan->stale ? " stale" : "",
                       plan->forged ? " forged" : "", outcome, message);
}

/* Answered for good: forget it. A stale one is not sent again; its honest twin is. */
static void settle(struct cast *cast, struct reply_plan *plan, int outcome, const char *message)
{
    struct memory *memory = cast->memory;
    bool fine = true;

    switch (outcome) {
    case SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED:
        fine = !plan->forged && !plan->stale;
        break;
    case SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_DUPLICATE:
        memory->duplicates++;
        fine = !plan->forged;
        break;
    case SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_SUPERSEDED:
        memory->superseded++;
        fine = !plan->forged;
        break;
    case SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_WRONG_EXPECTED_REVISION:
        memory->refused++;
        fine = plan->stale;
        break;
    case SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNKNOWN_COMMAND:
        memory->unknown++;
        fine = plan->forged;
        break;
    case SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNAVAILABLE:
        plan->sent = false; /* again */
        plan->due_us = cast_now_us() + 5000;
        return;
    default:
        fine = false;
    }
    if (!fine)
        cast_judge(cast, wrong_answer(plan, outcome, message));
    reply_remove(memory, plan);
}

static bool is_out(const struct reply_plan *plan, const struct participant *participant)
{
    return plan->sent && plan->way == BY_WORK && plan->participant == participant->index;
}

/* On one stream, replies to one command are answered in their order: the oldest is meant. */
void reply_acked(struct participant *participant, const Sagabase__V1__ReplyAck *ack)
{
    struct cast *cast = participant->cast;
    struct reply_plan *oldest = NULL;

    for (struct reply_plan *plan = cast->memory->replies; plan; plan = plan->next)
        if (is_out(plan, participant) && strcmp(plan->command_id, ack->command_id) == 0 &&
            (!oldest || plan->sent_order < oldest->sent_order))
            oldest = plan;
    if (!oldest)
        return cast_judge(cast,
                          status_make(STATUS_INTERNAL, "an ack for %s, which was not asked for",
                                      ack->command_id));
    settle(cast, oldest, (int)ack->outcome, ack->message);
}

void replies_lost(struct participant *participant)
{
    for (struct reply_plan *plan = participant->cast->memory->replies; plan; plan = plan->next)
        if (is_out(plan, participant))
            plan->sent = false;
}

/* --- by Work and by call ------------------------------------------------------------------------
 */

static void set_kind(const struct reply_plan *plan, Sagabase__V1__Reply *reply)
{
    static Sagabase__V1__Success success;
    static Sagabase__V1__Failure failure;
    static Sagabase__V1__Error error;
    static Sagabase__V1__Ongoing ongoing;
    static Sagabase__V1__SagaError business, passing;
    static Sagabase__V1__Attribute again;
    static Sagabase__V1__Attribute *attributes[] = {&again};

    sagabase__v1__success__init(&success);
    sagabase__v1__failure__init(&failure);
    sagabase__v1__error__init(&error);
    sagabase__v1__ongoing__init(&ongoing);
    sagabase__v1__saga_error__init(&business);
    sagabase__v1__saga_error__init(&passing);
    sagabase__v1__attribute__init(&again);
    business.type = "business";
    passing.type = "passing";
    failure.error = &business;
    error.error = &passing;
    ongoing.check_after_ms = 20;
    again.name = "again";
    again.value = plan->event_id[0] < '8' ? "no" : "yes";
    success.n_attributes = 1;
    success.attributes = attributes;
    switch (plan->kind) {
    case REPLY_SUCCESS:
        reply->outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
        reply->success = &success;
        return;
    case REPLY_FAILURE:
        reply->outcome_case = SAGABASE__V1__REPLY__OUTCOME_FAILURE;
        reply->failure = &failure;
        return;
    case REPLY_ERROR:
        reply->outcome_case = SAGABASE__V1__REPLY__OUTCOME_ERROR;
        reply->error = &error;
        return;
    case REPLY_ONGOING:
        reply->outcome_case = SAGABASE__V1__REPLY__OUTCOME_ONGOING;
        reply->ongoing = &ongoing;
        return;
    }
}

/* Its own event, if the reply comes with one; lives until the next call. */
static size_t effect(const struct reply_plan *plan, char *command_id,
                     Sagabase__V1__StreamAppend ***appends)
{
    static Sagabase__V1__ProposedEvent event;
    static Sagabase__V1__ProposedEvent *events[] = {&event};
    static Sagabase__V1__StreamAppend append;
    static Sagabase__V1__StreamAppend *list[] = {&append};

    if (plan->kind != REPLY_SUCCESS && plan->kind != REPLY_FAILURE)
        return 0;
    sagabase__v1__proposed_event__init(&event);
    sagabase__v1__stream_append__init(&append);
    event.id = (char *)plan->event_id;
    event.type = plan->kind == REPLY_SUCCESS ? "Done" : "Refused";
    event.data = (struct ProtobufCBinaryData){UUID_TEXT_BYTES, (uint8_t *)command_id};
    append.stream = "ledger-1";
    append.n_events = 1;
    append.events = events;
    if (plan->stale) {
        append.expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_REVISION;
        append.revision = 1u << 30;
    } else {
        append.expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE;
        append.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    }
    *appends = list;
    return 1;
}

static void send_by_work(struct cast *cast, struct reply_plan *plan, Sagabase__V1__Reply *reply)
{
    Sagabase__V1__WorkRequest request = SAGABASE__V1__WORK_REQUEST__INIT;

    plan->participant = chance_below(cast->chance, PARTICIPANTS);
    if (!cast->participants[plan->participant].stream) {
        plan->sent = false; /* it is away: later */
        return;
    }
    request.message_case = SAGABASE__V1__WORK_REQUEST__MESSAGE_REPLY;
    request.reply = reply;
    participant_send(&cast->participants[plan->participant], &request);
}

static int outcome_of(struct status status, struct bytes response)
{
    int outcome = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_INVALID;

    if (status.code == STATUS_ABORTED)
        return SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_WRONG_EXPECTED_REVISION;
    if (is_passing(status))
        return SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNAVAILABLE;
    if (!status_ok(status))
        return outcome;
    Sagabase__V1__CompleteCommandResponse *answer =
        sagabase__v1__complete_command_response__unpack(NULL, response.size, response.data);
    assert(answer && answer->ack); /* FailCommandResponse is alike */
    outcome = (int)answer->ack->outcome;
    sagabase__v1__complete_command_response__free_unpacked(answer, NULL);
    return outcome;
}

static void on_called(void *context, struct status status, struct bytes response)
{
    struct reply_plan *plan = context;

    settle(plan->cast, plan, outcome_of(status, response), status_ok(status) ? "" : status.message);
}

static void send_by_call(struct cast *cast, struct reply_plan *plan, Sagabase__V1__Reply *reply)
{
    Sagabase__V1__CompleteCommandRequest complete = SAGABASE__V1__COMPLETE_COMMAND_REQUEST__INIT;
    Sagabase__V1__FailCommandRequest fail = SAGABASE__V1__FAIL_COMMAND_REQUEST__INIT;

    if (plan->kind == REPLY_SUCCESS) {
        complete.command_id = reply->command_id;
        complete.success = reply->success;
        complete.n_appends = reply->n_appends;
        complete.appends = reply->appends;
        return wire_unary(cast->wire, 2, PARTICIPANT "CompleteCommand", &complete.base,
                          CALL_TIMEOUT_US, on_called, plan);
    }
    fail.command_id = reply->command_id;
    fail.n_appends = reply->n_appends;
    fail.appends = reply->appends;
    fail.outcome_case =
        plan->kind == REPLY_FAILURE ? SAGABASE__V1__FAIL_COMMAND_REQUEST__OUTCOME_FAILURE
        : plan->kind == REPLY_ERROR ? SAGABASE__V1__FAIL_COMMAND_REQUEST__OUTCOME_ERROR
                                    : SAGABASE__V1__FAIL_COMMAND_REQUEST__OUTCOME_ONGOING;
    if (plan->kind == REPLY_FAILURE)
        fail.failure = reply->failure;
    else if (plan->kind == REPLY_ERROR)
        fail.error = reply->error;
    else
        fail.ongoing = reply->ongoing;
    wire_unary(cast->wire, 2, PARTICIPANT "FailCommand", &fail.base, CALL_TIMEOUT_US, on_called,
               plan);
}

/* --- by append -----------------------------------------------------------------------------------
 */

static void on_appended(void *context, struct status status, struct bytes response)
{
    struct reply_plan *plan = context;
    int outcome = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED;

    (void)response;
    if (status.code == STATUS_ABORTED)
        outcome = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_WRONG_EXPECTED_REVISION;
    else if (status.code == STATUS_INVALID_ARGUMENT)
        outcome = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNKNOWN_COMMAND;
    else if (status.code == STATUS_FAILED_PRECONDITION)
        outcome = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_SUPERSEDED;
    else if (is_passing(status))
        outcome = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNAVAILABLE;
    else if (!status_ok(status))
        outcome = SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_INVALID;
    settle(plan->cast, plan, outcome, status_ok(status) ? "" : status.message);
}

enum { ENTRIES_MAX = 6 };

static size_t add_entry(Sagabase__V1__ProposedEvent__MetadataEntry *entries, size_t count,
                        char *key, char *value)
{
    sagabase__v1__proposed_event__metadata_entry__init(&entries[count]);
    entries[count].key = key;
    entries[count].value = value;
    return count + 1;
}

static void send_by_append(struct cast *cast, struct reply_plan *plan, Sagabase__V1__Reply *reply)
{
    static char *const outcomes[] = {"SUCCESS", "FAILURE", "ERROR", "ONGOING"};
    Sagabase__V1__ProposedEvent__MetadataEntry entries[ENTRIES_MAX];
    Sagabase__V1__ProposedEvent__MetadataEntry *metadata[ENTRIES_MAX];
    Sagabase__V1__AppendToStreamRequest request = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;
    Sagabase__V1__ProposedEvent asked = SAGABASE__V1__PROPOSED_EVENT__INIT;
    Sagabase__V1__ProposedEvent *events[2];
    size_t count = 0;

    count = add_entry(entries, count, "command-id", reply->command_id);
    count = add_entry(entries, count, "outcome", outcomes[plan->kind]);
    if (plan->kind == REPLY_FAILURE || plan->kind == REPLY_ERROR)
        count = add_entry(entries, count, "error-type",
                          plan->kind == REPLY_FAILURE ? "business" : "passing");
    if (plan->kind == REPLY_SUCCESS)
        count = add_entry(entries, count, "attribute.again", "no");
    if (plan->kind == REPLY_ONGOING)
        count = add_entry(entries, count, "delay-ms", "20");
    for (size_t i = 0; i < count; i++)
        metadata[i] = &entries[i];
    asked.id = plan->request_id;
    asked.type = "$SagaReplyRequested";
    asked.n_metadata = count;
    asked.metadata = metadata;
    if (reply->n_appends > 0)
        events[request.n_events++] = reply->appends[0]->events[0];
    events[request.n_events++] = &asked;
    request.stream = "ledger-2";
    request.events = events;
    if (plan->stale) {
        request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_REVISION;
        request.revision = 1u << 30;
    } else {
        request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE;
        request.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    }
    wire_unary(cast->wire, 3, EVENT_STORE "AppendToStream", &request.base, CALL_TIMEOUT_US,
               on_appended, plan);
}

/* --- when
 * ------------------------------------------------------------------------------------------ */

static void send_reply(struct cast *cast, struct reply_plan *plan)
{
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;

    plan->sent = true;
    plan->sent_order = ++cast->memory->replies_sent;
    plan->cast = cast;
    if (plan->forged)
        random_id(plan->command_id); /* nobody's */
    reply.command_id = plan->command_id;
    set_kind(plan, &reply);
    reply.n_appends = effect(plan, plan->command_id, &reply.appends);
    switch (plan->way) {
    case BY_WORK:
        return send_by_work(cast, plan, &reply);
    case BY_CALL:
        return send_by_call(cast, plan, &reply);
    default:
        return send_by_append(cast, plan, &reply);
    }
}

void replies_resend(struct cast *cast)
{
    for (struct reply_plan *plan = cast->memory->replies; plan; plan = plan->next)
        plan->cast = cast;
}

void replies_send_due(struct cast *cast)
{
    int64_t now_us = cast_now_us();

    for (struct reply_plan *plan = cast->memory->replies; plan; plan = plan->next)
        if (!plan->sent && plan->due_us <= now_us)
            send_reply(cast, plan);
}
