/* The thread of the room: small steps of different work in turn, and sleep when there is none. */
#include <string.h>

#include "base/deadline.h"
#include "base/log.h"
#include "server/snapshots/due_state.h"
#include "storage/log/event.h"
#include "storage/log/event_log.h"

enum {
    RECORDS_MAX = 64,        /* followed in one step */
    LOOKS_MAX = 256,         /* in one step */
    GATHER_US = 5000,        /* between two sleeps: so often at most a commit wakes us */
    LOOK_RETRY_US = 1000000, /* after one that failed */
};

/* --- following the log ----------------------------------------------------------------------- */

static void follow_event(struct due_streams *due, const struct event *event)
{
    struct snapshot_policy policy;

    if (!snapshot_policy_of(due->options.snapshots, event->stream, &policy) ||
        (policy.every_events == 0 && policy.every_us == 0))
        return;
    pthread_mutex_lock(&due->lock);
    due_table_add_event(&due->table, event->stream, event->revision, event->created_us, &policy);
    pthread_mutex_unlock(&due->lock);
}

static void follow_frames(struct due_streams *due, struct bytes frames)
{
    struct event event;

    while (event_next(&frames, &event))
        if (event.position >= due->next)
            follow_event(due, &event);
}

/* The events that have left memory. */
static void follow_page(struct due_streams *due)
{
    struct read read = {
        .from = due->next, .events_max = PAGE_EVENTS_MAX, .bytes_max = PAGE_BYTES_MAX};
    struct page page = {0};
    struct status status = event_log_read_all(due->options.log, &read, &page);

    if (status_ok(status)) {
        follow_frames(due, buffer_bytes(&page.frames));
        due->next = page.next;
    } else { /* what lies there is seen by a walk */
        log_line(LOG_WARN, "snapshots", "cannot follow", "cause=\"%s\"", status.message);
        due->next = event_log_end(due->options.log);
        due->walk.seen_version = 0;
    }
    buffer_destroy(&page.frames);
}

bool due_follow(struct due_streams *due)
{
    struct tail_record *records[RECORDS_MAX];
    size_t count;

    if (snapshot_policy_count(due->options.snapshots) == 0) {
        due->is_following = false;
        return false;
    }
    if (!due->is_following)
        due->next = event_log_end(due->options.log);
    due->is_following = true;
    switch (tail_take(due->options.log, due->next, RECORDS_MAX, records, &count)) {
    case TAIL_EMPTY:
        return false;
    case TAIL_BEHIND:
        follow_page(due);
        return true;
    case TAIL_RECORDS:
        break;
    }
    for (size_t i = 0; i < count; i++) {
        follow_frames(due, tail_record_frames(records[i], 0));
        due->next = tail_record_end(records[i]);
        tail_record_release(records[i]);
    }
    return true;
}

/* --- looking at streams ---------------------------------------------------------------------- */

/* The stream stays where it is: nobody else lets one go. */
static void look(struct due_streams *due, struct due_stream *stream)
{
    struct bytes name = due_stream_name(stream);
    int64_t now_us = clock_wall_us(due->clock);
    struct due_sight sight;
    bool is_servers = due_is_servers(due, name);
    struct status status = due_look(due->options.log, due->options.snapshots, name, now_us, &sight);

    if (!status_ok(status))
        log_line(LOG_WARN, "snapshots", "cannot look", "cause=\"%s\"", status.message);
    pthread_mutex_lock(&due->lock);
    if (status_ok(status))
        due_table_see(&due->table, stream, &sight, is_servers, now_us);
    else
        due_table_put_off(&due->table, stream, now_us + LOOK_RETRY_US);
    pthread_mutex_unlock(&due->lock);
}

bool due_look_on(struct due_streams *due)
{
    struct due_stream *stream = NULL;
    int looks = 0;

    do {
        pthread_mutex_lock(&due->lock);
        due_table_expire(&due->table, clock_wall_us(due->clock), LOOKS_MAX);
        stream = due_table_take(&due->table);
        pthread_mutex_unlock(&due->lock);
        if (stream)
            look(due, stream);
    } while (stream && ++looks < LOOKS_MAX);
    return looks > 0;
}

/* --- the thread ------------------------------------------------------------------------------ */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How long there is nothing to do unless somebody wakes us; INT64_MAX: for ever. Wall clocks jump,
 * so they are looked at now and then. With the lock. */
static int64_t wait_us(struct due_streams *due)
{
    int64_t now_us = clock_monotonic_us(system_clock());
    int64_t at_us = smaller(due_make_at_us(due), due_walk_at_us(due));
    int64_t wait = at_us == INT64_MAX ? INT64_MAX : at_us - now_us;

    if (due->table.timers.count > 0)
        wait =
            smaller(wait, smaller(due_heap_first_us(&due->table.timers) - clock_wall_us(due->clock),
                                  DUE_CLOCK_LOOK_US));
    return wait < 0 ? 0 : wait;
}

static void sleep_until_woken(struct due_streams *due)
{
    struct timespec gathered = deadline_after_us(GATHER_US);
    int result = 0;

    pthread_mutex_lock(&due->lock);
    int64_t interval_us = wait_us(due);
    struct timespec until = deadline_after_us(interval_us == INT64_MAX ? 0 : interval_us);
    while (result == 0 && !due->is_woken && !due->is_stopping)
        result = interval_us == INT64_MAX
                     ? pthread_cond_wait(&due->changed, &due->lock)
                     : pthread_cond_timedwait(&due->changed, &due->lock, &until);
    for (result = 0; result == 0 && !due->is_stopping;)
        result = pthread_cond_timedwait(&due->changed, &due->lock, &gathered);
    due->is_woken = false;
    pthread_mutex_unlock(&due->lock);
}

/* Until something is appended, or somebody wakes us, or it is time. */
static void rest(struct due_streams *due)
{
    struct event_log *log = due->options.log;

    if (!due->is_following)
        return sleep_until_woken(due);
    if (!tail_park(log, due->next, &due->waiter))
        return;
    sleep_until_woken(due);
    tail_unpark(log, &due->waiter);
}

static bool is_stopping(struct due_streams *due)
{
    pthread_mutex_lock(&due->lock);
    bool stopping = due->is_stopping;
    pthread_mutex_unlock(&due->lock);
    return stopping;
}

void *due_run(void *argument)
{
    struct due_streams *due = argument;

    while (!is_stopping(due)) {
        bool works = due_follow(due);
        works |= due_look_on(due);
        works |= due_sweep_on(due);
        works |= due_walk_on(due);
        works |= due_make(due);
        if (!works)
            rest(due);
    }
    return NULL;
}
