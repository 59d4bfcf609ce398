#include "server/config/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

enum option_type {
    OPTION_TEXT,  /* const char * */
    OPTION_FLAG,  /* bool; on the command line without a value */
    OPTION_COUNT, /* uint64_t */
    OPTION_SIZE,  /* uint64_t, bytes */
    OPTION_LEVEL, /* enum log_level */
};

struct option {
    const char *name;     /* of the flag, without the dashes */
    const char *variable; /* in the environment */
    enum option_type type;
    size_t offset;        /* in struct config */
    const char *fallback; /* NULL: none, the field stays zero */
    const char *unit;     /* as --help shows it */
    uint64_t min, max;
    const char *help;
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
    {"data", "SAGABASE_DATA", OPTION_TEXT, FIELD(data), "./data", "DIRECTORY", 0, 0,
     "where the events are kept; created if missing"},
    {"listen", "SAGABASE_LISTEN", OPTION_TEXT, FIELD(listen), "127.0.0.1:2113", "HOST:PORT", 0, 0,
     "address of the gRPC server; port 0 picks a free one"},
    {"in-memory", "SAGABASE_IN_MEMORY", OPTION_FLAG, FIELD(in_memory), "false", "", 0, 0,
     "keep nothing on disk: for trying out and for tests"},
    {"rpc-threads", "SAGABASE_RPC_THREADS", OPTION_COUNT, FIELD(rpc_threads), "1", "THREADS", 1, 64,
     "threads that serve calls"},
    {"connection-calls", "SAGABASE_CONNECTION_CALLS", OPTION_COUNT, FIELD(connection_calls), "1000",
     "CALLS", 1, 1000000, "open calls of one connection, subscriptions included"},
    {"block-cache", "SAGABASE_BLOCK_CACHE", OPTION_SIZE, FIELD(block_cache), "256MiB", "SIZE",
     8 * MIB, TIB, "memory for what was read from disk"},
    {"write-buffer", "SAGABASE_WRITE_BUFFER", OPTION_SIZE, FIELD(write_buffer), "64MiB", "SIZE",
     8 * MIB, 64 * GIB, "memory for what is written, before it goes to sorted files"},
    {"disk-reserve", "SAGABASE_DISK_RESERVE", OPTION_SIZE, FIELD(disk_reserve), "256MiB", "SIZE", 0,
     TIB, "room kept free on disk: with less, appends are refused and reads go on"},
    {"tail-memory", "SAGABASE_TAIL_MEMORY", OPTION_SIZE, FIELD(tail_memory), "64MiB", "SIZE", KIB,
     64 * GIB, "memory for the newest events, which live subscriptions read"},
    {"saga-memory", "SAGABASE_SAGA_MEMORY", OPTION_SIZE, FIELD(saga_memory), "512MiB", "SIZE", MIB,
     64 * GIB, "memory for open sagas: above it no more are started"},
    {"stream-cache", "SAGABASE_STREAM_CACHE", OPTION_COUNT, FIELD(stream_cache), "500000",
     "STREAMS", 1000, 1000000000, "streams whose newest revisions are kept in memory"},
    {"queue-appends", "SAGABASE_QUEUE_APPENDS", OPTION_COUNT, FIELD(queue_appends), "65536",
     "APPENDS", 1, 16777216, "appends that may wait for the disk"},
    {"queue-memory", "SAGABASE_QUEUE_MEMORY", OPTION_SIZE, FIELD(queue_memory), "64MiB", "SIZE",
     4 * MIB, 64 * GIB, "memory of the appends that wait for the disk"},
    {"checkpoint-directory", "SAGABASE_CHECKPOINT_DIRECTORY", OPTION_TEXT,
     FIELD(checkpoint_directory), NULL, "DIRECTORY", 0, 0,
     "where checkpoints go, on the disk of --data; without it, none can be made"},
    {"log-level", "SAGABASE_LOG_LEVEL", OPTION_LEVEL, FIELD(log_level), "info", "LEVEL", 0, 0,
     "error, warn, info or debug"},
    {"help", NULL, OPTION_FLAG, FIELD(help), "false", "", 0, 0, "print this"},
};

