/* Sagas.GetSaga: the newest run of a saga, with all its steps. */
#include "sagabase/v1/sagas.pb-c.h"
#include "server/sagas/gateway.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"
#include "server/services/services.h"

void get_saga(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__GetSagaRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    Sagabase__V1__GetSagaResponse response = SAGABASE__V1__GET_SAGA_RESPONSE__INIT;
    struct bytes type = {0}, id = {0};
    struct saga *saga = NULL;
    struct status status = field_saga(request->saga, &type, &id);

    if (status_ok(status))
        status = gateway_get_saga(services->gateway, type, id, &saga);
    if (!status_ok(status))
        return call_fail(call, status);
    status = saga_describe(saga, gateway_secret(services->gateway), call_arena(call), &response);
    if (status_ok(status))
        call_reply(call, &response.base);
    else
        call_fail(call, status);
    saga_free(saga);
}
