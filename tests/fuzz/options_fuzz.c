/* Any words behind `serve`, any values of its variables, and any words behind a client's
 * command: settings within their ranges, or a message that says what is wrong. */
#include <stdlib.h>

#include "clients/cli/option.h"
#include "server/config/config.h"
#include "tests/fuzz/input.h"

enum { ARENA_BYTES_MAX = 64 << 20, WORDS_MAX = 80, VARIABLES_MAX = 32 };

struct settings {
    bool json;
    const char *server;
    struct texts metadata;
    uint64_t count;
    int64_t timeout_ms;
    int64_t age_us;
};

static const struct option options[] = {
    {.name = "json", .kind = OPTION_FLAG, .offset = offsetof(struct settings, json), .help = "J."},
    {.name = "server",
     .value = "HOST",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct settings, server),
     .fallback = "here:1",
     .help = "S."},
    {.name = "metadata",
     .value = "K=V",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct settings, metadata),
     .help = "M."},
    {.name = "count",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct settings, count),
     .fallback = "5",
     .min = 1,
     .max = 10,
     .help = "C."},
    {.name = "timeout",
     .value = "SECONDS",
     .kind = OPTION_SECONDS,
     .offset = offsetof(struct settings, timeout_ms),
     .fallback = "30",
     .help = "T."},
    {.name = "age",
     .value = "DURATION",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct settings, age_us),
     .help = "A."},
    {.name = NULL},
};

/* What the variables hold, in the order they are asked for. */
static struct fuzz_input *variables;
static struct arena *variables_arena;

static char *draw_text(struct fuzz_input *input, struct arena *arena)
{
    char *text = (char *)arena_copy(arena, fuzz_bytes(input, arena)).data;

    FUZZ_REQUIRE(text);
    return text;
}

static char *environment(const char *name)
{
    (void)name;
    return fuzz_byte(variables) % 4 == 1 ? draw_text(variables, variables_arena) : NULL;
}

static void read_config(int argc, char **argv)
{
    struct config config = {0};
    struct status status = config_read(argc, argv, environment, &config);

    if (!status_ok(status)) {
        FUZZ_REQUIRE(status.code == STATUS_INVALID_ARGUMENT || status.code == STATUS_NOT_FOUND);
        FUZZ_REQUIRE(status.message[0] != 0);
        return;
    }
    config_destroy(&config);
    if (config.help)
        return;
    FUZZ_REQUIRE(config.data && config.listen);
    FUZZ_REQUIRE(config.rpc_threads >= 1 && config.queue_appends >= 1);
    FUZZ_REQUIRE(config.log_level <= LOG_DEBUG);
}

static void parse_options(int argc, char **argv)
{
    struct settings settings = {0};
    int arguments;
    struct status status = options_parse(options, argc, argv, &settings, &arguments);

    if (!status_ok(status)) {
        FUZZ_REQUIRE(status.code == STATUS_INVALID_ARGUMENT && status.message[0] != 0);
        return;
    }
    FUZZ_REQUIRE(arguments >= 0 && arguments <= argc);
    FUZZ_REQUIRE(settings.server && settings.count >= 1 && settings.count <= 10);
    FUZZ_REQUIRE(settings.timeout_ms >= 0 && settings.age_us >= 0);
    FUZZ_REQUIRE(settings.metadata.count <= OPTION_TEXTS_MAX);
    for (size_t i = 0; i < settings.metadata.count; i++)
        FUZZ_REQUIRE(settings.metadata.at[i]);
    for (int i = 0; i < arguments; i++)
        FUZZ_REQUIRE(argv[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {{data, size}};
    char *argv[WORDS_MAX + 2] = {(char *)"serve"};
    struct arena arena;
    uint8_t choice = fuzz_byte(&input);
    int argc = 1;

    arena_init(&arena, ARENA_BYTES_MAX);
    for (uint32_t words = fuzz_below(&input, WORDS_MAX + 1); words > 0; words--)
        argv[argc++] = draw_text(&input, &arena);
    variables = &input;
    variables_arena = &arena;
    if (choice % 2 == 0)
        read_config(argc, argv);
    else
        parse_options(argc - 1, argv + 1);
    arena_destroy(&arena);
    return 0;
}
