#include "server/config/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "server/config/config_file.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

enum option_type {
    OPTION_TEXT,    /* const char * */
    OPTION_ADDRESS, /* const char *, HOST:PORT */
    OPTION_FLAG,    /* bool; on the command line without a value */
    OPTION_COUNT,   /* uint64_t */
    OPTION_SIZE,    /* uint64_t, bytes */
    OPTION_LEVEL,   /* enum log_level */
    OPTION_FORMAT,  /* enum log_format */
    OPTION_SAVING,  /* enum saving */
    OPTION_POLICY,  /* enum cache_policy */
    OPTION_SECRET,  /* as OPTION_TEXT; its value is never shown */
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

/* An option is one row here and one field in config.h. */
static const struct option options[] = {
    {"config", "SAGABASE_CONFIG", OPTION_TEXT, FIELD(file), NULL, "FILE", 0, 0,
     "YAML, lines of \"option: value\", for what flags and environment do not set"},
    {"data", "SAGABASE_DATA", OPTION_TEXT, FIELD(data), "./data", "DIRECTORY", 0, 0,
     "where the events are kept; created if missing"},
    {"listen", "SAGABASE_LISTEN", OPTION_ADDRESS, FIELD(listen), "127.0.0.1:2113", "HOST:PORT", 0,
     0, "address of the gRPC server; port 0 picks a free one"},
    {"http-listen", "SAGABASE_HTTP_LISTEN", OPTION_TEXT, FIELD(http_listen), NULL, "HOST:PORT", 0,
     0, "address of /metrics and /health; \"off\": none; not set: 127.0.0.1:2114 if it is free"},
    {"resp-listen", "SAGABASE_RESP_LISTEN", OPTION_TEXT, FIELD(resp_listen), NULL, "HOST:PORT", 0,
     0, "address for clients of Redis; \"off\": none; not set: 127.0.0.1:6380 if it is free"},
    {"resp-password-file", "SAGABASE_RESP_PASSWORD_FILE", OPTION_TEXT, FIELD(resp_password_file),
     NULL, "FILE", 0, 0, "its first line is the password that clients of Redis have to give"},
    {"resp-durability", "SAGABASE_RESP_DURABILITY", OPTION_SAVING, FIELD(resp_durability),
     "everysec", "WHEN", 0, 0,
     "plain values are on disk within a second (everysec), or before the answer (always)"},
    {"resp-clients", "SAGABASE_RESP_CLIENTS", OPTION_COUNT, FIELD(resp_clients), "10000",
     "CONNECTIONS", 1, 1000000, "connections of clients of Redis"},
    {"resp-idle", "SAGABASE_RESP_IDLE", OPTION_COUNT, FIELD(resp_idle), "0", "SECONDS", 0, 31536000,
     "a connection of a client of Redis silent for so long is closed; 0: never"},
    {"cache-memory", "SAGABASE_CACHE_MEMORY", OPTION_SIZE, FIELD(cache_memory), "256MiB", "SIZE",
     MIB, 64 * GIB, "memory for snapshots and plain values"},
    {"cache-policy", "SAGABASE_CACHE_POLICY", OPTION_POLICY, FIELD(cache_policy), "allkeys-lru",
     "POLICY", 0, 0,
     "what leaves a full cache: allkeys-lru, allkeys-lfu, volatile-ttl, noeviction"},
    {"in-memory", "SAGABASE_IN_MEMORY", OPTION_FLAG, FIELD(in_memory), "false", "", 0, 0,
     "keep nothing on disk: for trying out and for tests"},
    {"rpc-threads", "SAGABASE_RPC_THREADS", OPTION_COUNT, FIELD(rpc_threads), "1", "THREADS", 1, 64,
     "threads that serve calls"},
    {"connection-calls", "SAGABASE_CONNECTION_CALLS", OPTION_COUNT, FIELD(connection_calls), "1000",
     "CALLS", 1, 1000000, "open calls of one connection, subscriptions included"},
    {"stall-timeout", "SAGABASE_STALL_TIMEOUT", OPTION_COUNT, FIELD(stall_timeout), "600",
     "SECONDS", 0, 31536000,
     "a stream whose client takes nothing of what is sent for so long is ended; 0: never"},
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
    {"key-directory", "SAGABASE_KEY_DIRECTORY", OPTION_TEXT, FIELD(key_directory), NULL,
     "DIRECTORY", 0, 0,
     "where the keys of encrypted streams are kept; without it, in \"keys\" below --data"},
    {"master-key-file", "SAGABASE_MASTER_KEY_FILE", OPTION_TEXT, FIELD(master_key_file), NULL,
     "FILE", 0, 0, "32 bytes, or 64 hexadecimal digits, that those keys are sealed with"},
    {"scavenge-rate", "SAGABASE_SCAVENGE_RATE", OPTION_SIZE, FIELD(scavenge_rate), "32MiB", "SIZE",
     64 * KIB, 64 * GIB, "how much of the log a scavenge reads in a second"},
    {"log-level", "SAGABASE_LOG_LEVEL", OPTION_LEVEL, FIELD(log_level), "info", "LEVEL", 0, 0,
     "error, warn, info or debug"},
    {"log-format", "SAGABASE_LOG_FORMAT", OPTION_FORMAT, FIELD(log_format), "text", "FORMAT", 0, 0,
     "text or json"},
    {"otlp-endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", OPTION_TEXT, FIELD(otlp_endpoint), NULL, "URL",
     0, 0, "where traces go by OTLP/gRPC: http://localhost:4317; without it there are none"},
    {"otlp-headers", "OTEL_EXPORTER_OTLP_HEADERS", OPTION_SECRET, FIELD(otlp_headers), NULL, "LIST",
     0, 0, "sent with them: key=value,key=value"},
    {"otlp-timeout", "OTEL_EXPORTER_OTLP_TIMEOUT", OPTION_TEXT, FIELD(otlp_timeout), NULL, "MS", 0,
     0, "of one export; 10000"},
    {"otel-service-name", "OTEL_SERVICE_NAME", OPTION_TEXT, FIELD(otel_service_name), NULL, "NAME",
     0, 0, "of this server in traces; sagabase"},
    {"otel-resource-attributes", "OTEL_RESOURCE_ATTRIBUTES", OPTION_TEXT,
     FIELD(otel_resource_attributes), NULL, "LIST", 0, 0,
     "what else to tell of it: key=value,key=value"},
    {"otel-traces-exporter", "OTEL_TRACES_EXPORTER", OPTION_TEXT, FIELD(otel_traces_exporter), NULL,
     "NAME", 0, 0, "otlp, or none"},
    {"otel-traces-sampler", "OTEL_TRACES_SAMPLER", OPTION_TEXT, FIELD(otel_traces_sampler), NULL,
     "NAME", 0, 0, "always_on, always_off, traceidratio or parentbased_ and one of these"},
    {"otel-traces-sampler-arg", "OTEL_TRACES_SAMPLER_ARG", OPTION_TEXT,
     FIELD(otel_traces_sampler_arg), NULL, "RATIO", 0, 0, "of traceidratio, 0 to 1; 1"},
    {"otel-sdk-disabled", "OTEL_SDK_DISABLED", OPTION_TEXT, FIELD(otel_sdk_disabled), NULL, "BOOL",
     0, 0, "true: no traces"},
    {"otel-bsp-schedule-delay", "OTEL_BSP_SCHEDULE_DELAY", OPTION_TEXT,
     FIELD(otel_bsp_schedule_delay), NULL, "MS", 0, 0,
     "spans wait at most so long for others; 5000"},
    {"otel-bsp-export-timeout", "OTEL_BSP_EXPORT_TIMEOUT", OPTION_TEXT,
     FIELD(otel_bsp_export_timeout), NULL, "MS", 0, 0,
     "then spans that cannot be sent are dropped; 30000"},
    {"otel-bsp-max-queue-size", "OTEL_BSP_MAX_QUEUE_SIZE", OPTION_TEXT,
     FIELD(otel_bsp_max_queue_size), NULL, "SPANS", 0, 0, "that may wait; more are dropped; 2048"},
    {"otel-bsp-max-export-batch-size", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", OPTION_TEXT,
     FIELD(otel_bsp_max_export_batch_size), NULL, "SPANS", 0, 0, "sent together; 512"},
    {"help", NULL, OPTION_FLAG, FIELD(help), "false", "", 0, 0, "print this"},
};

enum { OPTION_COUNT_ALL = sizeof options / sizeof *options, NAME_BYTES_MAX = 32 };

/* --- values ------------------------------------------------------------------- */

static const char *const levels[] = {"error", "warn", "info", "debug", NULL};

/* The words an option chooses from, in the order of its enum; ended by NULL. */
static const char *const *choices_of(const struct option *option)
{
    static const char *const formats[] = {"text", "json", NULL};
    static const char *const savings[] = {"everysec", "always", NULL};
    static const char *const policies[] = {"allkeys-lru", "allkeys-lfu", "volatile-ttl",
                                           "noeviction", NULL};

    switch (option->type) {
    case OPTION_LEVEL:
        return levels;
    case OPTION_SAVING:
        return savings;
    case OPTION_POLICY:
        return policies;
    default:
        return formats;
    }
}

static struct status refuse_choice(const char *origin, const struct option *option,
                                   const char *text)
{
    const char *const *choices = choices_of(option);
    char rule[128];
    size_t size = 0;

    for (const char *const *choice = choices; *choice; choice++)
        size += (size_t)snprintf(rule + size, sizeof rule - size, "%s%s",
                                 choice == choices ? ""
                                 : choice[1]       ? ", "
                                                   : " or ",
                                 *choice);
    return status_make(STATUS_INVALID_ARGUMENT, "%s: %s, not \"%.64s\"", origin, rule, text);
}

static struct status refuse_address(const char *origin, const char *text)
{
    struct address address;
    struct status status = address_parse(text, &address);

