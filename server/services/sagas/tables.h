/* The API of sagas: one table of methods for each service, working on struct services. */
#ifndef SERVER_SERVICES_SAGAS_TABLES_H
#define SERVER_SERVICES_SAGAS_TABLES_H

#include "server/rpc/call.h"

extern const struct method saga_definitions_methods[]; /* sagabase.v1.SagaDefinitions */
extern const struct method sagas_methods[];            /* sagabase.v1.Sagas */
extern const struct method participant_methods[];      /* sagabase.v1.Participant */

#endif
