/* Attributes of sagas, as NAME=VALUE on the command line. */
#ifndef CLIENTS_CLI_ATTRIBUTES_H
#define CLIENTS_CLI_ATTRIBUTES_H

#include "base/arena.h"
#include "base/status.h"
#include "clients/c/sagabase.h"
#include "clients/cli/option.h"

enum { ATTRIBUTE_NAME_BYTES_MAX = 128 };

/* Points into itself: not to be copied. */
struct attributes {
    Sagabase__V1__Attribute *pointers[OPTION_TEXTS_MAX];
    Sagabase__V1__Attribute elements[OPTION_TEXTS_MAX];
    char names[OPTION_TEXTS_MAX][ATTRIBUTE_NAME_BYTES_MAX + 1];
    size_t count;
};

/* Values are borrowed from the texts. INVALID_ARGUMENT: "--attribute: ...". */
struct status attributes_read(const struct texts *texts, struct attributes *attributes);

#endif
