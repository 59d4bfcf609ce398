/* Sagas.TerminateSaga: ends a saga as it stands. (act_call.h) */
#include "sagabase/v1/sagas.pb-c.h"
#include "server/services/sagas/act_call.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"

static struct status check(const Sagabase__V1__TerminateSagaRequest *request)
{
    TRY(field_reason(request->reason, true));
    return field_principal(request->principal);
}

static void reply(struct call *call, const struct saga_act *act)
{
    Sagabase__V1__TerminateSagaResponse response = SAGABASE__V1__TERMINATE_SAGA_RESPONSE__INIT;

    (void)act;
    call_reply(call, &response.base);
}

void terminate_saga(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__TerminateSagaRequest *request = (const void *)message;
    struct act_call *self = act_call_create(call, request->saga, INPUT_TERMINATE, reply);

    if (!self)
        return;
    self->act.input.terminate = request;
    act_call_submit(self, check(request));
}
