/* Participant.PollCommand: one command, or none within the time given.
 *
 *   join --> wait --woken, time is over--> take one, leave --> send, end
 *
 * To its caller it is unary; here it is a stream, because only a stream learns while it waits that
 * the peer is gone or that the server stops. The call is held for the dispatch, which wakes
 * it, until it is closed. */
#include "sagabase/v1/participant.pb-c.h"
#include "server/sagas/gateway.h"
#include "server/services/sagas/elements.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/handout.h"
#include "server/services/sagas/methods.h"
#include "server/services/services.h"

enum { WAIT_MS_MAX = 60000, COMMAND_FIELD = 1 };

struct poll {
    struct call *call;
    struct gateway *gateway;
    struct dispatch *dispatch;
    struct worker worker;
    bool is_answered;
    bool has_lease; /* one that was not sent yet */
    struct lease lease;
    struct step woken, timed, sent, closed;
};

static struct status join(struct poll *self, const Sagabase__V1__PollCommandRequest *request);
static void answer(struct poll *self);
static void wake(struct worker *worker);
static void on_woken(struct step *step, bool ok);
static void on_timed(struct step *step, bool ok);
static void on_sent(struct step *step, bool ok);
static void on_closed(struct step *step, bool ok);

static struct status check(const Sagabase__V1__PollCommandRequest *request)
{
    TRY(field_text("participant", request->participant, 0, PARTICIPANT_BYTES_MAX));
    if (request->n_queues == 0 || request->n_queues > WORKER_QUEUES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "queues: 1 to %d", WORKER_QUEUES_MAX);
    if (request->wait_ms < 0 || request->wait_ms > WAIT_MS_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "wait_ms: 0 to %d", WAIT_MS_MAX);
    return OK;
}

void poll_command(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__PollCommandRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    struct poll *self = arena_alloc(call_arena(call), sizeof *self);
    struct status status = self ? check(request) : request_too_large();

    if (status_ok(status)) {
        self->call = call;
        self->gateway = services->gateway;
        self->dispatch = gateway_dispatch(services->gateway);
        self->worker.wake = wake;
        self->worker.commands_max = 1;
        self->woken.run = on_woken;
        self->timed.run = on_timed;
        self->sent.run = on_sent;
        self->closed.run = on_closed;
        status = join(self, request);
    }
    if (!status_ok(status))
        return call_end(call, status);
    if (request->wait_ms == 0)
        answer(self);
    else
        call_wake_after(call, &self->timed, request->wait_ms * 1000);
}

static struct status join(struct poll *self, const Sagabase__V1__PollCommandRequest *request)
{
    struct bytes queues[WORKER_QUEUES_MAX];
    uint32_t credits[WORKER_QUEUES_MAX];
    struct status status;

    for (size_t i = 0; i < request->n_queues; i++) {
        queues[i] = bytes_of_text(request->queues[i]);
        credits[i] = 1;
    }
    call_hold(self->call);
    status = dispatch_join(self->dispatch, &self->worker, queues, credits, request->n_queues);
    if (!status_ok(status)) {
        call_release(self->call);
        return status;
    }
    call_on_closed(self->call, &self->closed);
    return OK;
}

/* Any thread, with the dispatch's lock held. */
static void wake(struct worker *worker)
{
    struct poll *self = container_of(worker, struct poll, worker);

    call_wake(self->call, &self->woken);
}

static void on_woken(struct step *step, bool ok)
{
    struct poll *self = container_of(step, struct poll, woken);

    if (ok && !self->is_answered)
        answer(self);
}

static void on_timed(struct step *step, bool ok)
{
    struct poll *self = container_of(step, struct poll, timed);

    if (ok && !self->is_answered)
        answer(self);
}

/* There is credit for one command of each queue, but only one is taken: what else was assigned goes
 * back when we leave. The one that was taken stays with its token. */
static struct status take(struct poll *self)
{
    struct cancelled cancelled[WORKER_TAKE_MAX];
    size_t count = 0, cancelled_count = 0;
    bool more = false;
    struct status status = dispatch_take(self->dispatch, &self->worker, call_arena(self->call),
                                         &self->lease, &count, cancelled, &cancelled_count, &more);

    self->has_lease = count > 0;
    dispatch_leave(self->dispatch, &self->worker, LEAVE_DETACH);
    return status;
}

static void answer(struct poll *self)
{
    struct buffer packed;
    struct status status = take(self);

    self->is_answered = true;
    buffer_init(&packed, ELEMENTS_BYTES_MAX);
    if (status_ok(status) && self->has_lease)
        status = handout_put(self->gateway, &self->lease, COMMAND_FIELD, &packed);
    if (status_ok(status))
        call_send_packed(self->call, &packed, &self->sent);
    else
        call_end(self->call, status);
    buffer_destroy(&packed);
}

static void on_sent(struct step *step, bool ok)
{
    struct poll *self = container_of(step, struct poll, sent);

    if (!ok)
        return; /* `closed` gives the command back */
    self->has_lease = false;
    call_end(self->call, OK);
}

static void on_closed(struct step *step, bool ok)
{
    struct poll *self = container_of(step, struct poll, closed);

    (void)ok;
    if (self->has_lease)
        dispatch_nack(self->dispatch, &self->lease.command_id, self->lease.token, 0);
    if (!self->is_answered)
        dispatch_leave(self->dispatch, &self->worker, LEAVE_RETURN);
    call_release(self->call);
}
