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
    assert_int_equal(config.stall_timeout, 600);
    assert_int_equal(config.block_cache, 256 << 20);
    assert_int_equal(config.tail_memory, 64 << 20);
    assert_int_equal(config.stream_cache, 500000);
    assert_int_equal(config.busy_poll, 200);
    assert_int_equal(config.log_level, LOG_INFO);
    assert_false(config.help);
}

static void clients_of_redis_have_defaults_and_choices(void **state)
{
    struct config config;

    (void)state;
    assert_true(status_ok(read(NULL, NULL, &config)));
    assert_null(config.resp_listen);
    assert_null(config.resp_password_file);
    assert_int_equal(config.resp_clients, 10000);
    assert_int_equal(config.resp_idle, 0);
    assert_int_equal(config.resp_durability, SAVING_EVERY_SECOND);
    assert_int_equal(config.cache_memory, 256 << 20);
    assert_int_equal(config.cache_policy, 0);
    assert_true(
        status_ok(read("--resp-durability=always", "--cache-policy=volatile-ttl", &config)));
    assert_int_equal(config.resp_durability, SAVING_ALWAYS);
    assert_int_equal(config.cache_policy, 2);
    refuses("--resp-durability", "never", "everysec or always");
    refuses("--cache-policy", "lru", "allkeys-lru, allkeys-lfu, volatile-ttl or noeviction");
}

