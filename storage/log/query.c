#include "storage/log/query.h"

#include "storage/log/limits.h"

static struct status check_texts(const struct bytes *texts, size_t count, size_t bytes_max,
                                 const char *field, size_t item, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (texts[i].size == 0 || texts[i].size > bytes_max)
            return status_make(STATUS_INVALID_ARGUMENT, "%s.items[%zu].%s[%zu]: 1 to %zu bytes",
                               field, item, name, i, bytes_max);
    return OK;
}

struct status query_check(const struct query *query, const char *field)
{
    if (query->item_count == 0 || query->item_count > QUERY_ITEMS_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%s.items: 1 to %d", field, QUERY_ITEMS_MAX);
    for (size_t i = 0; i < query->item_count; i++) {
        const struct query_item *item = &query->items[i];
        if (item->type_count == 0 && item->tag_count == 0 && item->category.size == 0 &&
            item->correlation_id.size == 0)
            return status_make(STATUS_INVALID_ARGUMENT,
                               "%s.items[%zu]: set types, tags, category or correlation_id", field,
                               i);
        if (item->category.size > STREAM_NAME_BYTES_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "%s.items[%zu].category: at most %d bytes",
                               field, i, STREAM_NAME_BYTES_MAX);
        if (item->correlation_id.size > METADATA_VALUE_BYTES_MAX)
            return status_make(STATUS_INVALID_ARGUMENT,
                               "%s.items[%zu].correlation_id: at most %d bytes", field, i,
                               METADATA_VALUE_BYTES_MAX);
        if (item->type_count > QUERY_TYPES_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "%s.items[%zu].types: at most %d", field, i,
                               QUERY_TYPES_MAX);
        if (item->tag_count > QUERY_TAGS_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "%s.items[%zu].tags: at most %d", field, i,
                               QUERY_TAGS_MAX);
        TRY(check_texts(item->types, item->type_count, EVENT_TYPE_BYTES_MAX, field, i, "types"));
        TRY(check_texts(item->tags, item->tag_count, TAG_BYTES_MAX, field, i, "tags"));
    }
    return OK;
}

static bool has_tag(const struct event *event, struct bytes tag)
{
    struct bytes wire = event->wire, carried;

    while (event_tag_next(&wire, &carried))
        if (bytes_equal(carried, tag))
            return true;
    return false;
}

struct bytes category_of(struct bytes stream)
{
    const uint8_t *hyphen = stream.size ? memchr(stream.data, '-', stream.size) : NULL;

    return hyphen ? (struct bytes){stream.data, (size_t)(hyphen - stream.data)} : stream;
}

struct status category_check(struct bytes category, const char *field)
{
    if (category.size && memchr(category.data, '-', category.size))
        return status_make(STATUS_INVALID_ARGUMENT,
                           "%s: it ends before the first -, so it holds none", field);
    return OK;
}

static bool has_correlation(const struct event *event, struct bytes correlation_id)
{
    struct bytes carried;

    return event_metadata(event, bytes_of_text(CORRELATION_KEY), &carried) &&
           bytes_equal(carried, correlation_id);
}

static bool item_matches(const struct query_item *item, const struct event *event)
{
    bool is_type = item->type_count == 0;

    for (size_t i = 0; i < item->type_count && !is_type; i++)
        is_type = bytes_equal(event->type, item->types[i]);
    if (!is_type)
        return false;
    for (size_t i = 0; i < item->tag_count; i++)
        if (!has_tag(event, item->tags[i]))
            return false;
    if (item->category.size && !bytes_equal(item->category, category_of(event->stream)))
        return false;
    return item->correlation_id.size == 0 || has_correlation(event, item->correlation_id);
}

bool query_matches(const struct query *query, const struct event *event)
{
    for (size_t i = 0; i < query->item_count; i++)
        if (item_matches(&query->items[i], event))
            return true;
    return false;
}
