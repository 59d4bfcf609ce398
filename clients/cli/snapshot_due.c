/* sagabase snapshot due: which streams a program should make a snapshot of. */
#include <inttypes.h>

#include "clients/cli/connection.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/message_json.h"
#include "clients/cli/stream_info.h"
#include "clients/cli/terminal.h"

static const char command[] = "snapshot due";

struct snapshot_due {
    struct connection connection;
    uint64_t count;

    struct sagabase_due *due;
};

static const struct option options[] = {
    {.name = "count",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct snapshot_due, count),
     .min = 1,
     .max = UINT64_MAX - 1,
     .help = "End after so many streams. Without it: never."},
    CONNECTION_OPTIONS(struct snapshot_due, "0", "Print one JSON object per stream and line."),
};

static void on_interrupt(void *context)
{
    struct snapshot_due *self = context;

    sagabase_due_cancel(self->due);
}

static void print_head(void)
{
    printf("%s%12s  %12s  STREAM%s\n", terminal_bold(stdout), "REVISION", "SNAPSHOT",
           terminal_plain(stdout));
}

static void print_row(const Sagabase__V1__SubscribeDueResponse *due)
{
    if (due->newest_case == SAGABASE__V1__SUBSCRIBE_DUE_RESPONSE__NEWEST_SNAPSHOT_REVISION)
        printf("%12" PRIu64 "  %12" PRIu64 "  ", due->revision, due->snapshot_revision);
    else
        printf("%12" PRIu64 "  %12s  ", due->revision, "none");
    stream_info_print_name(due->stream);
    fflush(stdout);
}

static struct sagabase_status follow(struct snapshot_due *self)
{
    const Sagabase__V1__SubscribeDueResponse *due;
    struct sagabase_status status = {.code = SAGABASE_OK};
    struct interrupt interrupt;

    interrupt_catch(&interrupt, on_interrupt, self);
    for (uint64_t printed = 0; self->count == 0 || printed < self->count; printed++) {
        status = sagabase_due_next(self->due, &due);
        if (status.code != SAGABASE_OK)
            break;
        if (self->connection.json) {
            message_print_json(&due->base);
            continue;
        }
        if (printed == 0)
            print_head();
        print_row(due);
    }
    interrupt_release(&interrupt);
    return status;
}

static int run(void *settings, char **arguments)
{
    struct snapshot_due *self = settings;
    struct sagabase_options call = {.timeout_ms = self->connection.timeout_ms};
    Sagabase__V1__SubscribeDueRequest request = SAGABASE__V1__SUBSCRIBE_DUE_REQUEST__INIT;
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    request.category = arguments[0] ? arguments[0] : "";
    struct sagabase_status status =
        sagabase_subscribe_due(self->connection.client, &request, &call, &self->due);
    if (status.code == SAGABASE_OK) {
        status = follow(self);
        sagabase_due_close(self->due);
    }
    if (status.code != SAGABASE_OK && status.code != SAGABASE_CANCELLED)
        code = connection_failed(&self->connection, command, arguments[0], &status);
    connection_close(&self->connection);
    return code;
}

const struct command snapshot_due_command = {
    .name = "snapshot due",
    .arguments = "[CATEGORY]",
    .summary = "Follow which streams are due for a snapshot",
    .about =
        "Prints the streams of CATEGORY, or all, that are due by their policy, then each that\n"
        "becomes so, until it is interrupted: make a snapshot of them with `snapshot put`.\n"
        "Streams whose category has a reducer are not among them.\n",
    .examples = "  sagabase snapshot due\n"
                "  sagabase snapshot due order --json\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct snapshot_due),
    .run = run,
};
