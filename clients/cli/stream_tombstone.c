/* sagabase stream tombstone: hides all events of a stream and ends it, for ever. */
#include "clients/cli/connection.h"
#include "clients/cli/expected.h"
#include "clients/cli/terminal.h"

struct stream_tombstone {
    struct connection connection;
    const char *expect;
    bool yes;
};

static const struct option options[] = {
    {.name = "expect",
     .value = "any|exists|N",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct stream_tombstone, expect),
     .help = "End the stream only if it has revision N as its\nnewest; any and exists: whatever is "
             "its newest.\nRequired."},
    {.name = "yes",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct stream_tombstone, yes),
     .help = "Do not ask. Required where there is no terminal to\nask on."},
    CONNECTION_OPTIONS(struct stream_tombstone, "30", "Print {} when it is done."),
};

/* EXIT_DONE: go on. */
static int ask(const char *stream)
{
    if (!terminal_is(stdin))
        return misused("stream tombstone",
                       "--yes: is required without a terminal, because a tombstone is for ever");
    fprintf(stderr, "Hide all events of %s and end it, for ever? [y/N] ", stream);
    if (terminal_agrees())
        return EXIT_DONE;
    return failed("stream tombstone", stream, "nothing was changed");
}

static int tombstone(struct stream_tombstone *self,
                     const Sagabase__V1__TombstoneStreamRequest *request)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__TombstoneStreamResponse *response;
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, "stream tombstone"))
        return EXIT_FAILED;
    struct sagabase_status status =
        sagabase_tombstone_stream(self->connection.client, request, &call, &response);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, "stream tombstone", request->stream, &status);
    } else {
        printf("%s\n", self->connection.json ? "{}" : "ended for ever");
        sagabase__v1__tombstone_stream_response__free_unpacked(response, NULL);
    }
    connection_close(&self->connection);
    return code;
}

static int run(void *settings, char **arguments)
{
    struct stream_tombstone *self = settings;
    Sagabase__V1__TombstoneStreamRequest request = SAGABASE__V1__TOMBSTONE_STREAM_REQUEST__INIT;
    struct sagabase_stream_state expected;

    struct status read = expected_read(self->expect, EXPECTED_A_STREAM, &expected);
    if (!status_ok(read))
        return misused("stream tombstone", "%s", read.message);
    request.stream = arguments[0];
    if (expected.state == SAGABASE__V1__STREAM_STATE__STREAM_STATE_UNSPECIFIED) {
        request.expected_case = SAGABASE__V1__TOMBSTONE_STREAM_REQUEST__EXPECTED_REVISION;
        request.revision = expected.revision;
    } else {
        request.expected_case = SAGABASE__V1__TOMBSTONE_STREAM_REQUEST__EXPECTED_STATE;
        request.state = expected.state;
    }
    int code = self->yes ? EXIT_DONE : ask(arguments[0]);
    return code == EXIT_DONE ? tombstone(self, &request) : code;
}

const struct command stream_tombstone_command = {
    .name = "stream tombstone",
    .arguments = "STREAM",
    .summary = "Hide all events of a stream and end it, for ever",
    .about = "Hides all events of the stream at once and refuses appends to it, for ever:\n"
             "nothing takes a tombstone away. Asks on a terminal; elsewhere --yes is required.\n",
    .examples = "  sagabase stream tombstone order-17 --expect 4\n"
                "  sagabase stream tombstone order-17 --expect exists --yes\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct stream_tombstone),
    .run = run,
};
