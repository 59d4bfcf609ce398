/* sagabase scavenge: the server gives back the disk of hidden events. */
#include <inttypes.h>
#include <poll.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "clients/cli/connection.h"
#include "clients/cli/json.h"
#include "clients/cli/progress.h"
#include "clients/cli/text.h"

static const char command[] = "scavenge";

enum { ASK_AGAIN_MS = 200, LINE_BYTES_MAX = 4 << 10 };

struct scavenge {
    struct connection connection;
    bool watch, status, cancel;
};

static const struct option options[] = {
    {.name = "watch",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct scavenge, watch),
     .help =
         "Wait for its end, and fail if it fails. With\n--status: of the one that runs already."},
    {.name = "status",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct scavenge, status),
     .help = "Start nothing: tell how far the newest one is."},
    {.name = "cancel",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct scavenge, cancel),
     .help = "End the one that runs; what it did stays done."},
    CONNECTION_OPTIONS(struct scavenge, "30", "Print one JSON object."),
};

static const char *state_name(Sagabase__V1__ScavengeState state)
{
    static const char *const names[] = {"unknown", "none",      "running",
                                        "done",    "cancelled", "failed"};

    return state < sizeof names / sizeof *names ? names[state] : names[0];
}

static void print_json(const Sagabase__V1__GetScavengeResponse *progress)
{
    struct buffer line;

    buffer_init(&line, LINE_BYTES_MAX);
    buffer_print(
        &line,
        "{\"state\":\"%s\",\"position\":%" PRIu64 ",\"end\":%" PRIu64 ",\"removed_events\":%" PRIu64
        ",\"removed_bytes\":%" PRIu64 ",\"started_us\":%" PRId64 ",\"ended_us\":%" PRId64,
        state_name(progress->state), progress->position, progress->end, progress->removed_events,
        progress->removed_bytes, progress->started_us, progress->ended_us);
    if (*progress->failure) {
        buffer_put_text(&line, ",\"failure\":");
        json_put_text(&line, bytes_of_text(progress->failure));
    }
    buffer_put_text(&line, "}\n");
    fwrite(line.data, 1, line.size, stdout);
    buffer_destroy(&line);
}

static void print_table(const Sagabase__V1__GetScavengeResponse *progress)
{
    char events[TEXT_NUMBER_BYTES], bytes[TEXT_NUMBER_BYTES], position[TEXT_NUMBER_BYTES],
        end[TEXT_NUMBER_BYTES];

    printf("state           %s\n", state_name(progress->state));
    if (progress->state == SAGABASE__V1__SCAVENGE_STATE__SCAVENGE_STATE_NONE)
        return;
    printf("position        %s of %s\n", text_number(progress->position, position),
           text_number(progress->end, end));
    printf("removed events  %s\n", text_number(progress->removed_events, events));
    printf("removed bytes   %s\n", text_number(progress->removed_bytes, bytes));
}

static struct sagabase_status start(struct scavenge *self)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__StartScavengeRequest request = SAGABASE__V1__START_SCAVENGE_REQUEST__INIT;
    Sagabase__V1__StartScavengeResponse *response;
    struct sagabase_status status =
        sagabase_start_scavenge(self->connection.client, &request, &call, &response);

    if (status.code == SAGABASE_OK)
        sagabase__v1__start_scavenge_response__free_unpacked(response, NULL);
    return status;
}

static struct sagabase_status cancel(struct scavenge *self)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__CancelScavengeRequest request = SAGABASE__V1__CANCEL_SCAVENGE_REQUEST__INIT;
    Sagabase__V1__CancelScavengeResponse *response;
    struct sagabase_status status =
        sagabase_cancel_scavenge(self->connection.client, &request, &call, &response);

    if (status.code == SAGABASE_OK)
        sagabase__v1__cancel_scavenge_response__free_unpacked(response, NULL);
    return status;
}

static struct sagabase_status get(struct scavenge *self,
                                  Sagabase__V1__GetScavengeResponse **progress)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__GetScavengeRequest request = SAGABASE__V1__GET_SCAVENGE_REQUEST__INIT;

    return sagabase_get_scavenge(self->connection.client, &request, &call, progress);
}

/* The newest answer; with --watch the last one. */
static struct sagabase_status follow(struct scavenge *self,
                                     Sagabase__V1__GetScavengeResponse **progress)
{
    struct progress bar;
    struct sagabase_status status = get(self, progress);

    progress_start(&bar);
    while (status.code == SAGABASE_OK && self->watch &&
           (*progress)->state == SAGABASE__V1__SCAVENGE_STATE__SCAVENGE_STATE_RUNNING) {
        progress_update(&bar, (*progress)->removed_events, (*progress)->position, (*progress)->end);
        sagabase__v1__get_scavenge_response__free_unpacked(*progress, NULL);
        poll(NULL, 0, ASK_AGAIN_MS);
        status = get(self, progress);
    }
    progress_end(&bar);
    return status;
}

static int act(struct scavenge *self)
{
    Sagabase__V1__GetScavengeResponse *progress;
    struct sagabase_status status = {.code = SAGABASE_OK};
    int code = EXIT_DONE;

    if (self->cancel)
        status = cancel(self);
    else if (!self->status)
        status = start(self);
    if (status.code == SAGABASE_OK)
        status = follow(self, &progress);
    if (status.code != SAGABASE_OK)
        return connection_failed(&self->connection, command, NULL, &status);
    if (self->connection.json)
        print_json(progress);
    else
        print_table(progress);
    if (progress->state == SAGABASE__V1__SCAVENGE_STATE__SCAVENGE_STATE_FAILED)
        code = failed(command, NULL, "%s", progress->failure);
    sagabase__v1__get_scavenge_response__free_unpacked(progress, NULL);
    return code;
}

static int run(void *settings, char **arguments)
{
    struct scavenge *self = settings;

    (void)arguments;
    if (self->cancel && self->status)
        return misused(command, "--cancel: not with --status");
    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    int code = act(self);
    connection_close(&self->connection);
    return code;
}

const struct command scavenge_command = {
    .name = "scavenge",
    .arguments = "",
    .summary = "Give back the disk of hidden events",
    .about =
        "The server removes what policies, deletions and tombstones hide, while it serves, at\n"
        "the rate that it was started with as --scavenge-rate. What was removed cannot be\n"
        "shown again. Without an option it is started, and how it stands is printed.\n",
    .examples = "  sagabase scavenge --watch\n"
                "  sagabase scavenge --status\n"
                "  sagabase scavenge --cancel\n",
    .options = options,
    .settings_bytes = sizeof(struct scavenge),
    .run = run,
};
