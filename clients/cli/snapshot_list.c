/* sagabase snapshot list: which states of a stream are kept. */
#include <inttypes.h>

#include "base/clock.h"
#include "clients/cli/connection.h"
#include "clients/cli/snapshot_print.h"

struct snapshot_list {
    struct connection connection;
};

static const struct option options[] = {
    CONNECTION_OPTIONS(struct snapshot_list, "30", "Print one JSON object per snapshot and line."),
};

static void print(const Sagabase__V1__ListSnapshotsResponse *listed, bool json)
{
    if (!json)
        printf("%-12s %10s  %-27s  %s\n", "REVISION", "BYTES", "CREATED", "EXPIRES");
    for (size_t i = 0; i < listed->n_snapshots; i++) {
        const Sagabase__V1__SnapshotInfo *one = listed->snapshots[i];
        char created[CLOCK_TEXT_BYTES], expires[CLOCK_TEXT_BYTES];
        clock_format_us(one->created_us, created);
        snapshot_format_expiry(one->expires_us, expires);
        if (json)
            printf("{\"revision\":%" PRIu64 ",\"state_bytes\":%u,\"created_us\":%" PRId64
                   ",\"expires_us\":%" PRId64 "}\n",
                   one->revision, one->state_bytes, one->created_us, one->expires_us);
        else
            printf("%-12" PRIu64 " %10u  %-27s  %s\n", one->revision, one->state_bytes, created,
                   expires);
    }
}

static int run(void *settings, char **arguments)
{
    struct snapshot_list *self = settings;
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__ListSnapshotsRequest request = SAGABASE__V1__LIST_SNAPSHOTS_REQUEST__INIT;
    Sagabase__V1__ListSnapshotsResponse *response;
    int code = EXIT_DONE;

    request.stream = arguments[0];
    if (!connection_open(&self->connection, "snapshot list"))
        return EXIT_FAILED;
    struct sagabase_status status =
        sagabase_list_snapshots(self->connection.client, &request, &call, &response);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, "snapshot list", arguments[0], &status);
    } else {
        print(response, self->connection.json);
        sagabase__v1__list_snapshots_response__free_unpacked(response, NULL);
    }
    connection_close(&self->connection);
    return code;
}

const struct command snapshot_list_command = {
    .name = "snapshot list",
    .arguments = "STREAM",
    .summary = "List the states that are kept of a stream",
    .about = "Newest first: their revisions, how large they are, and when they came and go.\n",
    .examples = "  sagabase snapshot list order-17\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct snapshot_list),
    .run = run,
};
