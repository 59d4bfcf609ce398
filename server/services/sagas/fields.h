/* Fields that many requests share. INVALID_ARGUMENT names the field and its rule. */
#ifndef SERVER_SERVICES_SAGAS_FIELDS_H
#define SERVER_SERVICES_SAGAS_FIELDS_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/uuid.h"
#include "sagabase/v1/sagas.pb-c.h"

enum {
    REASON_BYTES_MAX = 1024,
    PRINCIPAL_BYTES_MAX = 128,
    STEP_BYTES_MAX = 64,
    PARTICIPANT_BYTES_MAX = 128,
};

struct status field_text(const char *field, const char *text, size_t bytes_min, size_t bytes_max);

/* Of the operators' requests. */
struct status field_reason(const char *reason, bool is_required);
struct status field_principal(const char *principal);
struct status field_step(const char *step);

struct status field_uuid(const char *field, const char *text, struct uuid *id);

/* At most 64 KiB with a content type that fits; NULL is none. */
struct status field_payload(const char *field, const Sagabase__V1__Payload *payload);

/* Of a request for one saga; they borrow from it. */
struct status field_saga(const Sagabase__V1__SagaName *saga, struct bytes *type, struct bytes *id);

struct status request_too_large(void);

#endif
