#include "storage/rocksdb/statistics.h"

#include <stdlib.h>

struct property {
    const char *property; /* RocksDB's name */
    const char *name;
    const char *help;
};

/* Of each family. */
static const struct property family_properties[] = {
    {"rocksdb.estimate-num-keys", "sagabase_rocksdb_keys", "Keys, estimated."},
    {"rocksdb.total-sst-files-size", "sagabase_rocksdb_files_bytes", "Bytes of the sorted files."},
    {"rocksdb.num-files-at-level0", "sagabase_rocksdb_level0_files",
     "Sorted files of level 0: many of them slow down writes."},
    {"rocksdb.cur-size-all-mem-tables", "sagabase_rocksdb_memtable_bytes",
     "Bytes written that are not in sorted files yet."},
    {"rocksdb.num-immutable-mem-table", "sagabase_rocksdb_immutable_memtables",
     "Full write buffers that wait for their flush."},
    {"rocksdb.estimate-pending-compaction-bytes", "sagabase_rocksdb_pending_compaction_bytes",
     "Bytes that compaction has to rewrite, estimated."},
    {"rocksdb.estimate-table-readers-mem", "sagabase_rocksdb_table_readers_bytes",
     "Memory of open files outside of the block cache."},
};

/* Of all families together. */
static const struct property database_properties[] = {
    {"rocksdb.num-running-flushes", "sagabase_rocksdb_running_flushes", "Flushes at work."},
    {"rocksdb.num-running-compactions", "sagabase_rocksdb_running_compactions",
     "Compactions at work."},
    {"rocksdb.num-live-versions", "sagabase_rocksdb_live_versions",
     "Versions of the tree that somebody reads."},
    {"rocksdb.background-errors", "sagabase_rocksdb_background_errors",
     "Errors of flushes and compactions."},
    {"rocksdb.is-write-stopped", "sagabase_rocksdb_write_stopped",
     "1 while RocksDB takes no writes."},
    {"rocksdb.actual-delayed-write-rate", "sagabase_rocksdb_delayed_write_rate",
     "Bytes a second that RocksDB takes while it slows writes down; 0: as many as come."},
};

static void visit_property(const struct property *property, const char *family, double value,
                           metric_visit *visit, void *context)
{
    struct metric metric = {
        .name = property->name, .help = property->help, .kind = METRIC_GAUGE, .value = value};

    if (family)
        metric.labels[0] = (struct metric_label){"family", family};
    visit(context, &metric);
}

static double property_value(rocksdb_t *database, rocksdb_column_family_handle_t *column,
                             const char *property)
{
    uint64_t number = 0;

    if (!column)
        return 0;
    if (rocksdb_property_int_cf(database, column, property, &number) == 0)
        return (double)number;
    char *text = rocksdb_property_value_cf(database, column, property); /* the older ones */
    double value = text ? strtod(text, NULL) : 0;
    free(text);
    return value;
}

static void visit_cache(const rocksdb_cache_t *cache, metric_visit *visit, void *context)
{
    rocksdb_cache_t *asked = (rocksdb_cache_t *)cache; /* its getters take no const */

    metric_gauge(visit, context, "sagabase_block_cache_bytes", "Memory of blocks read from disk.",
                 (double)rocksdb_cache_get_usage(asked));
    metric_gauge(visit, context, "sagabase_block_cache_pinned_bytes", "Of these, in use.",
                 (double)rocksdb_cache_get_pinned_usage(asked));
    metric_gauge(visit, context, "sagabase_block_cache_bytes_max", "--block-cache.",
                 (double)rocksdb_cache_get_capacity(asked));
}

void rocksdb_statistics(rocksdb_t *database,
                        rocksdb_column_family_handle_t *const columns[COLUMN_COUNT],
                        const rocksdb_cache_t *cache, metric_visit *visit, void *context)
{
    for (size_t i = 0; i < sizeof family_properties / sizeof *family_properties; i++)
        for (int family = 0; family < FAMILY_COUNT; family++)
            visit_property(&family_properties[i], family_name((enum family)family),
                           property_value(database, columns[family], family_properties[i].property),
                           visit, context);
    for (size_t i = 0; i < sizeof database_properties / sizeof *database_properties; i++)
        visit_property(
            &database_properties[i], NULL,
            property_value(database, columns[COLUMN_DEFAULT], database_properties[i].property),
            visit, context);
    visit_cache(cache, visit, context);
}
