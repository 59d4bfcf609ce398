/* A saga's events as events of the log: its own stream, and one for each queue. @thread writer */
#ifndef SERVER_SAGAS_SAGA_EVENTS_H
#define SERVER_SAGAS_SAGA_EVENTS_H

#include "server/sagas/gateway_state.h"

/* Appends all that was decided, and the commands that can be handed out: in one record, or in
 * several of this commit if it would be too large. Sets the saga's positions; that of the last
 * event. */
uint64_t saga_events_append(struct gateway *gateway, struct commit *commit, struct saga *saga,
                            const struct saga_decision *decision);

/* The command was not issued again or ended since, by the same decision. */
bool saga_is_issued_last(const struct saga *saga, const Sagabase__V1__CommandIssued *issued);

#endif
