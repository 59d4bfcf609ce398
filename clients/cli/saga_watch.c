/* sagabase saga watch: status changes as they are committed. */
#include "clients/cli/connection.h"
#include "clients/cli/follow.h"
#include "clients/cli/message_json.h"
#include "clients/cli/saga_print.h"
#include "clients/cli/saga_status.h"

static const char command[] = "saga watch";

struct saga_watch {
    struct connection connection;
    struct texts statuses;
    uint64_t count;

    struct saga_statuses wanted;
    struct follow follow;
    struct sagabase_saga_stream *stream;
    uint64_t printed;
};

static const struct option options[] = {
    {.name = "status",
     .value = "STATUS",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct saga_watch, statuses),
     .help = SAGA_STATUS_HELP},
    {.name = "count",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct saga_watch, count),
     .min = 1,
     .max = UINT64_MAX - 1,
     .help = "End after so many changes. Without it: never."},
    CONNECTION_OPTIONS(struct saga_watch, "0", "Print one JSON object per change and line."),
};

static void cancel(void *stream)
{
    sagabase_saga_stream_cancel(stream);
}

static bool is_done(const struct saga_watch *self)
{
    return (self->count > 0 && self->printed == self->count) || ferror(stdout);
}

static void print(struct saga_watch *self, const Sagabase__V1__WatchSagasResponse *response)
{
    for (size_t i = 0; i < response->n_sagas && !is_done(self); i++, self->printed++)
        if (self->connection.json)
            message_print_json(&response->sagas[i]->base);
        else
            saga_print_row(response->sagas[i]);
}

/* The first message is empty and says that watching has begun. */
static struct sagabase_status watch(struct saga_watch *self)
{
    const Sagabase__V1__WatchSagasResponse *response = NULL;
    struct sagabase_status status;
    bool begun = false;

    follow_call(&self->follow, self->stream);
    while ((status = sagabase_watch_sagas_next(self->stream, &response)).code == SAGABASE_OK &&
           response) {
        if (!begun && !self->connection.json) {
            saga_print_head();
            fflush(stdout);
        }
        begun = true;
        print(self, response);
        if (is_done(self))
            break;
    }
    follow_call(&self->follow, NULL);
    return status;
}

static int watch_sagas(struct saga_watch *self, char *type)
{
    Sagabase__V1__WatchSagasRequest request = SAGABASE__V1__WATCH_SAGAS_REQUEST__INIT;
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    request.type = type ? type : "";
    request.statuses = self->wanted.at;
    request.n_statuses = self->wanted.count;
    struct sagabase_options call = {.timeout_ms = self->connection.timeout_ms};
    struct sagabase_status status =
        sagabase_watch_sagas(self->connection.client, &request, &call, &self->stream);
    if (status.code == SAGABASE_OK) {
        status = watch(self);
        sagabase_saga_stream_close(self->stream);
    }
    if (status.code != SAGABASE_OK && status.code != SAGABASE_CANCELLED)
        code = connection_failed(&self->connection, command, type, &status);
    connection_close(&self->connection);
    return code;
}

static int run(void *settings, char **arguments)
{
    struct saga_watch *self = settings;
    struct status told = saga_statuses_read(&self->statuses, &self->wanted);

    if (!status_ok(told))
        return misused(command, "%s", told.message);
    follow_start(&self->follow, cancel);
    int code = watch_sagas(self, arguments[0]);
    follow_stop(&self->follow);
    return code;
}

const struct command saga_watch_command = {
    .name = "saga watch",
    .arguments = "[TYPE]",
    .summary = "Watch sagas change their status",
    .about =
        "Prints sagas of TYPE, or all, when they start, turn backward, are parked, paused\n"
        "or end, until it is interrupted. A saga that changes fast is printed as it is then.\n",
    .examples = "  sagabase saga watch\n"
                "  sagabase saga watch order --status parked --json\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct saga_watch),
    .run = run,
};
