/* sagabase snapshot delete: forget states that were kept of a stream. */
#include <string.h>

#include "clients/cli/connection.h"

struct snapshot_delete {
    struct connection connection;
    bool all;
    uint64_t revision;
};

static const struct option options[] = {
    {.name = "all",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct snapshot_delete, all),
     .help = "All of the stream, instead of one."},
    {.name = "revision",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct snapshot_delete, revision),
     .max = UINT64_MAX,
     .fallback = "18446744073709551615",
     .help = "Of the one to delete."},
    CONNECTION_OPTIONS(struct snapshot_delete, "30", "Print one JSON object."),
};

static int run(void *settings, char **arguments)
{
    struct snapshot_delete *self = settings;
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__DeleteSnapshotRequest request = SAGABASE__V1__DELETE_SNAPSHOT_REQUEST__INIT;
    Sagabase__V1__DeleteSnapshotResponse *response;
    int code = EXIT_DONE;

    if (self->all == (self->revision != UINT64_MAX))
        return misused("snapshot delete", "either --revision or --all");
    request.stream = arguments[0];
    if (!self->all)
        request.which_case = SAGABASE__V1__DELETE_SNAPSHOT_REQUEST__WHICH_REVISION;
    request.revision = self->revision;
    if (!connection_open(&self->connection, "snapshot delete"))
        return EXIT_FAILED;
    struct sagabase_status status =
        sagabase_delete_snapshot(self->connection.client, &request, &call, &response);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, "snapshot delete", arguments[0], &status);
    } else {
        if (self->connection.json)
            printf("{\"deleted\":%s}\n", response->deleted ? "true" : "false");
        else
            printf("%s\n", response->deleted ? "deleted" : "there was none");
        sagabase__v1__delete_snapshot_response__free_unpacked(response, NULL);
    }
    connection_close(&self->connection);
    return code;
}

const struct command snapshot_delete_command = {
    .name = "snapshot delete",
    .arguments = "STREAM",
    .summary = "Delete states that are kept of a stream",
    .about = "The stream's events stay as they are.\n",
    .examples = "  sagabase snapshot delete order-17 --revision 41\n"
                "  sagabase snapshot delete order-17 --all\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct snapshot_delete),
    .run = run,
};
