/* Which events are meant: by type and by tag. An event matches a query if it
 * matches one of its items; it matches an item if all that is set there holds.
 * With types and tags alone this is the query of dcb.events. */
#ifndef STORAGE_LOG_QUERY_H
#define STORAGE_LOG_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/log/event.h"

struct query_item {
    const struct bytes *types;
    size_t type_count; /* 0..QUERY_TYPES_MAX: one of them; 0: any */
    const struct bytes *tags;
    size_t tag_count;            /* 0..QUERY_TAGS_MAX: all of them */
    struct bytes category;       /* of its stream; empty: any */
    struct bytes correlation_id; /* its metadata CORRELATION_KEY; empty: any */
};

/* As users of KurrentDB name it. */
#define CORRELATION_KEY "$correlationId"

struct query {
    const struct query_item *items;
    size_t item_count; /* 1..QUERY_ITEMS_MAX */
};

/* INVALID_ARGUMENT names the part that breaks a limit of limits.h, or an item
 * that sets nothing. `field` is what the query is called. */
struct status query_check(const struct query *query, const char *field);

/* The part of a stream's name before its first "-"; all of it if it has none. */
struct bytes category_of(struct bytes stream);

/* INVALID_ARGUMENT: no stream can be of it. `field` is what it is called. */
struct status category_check(struct bytes category, const char *field);

bool query_matches(const struct query *query, const struct event *event);

#endif
