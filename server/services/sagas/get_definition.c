/* SagaDefinitions.GetDefinition: one version of a saga type. */
#include "sagabase/v1/saga_definition.pb-c.h"
#include "server/sagas/gateway.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"
#include "server/services/sagas/stored_definition.h"
#include "server/services/services.h"

void get_definition(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__GetDefinitionRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    Sagabase__V1__GetDefinitionResponse response = SAGABASE__V1__GET_DEFINITION_RESPONSE__INIT;
    Sagabase__V1__StoredDefinition stored;
    struct definition *definition = NULL;
    bool is_default = false;
    struct status status = field_text("type", request->type, 1, SAGA_TYPE_BYTES_MAX);

    if (status_ok(status))
        status = gateway_get_definition(services->gateway, bytes_of_text(request->type),
                                        request->version, &definition, &is_default);
    if (!status_ok(status))
        return call_fail(call, status);
    stored_definition_answer(definition, is_default, &stored);
    response.definition = &stored;
    call_reply(call, &response.base);
    definition_release(definition);
}
