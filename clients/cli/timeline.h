/* A run of a saga as rows over time: made from its history, drawn with bars.
 *
 *   reserve        ━━●                              done in 120 ms
 *   charge            ━━━━✗━━━━━✗━━━━━▶             attempt 3, for 4.0 s
 *   undo reserve                                    ...
 */
#ifndef CLIENTS_CLI_TIMELINE_H
#define CLIENTS_CLI_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "clients/c/sagabase.h"

enum { TIMELINE_ROWS_MAX = 4000, TIMELINE_MARKS_MAX = 16 };

/* The end of an attempt that was followed by another. */
struct timeline_mark {
    int64_t at_us;
    bool ongoing; /* not failed: the participant will be asked again */
};

/* A node, or a step's action or compensation. */
struct timeline_row {
    uint32_t activity;
    unsigned depth; /* within blocks */
    bool is_step;
    bool is_compensation;
    const char *name; /* in the arena */
    int64_t begin_us;
    int64_t end_us; /* 0: open */
    uint32_t attempt;
    Sagabase__V1__Outcome outcome; /* UNSPECIFIED: open */
    int64_t retry_us;              /* when it is tried or asked again; 0: underway */
    const char *error;             /* the newest one's type, in the arena; NULL: none */
    struct timeline_mark marks[TIMELINE_MARKS_MAX]; /* the newest */
    size_t mark_count;
};

struct timeline {
    struct arena arena;
    struct timeline_row *rows;
    size_t count;
    int64_t begin_us, end_us; /* of the run; 0: it has not ended */
    bool full;                /* there are more rows than are kept */
};

void timeline_init(struct timeline *timeline);
void timeline_destroy(struct timeline *timeline);

/* In the order of the history. A new run begins the timeline anew. False: out of memory. */
bool timeline_add(struct timeline *timeline, const Sagabase__V1__HistoryEntry *entry);

/* Draws it up to `now_us`, with bars over `columns` columns in all; 0: a moderate width. */
void timeline_print(const struct timeline *timeline, int64_t now_us, size_t columns, FILE *out);

#endif
