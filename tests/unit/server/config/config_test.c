/* Options. Goal: what an operator writes is taken as meant, or refused with its name and rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/config.h"

static const char *variable, *variable_value;

static char *environment(const char *name)
{
    return variable && strcmp(name, variable) == 0 ? (char *)variable_value : NULL;
}

static int without_environment(void **state)
{
    (void)state;
    variable = NULL;
    return 0;
}

/* Up to two arguments behind "serve". */
static struct status read(const char *first, const char *second, struct config *config)
{
    char *argv[] = {(char *)"serve", (char *)first, (char *)second, NULL};
    int argc = first ? second ? 3 : 2 : 1;

    return config_read(argc, argv, environment, config);
}

static void refuses(const char *first, const char *second, const char *part)
{
    struct config config = {.data = "untouched"};
    struct status status = read(first, second, &config);

    assert_int_equal(status.code, STATUS_INVALID_ARGUMENT);
    if (!strstr(status.message, part))
        fail_msg("\"%s\" does not say \"%s\"", status.message, part);
    assert_string_equal(config.data, "untouched");
}

static void defaults_hold_without_options(void **state)
{
    struct config config;

    (void)state;
    assert_true(status_ok(read(NULL, NULL, &config)));
    assert_string_equal(config.data, "./data");
    assert_string_equal(config.listen, "127.0.0.1:2113");
    assert_false(config.in_memory);
    assert_int_equal(config.rpc_threads, 1);
    assert_int_equal(config.connection_calls, 1000);
    assert_int_equal(config.block_cache, 256 << 20);
    assert_int_equal(config.tail_memory, 64 << 20);
    assert_int_equal(config.stream_cache, 500000);
    assert_int_equal(config.log_level, LOG_INFO);
    assert_false(config.help);
}

static void values_stand_behind_a_space_or_an_equals_sign(void **state)
{
    struct config config;

    (void)state;
    assert_true(status_ok(read("--listen", "0.0.0.0:1", &config)));
    assert_string_equal(config.listen, "0.0.0.0:1");
    assert_true(status_ok(read("--listen=[::]:1=2", NULL, &config)));
    assert_string_equal(config.listen, "[::]:1=2");
    assert_true(status_ok(read("--in-memory", "--log-level=debug", &config)));
    assert_true(config.in_memory);
    assert_int_equal(config.log_level, LOG_DEBUG);
    assert_true(status_ok(read("--in-memory=false", NULL, &config)));
    assert_false(config.in_memory);
}

static void sizes_have_units(void **state)
{
    struct config config;

    (void)state;
    assert_true(status_ok(read("--block-cache", "1GiB", &config)));
    assert_int_equal(config.block_cache, 1 << 30);
    assert_true(status_ok(read("--block-cache", "64MiB", &config)));
    assert_int_equal(config.block_cache, 64 << 20);
    assert_true(status_ok(read("--tail-memory", "1048576", &config)));
    assert_int_equal(config.tail_memory, 1 << 20);
    assert_true(status_ok(read("--tail-memory=512KiB", NULL, &config)));
    assert_int_equal(config.tail_memory, 512 << 10);
}

static void flags_win_over_the_environment_and_that_over_defaults(void **state)
{
    struct config config;

    (void)state;
    variable = "SAGABASE_DATA";
    variable_value = "/from/environment";
    assert_true(status_ok(read(NULL, NULL, &config)));
    assert_string_equal(config.data, "/from/environment");
    assert_true(status_ok(read("--data", "/from/flag", &config)));
    assert_string_equal(config.data, "/from/flag");
}

static void wrong_values_are_refused_with_name_and_rule(void **state)
{
    (void)state;
    refuses("--rpc-threads", "0", "--rpc-threads: a number from 1 to 64, not \"0\"");
    refuses("--rpc-threads", "65", "--rpc-threads: a number from 1 to 64");
    refuses("--rpc-threads", "-1", "--rpc-threads: a number");
    refuses("--rpc-threads", "1x", "--rpc-threads: a number");
    refuses("--rpc-threads", "18446744073709551617", "--rpc-threads: a number");
    refuses("--block-cache", "64MB", "--block-cache: a size such as 64MiB");
    refuses("--block-cache", "1KiB", "--block-cache: a size");
    refuses("--block-cache", "99999999999TiB", "--block-cache: a size");
    refuses("--block-cache=", NULL, "--block-cache: a size");
    refuses("--in-memory=maybe", NULL, "--in-memory: true or false");
    refuses("--log-level", "loud", "--log-level: error, warn, info or debug, not \"loud\"");
    refuses("--data", "", "--data: may not be empty");
    refuses("--listen", NULL, "--listen: HOST:PORT is missing");
    variable = "SAGABASE_LOG_LEVEL";
    variable_value = "loud";
    refuses(NULL, NULL, "SAGABASE_LOG_LEVEL: error, warn");
}

static void unknown_options_are_told_with_the_nearest_one(void **state)
{
    (void)state;
    refuses("--lisen", "x", "--lisen: unknown option; did you mean --listen?");
    refuses("--block-cash=1", NULL, "--block-cash: unknown option; did you mean --block-cache?");
    refuses("--memory", NULL, "--memory: unknown option; did you mean --in-memory?");
    refuses("--", NULL, "unknown option");
    refuses("./data", NULL, "./data: not an option");
    refuses("--a-name-that-is-much-longer-than-any-of-the-names-that-there-are", NULL,
            "unknown option");
}

static void help_names_every_option_with_variable_and_default(void **state)
{
    struct config config;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    (void)state;
    assert_true(status_ok(read("--help", "--nonsense", &config)));
    assert_true(config.help);
    config_print_help(file);
    fclose(file);
    assert_non_null(strstr(text, "--data DIRECTORY"));
    assert_non_null(strstr(text, "SAGABASE_BLOCK_CACHE, default 256MiB\n"));
    assert_non_null(strstr(text, "SAGABASE_LISTEN, default 127.0.0.1:2113\n"));
    free(text);
}

#define behaves(test) cmocka_unit_test_setup(test, without_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaves(defaults_hold_without_options),
        behaves(values_stand_behind_a_space_or_an_equals_sign),
        behaves(sizes_have_units),
        behaves(flags_win_over_the_environment_and_that_over_defaults),
        behaves(wrong_values_are_refused_with_name_and_rule),
        behaves(unknown_options_are_told_with_the_nearest_one),
        behaves(help_names_every_option_with_variable_and_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
