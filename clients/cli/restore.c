/* sagabase restore: a checkpoint becomes a data directory. */
#include "clients/cli/offline.h"

struct restore {
    struct offline offline;
};

static const struct option options[] = {
    OFFLINE_OPTIONS(struct restore),
};

static int run(void *settings, char **arguments)
{
    struct restore *self = settings;
    struct store_facts facts = {0};
    struct maintenance maintenance = offline_start(&self->offline, "restore");

    struct status status = maintain_restore(arguments[0], self->offline.data, maintenance, &facts);
    return offline_end(&self->offline, status, &facts, "restored");
}

const struct command restore_command = {
    .name = "restore",
    .arguments = "CHECKPOINT",
    .summary = "Make a data directory from a checkpoint",
    .about = "Copies the checkpoint, a directory, into a new data directory. The copy is verified\n"
             "first; if it is damaged, no data directory appears. One that exists must be empty.\n",
    .examples = "  sagabase restore /backup/monday --data ./data\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct restore),
    .run = run,
};
