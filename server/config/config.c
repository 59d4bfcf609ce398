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
#include "server/config/options.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

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
    size_t row[OPTION_NAME_BYTES_MAX + 1];
    size_t width = strlen(b);

    assert(width <= OPTION_NAME_BYTES_MAX);
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

    for (size_t i = 0; i < OPTIONS; i++) {
        size_t far = distance(name, config_options[i].name);
        if (far < nearest_distance) {
            nearest_distance = far;
            nearest = config_options[i].name;
        }
    }
    return nearest;
}

static struct status unknown(const char *argument)
{
    char name[OPTION_NAME_BYTES_MAX + 1];

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
    for (size_t i = 0; i < OPTIONS; i++)
        if (strlen(config_options[i].name) == size - 2 &&
            strncmp(config_options[i].name, argument + 2, size - 2) == 0)
            return &config_options[i];
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
    struct source sources[OPTIONS];
};

static struct status take(struct reading *reading, const struct option *option, const char *text,
                          const char *origin)
{
    struct source *source = &reading->sources[option - config_options];

    TRY(set(&reading->config, option, origin, text));
    source->text = text;
    snprintf(source->origin, sizeof source->origin, "%s", origin);
    return OK;
}

static void set_defaults(struct reading *reading)
{
    *reading = (struct reading){0};
    for (size_t i = 0; i < OPTIONS; i++) {
        if (!config_options[i].fallback)
            continue;
        struct status status = take(reading, &config_options[i], config_options[i].fallback, "");
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
    for (size_t i = 0; i < OPTIONS; i++) {
        const char *variable = config_options[i].variable;
        const char *text = variable ? environment(variable) : NULL;
        if (variable && !is_unset(variable, text))
            TRY(take(reading, &config_options[i], text, variable));
    }
    return OK;
}

static struct status read_arguments(int argc, char *const *argv, struct reading *reading)
{
    for (int i = 1; i < argc && !reading->config.help; i++) {
        const char *value;
        const struct option *option = find(argv[i], &value);
        char origin[2 + OPTION_NAME_BYTES_MAX + 1];

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
    for (size_t i = 0; i < OPTIONS; i++)
        if (config_options[i].variable && strcmp(config_options[i].name, name) == 0)
            return &config_options[i];
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
    if (option->offset == offsetof(struct config, file))
        return status_make(STATUS_INVALID_ARGUMENT, "%s: a file cannot name another", origin);
    TRY(take(reading, option, entry->value, origin));
    *strrchr(reading->sources[option - config_options].origin, ':') = 0; /* the place alone */
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
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &config_options[i];
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
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &config_options[i];
        int width = fprintf(file, "  --%s %s", option->name, option->unit);

        fprintf(file, "%*s%s\n", width < 28 ? 28 - width : 1, "", option->help);
        if (option->variable)
            fprintf(file, "%28s%s, default %s\n", "", option->variable,
                    option->fallback ? option->fallback : "none");
    }
}

const char *config_flag(size_t index)
{
    return index < OPTIONS ? config_options[index].name : NULL;
}