    return status_make(STATUS_INVALID_ARGUMENT, "%s: \"%.64s\": %s", origin, text, status.message);
}

/* `origin` is "--listen", "SAGABASE_LISTEN" or "sagabase.yaml:3: listen": whatever the operator
 * wrote. */
static struct status refuse(const char *origin, const struct option *option, const char *text)
{
    char size[64];

    switch (option->type) {
    case OPTION_FLAG:
        return status_make(STATUS_INVALID_ARGUMENT, "%s: true or false, not \"%.64s\"", origin,
                           text);
    case OPTION_COUNT:
        return status_make(STATUS_INVALID_ARGUMENT,
                           "%s: a number from %" PRIu64 " to %" PRIu64 ", not \"%.64s\"", origin,
                           option->min, option->max, text);
    case OPTION_SIZE:
        snprintf(size, sizeof size, "%" PRIu64 "KiB to %" PRIu64 "GiB", option->min / KIB,
                 option->max / GIB);
        return status_make(STATUS_INVALID_ARGUMENT,
                           "%s: a size such as 64MiB, 1GiB or 1048576 (bytes), %s, not \"%.64s\"",
                           origin, size, text);
    case OPTION_LEVEL:
    case OPTION_FORMAT:
    case OPTION_SAVING:
    case OPTION_POLICY:
        return refuse_choice(origin, option, text);
    case OPTION_ADDRESS:
        return refuse_address(origin, text);
    case OPTION_TEXT:
    case OPTION_SECRET:
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

static bool read_choice(const struct option *option, const char *text, void *field)
{
    const char *const *choices = choices_of(option);

    for (int i = 0; choices[i]; i++)
        if (strcmp(text, choices[i]) == 0) {
            memcpy(field, &i, sizeof i); /* an enum without negative values is as large */
            return true;
        }
    return false;
}

static bool read_address(const char *text, const char **value)
{
    struct address address;

    *value = text;
    return status_ok(address_parse(text, &address));
}

static struct status set(struct config *config, const struct option *option, const char *origin,
                         const char *text)
{
    void *field = (char *)config + option->offset;
    bool good = false;

    switch (option->type) {
    case OPTION_TEXT:
    case OPTION_SECRET:
        good = *text != '\0';
        if (good)
            *(const char **)field = text;
        break;
    case OPTION_ADDRESS:
        good = read_address(text, field);
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
    case OPTION_FORMAT:
    case OPTION_SAVING:
    case OPTION_POLICY:
        good = read_choice(option, text, field);
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

static const char *nearest_name(const char *name)
{
    const char *nearest = NULL;
    size_t nearest_distance = SIZE_MAX;

    for (size_t i = 0; i < OPTION_COUNT_ALL; i++) {
        size_t far = distance(name, options[i].name);
        if (far < nearest_distance) {
            nearest_distance = far;
            nearest = options[i].name;
        }
    }
    return nearest;
}

static struct status unknown(const char *argument)
{
    char name[NAME_BYTES_MAX + 1];

    if (strncmp(argument, "--", 2) != 0)
        return status_make(STATUS_INVALID_ARGUMENT, "%.100s: not an option; they begin with --",
                           argument);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(argument + 2, "="), argument + 2);
    return status_make(STATUS_INVALID_ARGUMENT, "--%s: unknown option; did you mean --%s?", name,
                       nearest_name(name));
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

enum { ORIGIN_BYTES = 160, TEXTS_BYTES_MAX = 1 << 20 };

/* Where a value came from, as it was written. */
struct source {
    char origin[ORIGIN_BYTES]; /* "--listen", "SAGABASE_LISTEN"; empty: the default */
    const char *text;          /* NULL: none was given */
};

struct reading {
    struct config config;
    struct source sources[OPTION_COUNT_ALL];
};

static struct status take(struct reading *reading, const struct option *option, const char *text,
                          const char *origin)
{
    struct source *source = &reading->sources[option - options];

    TRY(set(&reading->config, option, origin, text));
    source->text = text;
    snprintf(source->origin, sizeof source->origin, "%s", origin);
    return OK;
}

static void set_defaults(struct reading *reading)
{
    *reading = (struct reading){0};
    for (size_t i = 0; i < OPTION_COUNT_ALL; i++) {
        if (!options[i].fallback)
            continue;
        struct status status = take(reading, &options[i], options[i].fallback, "");
        assert(status_ok(status)); /* the table breaks its own rule */
        (void)status;
    }
}

/* OpenTelemetry's variables are unset when they are empty; ours may not be. */
static bool is_unset(const char *variable, const char *text)
{
    return !text || (*text == 0 && strncmp(variable, "OTEL_", 5) == 0);
}

static struct status read_environment(char *(*environment)(const char *name),
                                      struct reading *reading)
{
    for (size_t i = 0; i < OPTION_COUNT_ALL; i++) {
        const char *variable = options[i].variable;
        const char *text = variable ? environment(variable) : NULL;
        if (variable && !is_unset(variable, text))
            TRY(take(reading, &options[i], text, variable));
    }
    return OK;
}

static struct status read_arguments(int argc, char *const *argv, struct reading *reading)
{
    for (int i = 1; i < argc && !reading->config.help; i++) {
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
        TRY(take(reading, option, value ? value : argv[i], origin));
    }
    return OK;
}

static const struct option *find_name(const char *name)
{
    for (size_t i = 0; i < OPTION_COUNT_ALL; i++)
        if (options[i].variable && strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

static struct status read_entry(const char *path, const struct config_entry *entry,
                                struct reading *reading)
{
    const struct option *option = find_name(entry->name);
    char origin[ORIGIN_BYTES];

    snprintf(origin, sizeof origin, "%s:%u: %.32s", config_file_shown(path), entry->line,
             entry->name);
    if (!option)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: unknown option; did you mean %s?", origin,
                           nearest_name(entry->name));
    if (option->offset == FIELD(file))
        return status_make(STATUS_INVALID_ARGUMENT, "%s: a file cannot name another", origin);
    TRY(take(reading, option, entry->value, origin));
    *strrchr(reading->sources[option - options].origin, ':') = 0; /* the place alone */
    return OK;
}

static struct status read_file(const char *path, struct reading *reading)
{
    struct config_entry *entries;
    size_t count;

    TRY(config_file_read(path, &reading->config.texts, &entries, &count));
    for (size_t i = 0; i < count; i++)
        TRY(read_entry(path, &entries[i], reading));
    return OK;
}

/* Which file to read is said by what wins over it, so that is read first and again. */
static struct status read_all(int argc, char *const *argv, char *(*environment)(const char *name),
                              struct reading *reading)
{
    set_defaults(reading);
    TRY(read_environment(environment, reading));
    TRY(read_arguments(argc, argv, reading));
    const char *path = reading->config.file;
    if (!path || reading->config.help)
        return OK;
    set_defaults(reading);
    arena_init(&reading->config.texts, TEXTS_BYTES_MAX);
    struct status status = read_file(path, reading);
    if (status_ok(status))
        status = read_environment(environment, reading);
    if (status_ok(status))
        status = read_arguments(argc, argv, reading);
    if (!status_ok(status))
        arena_destroy(&reading->config.texts);
    return status;
}

struct status config_read(int argc, char *const *argv, char *(*environment)(const char *name),
                          struct config *config)
{
    struct reading reading;

    TRY(read_all(argc, argv, environment, &reading));
    *config = reading.config;
    return OK;
}

const char *config_level_name(enum log_level level)
{
    return levels[level];
}

void config_destroy(struct config *config)
{
    arena_destroy(&config->texts);
}

struct status config_print(int argc, char *const *argv, char *(*environment)(const char *name),
                           FILE *file)
{
    struct reading reading;

    TRY(read_all(argc, argv, environment, &reading));
    fprintf(file, "%-22s %-26s %-10s %s\n", "OPTION", "VALUE", "UNIT", "FROM");
    for (size_t i = 0; i < OPTION_COUNT_ALL; i++) {
        const struct option *option = &options[i];
        const struct source *source = &reading.sources[i];
        const char *value = source->text ? source->text : "-";

        if (!option->variable)
            continue; /* --help */
        if (option->type == OPTION_SECRET)
            value = source->text ? "set" : "unset";
        fprintf(file, "%-22s %-26s %-10s %s\n", option->name, value,
                *option->unit ? option->unit : "-", *source->origin ? source->origin : "default");
    }
    config_destroy(&reading.config);
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
