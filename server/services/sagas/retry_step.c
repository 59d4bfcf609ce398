/* Sagas.RetryStep: issues a step's command again. (act_call.h) */
#include "sagabase/v1/sagas.pb-c.h"
#include "server/services/sagas/act_call.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"

static struct status check(const Sagabase__V1__RetryStepRequest *request)
{
    TRY(field_step(request->step));
    TRY(field_reason(request->reason, false));
    return field_principal(request->principal);
}

static void reply(struct call *call, const struct saga_act *act)
{
    Sagabase__V1__RetryStepResponse response = SAGABASE__V1__RETRY_STEP_RESPONSE__INIT;

    response.status = act->status;
    call_reply(call, &response.base);
}

void retry_step(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__RetryStepRequest *request = (const void *)message;
    struct act_call *self = act_call_create(call, request->saga, INPUT_RETRY_STEP, reply);

    if (!self)
        return;
    self->act.input.retry = request;
    act_call_submit(self, check(request));
}
