#include "server/services/sagas/fields.h"

#include "server/sagas/limits.h"
#include "storage/log/limits.h"

struct status field_text(const char *field, const char *text, size_t bytes_min, size_t bytes_max)
{
    size_t size = strlen(text);

    if (size >= bytes_min && size <= bytes_max)
        return OK;
    if (bytes_min == 0)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: at most %zu bytes", field, bytes_max);
    return status_make(STATUS_INVALID_ARGUMENT, "%s: %zu to %zu bytes", field, bytes_min,
                       bytes_max);
}

struct status field_reason(const char *reason, bool is_required)
{
    return field_text("reason", reason, is_required ? 1 : 0, REASON_BYTES_MAX);
}

struct status field_principal(const char *principal)
{
    return field_text("principal", principal, 0, PRINCIPAL_BYTES_MAX);
}

struct status field_step(const char *step)
{
    return field_text("step", step, 1, STEP_BYTES_MAX);
}

struct status field_uuid(const char *field, const char *text, struct uuid *id)
{
    if (uuid_parse(bytes_of_text(text), id))
        return OK;
    return status_make(STATUS_INVALID_ARGUMENT,
                       "%s: not a UUID in its text form (36 characters, not nil)", field);
}

struct status field_payload(const char *field, const Sagabase__V1__Payload *payload)
{
    if (payload && payload->data.len > SAGA_PAYLOAD_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%s.data: at most %d bytes", field,
                           SAGA_PAYLOAD_BYTES_MAX);
    if (payload && strlen(payload->content_type) > CONTENT_TYPE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%s.content_type: at most %d bytes", field,
                           CONTENT_TYPE_BYTES_MAX);
    return OK;
}

struct status field_saga(const Sagabase__V1__SagaName *saga, struct bytes *type, struct bytes *id)
{
    if (!saga)
        return status_make(STATUS_INVALID_ARGUMENT, "saga: required");
    TRY(field_text("saga.type", saga->type, 1, SAGA_TYPE_BYTES_MAX));
    TRY(field_text("saga.id", saga->id, 1, SAGA_ID_BYTES_MAX));
    *type = bytes_of_text(saga->type);
    *id = bytes_of_text(saga->id);
    return OK;
}

struct status request_too_large(void)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED,
                       "request: takes more memory than one call may use");
}
