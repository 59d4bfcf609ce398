/* sagabase snapshot get: the newest state that was kept of a stream. */
#include "clients/cli/connection.h"
#include "clients/cli/snapshot_print.h"

struct snapshot_get {
    struct connection connection;
    uint64_t at;
};

static const struct option options[] = {
    {.name = "at",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct snapshot_get, at),
     .max = UINT64_MAX,
     .fallback = "18446744073709551615",
     .help = "The newest one at or before this revision. Without\nit: the newest."},
    CONNECTION_OPTIONS(struct snapshot_get, "30", "Print one JSON object."),
};

static int run(void *settings, char **arguments)
{
    struct snapshot_get *self = settings;
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__GetSnapshotRequest request = SAGABASE__V1__GET_SNAPSHOT_REQUEST__INIT;
    Sagabase__V1__GetSnapshotResponse *response;
    int code = EXIT_DONE;

    request.stream = arguments[0];
    request.at_case = SAGABASE__V1__GET_SNAPSHOT_REQUEST__AT_REVISION;
    request.revision = self->at;
    if (!connection_open(&self->connection, "snapshot get"))
        return EXIT_FAILED;
    struct sagabase_status status =
        sagabase_get_snapshot(self->connection.client, &request, &call, &response);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, "snapshot get", arguments[0], &status);
    } else {
        snapshot_print(response->snapshot, self->connection.json);
        sagabase__v1__get_snapshot_response__free_unpacked(response, NULL);
    }
    connection_close(&self->connection);
    return code;
}

const struct command snapshot_get_command = {
    .name = "snapshot get",
    .arguments = "STREAM",
    .summary = "Print the newest state that was kept of a stream",
    .about = "Prints the state alone, or with --json also its revision and times.\n",
    .examples = "  sagabase snapshot get order-17\n"
                "  sagabase snapshot get order-17 --at 1000 --json\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct snapshot_get),
    .run = run,
};
