/* Reducers.DeleteReducer: an event (registry_call.h). */
#include "server/reducers/limits.h"
#include "server/reducers/reducers.h"
#include "server/services/reducers/delete_registered.h"
#include "server/services/reducers/methods.h"
#include "server/services/services.h"

static void reply(struct call *call, const struct registry_change *change)
{
    Sagabase__V1__DeleteReducerResponse response = SAGABASE__V1__DELETE_REDUCER_RESPONSE__INIT;

    response.deleted = change->existed;
    call_reply(call, &response.base);
}

void delete_reducer(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__DeleteReducerRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    size_t size = strlen(request->category);

    if (size == 0 || size > CATEGORY_BYTES_MAX)
        return call_fail(call, status_make(STATUS_INVALID_ARGUMENT, "category: 1 to %d bytes",
                                           CATEGORY_BYTES_MAX));
    delete_registered(call, reducers_registry(services->reducers), request->category, reply);
}
