#include "server/services/sagas/act_call.h"

#include "server/services/sagas/fields.h"
#include "server/services/services.h"

static void on_done(struct intent *intent);
static void answer(struct pending *pending);

struct act_call *act_call_create(struct call *call, const Sagabase__V1__SagaName *saga,
                                 enum saga_input_kind kind,
                                 void (*reply)(struct call *call, const struct saga_act *act))
{
    const struct services *services = call_context(call);
    struct act_call *self = arena_alloc(call_arena(call), sizeof *self);
    struct status status = self ? OK : request_too_large();

    if (status_ok(status))
        status = field_saga(saga, &self->act.type, &self->act.id);
    if (!status_ok(status)) {
        call_fail(call, status);
        return NULL;
    }
    self->pending.call = call;
    self->gateway = services->gateway;
    self->act.intent.done = on_done;
    self->act.input.kind = kind;
    self->reply = reply;
    return self;
}

void act_call_submit(struct act_call *self, struct status request)
{
    struct call *call = self->pending.call;

    if (!status_ok(request))
        return call_fail(call, request);
    pending_begin(&self->pending, call, answer);
    struct status status = saga_act_submit(self->gateway, &self->act, call_arena(call));
    if (!status_ok(status))
        pending_refuse(&self->pending, status);
}

/* @thread writer */
static void on_done(struct intent *intent)
{
    struct act_call *self = container_of(intent, struct act_call, act.intent);

    pending_done(&self->pending);
}

static void answer(struct pending *pending)
{
    struct act_call *self = container_of(pending, struct act_call, pending);
    struct status status = saga_act_settle(&self->act, call_arena(pending->call));

    if (!status_ok(status))
        return call_fail(pending->call, status);
    self->reply(pending->call, &self->act);
}
