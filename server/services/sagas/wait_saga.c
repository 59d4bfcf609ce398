/* Sagas.WaitSaga: a saga's status now and after every change. It follows the saga's stream for
 * wake-ups only; what is sent is read from its row. (following.h) */
#include "sagabase/v1/sagas.pb-c.h"
#include "server/sagas/gateway.h"
#include "server/services/following.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"
#include "server/services/services.h"

enum { SUMMARY_BYTES_MAX = 1 << 20 };

struct wait {
    struct following following;
    struct gateway *gateway;
    struct bytes type, id;
    uint8_t stream[SAGA_STREAM_BYTES_MAX];
    bool has_sent;
    uint64_t position; /* of the newest event that was told */
    struct step last;  /* the saga has ended or is parked, and that was sent */
};

static void on_output(struct following *following, struct subscription_output *output);
static void send_status(struct wait *self);
static void send_summary(struct wait *self, const struct saga *saga);
static void on_last(struct step *step, bool ok);

static struct status open(struct wait *self, struct call *call, struct event_log *log,
                          const Sagabase__V1__WaitSagaRequest *request)
{
    struct saga *saga = NULL;

    TRY(field_saga(request->saga, &self->type, &self->id));
    TRY(gateway_get_saga(self->gateway, self->type, self->id, &saga));
    saga_free(saga);
    self->following.output = on_output;
    self->following.options.stream = saga_stream(self->stream, self->type, self->id);
    self->following.options.begin = BEGIN_AT_END;
    self->last.run = on_last;
    return following_open(&self->following, call, log);
}

/* What happens from the opening on wakes us, so nothing is missed between it and the first look. */
void wait_saga(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    struct wait *self = arena_alloc(call_arena(call), sizeof *self);
    struct status status = self ? OK : request_too_large();

    if (status_ok(status)) {
        self->gateway = services->gateway;
        status = open(self, call, services->log, (const void *)message);
    }
    if (!status_ok(status))
        return call_end(call, status);
    send_status(self);
}

static void on_output(struct following *following, struct subscription_output *output)
{
    struct wait *self = container_of(following, struct wait, following);

    if (output->kind != OUTPUT_EVENTS)
        return following_yield(following);
    buffer_destroy(&output->frames);
    send_status(self);
}

static void send_status(struct wait *self)
{
    struct call *call = self->following.call;
    struct saga *saga = NULL;
    struct status status = gateway_get_saga(self->gateway, self->type, self->id, &saga);

    if (!status_ok(status))
        return call_end(call, status);
    if (self->has_sent && saga->position == self->position)
        following_yield(&self->following); /* that was told before its event was looked at */
    else
        send_summary(self, saga);
    saga_free(saga);
}

static void send_summary(struct wait *self, const struct saga *saga)
{
    bool is_last =
        saga_has_ended(saga) || saga->status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED;
    Sagabase__V1__WaitSagaResponse response = SAGABASE__V1__WAIT_SAGA_RESPONSE__INIT;
    Sagabase__V1__SagaSummary summary = SAGABASE__V1__SAGA_SUMMARY__INIT;
    struct call *call = self->following.call;
    struct arena arena;

    arena_init(&arena, SUMMARY_BYTES_MAX);
    struct status status = saga_summarize(saga, &arena, &summary);
    if (status_ok(status)) {
        response.summary = &summary;
        self->has_sent = true;
        self->position = saga->position;
        call_send(call, &response.base, is_last ? &self->last : &self->following.sent);
    } else {
        call_end(call, status);
    }
    arena_destroy(&arena);
}

static void on_last(struct step *step, bool ok)
{
    struct wait *self = container_of(step, struct wait, last);

    if (ok)
        call_end(self->following.call, OK);
}
