/* Participant.Work: commands for credit, replies for acks.
 *
 *            hello                        drain
 *   JOINING --------> WORKING --------------------------> DRAINING
 *      |                 |                                    |
 *      |                 |  the client has sent its last,     |  nothing is out
 *      |                 |  or the server stops               v
 *      |                 '--------------------------------> LEAVING --all is acked--> the end
 *      '------ anything else: INVALID_ARGUMENT
 *
 * At most one receive and one send are underway. Whenever a message has been sent or something has
 * happened, send_next() picks what comes next: acks, answers to heartbeats, cancels,
 * commands. What was taken from the dispatch is sent before more is taken, so nothing
 * piles up here; and while too many replies or heartbeats wait for their answers, nothing more is
 * received. The call is held from the start, because the dispatch wakes it. */
#include <assert.h>
#include <stdio.h>

#include "sagabase/v1/participant.pb-c.h"
#include "server/sagas/gateway.h"
#include "server/services/sagas/answers.h"
#include "server/services/sagas/beat.h"
#include "server/services/sagas/elements.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/handout.h"
#include "server/services/sagas/methods.h"
#include "server/services/services.h"

enum {
    MESSAGE_ARENA_BYTES_MAX = 64 << 20, /* of one message, unpacked, submitted and answered */
    TAKEN_BYTES_MAX = WORKER_TAKE_MAX * (HEARTBEAT_DETAILS_BYTES_MAX + 64),
    BEATS_UNSENT_MAX = 64,
    LEASES_RESUMED_MAX = 1000,
    NACK_DELAY_MS_MAX = 3600000,
    DRAIN_LOOK_US = 1000000, /* whether commands that were out have timed out */
};

enum work_state { JOINING, WORKING, DRAINING, LEAVING };

/* The answer to a heartbeat, until it is sent. */
struct beat_ack {
    char command_id[UUID_TEXT_BYTES + 1];
    Sagabase__V1__CommandHeartbeatAck ack;
};

/* What was taken from the dispatch and is not sent yet. */
struct taken {
    struct arena arena; /* the leases' details */
    struct lease leases[WORKER_TAKE_MAX];
    struct cancelled cancelled[WORKER_TAKE_MAX];
    size_t lease, lease_count;
    size_t cancel, cancel_count;
};

struct work {
    enum work_state state;
    struct call *call;
    struct gateway *gateway;
    struct dispatch *dispatch;
    int64_t resume_within_ms;
    struct worker worker;
    struct answers answers;
    struct taken taken;
    struct beat_ack beats[BEATS_UNSENT_MAX]; /* a ring */
    unsigned first_beat, beat_count;
    struct arena incoming; /* of the message that is being received */
    bool receiving, sending;
    bool has_more;    /* the dispatch has something to take */
    bool half_closed; /* the client has sent its last message */
    bool stopping;    /* the server is */
    bool said_goodbye;
    bool has_joined;
    bool ended; /* we have ended the call */
    struct step received, sent, woken, timed, stopped, closed;
};

static void receive(struct work *self);
static void send_next(struct work *self);
static void wake(struct worker *worker);
static void on_settled(struct answers *answers);
static void on_received(struct step *step, bool ok);
static void on_sent(struct step *step, bool ok);
static void on_woken(struct step *step, bool ok);
static void on_timed(struct step *step, bool ok);
static void on_stopped(struct step *step, bool ok);
static void on_closed(struct step *step, bool ok);

void work(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    struct work *self = arena_alloc(call_arena(call), sizeof *self);

    (void)message; /* the requests are received one by one */
    if (!self)
        return call_end(call, request_too_large());
    self->call = call;
    self->gateway = services->gateway;
    self->dispatch = gateway_dispatch(services->gateway);
    self->resume_within_ms = dispatch_resume_within_us(self->dispatch) / 1000;
    self->worker.wake = wake;
    self->received.run = on_received;
    self->sent.run = on_sent;
    self->woken.run = on_woken;
    self->timed.run = on_timed;
    self->stopped.run = on_stopped;
    self->closed.run = on_closed;
    answers_init(&self->answers, call, services->gateway, on_settled);
    arena_init(&self->incoming, MESSAGE_ARENA_BYTES_MAX);
    arena_init(&self->taken.arena, TAKEN_BYTES_MAX);
    call_hold(call);
    call_on_closed(call, &self->closed);
    call_on_stopping(call, &self->stopped);
    receive(self);
}

static void end(struct work *self, struct status status)
{
    if (self->ended)
        return;
    self->ended = true;
    call_end(self->call, status);
}

/* --- joining ------------------------------------------------------------------------------ */

