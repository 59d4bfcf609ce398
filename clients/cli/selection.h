/* Which events are meant: what --tag, --type, --category and --correlation say, what the options
 * for patterns say, and the one text of `append --fail-if`. */
#ifndef CLIENTS_CLI_SELECTION_H
#define CLIENTS_CLI_SELECTION_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"
#include "clients/c/sagabase.h"
#include "clients/cli/option.h"

/* A member, `selection`, of the settings of a command with SELECTION_OPTIONS. */
struct selection {
    struct texts tags;
    struct texts types;
    const char *category;
    const char *correlation;

    /* selection_query's */
    Sagabase__V1__QueryItem item, *items;
    Sagabase__V1__Query query;
};

/* Rows of a table of options. */
#define SELECTION_OPTIONS(settings_type)                                                           \
    {.name = "tag",                                                                                \
     .value = "TAG",                                                                               \
     .kind = OPTION_TEXTS,                                                                         \
     .offset = offsetof(settings_type, selection.tags),                                            \
     .help = "Only events with this tag; repeated: with all of\nthem. This and the next three "    \
             "are for all\nstreams; all given have to match."},                                    \
        {.name = "type",                                                                           \
         .value = "TYPE",                                                                          \
         .kind = OPTION_TEXTS,                                                                     \
         .offset = offsetof(settings_type, selection.types),                                       \
         .help = "Only events of this type; repeated: of one of\nthem."},                          \
        {.name = "category",                                                                       \
         .value = "NAME",                                                                          \
         .kind = OPTION_TEXT,                                                                      \
         .offset = offsetof(settings_type, selection.category),                                    \
         .help = "Only streams of this category, the part of the\nname before the first \"-\"."},  \
    {                                                                                              \
        .name = "correlation", .value = "ID", .kind = OPTION_TEXT,                                 \
        .offset = offsetof(settings_type, selection.correlation),                                  \
        .help = "Only events whose metadata \"$correlationId\" is\nthis."                          \
    }

/* What was asked for, borrowed from the selection; NULL: nothing. */
Sagabase__V1__Query *selection_query(struct selection *selection);

/* A member, `patterns`, of the settings of a command with PATTERN_OPTIONS. */
struct patterns {
    struct texts stream_prefixes;
    struct texts type_prefixes;
    const char *stream_regex;
    const char *type_regex;

    Sagabase__V1__Filter filter; /* patterns_filter's */
};

#define PATTERN_OPTIONS(settings_type)                                                             \
    {.name = "stream-prefix",                                                                      \
     .value = "PREFIX",                                                                            \
     .kind = OPTION_TEXTS,                                                                         \
     .offset = offsetof(settings_type, patterns.stream_prefixes),                                  \
     .help = "Only streams whose names start so; may be\nrepeated. All kinds of patterns given "   \
             "have to\nmatch."},                                                                   \
        {.name = "type-prefix",                                                                    \
         .value = "PREFIX",                                                                        \
         .kind = OPTION_TEXTS,                                                                     \
         .offset = offsetof(settings_type, patterns.type_prefixes),                                \
         .help = "Only event types that start so; may be repeated."},                              \
        {.name = "stream-regex",                                                                   \
         .value = "REGEX",                                                                         \
         .kind = OPTION_TEXT,                                                                      \
         .offset = offsetof(settings_type, patterns.stream_regex),                                 \
         .help = "Only streams whose names match (PCRE2)."},                                       \
    {                                                                                              \
        .name = "type-regex", .value = "REGEX", .kind = OPTION_TEXT,                               \
        .offset = offsetof(settings_type, patterns.type_regex),                                    \
        .help = "Only event types that match (PCRE2)."                                             \
    }

/* As selection_query. */
Sagabase__V1__Filter *patterns_filter(struct patterns *patterns);

/* Reads "type=A,B tag=x tag=y category=c correlation=id" into an item whose parts are in `arena`.
 * INVALID_ARGUMENT: "--fail-if: ...". */
struct status selection_parse_item(const char *text, struct arena *arena,
                                   Sagabase__V1__QueryItem *item);

#endif
