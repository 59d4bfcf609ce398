#include "storage/log/stream_change.h"

#include "base/hash.h"
#include "storage/log/append_plan.h"
#include "storage/log/limits.h"
#include "storage/log/log_state.h"
#include "storage/log/query.h"
#include "storage/log/read.h"

static struct status decide(struct intent *intent, struct commit *commit);

static struct status check(const struct stream_change *change)
{
    bool category = change->kind == CHANGE_CATEGORY_POLICY;

    if (change->name.size > STREAM_NAME_BYTES_MAX || (change->name.size == 0 && !category))
        return status_make(STATUS_INVALID_ARGUMENT, "%s: 1 to %d bytes",
                           category ? "category" : "stream", STREAM_NAME_BYTES_MAX);
    if (category)
        TRY(category_check(change->name, "category"));
    if (change->policy.max_age_us < 0)
        return status_make(STATUS_INVALID_ARGUMENT, "policy.max_age: not negative");
    return OK;
}

struct status stream_change_submit(struct event_log *log, struct stream_change *change,
                                   struct arena *arena)
{
    TRY(check(change));
    if (change->policy.encrypt && !log->options.keys)
        return status_make(STATUS_FAILED_PRECONDITION, "policy.encrypt: the server keeps no keys");
    change->plan = arena_alloc(arena, sizeof *change->plan);
    if (!change->plan)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "stream: too large for the call's memory");
    change->log = log;
    change->plan->hash = hash_bytes(change->name);
    if (change->kind != CHANGE_CATEGORY_POLICY)
        TRY(append_warm(log, change->name, change->plan));
    change->intent.decide = decide;
    change->intent.frees_room = true; /* what a scavenge is to give back has to be hidden first */
    change->intent.bytes = change->name.size + RETAINED_BYTES;
    return event_log_submit(log, &change->intent);
}

/* --- @thread writer ------------------------------------------------------------------------ */

static struct status out_of_memory(void)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED, "stream: out of memory");
}

/* From now on readers look at each event, and so does a server that opens the store later. */
static void put_sealed(struct commit *commit, const struct stream_change *change)
{
    if (!change->policy.encrypt)
        return;
    commit_put(commit, FAMILY_META, bytes_of_text(SEALED_KEY), bytes_of_text(""));
    atomic_store(&commit->log->has_sealed, true);
}

static struct status decide_category(struct stream_change *change, struct commit *commit)
{
    struct arena *arena = commit_arena(commit);
    uint8_t *key = arena_alloc_raw(arena, 1 + change->name.size);
    uint8_t *value = arena_alloc_raw(arena, CATEGORY_POLICY_BYTES);
    struct commit_policy *policy = arena_alloc(arena, sizeof *policy);

    if (!key || !value || !policy)
        return out_of_memory();
    key[0] = POLICY_OF_CATEGORY;
    if (change->name.size)
        memcpy(key + 1, change->name.data, change->name.size);
    *policy = (struct commit_policy){.is_category = true,
                                     .category = {key + 1, change->name.size},
                                     .row = {.policy = change->policy}};
    commit_policy(commit, policy);
    commit_put(commit, FAMILY_POLICIES, (struct bytes){key, 1 + change->name.size},
               category_policy_encode(value, change->policy));
    put_sealed(commit, change);
    return OK;
}

/* What the row becomes. */
static void apply(const struct stream_change *change, uint64_t event_count, struct retained *row)
{
    uint64_t before = change->before < event_count ? change->before : event_count;

    switch (change->kind) {
    case CHANGE_POLICY:
        row->policy = change->policy;
        if (before > row->first_revision) {
            row->first_revision = before;
            row->is_deleted = false;
        }
        return;
    case CHANGE_DELETE:
        row->first_revision = event_count;
        row->is_deleted = true;
        return;
    case CHANGE_TOMBSTONE:
        row->first_revision = event_count;
        row->is_deleted = true;
        row->tombstoned = true;
        return;
    case CHANGE_CATEGORY_POLICY:
        return; /* decided elsewhere */
    }
}

void commit_retain(struct commit *commit, const struct retained *row)
{
    struct arena *arena = commit_arena(commit);
    uint8_t *key = arena_alloc_raw(arena, POLICY_KEY_BYTES);
    uint8_t *value = arena_alloc_raw(arena, RETAINED_BYTES + ERASED_BYTES);
    struct commit_policy *policy = arena_alloc(arena, sizeof *policy);

    if (!key || !value || !policy) {
        commit->short_of_memory = true;
        return;
    }
    *policy = (struct commit_policy){.row = *row};
    commit_policy(commit, policy);
    commit_put(commit, FAMILY_POLICIES, policy_key(key, row->number), retained_encode(value, row));
}

static struct status decide(struct intent *intent, struct commit *commit)
{
    struct stream_change *change = container_of(intent, struct stream_change, intent);
    int shown = change->name.size < 200 ? (int)change->name.size : 200;

    if (change->kind == CHANGE_CATEGORY_POLICY)
        return decide_category(change, commit);
    TRY(append_find_head(commit, change->name, change->plan));
    const struct head *head = change->plan->head;
    if (head->event_count == 0)
        return status_make(STATUS_NOT_FOUND, "%.*s: no such stream", shown,
                           (const char *)change->name.data);
    struct retained row = commit_retained(commit, head->number);
    if (row.tombstoned)
        return append_refuse_tombstoned(change->name);
    if (change->kind == CHANGE_DELETE || change->kind == CHANGE_TOMBSTONE)
        TRY(append_check_expected(commit, change->name, &change->expected, head,
                                  &change->conflict));
    apply(change, head->event_count, &row);
    commit_retain(commit, &row);
    put_sealed(commit, change);
    return OK;
}

/* --- looking ---------------------------------------------------------------------------------- */

struct status event_log_get_policy(struct event_log *log, struct bytes stream,
                                   struct stream_policy *policy, uint64_t *first_revision)
{
    uint64_t number, count;

    TRY(stream_locate(log, stream, &number, &count));
    if (count == 0)
        return status_make(STATUS_NOT_FOUND, "%.*s: no such stream",
                           stream.size < 200 ? (int)stream.size : 200, (const char *)stream.data);
    struct retained row = retention_of(&log->retention, number);
    *policy = row.policy;
    *first_revision = retention_first(&row, retention_policy(&log->retention, &row, stream), count);
    return OK;
}

struct stream_policy event_log_get_category_policy(struct event_log *log, struct bytes category)
{
    return retention_of_category(&log->retention, category);
}
