/* sagabase snapshot load: a stream's newest snapshot and the events behind it. */
#include <inttypes.h>

#include "clients/cli/connection.h"
#include "clients/cli/event_printer.h"
#include "clients/cli/snapshot_print.h"

struct snapshot_load {
    struct connection connection;
    uint64_t count;
    bool without;
    bool upcast;
};

static const struct option options[] = {
    {.name = "count",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct snapshot_load, count),
     .max = INT64_MAX,
     .help = "How many events at most. Without it: all."},
    {.name = "ignore-snapshot",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct snapshot_load, without),
     .help = "As if there were none: all events."},
    {.name = "upcast",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct snapshot_load, upcast),
     .help = "Show events in their newest form, as `upcaster put`\nsays it."},
    CONNECTION_OPTIONS(struct snapshot_load, "0",
                       "Print one JSON object per line: the snapshot,\n"
                       "then the events."),
};

static struct sagabase_status print_pages(struct sagabase_read *read, bool json)
{
    struct event_printer printer;
    struct sagabase_page page;
    struct sagabase_status status;

    event_printer_init(&printer, stdout, json, false);
    while ((status = sagabase_read_next(read, &page)).code == SAGABASE_OK &&
           (page.count > 0 || page.snapshot)) {
        if (page.snapshot && !json)
            printf("snapshot of revision %" PRIu64 ":\n", page.snapshot->revision);
        if (page.snapshot)
            snapshot_print(page.snapshot, json);
        if (page.due && !json)
            printf("due for the next snapshot\n");
        if (page.count > 0)
            event_printer_print(&printer, page.events, page.count);
    }
    event_printer_destroy(&printer);
    return status;
}

static int run(void *settings, char **arguments)
{
    struct snapshot_load *self = settings;
    struct sagabase_options call = {.timeout_ms = self->connection.timeout_ms};
    Sagabase__V1__LoadStreamRequest request = SAGABASE__V1__LOAD_STREAM_REQUEST__INIT;
    struct sagabase_read *read = NULL;
    int code = EXIT_DONE;

    request.stream = arguments[0];
    request.count = (int64_t)self->count;
    request.ignore_snapshot = self->without;
    request.upcast = self->upcast;
    if (!connection_open(&self->connection, "snapshot load"))
        return EXIT_FAILED;
    struct sagabase_status status =
        sagabase_load_stream(self->connection.client, &request, &call, &read);
    if (status.code == SAGABASE_OK)
        status = print_pages(read, self->connection.json);
    if (status.code != SAGABASE_OK)
        code = connection_failed(&self->connection, "snapshot load", arguments[0], &status);
    sagabase_read_close(read);
    connection_close(&self->connection);
    return code;
}

const struct command snapshot_load_command = {
    .name = "snapshot load",
    .arguments = "STREAM",
    .summary = "Print a stream's newest state and the events behind it",
    .about = "What a program needs to know of a stream, in one answer: the newest snapshot, if\n"
             "there is one, and every event that it does not know.\n",
    .examples = "  sagabase snapshot load order-17\n"
                "  sagabase snapshot load order-17 --json\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct snapshot_load),
    .run = run,
};
