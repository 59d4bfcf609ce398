#include "storage/rocksdb/rocksdb_engine.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "storage/rocksdb/rocksdb_status.h"
#include "storage/rocksdb/settings.h"
#include "storage/rocksdb/statistics.h"
#include "storage/rocksdb/store_copy.h"
#include "storage/rocksdb/store_directory.h"

enum {
    KEYS_PER_LOOKUP_MAX = 64, /* RocksDB itself looks up 32 together */
    BULK_READAHEAD_BYTES = 256 << 10,
    FORCE_OPTIMIZED = 3, /* BottommostLevelCompaction::kForceOptimized */
};

struct rocksdb_engine {
    struct engine base;
    char *directory;
    size_t disk_reserve_bytes;
    bool read_only;
    int lock; /* of a store that is only read; else RocksDB's own, and -1 */
    rocksdb_cache_t *cache;
    rocksdb_t *database;
    rocksdb_column_family_handle_t *columns[COLUMN_COUNT]; /* NULL: as if empty (open_reading) */
    rocksdb_readoptions_t *lookups;
    pthread_mutex_t copying; /* a checkpoint copies files, none of which may go */

    /* Only the committing thread's. */
    rocksdb_writeoptions_t *durable;
    rocksdb_writeoptions_t *buffered;
    rocksdb_writebatch_t *batch; /* reused, so that it keeps its memory */
    bool failed;                 /* a commit did */
    struct distribution sync_us; /* of durable commits: the write-ahead log, with its fsync */
};

static struct rocksdb_engine *rocksdb_engine_of(struct engine *engine)
{
    return container_of(engine, struct rocksdb_engine, base);
}

/* --- get ------------------------------------------------------------------ */

/* Takes `pinned`; NULL is a missing key. */
static struct status copy_value(rocksdb_pinnableslice_t *pinned, struct arena *arena,
                                struct bytes *value)
{
    struct bytes copy = {0};

    if (pinned) {
        size_t size;
        const char *data = rocksdb_pinnableslice_value(pinned, &size);
        copy = arena_copy(arena, bytes_of(data, size));
        rocksdb_pinnableslice_destroy(pinned);
        if (!copy.data)
            return status_make(STATUS_RESOURCE_EXHAUSTED, "get: more than the %zu bytes allowed",
                               arena->bytes_max);
    }
    *value = copy;
    return OK;
}

static struct status get(struct engine *base, enum family family, struct bytes key,
                         struct arena *arena, struct bytes *value)
{
    struct rocksdb_engine *engine = rocksdb_engine_of(base);
    char *error = NULL;

    *value = (struct bytes){0};
    if (!engine->columns[family])
        return OK;
    rocksdb_pinnableslice_t *pinned =
        rocksdb_get_pinned_cf(engine->database, engine->lookups, engine->columns[family],
                              (const char *)key.data, key.size, &error);
    TRY(status_from_rocksdb(engine->directory, "get", error));
    return copy_value(pinned, arena, value);
}

static struct status get_some(struct rocksdb_engine *engine, enum family family,
                              const struct bytes *keys, size_t count, struct arena *arena,
                              struct bytes *values)
{
    const char *data[KEYS_PER_LOOKUP_MAX];
    size_t sizes[KEYS_PER_LOOKUP_MAX];
    rocksdb_pinnableslice_t *pinned[KEYS_PER_LOOKUP_MAX];
    char *errors[KEYS_PER_LOOKUP_MAX];
    struct status status = OK;

    assert(count <= KEYS_PER_LOOKUP_MAX);
    for (size_t i = 0; i < count; i++) {
        assert(i == 0 || bytes_compare(keys[i - 1], keys[i]) <= 0);
        data[i] = (const char *)keys[i].data;
        sizes[i] = keys[i].size;
        values[i] = (struct bytes){0};
    }
    if (!engine->columns[family])
        return OK;
    rocksdb_batched_multi_get_cf(engine->database, engine->lookups, engine->columns[family], count,
                                 data, sizes, pinned, errors, true);
    for (size_t i = 0; i < count; i++) { /* all of them, to free what they hold */
        struct status one = status_from_rocksdb(engine->directory, "get", errors[i]);
        if (status_ok(one))
            one = copy_value(pinned[i], arena, &values[i]);
        if (status_ok(status))
            status = one;
    }
    return status;
}