enum { OPTION_COUNT_ALL = sizeof options / sizeof *options, NAME_BYTES_MAX = 32 };

/* --- values ------------------------------------------------------------------- */

/* `origin` is "--listen" or "SAGABASE_LISTEN": whatever the operator wrote. */
static struct status refuse(const char *origin, const struct option *option, const char *text)
{
    char size[64];

    switch (option->type) {
    case OPTION_FLAG:
        return status_make(STATUS_INVALID_ARGUMENT, "%s: true or false, not \"%s\"", origin, text);
    case OPTION_COUNT:
        return status_make(STATUS_INVALID_ARGUMENT,
                           "%s: a number from %" PRIu64 " to %" PRIu64 ", not \"%s\"", origin,
                           option->min, option->max, text);
    case OPTION_SIZE:
        snprintf(size, sizeof size, "%" PRIu64 "KiB to %" PRIu64 "GiB", option->min / KIB,
                 option->max / GIB);
        return status_make(STATUS_INVALID_ARGUMENT,
                           "%s: a size such as 64MiB, 1GiB or 1048576 (bytes), %s, not \"%s\"",
                           origin, size, text);
    case OPTION_LEVEL:
        return status_make(STATUS_INVALID_ARGUMENT, "%s: error, warn, info or debug, not \"%s\"",
                           origin, text);
    case OPTION_TEXT:
        break;
    }
    return status_make(STATUS_INVALID_ARGUMENT, "%s: may not be empty", origin);
}

/* Digits only: no sign, no space, no overflow. *rest is what follows them. */
static bool read_number(const char *text, uint64_t *number, const char **rest)
{
    char *end;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    *number = strtoull(text, &end, 10);
    *rest = end;
    return errno == 0;
}

static bool read_unit(const char *text, uint64_t *bytes)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {{"", 1}, {"B", 1}, {"KiB", KIB}, {"MiB", MIB}, {"GiB", GIB}, {"TiB", TIB}};

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(text, units[i].name) == 0) {
            *bytes = units[i].bytes;
            return true;
        }
    return false;
}

static bool read_count(const struct option *option, const char *text, uint64_t *value)
{
    const char *rest;

    return read_number(text, value, &rest) && *rest == '\0' && *value >= option->min &&
           *value <= option->max;
}

static bool read_size(const struct option *option, const char *text, uint64_t *value)
{
    const char *rest;
    uint64_t number, unit;

    if (!read_number(text, &number, &rest) || !read_unit(rest, &unit) ||
        number > option->max / unit)
        return false;
    *value = number * unit;
    return *value >= option->min;
}

static bool read_flag(const char *text, bool *value)
{
    *value = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    return *value || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

static bool read_level(const char *text, enum log_level *value)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *value = (enum log_level)i;
            return true;
        }
    return false;
}

static struct status set(struct config *config, const struct option *option, const char *origin,
                         const char *text)
{
    void *field = (char *)config + option->offset;
    bool good = false;

    switch (option->type) {
    case OPTION_TEXT:
        good = *text != '\0';
        if (good)
            *(const char **)field = text;
        break;
    case OPTION_FLAG:
        good = read_flag(text, field);
        break;
    case OPTION_COUNT:
        good = read_count(option, text, field);
        break;
    case OPTION_SIZE:
        good = read_size(option, text, field);
        break;
    case OPTION_LEVEL:
        good = read_level(text, field);
        break;
    }
    return good ? OK : refuse(origin, option, text);
}

