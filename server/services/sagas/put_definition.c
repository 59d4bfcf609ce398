/* SagaDefinitions.PutDefinition: registers a version of a saga type. (pending.h) */
#include "sagabase/v1/saga_definition.pb-c.h"
#include "server/sagas/gateway.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"
#include "server/services/sagas/pending.h"
#include "server/services/services.h"

struct put_call {
    struct pending pending;
    struct gateway *gateway;
    struct definition_put put;
};

/* @thread writer */
static void on_done(struct intent *intent)
{
    pending_done(&container_of(intent, struct put_call, put.intent)->pending);
}

static void answer(struct pending *pending)
{
    struct put_call *self = container_of(pending, struct put_call, pending);
    Sagabase__V1__PutDefinitionResponse response = SAGABASE__V1__PUT_DEFINITION_RESPONSE__INIT;
    struct status status = definition_put_settle(self->gateway, &self->put);

    if (!status_ok(status))
        return call_fail(pending->call, status);
    response.version = self->put.version;
    response.existed = self->put.existed;
    response.hash.data = self->put.hash;
    response.hash.len = sizeof self->put.hash;
    call_reply(pending->call, &response.base);
}

void put_definition(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__PutDefinitionRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    struct put_call *self = arena_alloc(call_arena(call), sizeof *self);

    if (!self)
        return call_fail(call, request_too_large());
    if (!request->definition)
        return call_fail(call, status_make(STATUS_INVALID_ARGUMENT, "definition: required"));
    self->gateway = services->gateway;
    self->put.intent.done = on_done;
    self->put.request = request;
    pending_begin(&self->pending, call, answer);
    struct status status = definition_put_submit(self->gateway, &self->put, call_arena(call));
    if (!status_ok(status))
        pending_refuse(&self->pending, status);
}
