/* A unary call that answers a command: read by its method, decided by the gateway (pending.h). */
#ifndef SERVER_SERVICES_SAGAS_REPLY_CALL_H
#define SERVER_SERVICES_SAGAS_REPLY_CALL_H

#include "sagabase/v1/participant.pb-c.h"
#include "server/rpc/call.h"

/* Sees to the call's end. `message` and what it points to live as long as the call.
 * `reply` answers with an ack that is ACCEPTED, DUPLICATE, SUPERSEDED or UNKNOWN_COMMAND; all else
 * fails the call. */
void reply_call(struct call *call, const Sagabase__V1__Reply *message,
                void (*reply)(struct call *call, Sagabase__V1__ReplyAck *ack));

#endif