/* --- names ---------------------------------------------------------------------- */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many characters have to be added, removed or replaced (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_BYTES_MAX + 1];
    size_t width = strlen(b);

    assert(width <= NAME_BYTES_MAX);
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t replaced = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = smaller(smaller(row[j], row[j + 1]) + 1, replaced);
        }
    }
    return row[width];
}

static struct status unknown(const char *argument)
{
    const char *nearest = NULL;
    size_t nearest_distance = SIZE_MAX;
    char name[NAME_BYTES_MAX + 1];

    if (strncmp(argument, "--", 2) != 0)
        return status_make(STATUS_INVALID_ARGUMENT, "%.100s: not an option; they begin with --",
                           argument);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(argument + 2, "="), argument + 2);
    for (size_t i = 0; i < OPTION_COUNT_ALL; i++) {
        size_t far = distance(name, options[i].name);
        if (far < nearest_distance) {
            nearest_distance = far;
            nearest = options[i].name;
        }
    }
    return status_make(STATUS_INVALID_ARGUMENT, "--%s: unknown option; did you mean --%s?", name,
                       nearest);
}

/* The option that an argument names, and the value behind "=", if any. */
static const struct option *find(const char *argument, const char **value)
{
    size_t size = strcspn(argument, "=");

    *value = argument[size] == '=' ? argument + size + 1 : NULL;
    if (strncmp(argument, "--", 2) != 0)
        return NULL;
    for (size_t i = 0; i < OPTION_COUNT_ALL; i++)
        if (strlen(options[i].name) == size - 2 &&
            strncmp(options[i].name, argument + 2, size - 2) == 0)
            return &options[i];
    return NULL;
}

/* --- sources ---------------------------------------------------------------------- */

static void set_defaults(struct config *config)
{
    for (size_t i = 0; i < OPTION_COUNT_ALL; i++) {
        if (!options[i].fallback)
            continue;
        struct status status = set(config, &options[i], options[i].name, options[i].fallback);
        assert(status_ok(status)); /* the table breaks its own rule */
        (void)status;
    }
}

static struct status read_environment(char *(*environment)(const char *name), struct config *config)
{
    for (size_t i = 0; i < OPTION_COUNT_ALL; i++) {
        const char *text = options[i].variable ? environment(options[i].variable) : NULL;
        if (text)
            TRY(set(config, &options[i], options[i].variable, text));
    }
    return OK;
}

static struct status read_arguments(int argc, char *const *argv, struct config *config)
{
    for (int i = 1; i < argc && !config->help; i++) {
        const char *value;
        const struct option *option = find(argv[i], &value);
        char origin[2 + NAME_BYTES_MAX + 1];

        if (!option)
            return unknown(argv[i]);
        snprintf(origin, sizeof origin, "--%s", option->name);
        if (!value && option->type == OPTION_FLAG)
            value = "true";
        if (!value && ++i == argc)
            return status_make(STATUS_INVALID_ARGUMENT, "%s: %s is missing", origin, option->unit);
        TRY(set(config, option, origin, value ? value : argv[i]));
    }
    return OK;
}

struct status config_read(int argc, char *const *argv, char *(*environment)(const char *name),
                          struct config *config)
{
    struct config result = {0};

    set_defaults(&result);
    TRY(read_environment(environment, &result));
    TRY(read_arguments(argc, argv, &result));
    *config = result;
    return OK;
}

/* --- help ------------------------------------------------------------------------- */

void config_print_help(FILE *file)
{
    for (size_t i = 0; i < OPTION_COUNT_ALL; i++) {
        const struct option *option = &options[i];
        int width = fprintf(file, "  --%s %s", option->name, option->unit);

        fprintf(file, "%*s%s\n", width < 28 ? 28 - width : 1, "", option->help);
        if (option->variable)
            fprintf(file, "%28s%s, default %s\n", "", option->variable,
                    option->fallback ? option->fallback : "none");
    }
}

const char *config_flag(size_t index)
{
    return index < sizeof options / sizeof *options ? options[index].name : NULL;
}