static struct status multi_get(struct engine *base, enum family family, const struct bytes *keys,
                               size_t count, struct arena *arena, struct bytes *values)
{
    struct rocksdb_engine *engine = rocksdb_engine_of(base);

    while (count > 0) {
        size_t some = count < KEYS_PER_LOOKUP_MAX ? count : KEYS_PER_LOOKUP_MAX;
        TRY(get_some(engine, family, keys, some, arena, values));
        keys += some;
        values += some;
        count -= some;
    }
    return OK;
}

/* --- scan ----------------------------------------------------------------- */

/* Borrows the scan's bounds. */
static rocksdb_readoptions_t *scan_options(const struct scan *scan)
{
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();

    if (scan->from.size > 0)
        rocksdb_readoptions_set_iterate_lower_bound(options, (const char *)scan->from.data,
                                                    scan->from.size);
    if (scan->to.size > 0)
        rocksdb_readoptions_set_iterate_upper_bound(options, (const char *)scan->to.data,
                                                    scan->to.size);
    if (scan->bulk) {
        rocksdb_readoptions_set_fill_cache(options, 0);
        rocksdb_readoptions_set_readahead_size(options, BULK_READAHEAD_BYTES);
    } else if (scan->readahead_bytes > 0) {
        rocksdb_readoptions_set_readahead_size(options, scan->readahead_bytes);
    }
    return options;
}

static struct status scan(struct engine *base, const struct scan *scan, scan_visit *visit,
                          void *context)
{
    struct rocksdb_engine *engine = rocksdb_engine_of(base);
    rocksdb_column_family_handle_t *column = engine->columns[scan->family];

    if (!column)
        return OK;
    rocksdb_readoptions_t *options = scan_options(scan);
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(engine->database, options, column);
    void (*step)(rocksdb_iterator_t *) = scan->backwards ? rocksdb_iter_prev : rocksdb_iter_next;
    char *error = NULL;

    if (scan->backwards)
        rocksdb_iter_seek_to_last(iterator); /* of the bounds */
    else
        rocksdb_iter_seek_to_first(iterator);
    for (; rocksdb_iter_valid(iterator); step(iterator)) {
        struct bytes key, value;
        key.data = (const uint8_t *)rocksdb_iter_key(iterator, &key.size);
        value.data = (const uint8_t *)rocksdb_iter_value(iterator, &value.size);
        if (!visit(context, key, value))
            break;
    }
    rocksdb_iter_get_error(iterator, &error); /* it may have ended because it failed */
    rocksdb_iter_destroy(iterator);
    rocksdb_readoptions_destroy(options);
    return status_from_rocksdb(engine->directory, "scan", error);
}

/* --- commit --------------------------------------------------------------- */

static void fill_batch(struct rocksdb_engine *engine, const struct write *writes, size_t count)
{
    rocksdb_writebatch_clear(engine->batch);
    for (size_t i = 0; i < count; i++) {
        const struct write *write = &writes[i];
        rocksdb_column_family_handle_t *column = engine->columns[write->family];
        const char *key = (const char *)write->key.data;
        if (write->kind == WRITE_PUT)
            rocksdb_writebatch_put_cf(engine->batch, column, key, write->key.size,
                                      (const char *)write->value.data, write->value.size);
        else
            rocksdb_writebatch_delete_cf(engine->batch, column, key, write->key.size);
    }
}

/* RocksDB times its work by the thread, where it is asked to: the clock runs for this write alone.
 */
static void write_batch(struct rocksdb_engine *engine, char **error)
{
    rocksdb_perfcontext_t *clocks = rocksdb_perfcontext_create();

    rocksdb_set_perf_level(rocksdb_enable_time_except_for_mutex);
    uint64_t before_ns = rocksdb_perfcontext_metric(clocks, rocksdb_write_wal_time);
    rocksdb_write(engine->database, engine->durable, engine->batch, error);
    uint64_t took_ns = rocksdb_perfcontext_metric(clocks, rocksdb_write_wal_time) - before_ns;
    rocksdb_set_perf_level(rocksdb_disable);
    rocksdb_perfcontext_destroy(clocks);
    distribution_add_alone(&engine->sync_us, &bounds_duration_us, (int64_t)(took_ns / 1000));
}

