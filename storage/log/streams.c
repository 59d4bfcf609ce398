/* What is known of streams: by name, and listed. */
#include <stdatomic.h>

#include "base/hash.h"
#include "storage/log/keys.h"
#include "storage/log/limits.h"
#include "storage/log/log_state.h"
#include "storage/log/read.h"

struct status stream_locate(struct event_log *log, struct bytes name, uint64_t *number,
                            uint64_t *event_count)
{
    struct head_read read;

    if (heads_look(log->heads, hash_bytes(name), name, number, event_count))
        return OK;
    TRY(head_read(log->engine, name, event_log_end(log), &read));
    /* If the disk has more of it than is published, the writer has its head in memory by now. */
    if (heads_look(log->heads, hash_bytes(name), name, number, event_count))
        return OK;
    *number = read.number;
    *event_count = read.event_count;
    return OK;
}

static struct status find_hidden(struct event_log *log, struct bytes name,
                                 struct stream_hidden *hidden, uint64_t *count)
{
    uint64_t number;

    *hidden = (struct stream_hidden){0};
    TRY(stream_locate(log, name, &number, count));
    if (*count == 0)
        return OK;
    struct retained row = retention_of(&log->retention, number);
    uint64_t deleted = row.is_deleted ? row.first_revision : 0;
    hidden->number = number;
    hidden->first_revision =
        retention_first(&row, retention_policy(&log->retention, &row, name), *count);
    hidden->deleted_before = deleted > row.erased_before ? deleted : row.erased_before;
    return OK;
}

struct status event_log_find_stream(struct event_log *log, struct bytes name,
                                    struct stream_head *head)
{
    struct stream_hidden hidden;
    uint64_t count;

    *head = (struct stream_head){0};
    TRY(find_hidden(log, name, &hidden, &count));
    if (hidden.first_revision < count)
        *head = (struct stream_head){.exists = true,
                                     .number = hidden.number,
                                     .first_revision = hidden.first_revision,
                                     .last_revision = count - 1,
                                     .deleted_before = hidden.deleted_before};
    return OK;
}

struct status event_log_find_hidden(struct event_log *log, struct bytes name,
                                    struct stream_hidden *hidden)
{
    uint64_t count;

    return find_hidden(log, name, hidden, &count);
}

/* Where and when the event of this revision was appended, or the first one behind it if it was
 * scavenged; then *revision is that one's. */
static struct status read_one(struct event_log *log, uint64_t stream_number, uint64_t *revision,
                              uint64_t *position, int64_t *created_us)
{
    struct read read = {.from = *revision, .events_max = 1, .bytes_max = 1};
    struct page page;
    struct event event;
    struct status status = event_log_read_stream(log, stream_number, &read, &page);
    struct bytes frames = buffer_bytes(&page.frames);

    if (status_ok(status) && !event_next(&frames, &event))
        status = status_make(STATUS_DATA_LOSS, "streams: stream %llu has no revision %llu",
                             (unsigned long long)stream_number, (unsigned long long)*revision);
    if (status_ok(status)) {
        *revision = event.revision;
        *position = event.position;
        *created_us = event.created_us;
    }
    buffer_destroy(&page.frames);
    return status;
}

static struct status describe(struct event_log *log, struct bytes name,
                              const struct stream_head *head, struct arena *arena,
                              struct stream_info *info)
{
    uint64_t first_position;

    *info = (struct stream_info){.name = arena_copy(arena, name),
                                 .first_revision = head->first_revision,
                                 .last_revision = head->last_revision};
    if (!info->name.data)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "streams: too many for the call's memory");
    TRY(read_one(log, head->number, &info->first_revision, &first_position, &info->created_us));
    /* By its revision: the stream may have grown since the head was looked at. */
    return read_one(log, head->number, &info->last_revision, &info->last_position,
                    &info->appended_us);
}

/* `exists` is false if there is nothing to be seen of the stream. */
static struct status find_and_describe(struct event_log *log, struct bytes name,
                                       struct arena *arena, struct stream_info *info, bool *exists)
{
    struct stream_head head, again;

    TRY(event_log_find_stream(log, name, &head));
    *exists = head.exists;
    if (!head.exists)
        return OK;
    struct status status = describe(log, name, &head, arena, info);
    if (status.code != STATUS_DATA_LOSS)
        return status;
    /* Perhaps it was deleted and scavenged just now. */
    TRY(event_log_find_stream(log, name, &again));
    *exists = again.exists;
    return again.exists ? status : OK;
}

struct status event_log_get_stream(struct event_log *log, struct bytes name, struct arena *arena,
                                   struct stream_info *info)
{
    bool exists;

    TRY(find_and_describe(log, name, arena, info, &exists));
    if (!exists)
        return status_make(STATUS_NOT_FOUND, "%.*s: no such stream",
                           name.size < 200 ? (int)name.size : 200, (const char *)name.data);
    return OK;
}

/* --- listing names -------------------------------------------------------------- */

struct listing {
    struct bytes prefix, after;
    size_t skipped; /* bytes of the key before the name */
    struct arena *arena;
    struct bytes *names;
    size_t count, max;
    bool more, short_of_memory;
};

static bool visit_name(void *context, struct bytes key, struct bytes value)
{
    struct listing *listing = context;
    struct bytes name = {key.data + listing->skipped, key.size - listing->skipped};

    (void)value;
    if (!bytes_have_prefix(name, listing->prefix))
        return false;
    if (bytes_equal(name, listing->after))
        return true;
    if (listing->count == listing->max) {
        listing->more = true;
        return false;
    }
    listing->names[listing->count] = arena_copy(listing->arena, name);
    listing->short_of_memory = !listing->names[listing->count++].data;
    return !listing->short_of_memory;
}

