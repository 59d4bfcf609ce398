/* Sagas.PauseSaga: holds what would be issued. (act_call.h) */
#include "sagabase/v1/sagas.pb-c.h"
#include "server/services/sagas/act_call.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"

static struct status check(const Sagabase__V1__PauseSagaRequest *request)
{
    TRY(field_reason(request->reason, false));
    return field_principal(request->principal);
}

static void reply(struct call *call, const struct saga_act *act)
{
    Sagabase__V1__PauseSagaResponse response = SAGABASE__V1__PAUSE_SAGA_RESPONSE__INIT;

    (void)act;
    call_reply(call, &response.base);
}

void pause_saga(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__PauseSagaRequest *request = (const void *)message;
    struct act_call *self = act_call_create(call, request->saga, INPUT_PAUSE, reply);

    if (!self)
        return;
    self->act.input.pause = request;
    act_call_submit(self, check(request));
}
