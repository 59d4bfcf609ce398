/* sagabase: one program: the server, the commands that talk to one, and those that work on a
 * store while none does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "clients/cli/command.h"
#include "clients/cli/connection.h"
#include "clients/cli/nearest.h"
#include "clients/cli/terminal.h"
#include "server/config_commands.h"
#include "server/doctor.h"

const struct command *const commands[] = {
    &append_command,
    &read_command,
    &subscribe_command,
    &stream_list_command,
    &stream_show_command,
    &stream_categories_command,
    &stream_types_command,
    &stream_policy_command,
    &stream_delete_command,
    &stream_tombstone_command,
    &stream_erase_command,
    &saga_define_command,
    &saga_start_command,
    &saga_list_command,
    &saga_show_command,
    &saga_watch_command,
    &saga_history_command,
    &saga_signal_command,
    &saga_cancel_command,
    &saga_pause_command,
    &saga_resume_command,
    &saga_retry_command,
    &saga_skip_command,
    &saga_resolve_command,
    &saga_terminate_command,
    &scavenge_command,
    &snapshot_put_command,
    &snapshot_get_command,
    &snapshot_list_command,
    &snapshot_load_command,
    &snapshot_delete_command,
    &snapshot_policy_command,
    &snapshot_due_command,
    &reducer_put_command,
    &reducer_list_command,
    &reducer_delete_command,
    &state_command,
    &upcaster_put_command,
    &upcaster_list_command,
    &upcaster_delete_command,
    &import_command,
    &export_command,
    &info_command,
    &checkpoint_command,
    &log_level_command,
    &restore_command,
    &verify_command,
    &rebuild_command,
    &bench_command,
    &completion_command,
    NULL,
};

const struct server_command server_commands[] = {
    {"serve", "Start a server", serve},
    {"config check", "Check a server's configuration", config_check_main},
    {"config print", "Print it, and where each value comes from", config_print_main},
    {"doctor", "Check this machine for a server", doctor_main},
    {NULL, NULL, NULL},
};

static bool is_first_of(const char *word, const char *name)
{
    size_t size = strlen(word);

    return strncmp(name, word, size) == 0 && name[size] == ' ';
}

/* All, or those that begin with this word. */
static void print_commands(FILE *out, const char *first)
{
    for (size_t i = 0; server_commands[i].name; i++)
        if (!first || is_first_of(first, server_commands[i].name))
            fprintf(out, "  %-17s  %s\n", server_commands[i].name, server_commands[i].summary);
    for (size_t i = 0; commands[i]; i++)
        if (!first || is_first_of(first, commands[i]->name))
            fprintf(out, "  %-17s  %s\n", commands[i]->name, commands[i]->summary);
}

static void print_overview(FILE *out)
{
    const char *bold = terminal_bold(out), *plain = terminal_plain(out);

    fprintf(out,
            "Sagabase: an event store.\n\n%sUsage%s\n  sagabase COMMAND [OPTIONS]\n\n"
            "%sCommands%s\n",
            bold, plain, bold, plain);
    print_commands(out, NULL);
    fprintf(out,
            "  %-17s  Explain a command\n\n"
            "%sStart%s\n"
            "  sagabase serve\n"
            "  sagabase append order-1 --type OrderPlaced --data '{\"total\": 42}'\n"
            "  sagabase read order-1\n\n"
            "%sExit codes%s\n  0 done, 1 failed, 2 the command line is wrong\n\n"
            "sagabase --version tells the version.\n",
            "help", bold, plain, bold, plain);
}

static int explain(const struct command *command)
{
    const char *bold = terminal_bold(stdout), *plain = terminal_plain(stdout);

    printf("%s.\n\n%sUsage%s\n  sagabase %s%s%s [OPTIONS]\n\n%s\n%sOptions%s\n", command->summary,
           bold, plain, command->name, *command->arguments ? " " : "", command->arguments,
           command->about, bold, plain);
    options_print(command->options, stdout);
    printf("\n%sExamples%s\n%s", bold, plain, command->examples);
    return EXIT_DONE;
}

/* How many of the words are the command's name: all of its own, or 0. */
static int words_of(const char *name, int count, char **words)
{
    const char *space = strchr(name, ' ');
    size_t first = space ? (size_t)(space - name) : strlen(name);

    if (count < 1 || strlen(words[0]) != first || memcmp(words[0], name, first) != 0)
        return 0;
    if (!space)
        return 1;
    return count > 1 && strcmp(words[1], space + 1) == 0 ? 2 : 0;
}

static const struct command *find(int count, char **words, int *used)
{
    for (size_t i = 0; commands[i]; i++)
        if ((*used = words_of(commands[i]->name, count, words)) > 0)
            return commands[i];
    return NULL;
}

