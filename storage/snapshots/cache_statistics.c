#include "storage/snapshots/snapshot_cache.h"

static void visit_entries(metric_visit *visit, void *context, const char *kind, size_t count)
{
    visit(context, &(struct metric){.name = "sagabase_cache_entries",
                                    .help = "What the cache holds.",
                                    .kind = METRIC_GAUGE,
                                    .labels = {{"kind", kind}},
                                    .value = (double)count});
}

void snapshot_cache_statistics(struct snapshot_cache *cache, metric_visit *visit, void *context)
{
    struct cache_stats stats = snapshot_cache_stats(cache);

    metric_counter(visit, context, "sagabase_cache_hits_total",
                   "Looks for snapshots and plain values that were answered from memory.",
                   (double)stats.hits);
    metric_counter(visit, context, "sagabase_cache_misses_total", "Looks that were not.",
                   (double)stats.misses);
    metric_counter(visit, context, "sagabase_cache_evictions_total",
                   "Entries that had to leave memory for others.", (double)stats.evictions);
    metric_counter(visit, context, "sagabase_cache_expirations_total",
                   "Snapshots and plain values whose time had come.", (double)stats.expirations);
    visit_entries(visit, context, "snapshot", stats.snapshots);
    visit_entries(visit, context, "value", stats.entries - stats.snapshots);
    metric_gauge(visit, context, "sagabase_cache_bytes", "Memory that the cache takes.",
                 (double)stats.bytes);
    metric_gauge(visit, context, "sagabase_cache_bytes_max", "Memory that it may take.",
                 (double)stats.bytes_max);
    metric_gauge(visit, context, "sagabase_cache_unsaved_bytes",
                 "Memory of plain values that wait for the disk.", (double)stats.unsaved_bytes);
}

void snapshot_cache_limits(struct snapshot_cache *cache, metric_visit *visit, void *context)
{
    metric_limit(visit, context, "cache_memory", snapshot_cache_stats(cache).evictions);
}
