/* sagabase verify: whether a store is whole. */
#include "clients/cli/offline.h"

struct verify {
    struct offline offline;
};

static const struct option options[] = {
    OFFLINE_OPTIONS(struct verify),
};

static int run(void *settings, char **arguments)
{
    struct verify *self = settings;
    struct store_facts facts = {0};
    struct maintenance maintenance = offline_start(&self->offline, "verify");

    (void)arguments;
    struct status status = maintain_verify(self->offline.data, maintenance, &facts);
    return offline_end(&self->offline, status, &facts, "whole");
}

const struct command verify_command = {
    .name = "verify",
    .arguments = "",
    .summary = "Check a store that is not served, or a checkpoint",
    .about =
        "Reads the whole log: every checksum, positions and revisions without a gap, times\n"
        "that never go back. Then checks that streams, names, types, indexes and counters\n"
        "say exactly what the log says, and that each saga is what its stream says. Changes\n"
        "nothing. Each disagreement is one line, \"family: what\"; with any, the exit code is "
        "1.\n\n"
        "Where only the families that follow from the log are damaged, \"rebuild\" makes them\n"
        "again. A damaged log needs a checkpoint: see \"restore\".\n",
    .examples = "  sagabase verify --data ./data\n"
                "  sagabase verify --data /backup/monday\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 0,
    .settings_bytes = sizeof(struct verify),
    .run = run,
};
