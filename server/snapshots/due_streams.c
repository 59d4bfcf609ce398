#include "server/snapshots/due_streams.h"

#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "server/snapshots/due_state.h"
#include "storage/log/event_log.h"

void due_wake(struct due_streams *due)
{
    due->is_woken = true;
    pthread_cond_broadcast(&due->changed);
}

/* --- what others tell ------------------------------------------------------------------------ */

/* @thread writer */
static void on_changed(struct snapshot_watcher *watcher, struct bytes stream, bool is_put)
{
    struct due_streams *due = container_of(watcher, struct due_streams, watcher);
    struct snapshot_policy policy;

    if (!snapshot_policy_of(due->options.snapshots, stream, &policy))
        return;
    pthread_mutex_lock(&due->lock);
    if (is_put)
        due_table_put(&due->table, stream);
    else
        due_table_mark(&due->table, stream);
    due_wake(due);
    pthread_mutex_unlock(&due->lock);
}

/* @thread writer. The streams of a category are walked over; one stream may have its category's
 * policy again. */
static void on_policy_changed(struct snapshot_watcher *watcher, bool is_category, struct bytes name)
{
    struct due_streams *due = container_of(watcher, struct due_streams, watcher);

    pthread_mutex_lock(&due->lock);
    if (!is_category)
        due_table_mark(&due->table, name);
    due_wake(due);
    pthread_mutex_unlock(&due->lock);
}

/* @thread writer */
static void on_reducer_changed(struct registry_watcher *watcher, struct bytes category)
{
    struct due_streams *due = container_of(watcher, struct due_streams, reducers_watcher);

    (void)category; /* of all that is due, who makes it is asked anew */
    pthread_mutex_lock(&due->lock);
    due->reducers_changed = true;
    due_wake(due);
    pthread_mutex_unlock(&due->lock);
}

void due_streams_look_again(struct due_streams *due, struct bytes stream)
{
    if (snapshot_policy_count(due->options.snapshots) == 0)
        return;
    pthread_mutex_lock(&due->lock);
    due_table_mark(&due->table, stream);
    due_wake(due);
    pthread_mutex_unlock(&due->lock);
}

/* On the writer thread, with the lock of the tail. */
static void on_commit(struct waiter *waiter)
{
    struct due_streams *due = container_of(waiter, struct due_streams, waiter);

    pthread_mutex_lock(&due->lock);
    due_wake(due);
    pthread_mutex_unlock(&due->lock);
}

/* --- asking ---------------------------------------------------------------------------------- */

bool due_streams_is_due(struct due_streams *due, struct bytes stream,
                        const struct stream_head *head, const struct snapshot *newest)
{
    int64_t now_us = clock_wall_us(due->clock);
    struct due_newest known = {0};
    struct due_sight sight;
    struct status status;

    if (snapshot_policy_count(due->options.snapshots) == 0)
        return false;
    if (newest && newest->entry)
        known = (struct due_newest){true, newest->revision, newest->expires_us};
    if (newest)
        status = due_judge(due->options.log, due->options.snapshots, stream, head, &known, now_us,
                           &sight);
    else
        status = due_look(due->options.log, due->options.snapshots, stream, now_us, &sight);
    return status_ok(status) && sight.is_due && !due_is_servers(due, stream);
}

struct status due_streams_subscribe(struct due_streams *due, struct due_subscriber *subscriber)
{
    struct due_list *list = &due->table.for_clients;

    pthread_mutex_lock(&due->lock);
    bool room = list->subscriber_count < DUE_SUBSCRIBERS_MAX;
    if (room)
        due_list_subscribe(list, subscriber);
    else
        due->subscribers_full++;
    pthread_mutex_unlock(&due->lock);
    return room ? OK
                : status_make(STATUS_RESOURCE_EXHAUSTED, "SubscribeDue: %d subscribers at a time",
                              DUE_SUBSCRIBERS_MAX);
}

bool due_streams_unsubscribe(struct due_streams *due, struct due_subscriber *subscriber)
{
    pthread_mutex_lock(&due->lock);
    bool is_woken = subscriber->is_woken;
    due_list_unsubscribe(&due->table.for_clients, subscriber);
    pthread_mutex_unlock(&due->lock);
    return is_woken;
}

enum due_turn due_streams_next(struct due_streams *due, struct due_subscriber *subscriber,
                               struct due_told *told)
{
    struct due_stream *stream;

    pthread_mutex_lock(&due->lock);
    enum due_turn turn = due_list_next(&due->table.for_clients, subscriber, &stream);
    if (turn == DUE_TOLD) {
        memcpy(told->name, stream->name, stream->name_size);
        told->name_size = stream->name_size;
        told->revision = stream->due_revision;
        told->has_snapshot = stream->newest.exists;
        told->snapshot_revision = stream->newest.revision;
    }
    pthread_mutex_unlock(&due->lock);
    return turn;
}

/* --- counting -------------------------------------------------------------------------------- */

