/* Reducers.PutUpcaster: as PutReducer. */
#include "server/reducers/limits.h"
#include "server/reducers/reducers.h"
#include "server/reducers/script.h"
#include "server/services/reducers/methods.h"
#include "server/services/reducers/registry_call.h"
#include "server/services/services.h"
#include "storage/log/limits.h"

static void reply(struct call *call, const struct registry_change *change)
{
    Sagabase__V1__PutUpcasterResponse response = SAGABASE__V1__PUT_UPCASTER_RESPONSE__INIT;
    char hash[HASH_TEXT_BYTES + 1];

    registry_hash_text(change->hash, hash);
    response.hash = hash;
    call_reply(call, &response.base);
}

static struct status check(const Sagabase__V1__Upcaster *upcaster)
{
    struct script *script;

    if (!upcaster)
        return status_make(STATUS_INVALID_ARGUMENT, "upcaster: required");
    struct bytes type = bytes_of_text(upcaster->event_type);
    struct bytes source = bytes_of_text(upcaster->source);
    if (type.size == 0 || type.size > EVENT_TYPE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "upcaster.event_type: 1 to %d bytes",
                           EVENT_TYPE_BYTES_MAX);
    if (source.size == 0 || source.size > SCRIPT_SOURCE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "upcaster.source: 1 to %d bytes",
                           SCRIPT_SOURCE_BYTES_MAX);
    struct status status = script_create(SCRIPT_UPCASTER, source, &script);
    if (status.code == STATUS_FAILED_PRECONDITION)
        return status_make(STATUS_INVALID_ARGUMENT, "upcaster.source: %s", status.message);
    if (status_ok(status))
        script_free(script);
    return status;
}

void put_upcaster(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__PutUpcasterRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    struct status status = check(request->upcaster);

    if (!status_ok(status))
        return call_fail(call, status);
    struct registry_call *self = registry_call_begin(call, reply);
    if (self)
        registry_call_submitted(self, registry_put_upcaster(reducers_upcasters(services->reducers),
                                                            request->upcaster, &self->change,
                                                            call_arena(call)));
}