static struct status join(struct work *self, const Sagabase__V1__Hello *hello)
{
    struct bytes queues[WORKER_QUEUES_MAX];
    uint32_t credits[WORKER_QUEUES_MAX];

    TRY(field_text("hello.participant", hello->participant, 0, PARTICIPANT_BYTES_MAX));
    if (hello->n_queues == 0 || hello->n_queues > WORKER_QUEUES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "hello.queues: 1 to %d", WORKER_QUEUES_MAX);
    if (hello->n_resume > LEASES_RESUMED_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "hello.resume: at most %d", LEASES_RESUMED_MAX);
    for (size_t i = 0; i < hello->n_queues; i++) {
        queues[i] = bytes_of_text(hello->queues[i]->queue);
        credits[i] = hello->queues[i]->credit;
    }
    TRY(dispatch_join(self->dispatch, &self->worker, queues, credits, hello->n_queues));
    self->has_joined = true;
    self->state = WORKING;
    return OK;
}

/* Which of the commands that an earlier stream had are still the participant's. */
static struct status resume(struct work *self, const Sagabase__V1__Hello *hello,
                            Sagabase__V1__Welcome *welcome)
{
    welcome->adopted = arena_alloc(&self->incoming, hello->n_resume * sizeof *welcome->adopted);
    welcome->lost = arena_alloc(&self->incoming, hello->n_resume * sizeof *welcome->lost);
    if (hello->n_resume > 0 && (!welcome->adopted || !welcome->lost))
        return request_too_large();
    for (size_t i = 0; i < hello->n_resume; i++) {
        const Sagabase__V1__LeaseName *name = hello->resume[i];
        struct uuid id;

        TRY(field_uuid("hello.resume.command_id", name->command_id, &id));
        if (dispatch_resume(self->dispatch, &self->worker, &id, name->lease_token))
            welcome->adopted[welcome->n_adopted++] = name->command_id;
        else
            welcome->lost[welcome->n_lost++] = name->command_id;
    }
    return OK;
}

static struct status greet(struct work *self, const Sagabase__V1__Hello *hello)
{
    Sagabase__V1__WorkResponse response = SAGABASE__V1__WORK_RESPONSE__INIT;
    Sagabase__V1__Welcome welcome = SAGABASE__V1__WELCOME__INIT;

    if (self->state != JOINING)
        return status_make(STATUS_INVALID_ARGUMENT, "hello: only as the first message");
    TRY(join(self, hello));
    TRY(resume(self, hello, &welcome));
    welcome.resume_within_ms = self->resume_within_ms;
    response.message_case = SAGABASE__V1__WORK_RESPONSE__MESSAGE_WELCOME;
    response.welcome = &welcome;
    self->sending = true;
    call_send(self->call, &response.base, &self->sent);
    return OK;
}

/* --- receiving ---------------------------------------------------------------------------- */

static void receive(struct work *self)
{
    struct services *services = call_context(self->call);

    if (self->receiving || self->ended || self->half_closed || self->stopping)
        return;
    if (!answers_have_room(&self->answers))
        return counter_add(&services->replies_full, 1);
    if (self->beat_count == BEATS_UNSENT_MAX)
        return counter_add(&services->heartbeats_full, 1);
    arena_destroy(&self->incoming);
    arena_init(&self->incoming, MESSAGE_ARENA_BYTES_MAX);
    self->receiving = true;
    call_receive(self->call, &self->incoming, &self->received);
}

static struct status add_credit(struct work *self, const Sagabase__V1__Credit *credit)
{
    return dispatch_credit(self->dispatch, &self->worker, bytes_of_text(credit->queue),
                           credit->count);
}

static struct status add_beat(struct work *self, const Sagabase__V1__CommandHeartbeat *message)
{
    unsigned place = (self->first_beat + self->beat_count) % BEATS_UNSENT_MAX;
    struct beat_ack *answer = &self->beats[place];

    TRY(beat(self->dispatch, message, &answer->ack));
    snprintf(answer->command_id, sizeof answer->command_id, "%s", message->command_id);
    answer->ack.command_id = answer->command_id;
    self->beat_count++;
    return OK;
}

static struct status give_back(struct work *self, const Sagabase__V1__Nack *nack)
{
    struct uuid id;

    TRY(field_uuid("nack.command_id", nack->command_id, &id));
    if (nack->delay_ms < 0 || nack->delay_ms > NACK_DELAY_MS_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "nack.delay_ms: 0 to %d", NACK_DELAY_MS_MAX);
    dispatch_nack(self->dispatch, &id, nack->lease_token, nack->delay_ms * 1000);
    return OK;
}