static const struct server_command *find_server_command(int count, char **words, int *used)
{
    for (size_t i = 0; server_commands[i].name; i++)
        if ((*used = words_of(server_commands[i].name, count, words)) > 0)
            return &server_commands[i];
    return NULL;
}

/* The first word of commands that have two. */
static bool is_incomplete(const char *word)
{
    for (size_t i = 0; server_commands[i].name; i++)
        if (is_first_of(word, server_commands[i].name))
            return true;
    for (size_t i = 0; commands[i]; i++)
        if (is_first_of(word, commands[i]->name))
            return true;
    return false;
}

static void offer_commands(struct nearest *nearest)
{
    for (size_t i = 0; server_commands[i].name; i++)
        nearest_offer(nearest, server_commands[i].name);
    for (size_t i = 0; commands[i]; i++)
        nearest_offer(nearest, commands[i]->name);
}

static int unknown_command(int count, char **words)
{
    char typed[128];
    const char *second = count > 1 && words[1][0] != '-' ? words[1] : "";
    struct nearest nearest = nearest_to(words[0], strlen(words[0]));
    bool incomplete = is_incomplete(words[0]);

    nearest_offer(&nearest, "help");
    offer_commands(&nearest);
    if (!nearest.found || incomplete) {
        snprintf(typed, sizeof typed, "%s %s", words[0], *second ? second : "list");
        nearest = nearest_to(typed, strlen(typed));
        offer_commands(&nearest);
    }
    fprintf(stderr, "sagabase: unknown command \"%s%s%s\"", words[0],
            incomplete && *second ? " " : "", incomplete ? second : "");
    if (nearest.found)
        fprintf(stderr, " (did you mean %s?)", nearest.found);
    fprintf(stderr, "\nTry: sagabase --help\n");
    return EXIT_USAGE;
}

static int explain_server_command(const struct server_command *command)
{
    const char *space = strchr(command->name, ' ');
    char *words[] = {(char *)(space ? space + 1 : command->name), (char *)"--help", NULL};

    return command->run(2, words);
}

static int help(int count, char **words)
{
    int used;

    if (count == 0 || strcmp(words[0], "help") == 0) {
        print_overview(stdout);
        return EXIT_DONE;
    }
    const struct server_command *server_command = find_server_command(count, words, &used);
    if (server_command)
        return explain_server_command(server_command);
    const struct command *command = find(count, words, &used);
    if (command)
        return explain(command);
    if (count > 1 || !is_incomplete(words[0]))
        return unknown_command(count, words);
    print_commands(stdout, words[0]);
    return EXIT_DONE;
}

static bool asks_for_help(int count, char **words)
{
    for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++)
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
            return true;
    return false;
}

static const char *words_behind(const char *text, int count)
{
    for (const char *space; count > 0 && (space = strchr(text, ' ')); count--)
        text = space + 1;
    return text;
}

static int run(const struct command *command, int count, char **words)
{
    void *settings = calloc(1, command->settings_bytes);
    int argument_count = 0;

    if (!settings)
        return failed(command->name, NULL, "out of memory");
    struct status status = options_parse(command->options, count, words, settings, &argument_count);
    int code = EXIT_USAGE;
    if (!status_ok(status)) {
        misused(command->name, "%s", status.message);
    } else if (argument_count < command->arguments_min) {
        misused(command->name, "%s is missing", words_behind(command->arguments, argument_count));
    } else if (argument_count > command->arguments_max) {
        misused(command->name, "\"%s\" is one argument too many", words[command->arguments_max]);
    } else {
        words[argument_count] = NULL; /* argv ends with NULL, so there is room */
        code = command->run(settings, words);
    }
    free(settings);
    if (fflush(stdout) != 0 || ferror(stdout))
        return failed(command->name, NULL, "cannot write the output");
    return code;
}

int main(int argc, char **argv)
{
    int used;

    if (argc < 2) {
        print_overview(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("sagabase %s (%s)\n", sagabase_version, sagabase_commit);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(0, NULL);
    if (strcmp(argv[1], "help") == 0)
        return help(argc - 2, argv + 2);
    const struct server_command *server_command = find_server_command(argc - 1, argv + 1, &used);
    if (server_command)
        return server_command->run(argc - used, argv + used);

    const struct command *command = find(argc - 1, argv + 1, &used);
    if (!command && argc == 3 && asks_for_help(1, argv + 2))
        return help(1, argv + 1);
    if (!command)
        return unknown_command(argc - 1, argv + 1);
    if (asks_for_help(argc - 1 - used, argv + 1 + used))
        return explain(command);
    return run(command, argc - 1 - used, argv + 1 + used);
}