static void values_stand_behind_a_space_or_an_equals_sign(void **state)
{
    struct config config;

    (void)state;
    assert_true(status_ok(read("--listen", "0.0.0.0:1", &config)));
    assert_string_equal(config.listen, "0.0.0.0:1");
    assert_true(status_ok(read("--listen=[::]:1", NULL, &config)));
    assert_string_equal(config.listen, "[::]:1");
    assert_true(status_ok(read("--data=a=b", NULL, &config)));
    assert_string_equal(config.data, "a=b");
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
    refuses("--log-format", "xml", "--log-format: text or json, not \"xml\"");
    refuses("--listen", "2113", "--listen: \"2113\": must be HOST:PORT");
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

/* --- the file ------------------------------------------------------------------------ */

static char path[] = "/tmp/config_test.XXXXXX";

static const char *file_of(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static void a_file_is_behind_the_environment_and_flags(void **state)
{
    struct config config;

    (void)state;
    file_of("# where it runs\ndata: /from/file\nblock-cache: 1GiB\nin-memory: true\n"
            "listen: \"[::]:1\"\nlog-format: json\n");
    assert_true(status_ok(read("--config", path, &config)));
    assert_string_equal(config.data, "/from/file");
    assert_int_equal(config.block_cache, 1 << 30);
    assert_true(config.in_memory);
    assert_string_equal(config.listen, "[::]:1");
    assert_int_equal(config.log_format, LOG_JSON);
    config_destroy(&config);

    variable = "SAGABASE_CONFIG";
    variable_value = path;
    assert_true(status_ok(read("--data", "/from/flag", &config)));
    assert_string_equal(config.data, "/from/flag");
    assert_int_equal(config.block_cache, 1 << 30);
    config_destroy(&config);

    variable = "SAGABASE_DATA";
    variable_value = "/from/environment";
    assert_true(status_ok(read("--config", path, &config)));
    assert_string_equal(config.data, "/from/environment");
    config_destroy(&config);
}

static void an_empty_file_sets_nothing(void **state)
{
    struct config config;

    (void)state;
    assert_true(status_ok(read("--config", file_of(""), &config)));
    assert_string_equal(config.data, "./data");
    config_destroy(&config);
    assert_true(status_ok(read("--config", file_of("# nothing\n"), &config)));
    config_destroy(&config);
}

static void file_refused(const char *text, const char *rule)
{
    char message[256];

    snprintf(message, sizeof message, "%s:%s", path, rule);
    refuses("--config", file_of(text), message);
}

static void what_is_wrong_in_a_file_is_told_with_its_line(void **state)
{
    char long_text[70000];

    (void)state;
    file_refused("data: x\nrpc-threads: 0\n", "2: rpc-threads: a number from 1 to 64, not \"0\"");
    file_refused("block-cash: 1GiB\n", "1: block-cash: unknown option; did you mean block-cache?");
    file_refused("data: x\n\ndata: y\n", "3: data: is there twice, in line 1, too");
    file_refused("data:\n", "1: data: may not be empty");
    file_refused("data:\n  a: b\n", "2: an option has a single value, not a mapping");
    file_refused("data: a\n---\nlisten: b\n", "2: a second document");
    file_refused("---\ndata: a\n...\n---\ndata: [\n", "4: a second document");
    file_refused("data: [a]\n", "1: an option has a single value, not a list");
    file_refused("- data\n", "1: an option has a single value, not a list");
    file_refused("data\n", "1: must be lines of the form \"option: value\"");
    file_refused("data: &a x\nlisten: *a\n", "2: aliases are not supported");
    file_refused("data: \"x\nlisten: y\n", "");
    file_refused("config: x\n", "1: config: a file cannot name another");
    file_refused("help: true\n", "1: help: unknown option");
    memset(long_text, '#', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = 0;
    file_refused(long_text, " at most 65536 bytes");
}

static void a_file_that_cannot_be_read_is_told_with_the_cause(void **state)
{
    struct config config = {.data = "untouched"};
    struct status status = read("--config", "/nowhere/x.yaml", &config);

    (void)state;
    assert_int_equal(status.code, STATUS_NOT_FOUND);
    assert_string_equal(status.message, "/nowhere/x.yaml: No such file or directory");
    status = read("--config", "/", &config);
    assert_int_equal(status.code, STATUS_NOT_FOUND);
    assert_string_equal(config.data, "untouched");
}

static void print_tells_each_value_with_its_unit_and_where_it_came_from(void **state)
{
    char *argv[] = {(char *)"print", (char *)"--rpc-threads=4", (char *)"--config", path, NULL};
    char *text = NULL, place[64];
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    (void)state;
    file_of("rpc-threads: 2\n\nqueue-memory: 32MiB\n");
    variable = "SAGABASE_LISTEN";
    variable_value = "[::]:7";
    assert_true(status_ok(config_print(4, argv, environment, file)));
    fclose(file);
    snprintf(place, sizeof place, "%s:3\n", path);
    assert_non_null(strstr(text, "rpc-threads            4                          THREADS    "
                                 "--rpc-threads\n"));
    assert_non_null(strstr(text, "HOST:PORT  SAGABASE_LISTEN\n"));
    assert_non_null(strstr(text, place));
    assert_non_null(strstr(text, "./data                     DIRECTORY  default\n"));
    free(text);
}

static void of_a_secret_print_tells_only_whether_it_is_set(void **state)
{
    char *argv[] = {(char *)"print", (char *)"--otlp-headers=key=geheim", NULL};
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    (void)state;
    assert_true(status_ok(config_print(2, argv, environment, file)));
    fflush(file);
    assert_null(strstr(text, "geheim"));
    assert_non_null(strstr(text, "otlp-headers           set "));
    assert_true(status_ok(config_print(1, argv, environment, file)));
    fclose(file);
    assert_non_null(strstr(text, "otlp-headers           unset "));
    free(text);
}

static void an_empty_variable_of_opentelemetry_is_unset(void **state)
{
    struct config config;

    (void)state;
    variable = "OTEL_EXPORTER_OTLP_ENDPOINT";
    variable_value = "";
    assert_true(status_ok(read(NULL, NULL, &config)));
    assert_null(config.otlp_endpoint);
    variable_value = "http://localhost:4317";
    assert_true(status_ok(read(NULL, NULL, &config)));
    assert_string_equal(config.otlp_endpoint, "http://localhost:4317");
    variable = "SAGABASE_DATA";
    variable_value = "";
    refuses(NULL, NULL, "SAGABASE_DATA: may not be empty");
}

static int make_path(void **state)
{
    int file = mkstemp(path);

    (void)state;
    return file < 0 ? 1 : fclose(fdopen(file, "w"));
}

static int remove_path(void **state)
{
    (void)state;
    return remove(path);
}

#define behaves(test) cmocka_unit_test_setup(test, without_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaves(defaults_hold_without_options),
        behaves(clients_of_redis_have_defaults_and_choices),
        behaves(values_stand_behind_a_space_or_an_equals_sign),
        behaves(sizes_have_units),
        behaves(flags_win_over_the_environment_and_that_over_defaults),
        behaves(wrong_values_are_refused_with_name_and_rule),
        behaves(unknown_options_are_told_with_the_nearest_one),
        behaves(help_names_every_option_with_variable_and_default),
        behaves(a_file_is_behind_the_environment_and_flags),
        behaves(an_empty_file_sets_nothing),
        behaves(what_is_wrong_in_a_file_is_told_with_its_line),
        behaves(a_file_that_cannot_be_read_is_told_with_the_cause),
        behaves(print_tells_each_value_with_its_unit_and_where_it_came_from),
        behaves(of_a_secret_print_tells_only_whether_it_is_set),
        behaves(an_empty_variable_of_opentelemetry_is_unset),
    };

    return cmocka_run_group_tests(tests, make_path, remove_path);
}
