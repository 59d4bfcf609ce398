/* A participant's answer, between the words of the API and those of the gateway. */
#ifndef SERVER_SERVICES_SAGAS_REPLY_ACK_H
#define SERVER_SERVICES_SAGAS_REPLY_ACK_H

#include "base/arena.h"
#include "base/status.h"
#include "sagabase/v1/participant.pb-c.h"
#include "server/sagas/gateway.h"
#include "server/services/trace_entries.h"

/* Sets reply->reply and, with `append`, reply->append; both borrow from the message, and the
 * rest is in `arena`. INVALID_ARGUMENT names the field. Events get the trace that the reply tells,
 * else that of its call, `own` (NULL: it has none), else that of the attempt. */
struct status reply_read(struct gateway *gateway, const Sagabase__V1__Reply *message,
                         const struct trace_entries *own, struct arena *arena,
                         struct append *append, struct saga_reply *reply);

/* Initialises the ack of a reply that has settled; its parts are in `arena`. */
struct status reply_ack_answer(const struct saga_reply *reply, struct arena *arena,
                               Sagabase__V1__ReplyAck *ack);

/* Initialises the ack of a reply that was not decided: INVALID, or UNAVAILABLE. It borrows from
 * both. */
void reply_ack_refuse(const Sagabase__V1__Reply *message, const struct status *status,
                      Sagabase__V1__ReplyAck *ack);

#endif
