#include "clients/cli/connection.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/terminal.h"

enum { RETRIES = 2 };

static void tell(const char *command, const char *subject, const char *format, va_list arguments)
{
    fprintf(stderr, "%ssagabase:%s %s: ", terminal_red(stderr), terminal_plain(stderr), command);
    if (subject && *subject)
        fprintf(stderr, "%s: ", subject);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

int failed(const char *command, const char *subject, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    tell(command, subject, format, arguments);
    va_end(arguments);
    return EXIT_FAILED;
}

int misused(const char *command, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    tell(command, NULL, format, arguments);
    va_end(arguments);
    fprintf(stderr, "Try: sagabase help %s\n", command);
    return EXIT_USAGE;
}

bool connection_open(struct connection *connection, const char *command)
{
    /* gRPC's own log would tell failures a second time. */
    setenv("GRPC_VERBOSITY", "NONE", 0);
    struct sagabase_status status = sagabase_open(connection->server, &connection->client);

    if (status.code != SAGABASE_OK)
        failed(command, NULL, "--server: %s", status.message);
    return status.code == SAGABASE_OK;
}

void connection_close(struct connection *connection)
{
    sagabase_close(connection->client);
    connection->client = NULL;
}

struct sagabase_options connection_call(const struct connection *connection)
{
    return (struct sagabase_options){.timeout_ms = connection->timeout_ms, .retries = RETRIES};
}

enum { STATE_TEXT_BYTES = 64 };

static const char *state_text(const struct sagabase_stream_state *state,
                              char text[STATE_TEXT_BYTES])
{
    switch (state->state) {
    case SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM:
        return "no stream";
    case SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS:
        return "an existing stream";
    default:
        snprintf(text, STATE_TEXT_BYTES, "revision %" PRIu64, state->revision);
        return text;
    }
}

static int tell_conflict(const char *command, const struct sagabase_conflict *conflict)
{
    char expected[STATE_TEXT_BYTES], actual[STATE_TEXT_BYTES];
    bool missing = conflict->actual.state == SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM;

    snprintf(actual, sizeof actual, "it is at %" PRIu64, conflict->actual.revision);
    return failed(
        command, conflict->stream, "expected %s, but %s: read the stream again, then decide again",
        state_text(&conflict->expected, expected), missing ? "it does not exist" : actual);
}

/* "order-17: no such stream" names order-17. */
static bool names(const char *message, const char *subject)
{
    size_t size = strlen(subject);

    return strncmp(message, subject, size) == 0 && message[size] == ':';
}

int connection_failed(const struct connection *connection, const char *command, const char *subject,
                      const struct sagabase_status *status)
{
    if (status->code == SAGABASE_ABORTED && status->conflict.stream[0])
        return tell_conflict(command, &status->conflict);
    if (status->code == SAGABASE_ABORTED && status->condition_failed)
        return failed(command, subject,
                      "an event that matches --fail-if is at position %" PRIu64
                      ": read again, then decide again",
                      status->condition_position);
    if (status->code == SAGABASE_UNAVAILABLE)
        return failed(command, subject,
                      "cannot reach the server at %s (%s): start one with \"sagabase serve\", or "
                      "name another with --server",
                      connection->server, status->message);
    if (status->code == SAGABASE_DEADLINE_EXCEEDED)
        return failed(command, subject,
                      "no answer from %s within %.3g s: give it longer with --timeout",
                      connection->server, (double)connection->timeout_ms / 1000);
    if (status->code == SAGABASE_UNIMPLEMENTED)
        return failed(
            command, subject,
            "the server at %s does not know this call (%s): it is older than this command, "
            "see \"sagabase info\"",
            connection->server, status->message);
    if (!status->message[0])
        return failed(command, subject, "%s", sagabase_code_name(status->code));
    if (subject && names(status->message, subject))
        subject = NULL; /* not twice */
    return failed(command, subject, "%s", status->message);
}
