#include "storage/log/statistics.h"

#include "storage/log/log_state.h"
#include "storage/log/read.h"

static void visit_contents(struct event_log *log, metric_visit *visit, void *context)
{
    struct event_log_counts counts = event_log_counts(log);
    uint64_t indexed = atomic_load_explicit(&log->index.end, memory_order_relaxed);

    metric_gauge(visit, context, "sagabase_store_events", "Events in the store, hidden ones too.",
                 (double)counts.events);
    metric_gauge(visit, context, "sagabase_store_streams", "Streams that were ever begun.",
                 (double)counts.streams);
    metric_gauge(visit, context, "sagabase_store_event_types", "Different event types.",
                 (double)counts.types);
    metric_gauge(visit, context, "sagabase_index_behind_events",
                 "Newest events that the trailing index does not hold yet.",
                 counts.events > indexed ? (double)(counts.events - indexed) : 0);
}

static void visit_writer(struct event_log *log, metric_visit *visit, void *context)
{
    struct sequencer *sequencer = &log->sequencer;
    struct writer_counts *counts = &sequencer->counts;

    metric_gauge(visit, context, "sagabase_queue_appends",
                 "Appends and other changes that wait for the writer.",
                 (double)atomic_load_explicit(&sequencer->waiting_count, memory_order_relaxed));
    metric_gauge(visit, context, "sagabase_queue_bytes", "Their bytes.",
                 (double)atomic_load_explicit(&sequencer->waiting_bytes, memory_order_relaxed));
    metric_gauge(visit, context, "sagabase_queue_appends_max", "As many may wait.",
                 (double)log->options.queue_intents_max);
    metric_gauge(visit, context, "sagabase_queue_bytes_max", "As many bytes may wait.",
                 (double)log->options.queue_bytes_max);
    metric_histogram(visit, context, "sagabase_commit_group_size",
                     "Appends and other changes committed together.", &bounds_count,
                     &counts->group_size);
    metric_histogram(visit, context, "sagabase_commit_seconds",
                     "Time of one commit: write, and fsync of the write-ahead log.",
                     &bounds_duration_us, &counts->commit_us);
    metric_counter(visit, context, "sagabase_committed_events_total",
                   "Events that this process committed.", (double)counter_get(&counts->events));
    metric_counter(visit, context, "sagabase_committed_bytes_total",
                   "Bytes of the changes that were committed.",
                   (double)counter_get(&counts->bytes));
    metric_counter(visit, context, "sagabase_refused_changes_total",
                   "Changes that the writer decided against: conflicts, limits, a full disk.",
                   (double)counter_get(&counts->refused));
}

static void visit_tail(struct event_log *log, metric_visit *visit, void *context)
{
    struct tail *tail = &log->tail;

    pthread_mutex_lock(&tail->lock);
    size_t records = tail->count, bytes = tail->bytes, waiters = tail->waiters;
    uint64_t begin = tail->begin, end = tail->end;
    pthread_mutex_unlock(&tail->lock);
    metric_gauge(visit, context, "sagabase_tail_records", "Newest records kept in memory.",
                 (double)records);
    metric_gauge(visit, context, "sagabase_tail_bytes", "Their bytes.", (double)bytes);
    metric_gauge(visit, context, "sagabase_tail_bytes_max", "As many bytes are kept.",
                 (double)tail->bytes_max);
    metric_gauge(visit, context, "sagabase_tail_events", "Their events.", (double)(end - begin));
    metric_gauge(visit, context, "sagabase_tail_waiters", "Who sleeps until something is appended.",
                 (double)waiters);
}

static void visit_heads(struct event_log *log, metric_visit *visit, void *context)
{
    struct heads_counts counts = heads_counts(log->heads);

    metric_gauge(visit, context, "sagabase_stream_cache_streams",
                 "Streams whose newest revisions are in memory.", (double)counts.kept);
    metric_gauge(visit, context, "sagabase_stream_cache_streams_max", "As many are kept.",
                 (double)log->options.heads_max);
    metric_counter(visit, context, "sagabase_stream_cache_hits_total",
                   "Streams that were looked for and in memory.", (double)counts.found);
    metric_counter(visit, context, "sagabase_stream_cache_misses_total",
                   "Streams that had to be looked for on disk.",
                   (double)(counts.looked - counts.found));
}

void event_log_statistics(struct event_log *log, metric_visit *visit, void *context)
{
    visit_contents(log, visit, context);
    visit_writer(log, visit, context);
    visit_tail(log, visit, context);
    visit_heads(log, visit, context);
    engine_statistics(log->engine, visit, context);
}

void event_log_limits(struct event_log *log, metric_visit *visit, void *context)
{
    struct writer_counts *counts = &log->sequencer.counts;

    metric_limit(visit, context, "queue_appends", counter_get(&counts->queue_full));
    metric_limit(visit, context, "queue_memory", counter_get(&counts->queue_memory_full));
    metric_limit(visit, context, "commit_group", counter_get(&counts->group_full));
    metric_limit(visit, context, "disk_reserve", counter_get(&counts->not_admitted));
    metric_limit(visit, context, "event_types", counter_get(&counts->types_full));
    metric_limit(visit, context, "scavenges", counter_get(&log->scavenge.refused));
    metric_limit(visit, context, "erasures", counter_get(&log->erasing.refused));
    metric_limit(visit, context, "stream_cache", heads_counts(log->heads).forgotten);
}
