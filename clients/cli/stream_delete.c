/* sagabase stream delete: hides all events of a stream, which may go on behind them. */
#include "clients/cli/connection.h"
#include "clients/cli/expected.h"

struct stream_delete {
    struct connection connection;
    const char *expect;
};

static const struct option options[] = {
    {.name = "expect",
     .value = "any|exists|N",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct stream_delete, expect),
     .help = "Delete only if the stream has revision N as its\nnewest; any and exists: whatever is "
             "its newest.\nRequired."},
    CONNECTION_OPTIONS(struct stream_delete, "30", "Print {} when it is done."),
};

static int run(void *settings, char **arguments)
{
    struct stream_delete *self = settings;
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__DeleteStreamRequest request = SAGABASE__V1__DELETE_STREAM_REQUEST__INIT;
    Sagabase__V1__DeleteStreamResponse *response;
    struct sagabase_stream_state expected;
    int code = EXIT_DONE;

    struct status read = expected_read(self->expect, EXPECTED_A_STREAM, &expected);
    if (!status_ok(read))
        return misused("stream delete", "%s", read.message);
    request.stream = arguments[0];
    if (expected.state == SAGABASE__V1__STREAM_STATE__STREAM_STATE_UNSPECIFIED) {
        request.expected_case = SAGABASE__V1__DELETE_STREAM_REQUEST__EXPECTED_REVISION;
        request.revision = expected.revision;
    } else {
        request.expected_case = SAGABASE__V1__DELETE_STREAM_REQUEST__EXPECTED_STATE;
        request.state = expected.state;
    }
    if (!connection_open(&self->connection, "stream delete"))
        return EXIT_FAILED;
    struct sagabase_status status =
        sagabase_delete_stream(self->connection.client, &request, &call, &response);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, "stream delete", arguments[0], &status);
    } else {
        printf("%s\n", self->connection.json ? "{}" : "deleted");
        sagabase__v1__delete_stream_response__free_unpacked(response, NULL);
    }
    connection_close(&self->connection);
    return code;
}

const struct command stream_delete_command = {
    .name = "stream delete",
    .arguments = "STREAM",
    .summary = "Hide all events of a stream",
    .about = "Hides all events of the stream at once. It may be appended to again: its\n"
             "revisions go on where they were.\n",
    .examples = "  sagabase stream delete order-17 --expect 4\n"
                "  sagabase stream delete order-17 --expect any\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct stream_delete),
    .run = run,
};
