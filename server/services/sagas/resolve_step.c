/* Sagas.ResolveStep: answers in the participant's place. (act_call.h) */
#include "sagabase/v1/sagas.pb-c.h"
#include "server/services/sagas/act_call.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"

static struct status check(const Sagabase__V1__ResolveStepRequest *request)
{
    TRY(field_step(request->step));
    if (request->outcome != SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS &&
        request->outcome != SAGABASE__V1__OUTCOME__OUTCOME_FAILURE)
        return status_make(STATUS_INVALID_ARGUMENT,
                           "outcome: %d is not OUTCOME_SUCCESS or OUTCOME_FAILURE",
                           (int)request->outcome);
    if (request->output && request->outcome != SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS)
        return status_make(STATUS_INVALID_ARGUMENT, "output: only with OUTCOME_SUCCESS");
    TRY(field_payload("output", request->output));
    TRY(field_reason(request->reason, true));
    return field_principal(request->principal);
}

static void reply(struct call *call, const struct saga_act *act)
{
    Sagabase__V1__ResolveStepResponse response = SAGABASE__V1__RESOLVE_STEP_RESPONSE__INIT;

    response.status = act->status;
    call_reply(call, &response.base);
}

void resolve_step(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__ResolveStepRequest *request = (const void *)message;
    struct act_call *self = act_call_create(call, request->saga, INPUT_RESOLVE_STEP, reply);

    if (!self)
        return;
    self->act.input.resolve = request;
    act_call_submit(self, check(request));
}