static struct status commit(struct engine *base, const struct write *writes, size_t count,
                            bool durable)
{
    struct rocksdb_engine *engine = rocksdb_engine_of(base);
    char *error = NULL;

    if (engine->read_only)
        return status_make(STATUS_FAILED_PRECONDITION, "%s: commit: open for reading only",
                           engine->directory);
    if (engine->failed)
        return status_make(STATUS_UNAVAILABLE, "%s: commit: refused since an earlier one failed",
                           engine->directory);
    fill_batch(engine, writes, count);
    if (durable)
        write_batch(engine, &error);
    else
        rocksdb_write(engine->database, engine->buffered, engine->batch, &error);
    engine->failed = error != NULL;
    return status_from_rocksdb(engine->directory, "commit", error);
}

static struct status admit(struct engine *base)
{
    const struct rocksdb_engine *engine = rocksdb_engine_of(base);

    return store_directory_check_room(engine->directory, engine->disk_reserve_bytes);
}

/* --- checkpoint ----------------------------------------------------------- */

static struct status create_checkpoint(struct rocksdb_engine *engine, const char *directory)
{
    char *error = NULL;
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(engine->database, &error);

    TRY(status_from_rocksdb(engine->directory, "checkpoint", error));
    pthread_mutex_lock(&engine->copying);
    rocksdb_checkpoint_create(checkpoint, directory, 0 /* flush first */, &error);
    pthread_mutex_unlock(&engine->copying);
    rocksdb_checkpoint_object_destroy(checkpoint);
    return status_from_rocksdb(engine->directory, "checkpoint", error);
}

static struct status checkpoint(struct engine *base, const char *directory)
{
    struct rocksdb_engine *engine = rocksdb_engine_of(base);
    struct store_copy copy;

    TRY(admit(base)); /* it flushes, and a flush that fails ends all commits */
    TRY(store_copy_begin(directory, &copy));
    struct status status = create_checkpoint(engine, copy.partial);
    if (status_ok(status))
        status = store_copy_finish(&copy);
    if (!status_ok(status))
        store_copy_abandon(&copy);
    return status;
}

/* --- compact -------------------------------------------------------------- */

/* A write-ahead log goes when every family has its writes in files. */
static struct status flush(struct rocksdb_engine *engine)
{
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    struct status status = OK;

    for (int column = 0; column < COLUMN_COUNT && status_ok(status); column++) {
        char *error = NULL;
        rocksdb_flush_cf(engine->database, options, engine->columns[column], &error);
        status = status_from_rocksdb(engine->directory, "flush", error);
    }
    rocksdb_flushoptions_destroy(options);
    return status;
}

/* The MANIFEST tells the first and the last key of every file, also of those that a compaction has
 * just replaced. Any change of files writes it anew, so this makes one: in the column that
 * RocksDB insists on and nobody else uses. */
static struct status renew_manifest(struct rocksdb_engine *engine)
{
    rocksdb_column_family_handle_t *column = engine->columns[COLUMN_DEFAULT];
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    char *error = NULL;

    rocksdb_put_cf(engine->database, engine->buffered, column, "", 0, "", 0, &error);
    struct status status = status_from_rocksdb(engine->directory, "compact", error);
    if (status_ok(status)) {
        error = NULL;
        rocksdb_flush_cf(engine->database, options, column, &error);
        status = status_from_rocksdb(engine->directory, "flush", error);
    }
    rocksdb_flushoptions_destroy(options);
    return status;
}

/* Jobs of RocksDB's threads that failed since it was opened. */
static uint64_t count_failed_jobs(struct rocksdb_engine *engine)
{
    uint64_t count = 0;

    rocksdb_property_int(engine->database, "rocksdb.background-errors", &count);
    return count;
}

/* In C a compaction does not say that it failed: for lack of room, say, the old files stay. */
static struct status rewrite_files(struct rocksdb_engine *engine, enum family family,
                                   struct bytes from, struct bytes to)
{
    rocksdb_compactoptions_t *options = rocksdb_compactoptions_create();
    uint64_t failed_before = count_failed_jobs(engine);

