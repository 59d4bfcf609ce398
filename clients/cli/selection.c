#include "clients/cli/selection.h"

#include <string.h>

enum { TYPES_MAX = 64, TAGS_MAX = 16 };

Sagabase__V1__Query *selection_query(struct selection *selection)
{
    Sagabase__V1__QueryItem *item = &selection->item;

    if (!selection->tags.count && !selection->types.count && !selection->category &&
        !selection->correlation)
        return NULL;
    sagabase__v1__query_item__init(item);
    item->tags = (char **)selection->tags.at;
    item->n_tags = selection->tags.count;
    item->types = (char **)selection->types.at;
    item->n_types = selection->types.count;
    if (selection->category)
        item->category = (char *)selection->category;
    if (selection->correlation)
        item->correlation_id = (char *)selection->correlation;
    selection->items = item;
    sagabase__v1__query__init(&selection->query);
    selection->query.items = &selection->items;
    selection->query.n_items = 1;
    return &selection->query;
}

Sagabase__V1__Filter *patterns_filter(struct patterns *patterns)
{
    Sagabase__V1__Filter *filter = &patterns->filter;

    if (!patterns->stream_prefixes.count && !patterns->type_prefixes.count &&
        !patterns->stream_regex && !patterns->type_regex)
        return NULL;
    sagabase__v1__filter__init(filter);
    filter->stream_prefixes = (char **)patterns->stream_prefixes.at;
    filter->n_stream_prefixes = patterns->stream_prefixes.count;
    filter->type_prefixes = (char **)patterns->type_prefixes.at;
    filter->n_type_prefixes = patterns->type_prefixes.count;
    if (patterns->stream_regex)
        filter->stream_regex = (char *)patterns->stream_regex;
    if (patterns->type_regex)
        filter->type_regex = (char *)patterns->type_regex;
    return filter;
}

/* --- --fail-if --------------------------------------------------------------------- */

static struct status too_many(const char *what, int max)
{
    return status_make(STATUS_INVALID_ARGUMENT, "--fail-if: at most %d %s", max, what);
}

static struct status copy(struct bytes text, struct arena *arena, char **copied)
{
    *copied = (char *)arena_copy(arena, text).data;
    return *copied ? OK : status_make(STATUS_RESOURCE_EXHAUSTED, "--fail-if: too large");
}

static struct status add(struct bytes text, struct arena *arena, char ***list, size_t *count,
                         size_t max)
{
    if (!*list)
        *list = arena_alloc(arena, max * sizeof **list);
    if (!*list)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "--fail-if: too large");
    return copy(text, arena, &(*list)[(*count)++]);
}

static struct status add_types(struct bytes value, struct arena *arena,
                               Sagabase__V1__QueryItem *item)
{
    for (;;) {
        const uint8_t *comma = memchr(value.data, ',', value.size);
        size_t size = comma ? (size_t)(comma - value.data) : value.size;

        if (item->n_types == TYPES_MAX)
            return too_many("types", TYPES_MAX);
        TRY(add(bytes_of(value.data, size), arena, &item->types, &item->n_types, TYPES_MAX));
        if (!comma)
            return OK;
        value = bytes_of(value.data + size + 1, value.size - size - 1);
    }
}

static struct status set_part(struct bytes key, struct bytes value, struct arena *arena,
                              Sagabase__V1__QueryItem *item)
{
    if (bytes_equal(key, bytes_of_text("type")))
        return add_types(value, arena, item);
    if (bytes_equal(key, bytes_of_text("tag"))) {
        if (item->n_tags == TAGS_MAX)
            return too_many("tags", TAGS_MAX);
        return add(value, arena, &item->tags, &item->n_tags, TAGS_MAX);
    }
    if (bytes_equal(key, bytes_of_text("category")))
        return copy(value, arena, &item->category);
    if (bytes_equal(key, bytes_of_text("correlation")))
        return copy(value, arena, &item->correlation_id);
    return status_make(STATUS_INVALID_ARGUMENT,
                       "--fail-if: type, tag, category or correlation, not \"%.*s\"", (int)key.size,
                       (const char *)key.data);
}

struct status selection_parse_item(const char *text, struct arena *arena,
                                   Sagabase__V1__QueryItem *item)
{
    sagabase__v1__query_item__init(item);
    for (const char *at = text + strspn(text, " "); *at; at += strspn(at, " ")) {
        size_t size = strcspn(at, " ");
        const char *equals = memchr(at, '=', size);

        if (!equals || equals + 1 == at + size)
            return status_make(STATUS_INVALID_ARGUMENT, "--fail-if: KEY=VALUE, not \"%.*s\"",
                               (int)size, at);
        TRY(set_part(bytes_of(at, (size_t)(equals - at)),
                     bytes_of(equals + 1, (size_t)(at + size - equals - 1)), arena, item));
        at += size;
    }
    if (!item->n_types && !item->n_tags && !*item->category && !*item->correlation_id)
        return status_make(STATUS_INVALID_ARGUMENT, "--fail-if: is empty");
    return OK;
}
