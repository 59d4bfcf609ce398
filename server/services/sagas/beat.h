/* A sign of life of a participant, on its stream or in a call of its own. */
#ifndef SERVER_SERVICES_SAGAS_BEAT_H
#define SERVER_SERVICES_SAGAS_BEAT_H

#include "base/status.h"
#include "sagabase/v1/participant.pb-c.h"
#include "server/sagas/dispatch.h"

/* INVALID_ARGUMENT names the field. Initialises the ack, which borrows from the message. */
struct status beat(struct dispatch *dispatch, const Sagabase__V1__CommandHeartbeat *message,
                   Sagabase__V1__CommandHeartbeatAck *ack);

#endif