static struct status drain(struct work *self)
{
    if (self->state == WORKING) {
        dispatch_drain(self->dispatch, &self->worker);
        self->state = DRAINING;
    }
    return OK;
}

static struct status handle(struct work *self, const Sagabase__V1__WorkRequest *request)
{
    if (self->state == JOINING &&
        request->message_case != SAGABASE__V1__WORK_REQUEST__MESSAGE_HELLO)
        return status_make(STATUS_INVALID_ARGUMENT, "hello: required as the first message");
    switch ((int)request->message_case) {
    case SAGABASE__V1__WORK_REQUEST__MESSAGE_HELLO:
        return greet(self, request->hello);
    case SAGABASE__V1__WORK_REQUEST__MESSAGE_CREDIT:
        return add_credit(self, request->credit);
    case SAGABASE__V1__WORK_REQUEST__MESSAGE_REPLY:
        return answers_add(&self->answers, &self->incoming, request->reply) ? OK
                                                                            : request_too_large();
    case SAGABASE__V1__WORK_REQUEST__MESSAGE_HEARTBEAT:
        return add_beat(self, request->heartbeat);
    case SAGABASE__V1__WORK_REQUEST__MESSAGE_NACK:
        return give_back(self, request->nack);
    case SAGABASE__V1__WORK_REQUEST__MESSAGE_DRAIN:
        return drain(self);
    default:
        return status_make(STATUS_INVALID_ARGUMENT, "message: required");
    }
}

static void on_received(struct step *step, bool ok)
{
    struct work *self = container_of(step, struct work, received);
    const Sagabase__V1__WorkRequest *request;
    struct status status;

    self->receiving = false;
    if (!ok || self->ended)
        return; /* on_closed follows */
    request = (const void *)call_received(self->call);
    if (!request) {
        self->half_closed = true;
        self->state = LEAVING;
        return send_next(self);
    }
    status = handle(self, request);
    if (!status_ok(status))
        return end(self, status);
    send_next(self);
    receive(self);
}

/* --- sending ------------------------------------------------------------------------------ */

static void send(struct work *self, const Sagabase__V1__WorkResponse *response)
{
    self->sending = true;
    call_send(self->call, &response->base, &self->sent);
}

static void send_beat(struct work *self)
{
    Sagabase__V1__WorkResponse response = SAGABASE__V1__WORK_RESPONSE__INIT;

    response.message_case = SAGABASE__V1__WORK_RESPONSE__MESSAGE_HEARTBEAT_ACK;
    response.heartbeat_ack = &self->beats[self->first_beat].ack;
    self->first_beat = (self->first_beat + 1) % BEATS_UNSENT_MAX;
    self->beat_count--;
    send(self, &response);
}

static void send_cancel(struct work *self)
{
    Sagabase__V1__WorkResponse response = SAGABASE__V1__WORK_RESPONSE__INIT;
    Sagabase__V1__CancelCommand cancel = SAGABASE__V1__CANCEL_COMMAND__INIT;
    uint8_t text[UUID_TEXT_BYTES + 1] = {0};

    uuid_format(&self->taken.cancelled[self->taken.cancel++].command_id, text);
    cancel.command_id = (char *)text;
    cancel.reason = "the saga does not need it any more";
    response.message_case = SAGABASE__V1__WORK_RESPONSE__MESSAGE_CANCEL;
    response.cancel = &cancel;
    send(self, &response);
}

static struct status put_command(struct work *self, const struct lease *lease,
                                 struct buffer *commands)
{
    enum { COMMANDS_FIELD = 1 };
    size_t before = commands->size;
    struct status status = handout_put(self->gateway, lease, COMMANDS_FIELD, commands);

    if (status_ok(status) && commands->size == before)
        dispatch_restore_credit(self->dispatch, &self->worker, lease);
    return status;
}

/* As many as fit into a message, at least one. */
static void send_commands(struct work *self)
{
    struct taken *taken = &self->taken;
    struct buffer commands, packed;
    struct status status = OK;

    buffer_init(&commands, ELEMENTS_BYTES_MAX);
    buffer_init(&packed, ELEMENTS_BYTES_MAX + ELEMENT_HEAD_BYTES_MAX);
    while (status_ok(status) && taken->lease < taken->lease_count &&
           commands.size < ELEMENTS_BYTES_ENOUGH)
        status = put_command(self, &taken->leases[taken->lease++], &commands);
    elements_put_bytes(&packed, SAGABASE__V1__WORK_RESPONSE__MESSAGE_COMMANDS,
                       buffer_bytes(&commands));
    if (status_ok(status) && !buffer_ok(&packed))
        status = request_too_large();
    if (status_ok(status)) {
        self->sending = true;
        call_send_packed(self->call, &packed, &self->sent);
    } else {
        end(self, status);
    }
    buffer_destroy(&commands);
    buffer_destroy(&packed);
}

