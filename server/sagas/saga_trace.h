/* What a trace shows of a saga: a span for its run, below the call that started it, and below that
 * one for each attempt of a command.
 *
 *   the starter's span -- saga order ------------------------------------
 *                           |-- step pay ------ (attempt 1)
 *                           |     '-- the participant's spans
 *                           '-- step ship ----- ...
 *
 * Ids follow from the saga's number (command_id.h), so they can be handed on before the spans are
 * over, and a server that has restarted since knows them. A saga is traced if it was started within
 * a trace that the tracer samples; of any other, what its starter gave is handed on. */
#ifndef SERVER_SAGAS_SAGA_TRACE_H
#define SERVER_SAGAS_SAGA_TRACE_H

#include "server/sagas/gateway_state.h"

/* Of the newest attempt. Any thread that may look at the saga. */
struct attempt_trace saga_trace_attempt(const struct gateway *gateway, const struct saga *saga,
                                        uint32_t activity);

/* The same as text, with a NUL behind it; the saga's own, or empty, where the attempt has no span.
 */
struct bytes saga_trace_text(const struct gateway *gateway, const struct saga *saga,
                             uint32_t activity, uint8_t text[TRACEPARENT_BYTES + 1]);

/* @thread writer, once it is durable: `event` has ended the attempt of a command that was out, if
 * there was one. */
void saga_trace_attempt_end(struct gateway *gateway, const struct uuid *command_id,
                            const struct saga *saga, const Sagabase__V1__SagaEvent *event);

/* The same: the saga has ended. */
void saga_trace_end(struct gateway *gateway, const struct saga *saga);

#endif
