/* A command of `sagabase`: one row tells how it is called, parsed, explained and run. */
#ifndef CLIENTS_CLI_COMMAND_H
#define CLIENTS_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/option.h"

/* Exit codes. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
    const char *name;      /* one word or two: "append", "stream list" */
    const char *arguments; /* as in the usage line: "STREAM" */
    const char *summary;   /* one line */
    const char *about;     /* paragraphs, lines of at most 80 columns; ends with \n */
    const char *examples;  /* lines; ends with \n */
    const struct option *options;
    int arguments_min, arguments_max;
    size_t settings_bytes;

    /* `settings` starts zeroed and holds what the options say; `arguments` ends with NULL.
     * Returns an exit code, after telling what went wrong. */
    int (*run)(void *settings, char **arguments);
};

/* All of them, in the order of the overview; ended by NULL. */
extern const struct command *const commands[];

extern const struct command append_command;
extern const struct command bench_command;
extern const struct command checkpoint_command;
extern const struct command completion_command;
extern const struct command export_command;
extern const struct command import_command;
extern const struct command info_command;
extern const struct command log_level_command;
extern const struct command read_command;
extern const struct command rebuild_command;
extern const struct command reducer_delete_command;
extern const struct command reducer_list_command;
extern const struct command reducer_put_command;
extern const struct command restore_command;
extern const struct command saga_cancel_command;
extern const struct command saga_define_command;
extern const struct command saga_history_command;
extern const struct command saga_list_command;
extern const struct command saga_pause_command;
extern const struct command saga_resolve_command;
extern const struct command saga_resume_command;
extern const struct command saga_retry_command;
extern const struct command saga_show_command;
extern const struct command saga_signal_command;
extern const struct command saga_skip_command;
extern const struct command saga_start_command;
extern const struct command saga_terminate_command;
extern const struct command saga_watch_command;
extern const struct command scavenge_command;
extern const struct command snapshot_delete_command;
extern const struct command snapshot_due_command;
extern const struct command snapshot_get_command;
extern const struct command snapshot_list_command;
extern const struct command snapshot_load_command;
extern const struct command snapshot_policy_command;
extern const struct command snapshot_put_command;
extern const struct command state_command;
extern const struct command stream_categories_command;
extern const struct command stream_delete_command;
extern const struct command stream_erase_command;
extern const struct command stream_list_command;
extern const struct command stream_policy_command;
extern const struct command stream_show_command;
extern const struct command stream_tombstone_command;
extern const struct command stream_types_command;
extern const struct command subscribe_command;
extern const struct command upcaster_delete_command;
extern const struct command upcaster_list_command;
extern const struct command upcaster_put_command;
extern const struct command verify_command;

/* A command that takes the server's options. It explains itself; argv[0] is the last word of its
 * name, and it returns an exit code. */
struct server_command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

/* All of them; the last has no name. */
extern const struct server_command server_commands[];

int serve(int argc, char **argv);

#endif
