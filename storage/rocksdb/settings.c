#include "storage/rocksdb/settings.h"

#include <assert.h>

enum {
    BACKGROUND_JOBS_MAX = 2, /* one flush, one compaction; 7.8 has races from 8 up */
    OPEN_FILES_MAX = 512,
    SYNC_EVERY_BYTES = 1 << 20,
    LOG_FATAL_ONLY = 4, /* InfoLogLevel::FATAL_LEVEL */
    INFO_LOG_BYTES_MAX = 1 << 20,
    INFO_LOGS_MAX = 2,
    MANIFEST_BYTES_MAX = 1, /* written anew with each flush and compaction; see compact() */
    WRITE_BUFFERS_MAX = 2,  /* 7.8 may retry flushes in the wrong order from 3 up */
    WAL_WRITE_BUFFERS_MAX = 2,
    BLOOM_BITS_PER_KEY = 10,
    LOG_BLOCK_BYTES = 4 << 10,
    INDEX_BLOCK_BYTES = 4 << 10,
};

static rocksdb_options_t *database_options(const struct rocksdb_engine_options *options)
{
    rocksdb_options_t *database = rocksdb_options_create();

    /* A missing store was looked for before; see store_directory.h. */
    rocksdb_options_set_create_if_missing(database, options->create_if_missing);
    rocksdb_options_set_create_missing_column_families(database, 1);
    /* The default mode stops silently at the first damaged WAL record and drops what
     * is behind it. This one accepts only an incomplete last record, which nobody
     * was told about. */
    rocksdb_options_set_wal_recovery_mode(database,
                                          rocksdb_tolerate_corrupted_tail_records_recovery);
    rocksdb_options_set_paranoid_checks(database, 1);

    /* One thread commits: what speeds up many writers only costs it. */
    rocksdb_options_set_enable_pipelined_write(database, 0);
    rocksdb_options_set_unordered_write(database, 0);
    rocksdb_options_set_allow_concurrent_memtable_write(database, 0);

    rocksdb_options_set_db_write_buffer_size(database, options->write_buffer_bytes);
    rocksdb_options_set_max_total_wal_size(database,
                                           WAL_WRITE_BUFFERS_MAX * options->write_buffer_bytes);
    rocksdb_options_set_max_background_jobs(database, BACKGROUND_JOBS_MAX);
    rocksdb_options_set_max_open_files(database, OPEN_FILES_MAX);
    rocksdb_options_set_max_manifest_file_size(database, MANIFEST_BYTES_MAX);
    /* New tables trickle to disk instead of delaying the WAL in one burst. */
    rocksdb_options_set_bytes_per_sync(database, SYNC_EVERY_BYTES);

    /* Debian builds RocksDB with assertions, and one of them ends the process when a
     * second line is logged after one could not be written: a full disk must be an
     * error, not an abort. What is worth knowing comes back as a status. */
    rocksdb_options_set_info_log_level(database, LOG_FATAL_ONLY);
    rocksdb_options_set_max_log_file_size(database, INFO_LOG_BYTES_MAX);
    rocksdb_options_set_keep_log_file_num(database, INFO_LOGS_MAX);
    rocksdb_options_set_stats_dump_period_sec(database, 0);
    rocksdb_options_set_stats_persist_period_sec(database, 0);
    return database;
}

/* Bloom filters pay where keys are looked up that may not exist. */
static bool has_bloom_filter(int column)
{
    return column == FAMILY_NAMES || column == FAMILY_TYPES || column == FAMILY_SNAPSHOTS ||
           column == FAMILY_VALUES || column == FAMILY_SAGA_IDS;
}

/* The next entry of a stream goes behind its last one: with a hint for each stream, the memtable
 * finds the spot without a search (decision 25). In C only the text form of options has this.
 * Takes `settings`. */
static rocksdb_options_t *with_insert_hints(rocksdb_options_t *settings)
{
    rocksdb_options_t *hinted = rocksdb_options_create();
    char *error = NULL;

    rocksdb_get_options_from_string(settings, "memtable_insert_with_hint_prefix_extractor=fixed:8",
                                    hinted, &error);
    assert(!error); /* the text is ours, and so is the choice of the library */
    rocksdb_options_destroy(settings);
    return hinted;
}

static rocksdb_options_t *column_options(int column, const struct rocksdb_engine_options *options,
                                         rocksdb_cache_t *cache)
{
    rocksdb_options_t *settings = rocksdb_options_create();
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    bool is_log = column == FAMILY_LOG;

    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    rocksdb_block_based_options_set_block_size(table, is_log ? LOG_BLOCK_BYTES : INDEX_BLOCK_BYTES);
    if (has_bloom_filter(column)) /* the table takes the policy */
        rocksdb_block_based_options_set_filter_policy(
            table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS_PER_KEY));
    rocksdb_options_set_block_based_table_factory(settings, table);
    rocksdb_block_based_options_destroy(table);

    /* Most bytes go to the log. The limit over all families is the database's. */
    rocksdb_options_set_write_buffer_size(settings, options->write_buffer_bytes / (is_log ? 2 : 4));
    rocksdb_options_set_max_write_buffer_number(settings, WRITE_BUFFERS_MAX);
    rocksdb_options_set_compression(settings, rocksdb_lz4_compression);
    return column == FAMILY_STREAMS ? with_insert_hints(settings) : settings;
}

void settings_init(struct settings *settings, const struct rocksdb_engine_options *options,
                   rocksdb_cache_t *cache)
{
    settings->database = database_options(options);
    for (int column = 0; column < COLUMN_COUNT; column++) {
        settings->names[column] = column == COLUMN_DEFAULT ? "default" : family_name(column);
        settings->columns[column] = column_options(column, options, cache);
    }
}

void settings_destroy(struct settings *settings)
{
    for (int column = 0; column < COLUMN_COUNT; column++)
        rocksdb_options_destroy(settings->columns[column]);
    rocksdb_options_destroy(settings->database);
}
