/* The state that a stream must be in: what --expect says. */
#ifndef CLIENTS_CLI_EXPECTED_H
#define CLIENTS_CLI_EXPECTED_H

#include <stdbool.h>

#include "base/status.h"
#include "clients/c/sagabase.h"

enum expected_choice {
    EXPECTED_ANYTHING, /* any, none, exists or a revision */
    EXPECTED_A_STREAM, /* the same without none */
};

/* `state` is UNSPECIFIED where a revision is meant. NULL: the option was not given.
 * INVALID_ARGUMENT names the option and its rule. */
struct status expected_read(const char *text, enum expected_choice choice,
                            struct sagabase_stream_state *expected);

#endif
