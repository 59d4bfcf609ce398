/* sagabase log-level: what a running server writes to its log. */
#include <stdio.h>
#include <string.h>

#include "clients/cli/connection.h"

struct log_level_change {
    struct connection connection;
};

static const struct option options[] = {
    CONNECTION_OPTIONS(struct log_level_change, "30", "Print one JSON object."),
};

static const char *const names[] = {NULL, "error", "warn", "info", "debug"};

enum { NAMES = sizeof names / sizeof *names };

static Sagabase__V1__LogLevel level_of(const char *name)
{
    for (int level = 1; level < NAMES; level++)
        if (strcmp(names[level], name) == 0)
            return (Sagabase__V1__LogLevel)level;
    return SAGABASE__V1__LOG_LEVEL__LOG_LEVEL_UNSPECIFIED;
}

static void print(const struct log_level_change *self, int before, int now)
{
    const char *known = before > 0 && before < NAMES ? names[before] : "unknown";

    printf(self->connection.json ? "{\"before\":\"%s\",\"now\":\"%s\"}\n" : "%s -> %s\n", known,
           names[now]);
}

static int run(void *settings, char **arguments)
{
    struct log_level_change *self = settings;
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__SetLogLevelRequest request = SAGABASE__V1__SET_LOG_LEVEL_REQUEST__INIT;
    Sagabase__V1__SetLogLevelResponse *response;
    int code = EXIT_DONE;

    request.level = level_of(arguments[0]);
    if (request.level == SAGABASE__V1__LOG_LEVEL__LOG_LEVEL_UNSPECIFIED)
        return misused("log-level", "error, warn, info or debug, not \"%s\"", arguments[0]);
    if (!connection_open(&self->connection, "log-level"))
        return EXIT_FAILED;
    struct sagabase_status status =
        sagabase_set_log_level(self->connection.client, &request, &call, &response);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, "log-level", NULL, &status);
    } else {
        print(self, (int)response->previous, (int)request.level);
        sagabase__v1__set_log_level_response__free_unpacked(response, NULL);
    }
    connection_close(&self->connection);
    return code;
}

const struct command log_level_command = {
    .name = "log-level",
    .arguments = "LEVEL",
    .summary = "Change what a server writes to its log",
    .about = "Sets the level of a running server's log to error, warn, info or debug, until it is\n"
             "set again or the server ends. At debug, gRPC's own log is in it, too.\n",
    .examples = "  sagabase log-level debug\n"
                "  sagabase log-level info\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct log_level_change),
    .run = run,
};