static void send_goodbye(struct work *self)
{
    Sagabase__V1__WorkResponse response = SAGABASE__V1__WORK_RESPONSE__INIT;
    Sagabase__V1__Goodbye goodbye = SAGABASE__V1__GOODBYE__INIT;

    self->said_goodbye = true;
    response.message_case = SAGABASE__V1__WORK_RESPONSE__MESSAGE_GOODBYE;
    response.goodbye = &goodbye;
    send(self, &response);
}

static struct status take(struct work *self)
{
    struct taken *taken = &self->taken;

    arena_destroy(&taken->arena);
    arena_init(&taken->arena, TAKEN_BYTES_MAX);
    taken->lease = taken->cancel = 0;
    taken->lease_count = taken->cancel_count = 0;
    return dispatch_take(self->dispatch, &self->worker, &taken->arena, taken->leases,
                         &taken->lease_count, taken->cancelled, &taken->cancel_count,
                         &self->has_more);
}

/* Nothing is left to tell the client, whose commands are all answered or gone. */
static void settle(struct work *self)
{
    if (self->answers.in_flight > 0)
        return;
    if (self->state == LEAVING && self->stopping && !self->said_goodbye)
        return send_goodbye(self);
    if (self->state == LEAVING)
        return end(self,
                   self->stopping ? status_make(STATUS_UNAVAILABLE, "server shutting down") : OK);
    if (self->state != DRAINING)
        return;
    if (dispatch_out(self->dispatch, &self->worker) == 0)
        return end(self, OK);
    call_wake_after(self->call, &self->timed, DRAIN_LOOK_US);
}

static void send_next(struct work *self)
{
    struct taken *taken = &self->taken;

    if (self->sending || self->ended)
        return;
    if (answers_ack(&self->answers, &self->sent)) {
        self->sending = true;
        return;
    }
    if (self->beat_count > 0)
        return send_beat(self);
    if (self->state == LEAVING)
        return settle(self);
    if (self->has_more && taken->cancel == taken->cancel_count &&
        taken->lease == taken->lease_count) {
        struct status status = take(self);

        if (!status_ok(status))
            return end(self, status);
    }
    if (taken->cancel < taken->cancel_count)
        return send_cancel(self);
    if (taken->lease < taken->lease_count)
        return send_commands(self);
    settle(self);
}

static void on_sent(struct step *step, bool ok)
{
    struct work *self = container_of(step, struct work, sent);

    self->sending = false;
    answers_acked(&self->answers);
    if (!ok)
        return; /* on_closed follows */
    send_next(self);
    receive(self);
}

/* --- what happens elsewhere ----------------------------------------------------------------- */

/* Any thread, with the dispatch's lock held. */
static void wake(struct worker *worker)
{
    struct work *self = container_of(worker, struct work, worker);

    call_wake(self->call, &self->woken);
}

static void on_woken(struct step *step, bool ok)
{
    struct work *self = container_of(step, struct work, woken);

    self->has_more = true;
    if (ok)
        send_next(self);
}

static void on_settled(struct answers *answers)
{
    send_next(container_of(answers, struct work, answers));
}

static void on_timed(struct step *step, bool ok)
{
    if (ok)
        send_next(container_of(step, struct work, timed));
}

/* What was decided is acked, then the participant is told to connect again. */
static void on_stopped(struct step *step, bool ok)
{
    struct work *self = container_of(step, struct work, stopped);

    (void)ok;
    self->stopping = true;
    self->state = LEAVING;
    send_next(self);
}

/* Commands that the client has never seen are given back; those in its hands are kept for a while,
 * unless it has left in good order. */
static void on_closed(struct step *step, bool ok)
{
    struct work *self = container_of(step, struct work, closed);
    struct taken *taken = &self->taken;

    (void)ok;
    for (; taken->lease < taken->lease_count; taken->lease++)
        dispatch_nack(self->dispatch, &taken->leases[taken->lease].command_id,
                      taken->leases[taken->lease].token, 0);
    if (self->has_joined)
        dispatch_leave(self->dispatch, &self->worker,
                       self->half_closed ? LEAVE_RETURN : LEAVE_KEEP);
    answers_close(&self->answers);
    arena_destroy(&self->incoming);
    arena_destroy(&taken->arena);
    call_release(self->call);
}
