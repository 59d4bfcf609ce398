/* Which events are meant: by type and by tag. An event matches a query if it
 * matches one of its items; it matches an item if its type is one of the item's
 * types (or the item names none) and it has all of the item's tags.
 * This is the query of dcb.events. */
#ifndef STORAGE_LOG_QUERY_H
#define STORAGE_LOG_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/log/event.h"

struct query_item {
    const struct bytes *types;
    size_t type_count; /* 0..QUERY_TYPES_MAX */
    const struct bytes *tags;
    size_t tag_count; /* 0..QUERY_TAGS_MAX */
};

struct query {
    const struct query_item *items;
    size_t item_count; /* 1..QUERY_ITEMS_MAX */
};

/* INVALID_ARGUMENT names the part that breaks a limit of limits.h, or an item
 * with neither types nor tags. `field` is what the query is called. */
struct status query_check(const struct query *query, const char *field);

bool query_matches(const struct query *query, const struct event *event);

#endif
