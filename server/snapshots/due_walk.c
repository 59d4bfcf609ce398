/* Finding the streams that a policy is for, and those that it is no longer for. */
#include <string.h>

#include "base/log.h"
#include "server/snapshots/due_state.h"

enum {
    NAMES_MAX = 256, /* in one step of a walk */
    NAMES_BYTES_MAX = NAMES_MAX * (STREAM_NAME_BYTES_MAX + 32),
};

/* At once, so that those which need not be known leave their room to others. */
static void look_at(struct due_streams *due, struct bytes stream)
{
    pthread_mutex_lock(&due->lock);
    due_table_mark(&due->table, stream);
    pthread_mutex_unlock(&due->lock);
    while (due_look_on(due))
        continue;
}

/* --- a walk ---------------------------------------------------------------------------------- */

/* Streams were left out, and there is room now. With the lock. */
static bool has_room_again(const struct due_table *table)
{
    return table->has_forgotten && table->bytes <= table->bytes_max / 2;
}

/* Only while the log is followed: what is appended behind the walk is seen there. With the lock. */
static bool is_wanted(const struct due_streams *due)
{
    return due->is_following &&
           (has_room_again(&due->table) ||
            due->walk.seen_version != snapshot_policy_version(due->options.snapshots));
}

/* The next policy that was set since the walk before. False: the walk is over. */
static bool next_policy(struct due_streams *due)
{
    struct due_walk *walk = &due->walk;

    walk->after_size = 0;
    do
        walk->is_underway = snapshot_policy_next(due->options.snapshots, &walk->policy);
    while (walk->is_underway && walk->policy.policy.version <= walk->seen_version);
    if (!walk->is_underway)
        walk->seen_version = walk->version;
    return walk->is_underway;
}

static bool begin(struct due_streams *due)
{
    struct due_walk *walk = &due->walk;
    struct due_table *table = &due->table;

    pthread_mutex_lock(&due->lock);
    bool wanted = is_wanted(due);
    if (wanted && has_room_again(table)) {
        table->has_forgotten = false;
        walk->seen_version = 0; /* all policies again */
    }
    pthread_mutex_unlock(&due->lock);
    if (!wanted)
        return false;
    walk->version = snapshot_policy_version(due->options.snapshots);
    walk->policy.is_category = true;
    walk->policy.name_size = 0;
    return next_policy(due);
}

/* The next streams of the category. False: there are no more. */
static struct status walk_category(struct due_streams *due, bool *more)
{
    struct due_walk *walk = &due->walk;
    uint8_t prefix[STREAM_NAME_BYTES_MAX + 1];
    struct bytes names[NAMES_MAX];
    struct arena arena;
    size_t count = 0;

    *more = false;
    memcpy(prefix, walk->policy.name, walk->policy.name_size);
    prefix[walk->policy.name_size] = '-';
    if (walk->after_size == 0)
        look_at(due, bytes_of(walk->policy.name, walk->policy.name_size));
    arena_init(&arena, NAMES_BYTES_MAX);
    struct status status = event_log_list_names(
        due->options.log, bytes_of(prefix, walk->policy.name_size + 1),
        bytes_of(walk->after, walk->after_size), NAMES_MAX, &arena, names, &count, more);
    for (size_t i = 0; status_ok(status) && i < count; i++) {
        look_at(due, names[i]);
        memcpy(walk->after, names[i].data, names[i].size);
        walk->after_size = names[i].size;
    }
    arena_destroy(&arena);
    return status;
}

bool due_walk_on(struct due_streams *due)
{
    struct due_walk *walk = &due->walk;
    int64_t begun_us = clock_monotonic_us(system_clock());
    bool more = false;

    if (begun_us < walk->rests_until_us || (!walk->is_underway && !begin(due)))
        return false;
    if (walk->policy.is_category) {
        struct status status = walk_category(due, &more);
        if (!status_ok(status))
            log_line(LOG_WARN, "snapshots", "cannot walk", "cause=\"%s\"", status.message);
    } else {
        look_at(due, bytes_of(walk->policy.name, walk->policy.name_size));
    }
    if (!more)
        next_policy(due);
    int64_t now_us = clock_monotonic_us(system_clock());
    walk->rests_until_us = now_us + (now_us - begun_us);
    return true;
}

int64_t due_walk_at_us(const struct due_streams *due)
{
    return due->walk.is_underway || is_wanted(due) ? due->walk.rests_until_us : INT64_MAX;
}

/* --- a sweep --------------------------------------------------------------------------------- */

/* Another policy holds for it than when it was looked at, or perhaps somebody else has to make
 * its snapshot. */
static bool is_stale(void *context, const struct due_stream *stream)
{
    const struct due_streams *due = context;
    struct snapshot_policy policy;

    if (due->sweep.reducers_too && (stream->state != DUE_WAITING || stream->not_before_us > 0))
        return true;
    return !snapshot_policy_of(due->options.snapshots, due_stream_name(stream), &policy) ||
           policy.version != stream->policy.version;
}

/* With the lock. False: nothing has changed. */
static bool begin_sweep(struct due_streams *due)
{
    struct due_sweep *sweep = &due->sweep;
    uint64_t version = snapshot_policy_version(due->options.snapshots);

    if (sweep->version == version && !due->reducers_changed)
        return false;
    sweep->version = version;
    sweep->reducers_too = due->reducers_changed;
    due->reducers_changed = false;
    return true;
}

bool due_sweep_on(struct due_streams *due)
{
    struct due_sweep *sweep = &due->sweep;

    pthread_mutex_lock(&due->lock);
    if (!sweep->is_underway && !begin_sweep(due)) {
        pthread_mutex_unlock(&due->lock);
        return false;
    }
    if (due->table.count > 0)
        sweep->bucket = due_table_sweep(&due->table, sweep->bucket, is_stale, due);
    else
        sweep->bucket = 0;
    pthread_mutex_unlock(&due->lock);
    sweep->is_underway = sweep->bucket > 0;
    return true;
}
