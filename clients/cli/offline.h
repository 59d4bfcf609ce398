/* What the commands on a data directory that nobody serves have in common: --data, --max-errors,
 * progress, findings and a summary. */
#ifndef CLIENTS_CLI_OFFLINE_H
#define CLIENTS_CLI_OFFLINE_H

#include "clients/cli/command.h"
#include "server/maintain.h"

/* The first member, `offline`, of such a command's settings. */
struct offline {
    const char *data;
    uint64_t errors_max;

    const char *command; /* offline_start's */
    int64_t started_us, drawn_us;
};

/* Rows for the end of such a command's options. */
#define OFFLINE_OPTIONS(settings_type)                                                             \
    {.name = "data",                                                                               \
     .value = "DIRECTORY",                                                                         \
     .kind = OPTION_TEXT,                                                                          \
     .offset = offsetof(settings_type, offline.data),                                              \
     .fallback = "./data",                                                                         \
     .environment = "SAGABASE_DATA",                                                               \
     .help = "Where the store is."},                                                               \
        {.name = "max-errors",                                                                     \
         .value = "COUNT",                                                                         \
         .kind = OPTION_NUMBER,                                                                    \
         .offset = offsetof(settings_type, offline.errors_max),                                    \
         .fallback = "100",                                                                        \
         .min = 0,                                                                                 \
         .max = 1000000,                                                                           \
         .help = "Print at most so many disagreements;\nall are counted."},                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* What the storage asks for; findings go to stdout, progress to stderr if it is a terminal. */
struct maintenance offline_start(struct offline *offline, const char *command);

/* One line of facts, and the exit code: EXIT_FAILED with disagreements or without success. */
int offline_end(struct offline *offline, struct status status, const struct store_facts *facts,
                const char *done);

#endif
