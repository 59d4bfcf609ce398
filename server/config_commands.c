#include "server/config_commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/config/config.h"

enum { EXIT_GOOD = 0, EXIT_WRONG = 2 };

static int explain(const char *command, const char *about)
{
    printf("sagabase config %s [OPTION...]\n\n%s\nIt reads what \"sagabase serve\" would read with "
           "the same options:\n\n",
           command, about);
    config_print_help(stdout);
    return EXIT_GOOD;
}

static int refuse(const char *command, struct status status)
{
    fprintf(stderr, "sagabase config %s: %s\n", command, status.message);
    return EXIT_WRONG;
}

int config_check_main(int argc, char **argv)
{
    struct config config;
    struct status status = config_read(argc, argv, getenv, &config);

    if (!status_ok(status))
        return refuse("check", status);
    if (config.help)
        return explain("check", "Tells whether the configuration is right: exit code 0, or 2.");
    printf("ok%s%s\n", config.file ? ": " : "", config.file ? config.file : "");
    config_destroy(&config);
    return EXIT_GOOD;
}

int config_print_main(int argc, char **argv)
{
    struct config config;
    struct status status = config_read(argc, argv, getenv, &config);

    if (!status_ok(status))
        return refuse("print", status);
    if (config.help)
        return explain("print", "Prints every option: its value, its unit, where it came from.");
    config_destroy(&config);
    status = config_print(argc, argv, getenv, stdout);
    return status_ok(status) ? EXIT_GOOD : refuse("print", status);
}
