/* SagaDefinitions.SetDefaultVersion: what StartSaga takes from now on. (pending.h) */
#include "sagabase/v1/saga_definition.pb-c.h"
#include "server/sagas/gateway.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"
#include "server/services/sagas/pending.h"
#include "server/services/services.h"

struct default_call {
    struct pending pending;
    struct definition_default set;
};

/* @thread writer */
static void on_done(struct intent *intent)
{
    pending_done(&container_of(intent, struct default_call, set.intent)->pending);
}

static void answer(struct pending *pending)
{
    static const Sagabase__V1__SetDefaultVersionResponse response =
        SAGABASE__V1__SET_DEFAULT_VERSION_RESPONSE__INIT;
    struct default_call *self = container_of(pending, struct default_call, pending);

    if (!status_ok(self->set.intent.status))
        return call_fail(pending->call, self->set.intent.status);
    call_reply(pending->call, &response.base);
}

static struct status check(const Sagabase__V1__SetDefaultVersionRequest *request)
{
    TRY(field_text("type", request->type, 1, SAGA_TYPE_BYTES_MAX));
    if (request->version == 0)
        return status_make(STATUS_INVALID_ARGUMENT, "version: required");
    return OK;
}

void set_default_version(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__SetDefaultVersionRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    struct default_call *self = arena_alloc(call_arena(call), sizeof *self);
    struct status status = self ? check(request) : request_too_large();

    if (!status_ok(status))
        return call_fail(call, status);
    self->set.intent.done = on_done;
    self->set.type = bytes_of_text(request->type);
    self->set.version = request->version;
    pending_begin(&self->pending, call, answer);
    status = definition_default_submit(services->gateway, &self->set);
    if (!status_ok(status))
        pending_refuse(&self->pending, status);
}
