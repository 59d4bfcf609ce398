/* Sagas.SkipStep: takes a step as done. (act_call.h) */
#include "sagabase/v1/sagas.pb-c.h"
#include "server/services/sagas/act_call.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"

static struct status check(const Sagabase__V1__SkipStepRequest *request)
{
    TRY(field_step(request->step));
    TRY(field_reason(request->reason, true));
    return field_principal(request->principal);
}

static void reply(struct call *call, const struct saga_act *act)
{
    Sagabase__V1__SkipStepResponse response = SAGABASE__V1__SKIP_STEP_RESPONSE__INIT;

    response.status = act->status;
    call_reply(call, &response.base);
}

void skip_step(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__SkipStepRequest *request = (const void *)message;
    struct act_call *self = act_call_create(call, request->saga, INPUT_SKIP_STEP, reply);

    if (!self)
        return;
    self->act.input.skip = request;
    act_call_submit(self, check(request));
}
