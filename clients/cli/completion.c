/* sagabase completion: what a shell offers behind `sagabase`, made from the tables of commands
 * and options. */
#include <stdio.h>
#include <string.h>

#include "clients/cli/connection.h"
#include "server/serve.h"

struct completion {
    bool unused; /* a command has settings */
};

static const struct option options[] = {{.name = NULL}};

/* --- parts that the shells share ------------------------------------------------------ */

/* The size of a command's first word where the table has it first; 0: it had it before. */
static size_t new_word(size_t i)
{
    size_t size = strcspn(commands[i]->name, " ");
    bool again = i > 0 && strncmp(commands[i]->name, commands[i - 1]->name, size) == 0 &&
                 commands[i - 1]->name[size] == ' ';

    return again ? 0 : size;
}

/* The same where a second word follows. */
static size_t new_group(size_t i)
{
    size_t size = new_word(i);

    return commands[i]->name[size] == ' ' ? size : 0;
}

/* The first words of commands, each once. */
static void print_first_words(void)
{
    printf("serve config doctor help");
    for (size_t i = 0; commands[i]; i++)
        if (new_word(i) > 0)
            printf(" %.*s", (int)new_word(i), commands[i]->name);
}

static void print_second_words(const char *group, size_t size)
{
    const char *separator = "";

    for (size_t i = 0; commands[i]; i++)
        if (strncmp(commands[i]->name, group, size) == 0 && commands[i]->name[size] == ' ') {
            printf("%s%s", separator, commands[i]->name + size + 1);
            separator = " ";
        }
}

static void print_flags(const struct option *table)
{
    printf("--help");
    for (const struct option *option = table; option->name; option++)
        printf(" --%s", option->name);
}

static void print_serve_flags(void)
{
    const char *flag;

    for (size_t i = 0; (flag = serve_flag(i)); i++)
        printf("%s--%s", i > 0 ? " " : "", flag);
}

/* --- bash and zsh ----------------------------------------------------------------------- */

static void print_bash(void)
{
    printf("# bash completion for sagabase: eval \"$(sagabase completion bash)\"\n"
           "_sagabase() {\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} words=\n"
           "    case \"${COMP_WORDS[1]:-} ${COMP_WORDS[2]:-}\" in\n");
    for (size_t i = 0; commands[i]; i++) {
        bool two = strchr(commands[i]->name, ' ') != NULL;

        printf("    \"%s\"%s) words=\"", commands[i]->name, two ? "" : "\\ *");
        print_flags(commands[i]->options);
        printf("\" ;;\n");
    }
    for (size_t i = 0; server_commands[i].name; i++) {
        bool two = strchr(server_commands[i].name, ' ') != NULL;

        printf("    \"%s\"%s) words=\"", server_commands[i].name, two ? "" : "\\ *");
        print_serve_flags();
        printf("\" ;;\n");
    }
    printf("    esac\n"
           "    if ((COMP_CWORD == 1)); then\n"
           "        words=\"");
    print_first_words();
    for (size_t i = 0; commands[i]; i++) {
        size_t size = new_group(i);
        if (size == 0)
            continue;
        printf("\"\n"
               "    elif ((COMP_CWORD == 2)) && [[ ${COMP_WORDS[1]:-} == %.*s ]]; then\n"
               "        words=\"",
               (int)size, commands[i]->name);
        print_second_words(commands[i]->name, size);
    }
    printf("\"\n"
           "    elif ((COMP_CWORD == 2)) && [[ ${COMP_WORDS[1]:-} == config ]]; then\n"
           "        words=\"check print\"\n"
           "    elif ((COMP_CWORD == 2)) && [[ ${COMP_WORDS[1]:-} == completion ]]; then\n"
           "        words=\"bash zsh fish\"\n"
           "    fi\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "    [[ ${#COMPREPLY[@]} -gt 0 || $word == -* ]] || "
           "COMPREPLY=($(compgen -f -- \"$word\"))\n"
           "}\n"
           "complete -F _sagabase sagabase\n");
}

/* zsh runs what is written for bash. */
static void print_zsh(void)
{
    printf("# zsh completion for sagabase: source <(sagabase completion zsh)\n"
           "autoload -Uz +X compinit bashcompinit\n"
           "(( $+functions[compdef] )) || compinit\n"
           "bashcompinit\n");
    print_bash();
}

/* --- fish ------------------------------------------------------------------------------- */

/* As fish quotes it; of the help, its first line. */
static void print_quoted(const char *text)
{
    putchar('\'');
    for (; *text && *text != '\n'; text++) {
        if (*text == '\'' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('\'');
}

static void print_fish_command(const struct command *command)
{
    const char *space = strchr(command->name, ' ');
    const char *last = space ? space + 1 : command->name;

    if (space)
        printf("complete -c sagabase -n '__fish_seen_subcommand_from %.*s' -f -a %s -d ",
               (int)(space - command->name), command->name, last);
    else
        printf("complete -c sagabase -n __fish_use_subcommand -f -a %s -d ", last);
    print_quoted(command->summary);
    putchar('\n');
    for (const struct option *option = command->options; option->name; option++) {
        printf("complete -c sagabase -n '__fish_seen_subcommand_from %s%s%.*s' -l %s%s -d ", last,
               space ? "; and __fish_seen_subcommand_from " : "",
               space ? (int)(space - command->name) : 0, command->name, option->name,
               option->value ? " -r" : "");
        print_quoted(option->help);
        putchar('\n');
    }
}

static void print_fish(void)
{
    const char *flag;

    printf("# fish completion for sagabase: sagabase completion fish | source\n"
           "complete -c sagabase -n __fish_use_subcommand -f -a 'serve config doctor help");
    for (size_t i = 0; commands[i]; i++)
        if (new_group(i) > 0)
            printf(" %.*s", (int)new_group(i), commands[i]->name);
    printf("'\n"
           "complete -c sagabase -n '__fish_seen_subcommand_from config' -f -a 'check print'\n"
           "complete -c sagabase -n '__fish_seen_subcommand_from completion' -f "
           "-a 'bash zsh fish'\n");
    for (size_t i = 0; (flag = serve_flag(i)); i++)
        printf("complete -c sagabase -n '__fish_seen_subcommand_from serve config doctor' -l %s\n",
               flag);
    for (size_t i = 0; commands[i]; i++)
        print_fish_command(commands[i]);
}

static int run(void *settings, char **arguments)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

    (void)settings;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(arguments[0], shells[i].name) == 0) {
            shells[i].print();
            return EXIT_DONE;
        }
    return misused("completion", "bash, zsh or fish, not \"%s\"", arguments[0]);
}

const struct command completion_command = {
    .name = "completion",
    .arguments = "bash|zsh|fish",
    .summary = "Print what completes commands and options in a shell",
    .about = "Prints a script for the shell: load it where the shell starts.\n",
    .examples = "  eval \"$(sagabase completion bash)\"\n"
                "  source <(sagabase completion zsh)\n"
                "  sagabase completion fish | source\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct completion),
    .run = run,
};