/* The first name there may be: it follows `after` and starts with `prefix`. */
static struct bytes first_name(const struct listing *listing)
{
    return bytes_compare(listing->after, listing->prefix) > 0 ? listing->after : listing->prefix;
}

static struct status list_names(struct event_log *log, const struct scan *scan,
                                struct listing *listing)
{
    TRY(engine_scan(log->engine, scan, visit_name, listing));
    if (listing->short_of_memory)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "names: too many for the call's memory");
    return OK;
}

struct status event_log_list_streams(struct event_log *log, struct bytes prefix, struct bytes after,
                                     size_t max, struct arena *arena, struct stream_info *infos,
                                     size_t *count, struct bytes *last)
{
    struct bytes *names = arena_alloc(arena, max * sizeof *names);
    struct listing listing = {
        .prefix = prefix, .after = after, .arena = arena, .names = names, .max = max};
    size_t kept = 0;

    if (!names)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "streams: too many for the call's memory");
    struct scan scan = {.family = FAMILY_NAMES, .from = first_name(&listing)};
    TRY(list_names(log, &scan, &listing));
    for (size_t i = 0; i < listing.count; i++) {
        bool exists; /* it may be on its way: named, not yet published */
        TRY(find_and_describe(log, names[i], arena, &infos[kept], &exists));
        kept += exists;
    }
    *count = kept;
    *last = listing.more ? names[listing.count - 1] : (struct bytes){0};
    return OK;
}

static struct status list_all_names(struct event_log *log, enum family family,
                                    struct listing *listing, size_t *count, bool *more)
{
    struct scan scan = {.family = family, .from = first_name(listing)};

    TRY(list_names(log, &scan, listing));
    *count = listing->count;
    *more = listing->more;
    return OK;
}

struct status event_log_list_names(struct event_log *log, struct bytes prefix, struct bytes after,
                                   size_t max, struct arena *arena, struct bytes *names,
                                   size_t *count, bool *more)
{
    struct listing listing = {
        .prefix = prefix, .after = after, .arena = arena, .names = names, .max = max};

    return list_all_names(log, FAMILY_NAMES, &listing, count, more);
}

struct status event_log_list_types(struct event_log *log, struct bytes prefix, struct bytes after,
                                   size_t max, struct arena *arena, struct bytes *types,
                                   size_t *count, bool *more)
{
    struct listing listing = {
        .prefix = prefix, .after = after, .arena = arena, .names = types, .max = max};

    return list_all_names(log, FAMILY_TYPES, &listing, count, more);
}

struct status event_log_list_categories(struct event_log *log, struct bytes prefix,
                                        struct bytes after, size_t max, struct arena *arena,
                                        struct bytes *categories, size_t *count, bool *more)
{
    struct listing listing = {.skipped = 1,
                              .prefix = prefix,
                              .after = after,
                              .arena = arena,
                              .names = categories,
                              .max = max};
    struct bytes begin = first_name(&listing);
    uint8_t from[1 + STREAM_NAME_BYTES_MAX], to[] = {INDEX_KIND_CATEGORY_NAME + 1};

    if (begin.size > STREAM_NAME_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "prefix: at most %d bytes",
                           STREAM_NAME_BYTES_MAX);
    from[0] = INDEX_KIND_CATEGORY_NAME;
    if (begin.size)
        memcpy(from + 1, begin.data, begin.size);
    struct scan scan = {
        .family = FAMILY_INDEX, .from = {from, 1 + begin.size}, .to = {to, sizeof to}};
    TRY(list_names(log, &scan, &listing));
    *count = listing.count;
    *more = listing.more;
    return OK;
}

/* --- finding a time -------------------------------------------------------------- */

/* When the event of this index was taken in, or the first one behind it if it was scavenged. */
static struct status time_of(struct event_log *log, uint64_t stream_number, uint64_t index,
                             int64_t *created_us)
{
    struct read read = {.from = index, .events_max = 1, .bytes_max = 1};
    struct page page;
    struct event event;
    struct status status = stream_number ? event_log_read_stream(log, stream_number, &read, &page)
                                         : event_log_read_all(log, &read, &page);
    struct bytes frames = buffer_bytes(&page.frames);

    if (status_ok(status))
        *created_us = event_next(&frames, &event) ? event.created_us : INT64_MAX; /* none left */
    buffer_destroy(&page.frames);
    return status;
}

/* How many events there are. */
static struct status count_events(struct event_log *log, uint64_t stream_number, uint64_t *count)
{
    struct read read = {.from = READ_END, .backwards = true, .events_max = 1, .bytes_max = 1};
    struct page page;
    struct event event;

    *count = event_log_end(log);
    if (stream_number == 0)
        return OK;
    struct status status = event_log_read_stream(log, stream_number, &read, &page);
    struct bytes frames = buffer_bytes(&page.frames);
    *count = status_ok(status) && event_next(&frames, &event) ? event.revision + 1 : 0;
    buffer_destroy(&page.frames);
    return status;
}

/* Times never go back from one event to the next, so halving finds it. */
struct status event_log_find_time(struct event_log *log, uint64_t stream_number, int64_t time_us,
                                  uint64_t *index)
{
    uint64_t low = 0, high;

    TRY(count_events(log, stream_number, &high));
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int64_t created_us;
        TRY(time_of(log, stream_number, middle, &created_us));
        if (created_us < time_us)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return OK;
}
