/* SagaDefinitions.ValidateDefinition: all that is wrong with a definition. */
#include "sagabase/v1/saga_definition.pb-c.h"
#include "server/sagas/definition.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"

static struct status list_problems(const Sagabase__V1__SagaDefinition *definition,
                                   struct arena *arena,
                                   Sagabase__V1__ValidateDefinitionResponse *response)
{
    const struct definition_problem *problems = NULL;
    size_t count = 0;

    TRY(definition_validate(definition, arena, &problems, &count));
    Sagabase__V1__DefinitionProblem *answers = arena_alloc(arena, count * sizeof *answers);
    response->problems = arena_alloc(arena, count * sizeof *response->problems);
    if (count > 0 && (!answers || !response->problems))
        return request_too_large();
    for (size_t i = 0; i < count; i++) {
        sagabase__v1__definition_problem__init(&answers[i]);
        answers[i].path = (char *)problems[i].path;
        answers[i].message = (char *)problems[i].message;
        response->problems[i] = &answers[i];
    }
    response->n_problems = count;
    return OK;
}

void validate_definition(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__ValidateDefinitionRequest *request = (const void *)message;
    Sagabase__V1__ValidateDefinitionResponse response =
        SAGABASE__V1__VALIDATE_DEFINITION_RESPONSE__INIT;

    if (!request->definition)
        return call_fail(call, status_make(STATUS_INVALID_ARGUMENT, "definition: required"));
    struct status status = list_problems(request->definition, call_arena(call), &response);
    if (!status_ok(status))
        return call_fail(call, status);
    call_reply(call, &response.base);
}
