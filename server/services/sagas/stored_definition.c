#include "server/services/sagas/stored_definition.h"

void stored_definition_answer(const struct definition *definition, bool is_default,
                              Sagabase__V1__StoredDefinition *answer)
{
    sagabase__v1__stored_definition__init(answer);
    answer->definition = (Sagabase__V1__SagaDefinition *)definition->source;
    answer->version = definition->version;
    answer->hash.data = (uint8_t *)definition->hash;
    answer->hash.len = sizeof definition->hash;
    answer->is_default = is_default;
    answer->created_us = definition->created_us;
}
