/* sagabase snapshot due: which streams a program should make a snapshot of. */
#include <inttypes.h>

#include "clients/cli/connection.h"
#include "clients/cli/follow.h"
#include "clients/cli/message_json.h"
#include "clients/cli/stream_info.h"
#include "clients/cli/terminal.h"

static const char command[] = "snapshot due";

struct snapshot_due {
    struct connection connection;
    uint64_t count;

    char *category;
    uint64_t printed;
    struct follow follow;
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

static void cancel(void *due)
{
    sagabase_due_cancel(due);
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

static bool is_done(const struct snapshot_due *self)
{
    return (self->count > 0 && self->printed == self->count) || ferror(stdout);
}

static void print(struct snapshot_due *self, const Sagabase__V1__SubscribeDueResponse *due)
{
    if (self->connection.json) {
        message_print_json(&due->base);
    } else {
        if (self->printed == 0)
            print_head();
        print_row(due);
    }
    self->printed++;
}

/* Nothing may ever be due: whether there is a server has to be asked. */
static struct sagabase_status find_server(struct snapshot_due *self)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__GetInfoRequest request = SAGABASE__V1__GET_INFO_REQUEST__INIT;
    Sagabase__V1__GetInfoResponse *response;
    struct sagabase_status status =
        sagabase_get_info(self->connection.client, &request, &call, &response);

    if (status.code == SAGABASE_OK)
        sagabase__v1__get_info_response__free_unpacked(response, NULL);
    return status;
}

/* One subscription, until it is lost or done. */
static struct sagabase_status follow_once(struct snapshot_due *self)
{
    struct sagabase_options call = {.timeout_ms = self->connection.timeout_ms,
                                    .wait_for_server = true};
    Sagabase__V1__SubscribeDueRequest request = SAGABASE__V1__SUBSCRIBE_DUE_REQUEST__INIT;
    const Sagabase__V1__SubscribeDueResponse *stream;
    struct sagabase_due *due;

    request.category = self->category;
    struct sagabase_status status =
        sagabase_subscribe_due(self->connection.client, &request, &call, &due);
    if (status.code != SAGABASE_OK)
        return status;
    follow_call(&self->follow, due);
    while (!is_done(self) && (status = sagabase_due_next(due, &stream)).code == SAGABASE_OK)
        print(self, stream);
    follow_call(&self->follow, NULL);
    sagabase_due_close(due);
    return status;
}

static struct sagabase_status follow(struct snapshot_due *self)
{
    const struct sagabase_status good = {.code = SAGABASE_OK};

    for (;;) {
        struct sagabase_status status = follow_once(self);
        if (is_done(self) || follow_is_interrupted(&self->follow))
            return good;
        if (status.code != SAGABASE_UNAVAILABLE)
            return status;
        if (!follow_again(&self->follow, command, self->connection.server, &status, ""))
            return good;
    }
}

static int run(void *settings, char **arguments)
{
    struct snapshot_due *self = settings;
    int code = EXIT_DONE;

    self->category = arguments[0] ? arguments[0] : "";
    follow_start(&self->follow, cancel);
    if (!connection_open(&self->connection, command)) {
        code = EXIT_FAILED;
    } else {
        struct sagabase_status status = find_server(self);
        if (status.code == SAGABASE_OK)
            status = follow(self);
        if (status.code != SAGABASE_OK)
            code = connection_failed(&self->connection, command, arguments[0], &status);
    }
    follow_stop(&self->follow);
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
