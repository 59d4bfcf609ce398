/* What is known of streams: by name, and listed. */
#include <stdatomic.h>

#include "base/hash.h"
#include "storage/log/keys.h"
#include "storage/log/limits.h"
#include "storage/log/log_state.h"
#include "storage/log/read.h"

struct status event_log_find_stream(struct event_log *log, struct bytes name,
                                    struct stream_head *head)
{
    uint64_t number, count;

    *head = (struct stream_head){0};
    if (!heads_look(log->heads, hash_bytes(name), name, &number, &count)) {
        struct head_read read;
        TRY(head_read(log->engine, name, event_log_end(log), &read));
        number = read.number;
        count = read.event_count;
    }
    if (count > 0)
        *head = (struct stream_head){.exists = true, .number = number, .last_revision = count - 1};
    return OK;
}

/* Where and when the event of this revision was appended. */
static struct status read_one(struct event_log *log, uint64_t stream_number, uint64_t revision,
                              uint64_t *position, int64_t *created_us)
{
    struct read read = {.from = revision, .events_max = 1, .bytes_max = 1};
    struct page page;
    struct event event;
    struct status status = event_log_read_stream(log, stream_number, &read, &page);
    struct bytes frames = buffer_bytes(&page.frames);

    if (status_ok(status) && !event_next(&frames, &event))
        status = status_make(STATUS_DATA_LOSS, "streams: stream %llu has no revision %llu",
                             (unsigned long long)stream_number, (unsigned long long)revision);
    if (status_ok(status)) {
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

    *info =
        (struct stream_info){.name = arena_copy(arena, name), .last_revision = head->last_revision};
    if (!info->name.data)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "streams: too many for the call's memory");
    TRY(read_one(log, head->number, 0, &first_position, &info->created_us));
    /* By its revision: the stream may have grown since the head was looked at. */
    return read_one(log, head->number, head->last_revision, &info->last_position,
                    &info->appended_us);
}

struct status event_log_get_stream(struct event_log *log, struct bytes name, struct arena *arena,
                                   struct stream_info *info)
{
    struct stream_head head;

    TRY(event_log_find_stream(log, name, &head));
    if (!head.exists)
        return status_make(STATUS_NOT_FOUND, "%.*s: no such stream",
                           name.size < 200 ? (int)name.size : 200, (const char *)name.data);
    return describe(log, name, &head, arena, info);
}

struct listing {
    struct bytes prefix, after;
    struct arena *arena;
    struct stream_info *infos;
    size_t count, max;
    bool more, short_of_memory;
};

static bool visit_name(void *context, struct bytes key, struct bytes value)
{
    struct listing *listing = context;

    (void)value;
    if (!bytes_have_prefix(key, listing->prefix))
        return false;
    if (bytes_equal(key, listing->after))
        return true;
    if (listing->count == listing->max) {
        listing->more = true;
        return false;
    }
    struct bytes name = arena_copy(listing->arena, key);
    listing->short_of_memory = !name.data;
    listing->infos[listing->count++].name = name;
    return name.data != NULL;
}

struct status event_log_list_streams(struct event_log *log, struct bytes prefix, struct bytes after,
                                     size_t max, struct arena *arena, struct stream_info *infos,
                                     size_t *count, bool *more)
{
    struct listing listing = {
        .prefix = prefix, .after = after, .arena = arena, .infos = infos, .max = max};
    struct bytes from = bytes_compare(after, prefix) > 0 ? after : prefix;
    size_t kept = 0;

    TRY(engine_scan(log->engine, &(struct scan){.family = FAMILY_NAMES, .from = from}, visit_name,
                    &listing));
    if (listing.short_of_memory)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "streams: too many for the call's memory");
    for (size_t i = 0; i < listing.count; i++) {
        struct stream_head head;
        struct bytes name = infos[i].name;
        TRY(event_log_find_stream(log, name, &head));
        if (head.exists) /* else it is on its way: named, not yet published */
            TRY(describe(log, name, &head, arena, &infos[kept++]));
    }
    *count = kept;
    *more = listing.more;
    return OK;
}
