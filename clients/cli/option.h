/* Options of a command: one table drives parsing and --help. */
#ifndef CLIENTS_CLI_OPTION_H
#define CLIENTS_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

enum { OPTION_TEXTS_MAX = 64 };

/* What an option that may be repeated collects. */
struct texts {
    const char *at[OPTION_TEXTS_MAX]; /* borrowed from argv */
    size_t count;
};

enum option_kind {
    OPTION_FLAG,     /* bool, without a value */
    OPTION_TEXT,     /* const char *, borrowed from argv or the environment */
    OPTION_TEXTS,    /* struct texts: may be repeated */
    OPTION_NUMBER,   /* uint64_t within min..max */
    OPTION_ADDRESS,  /* const char *, "host:port" or "unix:path" */
    OPTION_SECONDS,  /* int64_t milliseconds; written as seconds, "2.5" */
    OPTION_DURATION, /* int64_t microseconds; written with a unit, "30d" */
};

struct option {
    const char *name;  /* without the dashes; NULL ends a table */
    const char *value; /* stands for its value in the help; NULL for a flag */
    enum option_kind kind;
    size_t offset; /* of its member in the command's settings */

    const char *fallback;    /* as a user would write it; NULL: the member stays zero */
    const char *environment; /* a variable that is asked before the fallback; NULL: none */
    uint64_t min, max;       /* of OPTION_NUMBER */

    const char *help; /* what it does; lines are broken by \n, at most 50 columns */
};

/* Sets members to what the environment or the fallbacks say, then to what argv says.
 * Everything that is not an option is moved to the front of argv, in order, and counted; "--" ends
 * the options, "-" is an argument. INVALID_ARGUMENT: names the option and its rule, and suggests
 * the nearest name for an unknown one. */
struct status options_parse(const struct option *options, int argc, char **argv, void *settings,
                            int *argument_count);

/* The two columns of --help. */
void options_print(const struct option *options, FILE *out);

#endif
