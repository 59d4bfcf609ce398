/* What every command that talks to a server has: its options, and how failures are told. */
#ifndef CLIENTS_CLI_CONNECTION_H
#define CLIENTS_CLI_CONNECTION_H

#include "clients/c/sagabase.h"
#include "clients/cli/command.h"

/* The first member, `connection`, of such a command's settings. */
struct connection {
    const char *server;
    int64_t timeout_ms;
    bool json;

    struct sagabase_client *client; /* connection_open's */
};

/* Rows for the end of such a command's options. */
#define CONNECTION_OPTIONS(settings_type, timeout_s, json_help)                                    \
    {.name = "json",                                                                               \
     .kind = OPTION_FLAG,                                                                          \
     .offset = offsetof(settings_type, connection.json),                                           \
     .help = json_help},                                                                           \
        {.name = "server",                                                                         \
         .value = "HOST:PORT",                                                                     \
         .kind = OPTION_ADDRESS,                                                                   \
         .offset = offsetof(settings_type, connection.server),                                     \
         .fallback = "127.0.0.1:2113",                                                             \
         .environment = "SAGABASE_SERVER",                                                         \
         .help = "The server to talk to."},                                                        \
        {.name = "timeout",                                                                        \
         .value = "SECONDS",                                                                       \
         .kind = OPTION_SECONDS,                                                                   \
         .offset = offsetof(settings_type, connection.timeout_ms),                                 \
         .fallback = timeout_s,                                                                    \
         .help = "Give up after so long; 0: never."},                                              \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* Prepares the client; tells if that fails. Close it with connection_close. */
bool connection_open(struct connection *connection, const char *command);
void connection_close(struct connection *connection);

/* The time a call may take, and retries while the server is away. */
struct sagabase_options connection_call(const struct connection *connection);

/* Tells on stderr, in one line, why a call of `command` about `subject` (NULL: none) failed, and
 * what to do where that is known. Returns EXIT_FAILED. */
int connection_failed(const struct connection *connection, const char *command, const char *subject,
                      const struct sagabase_status *status);

/* "sagabase: COMMAND: SUBJECT: ..." on stderr; returns EXIT_FAILED. */
int failed(const char *command, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a command line that is wrong, with a pointer to the help; returns EXIT_USAGE. */
int misused(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
