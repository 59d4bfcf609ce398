/* Reducers.DeleteUpcaster: an event (registry_call.h). */
#include "server/reducers/reducers.h"
#include "server/services/reducers/delete_registered.h"
#include "server/services/reducers/methods.h"
#include "server/services/services.h"
#include "storage/log/limits.h"

static void reply(struct call *call, const struct registry_change *change)
{
    Sagabase__V1__DeleteUpcasterResponse response = SAGABASE__V1__DELETE_UPCASTER_RESPONSE__INIT;

    response.deleted = change->existed;
    call_reply(call, &response.base);
}

void delete_upcaster(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__DeleteUpcasterRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    size_t size = strlen(request->event_type);

    if (size == 0 || size > EVENT_TYPE_BYTES_MAX)
        return call_fail(call, status_make(STATUS_INVALID_ARGUMENT, "event_type: 1 to %d bytes",
                                           EVENT_TYPE_BYTES_MAX));
    delete_registered(call, reducers_upcasters(services->reducers), request->event_type, reply);
}
