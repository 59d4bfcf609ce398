/* Where to begin: what --from and --since say. */
#ifndef CLIENTS_CLI_PLACE_H
#define CLIENTS_CLI_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "clients/c/sagabase.h"

struct place {
    enum { PLACE_UNTOLD, PLACE_NUMBER, PLACE_EDGE, PLACE_TIME } kind;
    uint64_t number;
    Sagabase__V1__Edge edge;
    int64_t time_us;
};

/* Both texts, of which one may be told: see below. INVALID_ARGUMENT names the option. */
struct status place_read(const char *from, const char *since, struct place *place);

/* NULL is PLACE_UNTOLD; else "start", "end" or a number. */
bool place_parse(const char *text, struct place *place);

#endif
