/* One table drives parsing and help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "clients/cli/option.h"

struct settings {
    bool json;
    const char *server;
    struct texts metadata;
    uint64_t count;
    int64_t timeout_ms;
};

static const struct option options[] = {
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct settings, json),
     .help = "Print JSON."},
    {.name = "server",
     .value = "HOST:PORT",
     .kind = OPTION_ADDRESS,
     .offset = offsetof(struct settings, server),
     .fallback = "here:1",
     .environment = "OPTION_TEST_SERVER",
     .help = "Where."},
    {.name = "metadata",
     .value = "K=V",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct settings, metadata),
     .help = "Facts."},
    {.name = "count",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct settings, count),
     .min = 1,
     .max = 10,
     .help = "How many."},
    {.name = "timeout",
     .value = "SECONDS",
     .kind = OPTION_SECONDS,
     .offset = offsetof(struct settings, timeout_ms),
     .fallback = "30",
     .help = "How long."},
    {.name = NULL},
};

enum { WORDS_MAX = 128 };

/* Parses what stands there, words divided by spaces. */
static struct status parse(const char *line, struct settings *settings, char **words,
                           int *arguments)
{
    static char text[4096];
    int count = 0;
    char *rest = text;

    snprintf(text, sizeof text, "%s", line);
    for (char *word; (word = strsep(&rest, " ")) != NULL && count < WORDS_MAX;)
        if (*word)
            words[count++] = word;
    *settings = (struct settings){0};
    return options_parse(options, count, words, settings, arguments);
}

static void expect_refused(const char *line, const char *message)
{
    struct settings settings;
    char *words[WORDS_MAX];
    int arguments;
    struct status status = parse(line, &settings, words, &arguments);

    assert_int_equal(status.code, STATUS_INVALID_ARGUMENT);
    assert_string_equal(status.message, message);
}

static void options_and_arguments_may_be_mixed(void **state)
{
    struct settings settings;
    char *words[WORDS_MAX];
    int arguments;

    (void)state;
    struct status status =
        parse("first --count 7 second --json --timeout=2.5 --metadata a=b --metadata c=d -",
              &settings, words, &arguments);
    assert_int_equal(status.code, STATUS_OK);
    assert_int_equal(arguments, 3);
    assert_string_equal(words[0], "first");
    assert_string_equal(words[1], "second");
    assert_string_equal(words[2], "-");
    assert_true(settings.json);
    assert_int_equal(settings.count, 7);
    assert_int_equal(settings.timeout_ms, 2500);
    assert_int_equal(settings.metadata.count, 2);
    assert_string_equal(settings.metadata.at[1], "c=d");
}

static void two_dashes_end_the_options(void **state)
{
    struct settings settings;
    char *words[WORDS_MAX];
    int arguments;

    (void)state;
    assert_int_equal(parse("--json -- --count x", &settings, words, &arguments).code, STATUS_OK);
    assert_int_equal(arguments, 2);
    assert_string_equal(words[0], "--count");
}

static void flags_beat_the_environment_and_that_the_fallback(void **state)
{
    struct settings settings;
    char *words[WORDS_MAX];
    int arguments;

    (void)state;
    unsetenv("OPTION_TEST_SERVER");
    parse("", &settings, words, &arguments);
    assert_string_equal(settings.server, "here:1");
    assert_int_equal(settings.timeout_ms, 30000);
    setenv("OPTION_TEST_SERVER", "there:2", 1);
    parse("", &settings, words, &arguments);
    assert_string_equal(settings.server, "there:2");
    parse("--server flag:3", &settings, words, &arguments);
    assert_string_equal(settings.server, "flag:3");
}

static void wrong_options_name_their_rule(void **state)
{
    (void)state;
    expect_refused("--cuont 3", "unknown option --cuont (did you mean --count?)");
    expect_refused("--zzzzzz", "unknown option --zzzzzz");
    expect_refused("-x", "unknown option -x (options start with --)");
    expect_refused("--json=yes", "--json: takes no value");
    expect_refused("--count", "--count: needs a value, N");
    expect_refused("--count 11", "--count: a whole number from 1 to 10, not \"11\"");
    expect_refused("--count -1", "--count: a whole number from 1 to 10, not \"-1\"");
    expect_refused("--count 99999999999999999999",
                   "--count: a whole number from 1 to 10, not \"99999999999999999999\"");
    expect_refused("--server here", "--server: HOST:PORT, not \"here\"");
    expect_refused("--server here:", "--server: HOST:PORT, not \"here:\"");
    expect_refused("--server :80", "--server: HOST:PORT, not \":80\"");
    expect_refused("--server here:70000", "--server: HOST:PORT, not \"here:70000\"");
    expect_refused("--timeout soon", "--timeout: a number of seconds, not \"soon\"");
    expect_refused("--timeout -1", "--timeout: a number of seconds, not \"-1\"");
}

static void a_repeated_option_has_a_limit(void **state)
{
    char line[4096] = "";

    (void)state;
    for (int i = 0; i <= OPTION_TEXTS_MAX; i++)
        strncat(line, "--metadata=x ", sizeof line - strlen(line) - 1);
    expect_refused(line, "--metadata: at most 64 times");
}

static void a_short_time_is_not_never(void **state)
{
    struct settings settings;
    char *words[WORDS_MAX];
    int arguments;

    (void)state;
    parse("--timeout 0.0001", &settings, words, &arguments);
    assert_int_equal(settings.timeout_ms, 1);
    parse("--timeout 0", &settings, words, &arguments);
    assert_int_equal(settings.timeout_ms, 0);
}

static void help_tells_values_and_defaults(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    options_print(options, out);
    fclose(out);
    assert_non_null(strstr(text, "  --server HOST:PORT         Where.\n"));
    assert_non_null(strstr(text, "Default: here:1, or OPTION_TEST_SERVER\n"));
    assert_non_null(strstr(text, "  --json                     Print JSON.\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_arguments_may_be_mixed),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(flags_beat_the_environment_and_that_the_fallback),
        cmocka_unit_test(wrong_options_name_their_rule),
        cmocka_unit_test(a_repeated_option_has_a_limit),
        cmocka_unit_test(a_short_time_is_not_never),
        cmocka_unit_test(help_tells_values_and_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
