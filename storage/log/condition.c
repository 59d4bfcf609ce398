/* Append conditions: "fail if an event that matches was appended after a position".
 *
 * The disk is looked at on the caller's thread, up to the end of that moment. The
 * writer looks only at what came since, which is in memory, and mostly not even
 * there: recent.h tells that nothing of the kind has come. */
#include "base/hash.h"
#include "storage/log/append_plan.h"
#include "storage/log/limits.h"
#include "storage/log/log_state.h"
#include "storage/log/read.h"
#include "storage/log/record.h"

enum { RECORDS_AT_ONCE = 64 };

/* Whether an event from `from` on matches, and where the first one is. */
static struct status find_match(struct event_log *log, const struct query *query, uint64_t from,
                                bool *matched, uint64_t *position)
{
    struct read read = {.from = from, .events_max = 1, .bytes_max = 1};
    bool end = false;

    *matched = false;
    while (!end && !*matched) {
        struct page page;
        struct event event;
        struct status status = event_log_read_query(log, query, &read, &page);
        struct bytes frames = buffer_bytes(&page.frames);
        if (status_ok(status) && event_next(&frames, &event)) {
            *matched = true;
            *position = event.position;
        }
        read.from = page.next;
        end = page.end;
        buffer_destroy(&page.frames);
        TRY(status);
    }
    return OK;
}

struct status condition_prepare(struct event_log *log, struct append_plan *plan)
{
    const struct append_condition *condition = &plan->append->condition;
    uint64_t from = condition->has_after ? condition->after + 1 : 0;

    plan->checked_end = event_log_end(log); /* before the look, which may see more */
    if (condition->has_after && condition->after == UINT64_MAX)
        return OK; /* nothing comes after it */
    return find_match(log, condition->query, from, &plan->matched, &plan->matched_position);
}

/* --- @thread writer -------------------------------------------------------------- */

/* Whether anything that could match the item was decided since. */
static bool may_match(const struct event_log *log, const struct query_item *item, uint64_t since)
{
    bool type = item->type_count == 0;

    for (size_t i = 0; i < item->tag_count; i++)
        if (recent_end(&log->recent_tags, hash_bytes(item->tags[i])) <= since)
            return false;
    for (size_t i = 0; i < item->type_count && !type; i++)
        type = recent_end(&log->recent_types, hash_bytes(item->types[i])) > since;
    return type;
}

static bool find_in_frames(const struct append_plan *plan, struct bytes frames, uint64_t from,
                           uint64_t *position)
{
    struct event event;

    while (event_next(&frames, &event))
        if (event.position >= from && query_matches(plan->append->condition.query, &event)) {
            *position = event.position;
            return true;
        }
    return false;
}

/* Those of the group in the making. */
static bool find_in_group(const struct commit *commit, const struct append_plan *plan,
                          uint64_t from, uint64_t *position)
{
    for (const struct commit_record *at = commit->first_record; at; at = at->next) {
        struct record record;
        record_view(at->stored, &record);
        if (find_in_frames(plan, record.frames, from, position))
            return true;
    }
    return false;
}

/* Those committed since the condition was checked against the disk. */
static struct status find_in_tail(struct event_log *log, const struct append_plan *plan,
                                  uint64_t from, bool *matched, uint64_t *position)
{
    struct tail_record *records[RECORDS_AT_ONCE];
    enum tail_state state = TAIL_RECORDS;
    size_t count;

    while (!*matched &&
           (state = tail_take(log, from, RECORDS_AT_ONCE, records, &count)) == TAIL_RECORDS) {
        for (size_t i = 0; i < count; i++) {
            *matched =
                *matched || find_in_frames(plan, tail_record_frames(records[i], 0), from, position);
            tail_record_release(records[i]);
        }
        from = tail_record_end(records[count - 1]);
    }
    /* So long ago that it has left the memory: read it, though the writer waits. */
    if (state == TAIL_BEHIND)
        return find_match(log, plan->append->condition.query, from, matched, position);
    return OK;
}

static struct status matched_at(struct append *append, uint64_t position)
{
    append->matched = true;
    append->matched_position = position;
    return status_make(STATUS_ABORTED, "condition: the event at position %llu matches",
                       (unsigned long long)position);
}

struct status condition_decide(struct commit *commit, struct append_plan *plan)
{
    struct append *append = plan->append;
    const struct append_condition *condition = &append->condition;
    uint64_t from = plan->checked_end, position = 0;
    bool possible = false, matched = false;

    if (plan->matched)
        return matched_at(append, plan->matched_position);
    for (size_t i = 0; i < condition->query->item_count && !possible; i++)
        possible = may_match(commit->log, &condition->query->items[i], from);
    if (!possible)
        return OK;
    if (condition->has_after && condition->after >= from) {
        if (condition->after == UINT64_MAX)
            return OK;
        from = condition->after + 1;
    }
    TRY(find_in_tail(commit->log, plan, from, &matched, &position));
    if (matched || find_in_group(commit, plan, from, &position))
        return matched_at(append, position);
    return OK;
}
