/* Where to begin: what --from says. */
#ifndef CLIENTS_CLI_PLACE_H
#define CLIENTS_CLI_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "clients/c/sagabase.h"

struct place {
    enum { PLACE_UNTOLD, PLACE_NUMBER, PLACE_EDGE } kind;
    uint64_t number;
    Sagabase__V1__Edge edge;
};

/* NULL is PLACE_UNTOLD; else "start", "end" or a number. */
bool place_parse(const char *text, struct place *place);

#endif
