/* sagabase.v1.SagaDefinitions: its methods. */
#include "sagabase/v1/saga_definition.pb-c.h"
#include "server/services/sagas/methods.h"
#include "server/services/sagas/tables.h"

#define PATH(method) "/sagabase.v1.SagaDefinitions/" method

const struct method saga_definitions_methods[] = {
    {PATH("PutDefinition"), &sagabase__v1__put_definition_request__descriptor, METHOD_UNARY,
     .armed = 0, put_definition},
    {PATH("ValidateDefinition"), &sagabase__v1__validate_definition_request__descriptor,
     METHOD_UNARY, .armed = 0, validate_definition},
    {PATH("GetDefinition"), &sagabase__v1__get_definition_request__descriptor, METHOD_UNARY,
     .armed = 0, get_definition},
    {PATH("ListDefinitions"), &sagabase__v1__list_definitions_request__descriptor, METHOD_UNARY,
     .armed = 0, list_definitions},
    {PATH("SetDefaultVersion"), &sagabase__v1__set_default_version_request__descriptor,
     METHOD_UNARY, .armed = 0, set_default_version},
    {0},
};
