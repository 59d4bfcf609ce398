/* Sagas.CancelSaga: turns a saga backward. (act_call.h) */
#include "sagabase/v1/sagas.pb-c.h"
#include "server/services/sagas/act_call.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"

static struct status check(const Sagabase__V1__CancelSagaRequest *request)
{
    TRY(field_reason(request->reason, false));
    return field_principal(request->principal);
}

static void reply(struct call *call, const struct saga_act *act)
{
    Sagabase__V1__CancelSagaResponse response = SAGABASE__V1__CANCEL_SAGA_RESPONSE__INIT;

    response.status = act->status;
    call_reply(call, &response.base);
}

void cancel_saga(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__CancelSagaRequest *request = (const void *)message;
    struct act_call *self = act_call_create(call, request->saga, INPUT_CANCEL, reply);

    if (!self)
        return;
    self->act.input.cancel = request;
    act_call_submit(self, check(request));
}
