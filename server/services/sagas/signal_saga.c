/* Sagas.SignalSaga: a fact or a decision from outside. (act_call.h) */
#include "sagabase/v1/sagas.pb-c.h"
#include "server/services/sagas/act_call.h"
#include "server/services/sagas/methods.h"

static struct status check(const Sagabase__V1__SignalSagaRequest *request)
{
    if (!request->signal)
        return status_make(STATUS_INVALID_ARGUMENT, "signal: required");
    return saga_check_signal(request->signal, "signal");
}

static void reply(struct call *call, const struct saga_act *act)
{
    Sagabase__V1__SignalSagaResponse response = SAGABASE__V1__SIGNAL_SAGA_RESPONSE__INIT;

    response.duplicate = act->duplicate;
    call_reply(call, &response.base);
}

void signal_saga(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__SignalSagaRequest *request = (const void *)message;
    struct act_call *self = act_call_create(call, request->saga, INPUT_SIGNAL, reply);

    if (!self)
        return;
    self->act.input.signal = request->signal;
    act_call_submit(self, check(request));
}
