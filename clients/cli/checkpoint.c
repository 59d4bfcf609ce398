/* sagabase checkpoint: a copy of the store, made by the server while it serves. */
#include <stdio.h>

#include "base/buffer.h"
#include "clients/cli/connection.h"
#include "clients/cli/json.h"

struct checkpoint {
    struct connection connection;
};

static const struct option options[] = {
    CONNECTION_OPTIONS(struct checkpoint, "0", "Print one JSON object."),
};

static void print(const struct checkpoint *self, const Sagabase__V1__CheckpointResponse *made)
{
    enum { LINE_BYTES_MAX = 32 << 10, MICROSECONDS = 1000000 };
    struct buffer line;

    buffer_init(&line, LINE_BYTES_MAX);
    if (self->connection.json) {
        buffer_put_text(&line, "{\"directory\":");
        json_put_text(&line, bytes_of_text(made->directory));
        buffer_print(&line, ",\"duration_us\":%lld}\n", (long long)made->duration_us);
    } else {
        buffer_print(&line, "%s (%.1f s)\n", made->directory,
                     (double)made->duration_us / MICROSECONDS);
    }
    fwrite(line.data, 1, line.size, stdout);
    buffer_destroy(&line);
}

static int run(void *settings, char **arguments)
{
    struct checkpoint *self = settings;
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__CheckpointRequest request = SAGABASE__V1__CHECKPOINT_REQUEST__INIT;
    Sagabase__V1__CheckpointResponse *made;
    int code = EXIT_DONE;

    request.name = arguments[0];
    if (!connection_open(&self->connection, "checkpoint"))
        return EXIT_FAILED;
    struct sagabase_status status =
        sagabase_checkpoint(self->connection.client, &request, &call, &made);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, "checkpoint", arguments[0], &status);
    } else {
        print(self, made);
        sagabase__v1__checkpoint_response__free_unpacked(made, NULL);
    }
    connection_close(&self->connection);
    return code;
}

const struct command checkpoint_command = {
    .name = "checkpoint",
    .arguments = "NAME",
    .summary = "Copy the store while the server serves",
    .about = "The server makes a consistent copy of its store, below the directory that it was\n"
             "started with as --checkpoint-directory. The copy holds everything acknowledged\n"
             "before. On the disk of the store it costs little: files are shared until they\n"
             "change. Copy it elsewhere to be safe from losing that disk.\n",
    .examples = "  sagabase serve --checkpoint-directory /srv/checkpoints\n"
                "  sagabase checkpoint monday\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct checkpoint),
    .run = run,
};
