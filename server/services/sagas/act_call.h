/* A unary call that does something to a saga by its name: read and answered by its method,
 * decided by the gateway (pending.h). */
#ifndef SERVER_SERVICES_SAGAS_ACT_CALL_H
#define SERVER_SERVICES_SAGAS_ACT_CALL_H

#include "sagabase/v1/sagas.pb-c.h"
#include "server/sagas/gateway.h"
#include "server/services/sagas/pending.h"

struct act_call {
    struct pending pending;
    struct gateway *gateway;
    struct saga_act act; /* the method sets what belongs to input.kind */

    /* Answers an act that was done. */
    void (*reply)(struct call *call, const struct saga_act *act);
};

/* In the call's arena. NULL: the call was failed, because of the saga's name or for lack of
 * memory. */
struct act_call *act_call_create(struct call *call, const Sagabase__V1__SagaName *saga,
                                 enum saga_input_kind kind,
                                 void (*reply)(struct call *call, const struct saga_act *act));

/* Submits if the request is in order, and sees to the call's end. */
void act_call_submit(struct act_call *self, struct status request);

#endif
