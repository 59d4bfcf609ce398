/* Which events are meant: what --tag, --type, --category and --correlation say, and the one text
 * of `append --fail-if`. */
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

/* Reads "type=A,B tag=x tag=y category=c correlation=id" into an item whose parts are in `arena`.
 * INVALID_ARGUMENT: "--fail-if: ...". */
struct status selection_parse_item(const char *text, struct arena *arena,
                                   Sagabase__V1__QueryItem *item);

#endif
