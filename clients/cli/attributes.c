#include "clients/cli/attributes.h"

#include <stdio.h>
#include <string.h>

struct status attributes_read(const struct texts *texts, struct attributes *attributes)
{
    attributes->count = 0;
    for (size_t i = 0; i < texts->count; i++) {
        const char *text = texts->at[i];
        const char *equals = strchr(text, '=');
        size_t size = equals ? (size_t)(equals - text) : 0;

        if (size == 0)
            return status_make(STATUS_INVALID_ARGUMENT, "--attribute: NAME=VALUE, not \"%s\"",
                               text);
        if (size > ATTRIBUTE_NAME_BYTES_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "--attribute: a name has at most %d bytes",
                               ATTRIBUTE_NAME_BYTES_MAX);
        snprintf(attributes->names[i], sizeof attributes->names[i], "%.*s", (int)size, text);
        sagabase__v1__attribute__init(&attributes->elements[i]);
        attributes->elements[i].name = attributes->names[i];
        attributes->elements[i].value = (char *)equals + 1;
        attributes->pointers[i] = &attributes->elements[i];
        attributes->count++;
    }
    return OK;
}