    rocksdb_compactoptions_set_exclusive_manual_compaction(options, 0); /* others go on */
    /* Where only one file is concerned it would be moved as it is, with the keys of what was
     * deleted. Those of the log are numbers, and its files are large. */
    if (family != FAMILY_LOG)
        rocksdb_compactoptions_set_bottommost_level_compaction(options, FORCE_OPTIMIZED);
    rocksdb_compact_range_cf_opt(engine->database, engine->columns[family], options,
                                 from.size ? (const char *)from.data : NULL, from.size,
                                 to.size ? (const char *)to.data : NULL, to.size);
    rocksdb_compactoptions_destroy(options);
    if (count_failed_jobs(engine) != failed_before)
        return status_make(STATUS_UNAVAILABLE,
                           "%s: compact: files could not be rewritten; is there room on disk?",
                           engine->directory);
    return OK;
}

/* They are enabled; but this removes the files that are left over before it returns. It does so
 * although a checkpoint is being made, which must not lose them. */
static struct status remove_left_over(struct rocksdb_engine *engine)
{
    char *error = NULL;

    pthread_mutex_lock(&engine->copying);
    rocksdb_enable_file_deletions(engine->database, 1, &error);
    pthread_mutex_unlock(&engine->copying);
    return status_from_rocksdb(engine->directory, "compact", error);
}

static struct status compact(struct engine *base, enum family family, struct bytes from,
                             struct bytes to)
{
    struct rocksdb_engine *engine = rocksdb_engine_of(base);

    if (engine->read_only)
        return status_make(STATUS_FAILED_PRECONDITION, "%s: compact: open for reading only",
                           engine->directory);
    TRY(flush(engine));
    TRY(rewrite_files(engine, family, from, to));
    TRY(renew_manifest(engine));
    return remove_left_over(engine);
}

/* --- statistics ----------------------------------------------------------- */

static void visit_disk(const struct rocksdb_engine *engine, metric_visit *visit, void *context)
{
    struct statvfs facts;

    if (statvfs(engine->directory, &facts) != 0)
        return;
    metric_gauge(visit, context, "sagabase_disk_free_bytes", "Room on the disk of the data.",
                 (double)facts.f_bavail * (double)facts.f_frsize);
    metric_gauge(visit, context, "sagabase_disk_bytes", "Size of that disk.",
                 (double)facts.f_blocks * (double)facts.f_frsize);
    metric_gauge(visit, context, "sagabase_disk_reserve_bytes",
                 "With less room than this, appends are refused.",
                 (double)engine->disk_reserve_bytes);
}

static void statistics(struct engine *base, metric_visit *visit, void *context)
{
    struct rocksdb_engine *engine = rocksdb_engine_of(base);

    visit_disk(engine, visit, context);
    metric_histogram(visit, context, "sagabase_fsync_seconds",
                     "Time of one commit's record in the write-ahead log: its fsync, and the write "
                     "before it.",
                     &bounds_duration_us, &engine->sync_us);
    rocksdb_statistics(engine->database, engine->columns, engine->cache, visit, context);
}

/* --- open and close ------------------------------------------------------- */

/* RocksDB takes no lock when it only reads: this takes the same one, so that no server changes
 * the store meanwhile. Where nothing can be written, nobody will. */
static struct status lock_directory(struct rocksdb_engine *engine)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_MAX];

    if (snprintf(path, sizeof path, "%s/LOCK", engine->directory) >= (int)sizeof path)
        return status_make(STATUS_INVALID_ARGUMENT, "directory: 1 to %d bytes", PATH_MAX - 6);
    engine->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (engine->lock < 0)
        return errno == EROFS ? OK : store_directory_refused(path);
    if (fcntl(engine->lock, F_SETLK, &whole) != 0)
        return status_make(STATUS_FAILED_PRECONDITION, "%s: already open in another process",
                           engine->directory);
    return OK;
}

