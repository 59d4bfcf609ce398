/* Events that the server writes about sagas, and commands in their queues, as JSON. */
#ifndef CLIENTS_CLI_SAGA_EVENT_H
#define CLIENTS_CLI_SAGA_EVENT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "clients/c/sagabase.h"

/* Puts what the event's data say, on one line. False, and nothing put: they are nothing of the
 * kind, by their content type. */
bool saga_event_put_json(struct buffer *out, const Sagabase__V1__RecordedEvent *event);

/* What a SagaEvent is: the message of its case; NULL: a case that this program does not know. */
const ProtobufCMessage *saga_event_case(const Sagabase__V1__SagaEvent *event);

#endif