static int64_t oldest_us(const struct due_list *list)
{
    return list->first ? list->first->due_since_us : INT64_MAX;
}

static void visit_due(const char *by, size_t count, metric_visit *visit, void *context)
{
    struct metric metric = {
        .name = "sagabase_snapshots_due",
        .help = "Streams that are due for a snapshot, by who is to make it.",
        .kind = METRIC_GAUGE,
        .labels = {{"by", by}},
        .value = (double)count,
    };

    visit(context, &metric);
}

void due_streams_statistics(struct due_streams *due, metric_visit *visit, void *context)
{
    pthread_mutex_lock(&due->lock);
    const struct due_table *table = &due->table;
    size_t for_clients = table->for_clients.count, for_server = table->for_server.count;
    size_t count = table->count, bytes = table->bytes;
    int64_t clients_us = oldest_us(&table->for_clients), server_us = oldest_us(&table->for_server);
    pthread_mutex_unlock(&due->lock);
    int64_t since_us = clients_us < server_us ? clients_us : server_us;
    int64_t age_us = since_us == INT64_MAX ? 0 : clock_wall_us(due->clock) - since_us;

    visit_due("client", for_clients, visit, context);
    visit_due("server", for_server, visit, context);
    metric_gauge(visit, context, "sagabase_snapshots_due_oldest_seconds",
                 "How long the stream that is due for longest has been so.",
                 age_us > 0 ? (double)age_us * 1e-6 : 0);
    metric_counter(visit, context, "sagabase_snapshots_made_total",
                   "Snapshots that the server has made by itself.",
                   (double)counter_get(&due->maker.made));
    metric_counter(visit, context, "sagabase_snapshots_not_made_total",
                   "Times it could not make one; the log tells why.",
                   (double)counter_get(&due->maker.failed));
    metric_gauge(visit, context, "sagabase_snapshot_policies", "Policies of snapshots.",
                 (double)snapshot_policy_count(due->options.snapshots));
    metric_gauge(visit, context, "sagabase_snapshot_policy_streams",
                 "Streams that are watched because of one.", (double)count);
    metric_gauge(visit, context, "sagabase_snapshot_policy_memory_bytes", "Memory for them.",
                 (double)bytes);
}

void due_streams_limits(struct due_streams *due, metric_visit *visit, void *context)
{
    pthread_mutex_lock(&due->lock);
    uint64_t full = due->table.full, subscribers_full = due->subscribers_full;
    pthread_mutex_unlock(&due->lock);
    metric_limit(visit, context, "due_memory", full);
    metric_limit(visit, context, "due_subscribers", subscribers_full);
}

/* --- life ------------------------------------------------------------------------------------ */

static void watch(struct due_streams *due)
{
    const struct due_reducers *reducers = &due->options.reducers;

    snapshot_store_watch(due->options.snapshots, &due->watcher);
    if (reducers->reducers)
        reducers->watch(reducers->reducers, &due->reducers_watcher);
}

/* A reducer that failed may still be on its way to be disabled: this waits for no one, and nobody
 * is told any more. */
static void unwatch(struct due_streams *due)
{
    const struct due_reducers *reducers = &due->options.reducers;

    if (reducers->reducers)
        reducers->watch(reducers->reducers, NULL);
    snapshot_store_watch(due->options.snapshots, NULL);
}

static void destroy(struct due_streams *due)
{
    due_table_destroy(&due->table);
    pthread_cond_destroy(&due->changed);
    pthread_mutex_destroy(&due->lock);
    free(due);
}

struct status due_streams_open(const struct due_streams_options *options,
                               struct due_streams **opened)
{
    struct due_streams *due = calloc(1, sizeof *due);
    size_t memory_max = options->memory_max ? options->memory_max : DUE_MEMORY_MAX;

    if (!due)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "snapshots: out of memory");
    due->options = *options;
    due->clock = event_log_clock(options->log);
    due->watcher.changed = on_changed;
    due->watcher.policy_changed = on_policy_changed;
    due->reducers_watcher.changed = on_reducer_changed;
    due->waiter.wake = on_commit;
    pthread_mutex_init(&due->lock, NULL);
    deadline_cond_init(&due->changed);
    bool room = due_table_init(&due->table, memory_max);
    watch(due); /* before the thread has some made */
    if (!room || pthread_create(&due->thread, NULL, due_run, due) != 0) {
        unwatch(due);
        destroy(due);
        return status_make(STATUS_RESOURCE_EXHAUSTED, "snapshots: cannot start their thread");
    }
    *opened = due;
    return OK;
}

void due_streams_close(struct due_streams *due)
{
    pthread_mutex_lock(&due->lock);
    due->is_stopping = true;
    pthread_cond_broadcast(&due->changed);
    pthread_mutex_unlock(&due->lock);
    pthread_join(due->thread, NULL);
    due_make_end(due);
    unwatch(due);
    destroy(due);
}