static bool is_among(const char *name, char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* A store that is only read gets no families that came with a later version than the one that made
 * it: those have no column. */
static void open_reading(struct rocksdb_engine *engine, const struct settings *settings,
                         char **error)
{
    const char *names[COLUMN_COUNT];
    const rocksdb_options_t *options[COLUMN_COUNT];
    rocksdb_column_family_handle_t *opened[COLUMN_COUNT];
    int columns[COLUMN_COUNT];
    int count = 0;
    size_t there_count = 0;
    char **there =
        rocksdb_list_column_families(settings->database, engine->directory, &there_count, error);

    if (*error)
        return;
    for (int column = 0; column < COLUMN_COUNT; column++) {
        if (!is_among(settings->names[column], there, there_count))
            continue;
        names[count] = settings->names[column];
        options[count] = settings->columns[column];
        columns[count++] = column;
    }
    rocksdb_list_column_families_destroy(there, there_count);
    engine->database = rocksdb_open_for_read_only_column_families(
        settings->database, engine->directory, count, names, options, opened, false, error);
    for (int i = 0; i < count && engine->database; i++)
        engine->columns[columns[i]] = opened[i];
}

static struct status open_database(struct rocksdb_engine *engine,
                                   const struct rocksdb_engine_options *options)
{
    struct settings settings;
    char *error = NULL;

    if (engine->read_only)
        TRY(lock_directory(engine));
    settings_init(&settings, options, engine->cache);
    if (engine->read_only)
        open_reading(engine, &settings, &error);
    else
        engine->database = rocksdb_open_column_families(
            settings.database, engine->directory, COLUMN_COUNT, settings.names,
            (const rocksdb_options_t *const *)settings.columns, engine->columns, &error);
    settings_destroy(&settings);
    return status_from_rocksdb(engine->directory, "open", error);
}

static void engine_free(struct rocksdb_engine *engine)
{
    rocksdb_cache_destroy(engine->cache);
    pthread_mutex_destroy(&engine->copying);
    if (engine->lock >= 0)
        close(engine->lock);
    free(engine->directory);
    free(engine);
}

static void close_engine(struct engine *base)
{
    struct rocksdb_engine *engine = rocksdb_engine_of(base);

    rocksdb_writebatch_destroy(engine->batch);
    rocksdb_writeoptions_destroy(engine->buffered);
    rocksdb_writeoptions_destroy(engine->durable);
    rocksdb_readoptions_destroy(engine->lookups);
    for (int column = 0; column < COLUMN_COUNT; column++)
        if (engine->columns[column])
            rocksdb_column_family_handle_destroy(engine->columns[column]);
    rocksdb_cancel_all_background_work(engine->database, 1);
    rocksdb_close(engine->database);
    engine_free(engine);
}

struct status rocksdb_engine_open(const struct rocksdb_engine_options *options,
                                  struct engine **opened)
{
    static const struct engine_operations operations = {
        .name = "rocksdb",
        .get = get,
        .multi_get = multi_get,
        .scan = scan,
        .commit = commit,
        .admit = admit,
        .checkpoint = checkpoint,
        .compact = compact,
        .statistics = statistics,
        .close = close_engine,
    };

    TRY(store_directory_prepare(options->directory,
                                options->create_if_missing && !options->read_only));
    struct rocksdb_engine *engine = calloc(1, sizeof *engine);
    char *directory = strdup(options->directory);
    if (!engine || !directory) {
        free(engine);
        free(directory);
        return status_make(STATUS_RESOURCE_EXHAUSTED, "open: out of memory");
    }
    engine->base.operations = &operations;
    engine->directory = directory;
    engine->disk_reserve_bytes = options->disk_reserve_bytes;
    engine->read_only = options->read_only;
    engine->lock = -1;
    pthread_mutex_init(&engine->copying, NULL);
    engine->cache = rocksdb_cache_create_lru(options->block_cache_bytes);
    struct status status = open_database(engine, options);
    if (!status_ok(status)) {
        engine_free(engine);
        return status;
    }
    engine->lookups = rocksdb_readoptions_create();
    engine->durable = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(engine->durable, 1);
    engine->buffered = rocksdb_writeoptions_create();
    engine->batch = rocksdb_writebatch_create();
    *opened = &engine->base;
    return OK;
}
