#include "clients/cli/saga_status.h"

#include <string.h>

#include "clients/cli/message_json.h"

static bool read(const char *text, Sagabase__V1__SagaStatus *status)
{
    const ProtobufCEnumDescriptor *type = &sagabase__v1__saga_status__descriptor;

    for (unsigned i = 0; i < type->n_values; i++) {
        char words[MESSAGE_WORDS_BYTES];
        int value = type->values[i].value;

        message_enum_words(type, value, "SAGA_STATUS_", words);
        if (value != 0 && strcmp(words, text) == 0) {
            *status = (Sagabase__V1__SagaStatus)value;
            return true;
        }
    }
    return false;
}

struct status saga_statuses_read(const struct texts *texts, struct saga_statuses *statuses)
{
    statuses->count = 0;
    if (texts->count > SAGA_STATUSES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "--status: at most %d times",
                           SAGA_STATUSES_MAX);
    for (size_t i = 0; i < texts->count; i++)
        if (!read(texts->at[i], &statuses->at[statuses->count++]))
            return status_make(STATUS_INVALID_ARGUMENT,
                               "--status: running, compensating, parked, completed, compensated "
                               "or terminated, not \"%s\"",
                               texts->at[i]);
    return OK;
}
