#include "clients/cli/option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/duration.h"
#include "clients/cli/nearest.h"

enum { HELP_COLUMN = 29, SECONDS_MAX = 10 * 365 * 86400 };

static struct status wrong(const struct option *option, const char *text, const char *rule)
{
    return status_make(STATUS_INVALID_ARGUMENT, "--%s: %s, not \"%s\"", option->name, rule, text);
}

static struct status set_number(const struct option *option, const char *text, uint64_t *number)
{
    char *end;

    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    bool digits = *text >= '0' && *text <= '9' && *end == 0;
    if (digits && errno == 0 && value >= option->min && value <= option->max) {
        *number = value;
        return OK;
    }
    if (option->max == UINT64_MAX)
        return wrong(option, text, "a whole number");
    return status_make(STATUS_INVALID_ARGUMENT, "--%s: a whole number from %lu to %lu, not \"%s\"",
                       option->name, (unsigned long)option->min, (unsigned long)option->max, text);
}

static struct status set_seconds(const struct option *option, const char *text, int64_t *ms)
{
    char *end;
    double seconds = strtod(text, &end);
    bool number = *text >= '0' && *text <= '9' && *end == 0;

    if (!number || !(seconds <= SECONDS_MAX))
        return wrong(option, text, "a number of seconds");
    *ms = (int64_t)(seconds * 1000 + 0.5);
    if (*ms == 0 && seconds > 0)
        *ms = 1; /* not "never" */
    return OK;
}

/* gRPC would take an address without a port for one with the port of https. */
static struct status set_address(const struct option *option, const char *text,
                                 const char **address)
{
    enum { PORT_MAX = 65535 };
    const char *colon = strrchr(text, ':');
    char *end;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    bool numbered = colon && colon > text && colon[1] >= '0' && colon[1] <= '9' && *end == 0;

    if (strncmp(text, "unix:", strlen("unix:")) != 0 && (!numbered || port < 1 || port > PORT_MAX))
        return wrong(option, text, option->value);
    *address = text;
    return OK;
}

static struct status set(const struct option *option, const char *text, void *settings)
{
    void *member = (char *)settings + option->offset;

    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)member = true;
        return OK;
    case OPTION_TEXT:
        *(const char **)member = text;
        return OK;
    case OPTION_TEXTS: {
        struct texts *texts = member;
        if (texts->count == OPTION_TEXTS_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "--%s: at most %d times", option->name,
                               OPTION_TEXTS_MAX);
        texts->at[texts->count++] = text;
        return OK;
    }
    case OPTION_NUMBER:
        return set_number(option, text, member);
    case OPTION_ADDRESS:
        return set_address(option, text, member);
    case OPTION_SECONDS:
        return set_seconds(option, text, member);
    case OPTION_DURATION:
        if (!duration_parse(text, member))
            return wrong(option, text, "a whole number and s, m, h or d");
        return OK;
    }
    return OK;
}

static struct status set_fallbacks(const struct option *options, void *settings)
{
    for (const struct option *option = options; option->name; option++) {
        const char *told = option->environment ? getenv(option->environment) : NULL;
        const char *text = told && *told ? told : option->fallback;
        if (text)
            TRY(set(option, text, settings));
    }
    return OK;
}

static const struct option *find(const struct option *options, const char *name, size_t size)
{
    for (const struct option *option = options; option->name; option++)
        if (strlen(option->name) == size && memcmp(option->name, name, size) == 0)
            return option;
    return NULL;
}

static struct status unknown(const struct option *options, const char *name, size_t size)
{
    struct nearest nearest = nearest_to(name, size);

    for (const struct option *option = options; option->name; option++)
        nearest_offer(&nearest, option->name);
    if (nearest.found)
        return status_make(STATUS_INVALID_ARGUMENT, "unknown option --%.*s (did you mean --%s?)",
                           (int)size, name, nearest.found);
    return status_make(STATUS_INVALID_ARGUMENT, "unknown option --%.*s", (int)size, name);
}

/* The option at argv[*at]; moves *at on to its value if that is the next word. */
static struct status parse_one(const struct option *options, int argc, char **argv, int *at,
                               void *settings)
{
    const char *name = argv[*at] + 2;
    size_t size = strcspn(name, "=");
    const char *value = name[size] == '=' ? name + size + 1 : NULL;
    const struct option *option = find(options, name, size);

    if (!option)
        return unknown(options, name, size);
    if (option->kind == OPTION_FLAG && value)
        return status_make(STATUS_INVALID_ARGUMENT, "--%s: takes no value", option->name);
    if (option->kind != OPTION_FLAG && !value) {
        if (*at + 1 == argc)
            return status_make(STATUS_INVALID_ARGUMENT, "--%s: needs a value, %s", option->name,
                               option->value);
        value = argv[++*at];
    }
    return set(option, value, settings);
}

struct status options_parse(const struct option *options, int argc, char **argv, void *settings,
                            int *argument_count)
{
    int kept = 0;
    bool options_ended = false;

    TRY(set_fallbacks(options, settings));
    for (int at = 0; at < argc; at++) {
        char *word = argv[at];
        if (options_ended || word[0] != '-' || word[1] == 0)
            argv[kept++] = word;
        else if (strcmp(word, "--") == 0)
            options_ended = true;
        else if (word[1] != '-')
            return status_make(STATUS_INVALID_ARGUMENT, "unknown option %s (options start with --)",
                               word);
        else
            TRY(parse_one(options, argc, argv, &at, settings));
    }
    *argument_count = kept;
    return OK;
}

/* The text after each \n starts below the text before it. */
static void print_help(const char *help, FILE *out)
{
    for (; *help; help++) {
        fputc(*help, out);
        if (*help == '\n')
            fprintf(out, "%*s", HELP_COLUMN, "");
    }
}

void options_print(const struct option *options, FILE *out)
{
    for (const struct option *option = options; option->name; option++) {
        int written = fprintf(out, "  --%s%s%s", option->name, option->value ? " " : "",
                              option->value ? option->value : "");
        if (written >= HELP_COLUMN) {
            fputc('\n', out);
            written = 0;
        }
        fprintf(out, "%*s", HELP_COLUMN - written, "");
        print_help(option->help, out);
        if (option->fallback)
            fprintf(out, "\n%*sDefault: %s", HELP_COLUMN, "", option->fallback);
        if (option->environment)
            fprintf(out, "%s%s", option->fallback ? ", or " : "\n", option->environment);
        fputc('\n', out);
    }
}
