/* Sagas.ResumeSaga: ends a pause. (act_call.h) */
#include "sagabase/v1/sagas.pb-c.h"
#include "server/services/sagas/act_call.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"

static struct status check(const Sagabase__V1__ResumeSagaRequest *request)
{
    return field_principal(request->principal);
}

static void reply(struct call *call, const struct saga_act *act)
{
    Sagabase__V1__ResumeSagaResponse response = SAGABASE__V1__RESUME_SAGA_RESPONSE__INIT;

    (void)act;
    call_reply(call, &response.base);
}

void resume_saga(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__ResumeSagaRequest *request = (const void *)message;
    struct act_call *self = act_call_create(call, request->saga, INPUT_RESUME, reply);

    if (!self)
        return;
    self->act.input.resume = request;
    act_call_submit(self, check(request));
}
