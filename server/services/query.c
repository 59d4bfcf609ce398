#include "server/services/query.h"

#include "storage/log/limits.h"

static struct status too_large(const char *field)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED, "%s: takes more memory than one call may use",
                       field);
}

static struct status read_texts(char *const *texts, size_t count, const char *field,
                                struct arena *arena, const struct bytes **read)
{
    struct bytes *bytes;

    *read = NULL;
    if (count == 0)
        return OK;
    bytes = arena_alloc_raw(arena, count * sizeof *bytes);
    if (!bytes)
        return too_large(field);
    for (size_t i = 0; i < count; i++)
        bytes[i] = bytes_of_text(texts[i]);
    *read = bytes;
    return OK;
}

struct status query_read(const Sagabase__V1__Query *request, const char *field, struct arena *arena,
                         struct query *query)
{
    struct query_item *items;

    *query = (struct query){.item_count = request->n_items};
    if (request->n_items == 0 || request->n_items > QUERY_ITEMS_MAX)
        return query_check(query, field);
    items = arena_alloc(arena, request->n_items * sizeof *items);
    if (!items)
        return too_large(field);
    for (size_t i = 0; i < request->n_items; i++) {
        const Sagabase__V1__QueryItem *item = request->items[i];

        TRY(read_texts(item->types, item->n_types, field, arena, &items[i].types));
        TRY(read_texts(item->tags, item->n_tags, field, arena, &items[i].tags));
        items[i].type_count = item->n_types;
        items[i].tag_count = item->n_tags;
        items[i].category = bytes_of_text(item->category);
        items[i].correlation_id = bytes_of_text(item->correlation_id);
    }
    query->items = items;
    return query_check(query, field);
}

struct status filter_rules_read(const Sagabase__V1__Filter *request, struct arena *arena,
                                struct filter_rules *rules)
{
    *rules = (struct filter_rules){
        .stream_prefix_count = request->n_stream_prefixes,
        .type_prefix_count = request->n_type_prefixes,
        .stream_regex = bytes_of_text(request->stream_regex),
        .type_regex = bytes_of_text(request->type_regex),
    };
    TRY(read_texts(request->stream_prefixes, request->n_stream_prefixes, "filter", arena,
                   &rules->stream_prefixes));
    return read_texts(request->type_prefixes, request->n_type_prefixes, "filter", arena,
                      &rules->type_prefixes);
}
