/* sagabase rebuild: makes what follows from the log again. */
#include "clients/cli/offline.h"

struct rebuild {
    struct offline offline;
};

static const struct option options[] = {
    OFFLINE_OPTIONS(struct rebuild),
};

static int run(void *settings, char **arguments)
{
    struct rebuild *self = settings;
    struct store_facts facts = {0};
    struct maintenance maintenance = offline_start(&self->offline, "rebuild");

    (void)arguments;
    struct status status = maintain_rebuild(self->offline.data, maintenance, &facts);
    return offline_end(&self->offline, status, &facts, "rebuilt");
}

const struct command rebuild_command = {
    .name = "rebuild",
    .arguments = "",
    .summary = "Make indexes and streams again from the log",
    .about =
        "Checks the log, then makes streams, names, types, indexes, counters and sagas again\n"
        "from it. The log itself is never changed; if it is damaged, nothing is. Killed, it is\n"
        "simply run again: until it has finished, no server opens the store.\n",
    .examples = "  sagabase rebuild --data ./data\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 0,
    .settings_bytes = sizeof(struct rebuild),
    .run = run,
};
