#include "server/snapshots/due_look.h"

#include "storage/log/event.h"

/* When the stream's event of this revision was taken in, or the first one behind it, if that was
 * scavenged. */
static struct status find_time(struct event_log *log, uint64_t number, uint64_t revision,
                               int64_t *created_us)
{
    struct read read = {.from = revision, .events_max = 1, .bytes_max = 1};
    struct page page = {0};
    struct event event;
    struct status status = event_log_read_stream(log, number, &read, &page);
    struct bytes frames = buffer_bytes(&page.frames);

    if (status_ok(status))
        *created_us = event_next(&frames, &event) ? event.created_us : INT64_MAX;
    buffer_destroy(&page.frames);
    return status;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What was erased counts for nothing: a snapshot that ends there would not be shown. */
static uint64_t first_behind(const struct stream_head *head, const struct due_newest *newest)
{
    uint64_t first = newest->exists ? newest->revision + 1 : 0;

    if (first < head->first_revision)
        first = head->first_revision;
    return first < head->deleted_before ? head->deleted_before : first;
}

struct status due_judge(struct event_log *log, struct snapshot_store *snapshots,
                        struct bytes stream, const struct stream_head *head,
                        const struct due_newest *newest, int64_t now_us, struct due_sight *sight)
{
    struct due_sight seen = {.newest = *newest, .again_us = INT64_MAX};
    int64_t oldest_us = INT64_MAX;

    *sight = (struct due_sight){.again_us = INT64_MAX};
    if (!head->exists || !snapshot_policy_of(snapshots, stream, &seen.policy) ||
        (seen.policy.every_events == 0 && seen.policy.every_us == 0))
        return OK;
    seen.concerns = true;
    seen.first_behind = first_behind(head, newest);
    seen.last_revision = head->last_revision;
    bool is_behind = seen.last_revision >= seen.first_behind;
    uint64_t behind = is_behind ? seen.last_revision + 1 - seen.first_behind : 0;
    seen.is_due = seen.policy.every_events > 0 && behind >= seen.policy.every_events;
    if (!seen.is_due && is_behind && seen.policy.every_us > 0) {
        TRY(find_time(log, head->number, seen.first_behind, &oldest_us));
        seen.is_due = oldest_us <= now_us - seen.policy.every_us;
    }
    if (!seen.is_due && oldest_us != INT64_MAX)
        seen.again_us = oldest_us + seen.policy.every_us;
    if (!seen.is_due && newest->exists && newest->expires_us != SNAPSHOT_NO_EXPIRY)
        seen.again_us = smaller(seen.again_us, newest->expires_us);
    *sight = seen;
    return OK;
}

/* A snapshot that is put after the head was looked up counts, too: it knows of events that the
 * head does not. */
struct status due_look(struct event_log *log, struct snapshot_store *snapshots, struct bytes stream,
                       int64_t now_us, struct due_sight *sight)
{
    struct due_newest newest = {0};
    struct stream_head head;
    struct snapshot_info info;
    struct snapshot_policy policy;

    *sight = (struct due_sight){.again_us = INT64_MAX};
    if (!snapshot_policy_of(snapshots, stream, &policy))
        return OK;
    TRY(event_log_find_stream(log, stream, &head));
    if (!head.exists)
        return OK;
    struct stream_head any = head;
    any.last_revision = UINT64_MAX;
    TRY(snapshot_find_newest(snapshots, &any, &info, &newest.exists));
    if (newest.exists) {
        newest.revision = info.revision;
        newest.expires_us = info.expires_us;
        if (info.revision > head.last_revision)
            head.last_revision = info.revision;
    }
    return due_judge(log, snapshots, stream, &head, &newest, now_us, sight);
}
