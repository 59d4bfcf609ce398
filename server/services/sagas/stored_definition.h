/* A registered definition in the words of the API. */
#ifndef SERVER_SERVICES_SAGAS_STORED_DEFINITION_H
#define SERVER_SERVICES_SAGAS_STORED_DEFINITION_H

#include "sagabase/v1/saga_definition.pb-c.h"
#include "server/sagas/definition.h"

/* Initialises the message; it borrows from the definition. */
void stored_definition_answer(const struct definition *definition, bool is_default,
                              Sagabase__V1__StoredDefinition *answer);

#endif
