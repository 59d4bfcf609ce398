/* What the RocksDB engine promises beyond the contract: that commits outlive
 * it, and which damage it refuses. */
#define _GNU_SOURCE 1 /* nftw */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/rocksdb/rocksdb_engine.h"
#include "tests/support/inspect.h"

enum { PATH_BYTES = 512, VALUE_BYTES = 200, COMMITS = 100, COPY_BYTES = 4096 };

struct store {
    char parent[PATH_BYTES];
    char directory[PATH_BYTES + 16]; /* in `parent`, not yet created */
    char copy[PATH_BYTES + 16];      /* in `parent`, not yet created */
    struct engine *engine;           /* open in `directory`, or NULL */
    struct arena arena;
};

static int set_up(void **state)
{
    struct store *store = calloc(1, sizeof *store);
    const char *parent = getenv("TEST_TMPDIR");

    assert_non_null(store);
    snprintf(store->parent, sizeof store->parent, "%s/rocksdb.XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(store->parent));
    snprintf(store->directory, sizeof store->directory, "%s/data", store->parent);
    snprintf(store->copy, sizeof store->copy, "%s/copy", store->parent);
    arena_init(&store->arena, 1 << 20);
    *state = store;
    return 0;
}

static int tear_down(void **state)
{
    struct store *store = *state;

    if (store->engine)
        engine_close(store->engine);
    arena_destroy(&store->arena);
    free(store);
    return 0;
}

/* --- short forms ---------------------------------------------------------- */

static void assert_ok(struct status status)
{
    if (!status_ok(status))
        fail_msg("%s: %s", status_code_name(status.code), status.message);
}

static void assert_refused(struct status status, enum status_code code, const char *text)
{
    assert_string_equal(status_code_name(status.code), status_code_name(code));
    if (!strstr(status.message, text))
        fail_msg("\"%s\" does not say \"%s\"", status.message, text);
}

static struct status open_with_buffer(const char *directory, size_t write_buffer_bytes,
                                      struct engine **engine)
{
    struct rocksdb_engine_options options = {
        .directory = directory,
        .block_cache_bytes = 8 << 20,
        .write_buffer_bytes = write_buffer_bytes,
        .create_if_missing = true,
    };
    return rocksdb_engine_open(&options, engine);
}

static struct status open_store(const char *directory, struct engine **engine)
{
    return open_with_buffer(directory, 8 << 20, engine);
}

static struct status open_existing(const char *directory, struct engine **engine)
{
    struct rocksdb_engine_options options = {
        .directory = directory,
        .block_cache_bytes = 8 << 20,
        .write_buffer_bytes = 8 << 20,
    };
    return rocksdb_engine_open(&options, engine);
}

/* Commit `number` puts one key into the log and one into the streams. */
static struct status commit(struct engine *engine, uint64_t number)
{
    uint8_t key[8];
    uint8_t value[VALUE_BYTES];
    struct write writes[2];

    put_u64_big_endian(key, number);
    memset(value, 'a' + (int)(number % 26), sizeof value);
    for (int i = 0; i < 2; i++)
        writes[i] = (struct write){.family = i == 0 ? FAMILY_LOG : FAMILY_STREAMS,
                                   .kind = WRITE_PUT,
                                   .key = bytes_of(key, sizeof key),
                                   .value = bytes_of(value, sizeof value)};
    return engine_commit(engine, writes, 2, true);
}

static void commit_many(struct engine *engine, uint64_t from, uint64_t to)
{
    for (uint64_t number = from; number < to; number++)
        assert_ok(commit(engine, number));
}

static bool count_commit(void *context, struct bytes key, struct bytes value)
{
    uint64_t *count = context;

    assert_int_equal(get_u64_big_endian(key.data), *count);
    assert_int_equal(value.size, VALUE_BYTES);
    assert_int_equal(value.data[0], 'a' + *count % 26);
    ++*count;
    return true;
}

/* How many commits are there, without gaps and in both families. */
static uint64_t count_commits(struct engine *engine)
{
    uint64_t in_log = 0;
    uint64_t in_streams = 0;

    assert_ok(engine_scan(engine, &(struct scan){.family = FAMILY_LOG}, count_commit, &in_log));
    assert_ok(
        engine_scan(engine, &(struct scan){.family = FAMILY_STREAMS}, count_commit, &in_streams));
    assert_int_equal(in_log, in_streams);
    return in_log;
}

/* --- copies of directories, and damage to them ---------------------------- */

static void copy_file(const char *from, const char *to)
{
    char bytes[COPY_BYTES];
    FILE *source = fopen(from, "rb");
    FILE *target = fopen(to, "wb");

    assert_non_null(source);
    assert_non_null(target);
    for (size_t size = fread(bytes, 1, sizeof bytes, source); size > 0;
         size = fread(bytes, 1, sizeof bytes, source))
        assert_int_equal(fwrite(bytes, 1, size, target), size);
    fclose(source);
    assert_int_equal(fclose(target), 0);
}

static bool ends_with(const char *name, const char *suffix)
{
    return strlen(name) > strlen(suffix) &&
           strcmp(name + strlen(name) - strlen(suffix), suffix) == 0;
}

/* What a crash would leave: the files as they are now. */
static void copy_directory(const char *from, const char *to)
{
    DIR *entries = opendir(from);
    char source[PATH_BYTES * 2];
    char target[PATH_BYTES * 2];

    assert_non_null(entries);
    assert_int_equal(mkdir(to, 0700), 0);
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
        snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
        copy_file(source, target);
    }
    closedir(entries);
}

/* The one file in the directory whose name ends so. */
static void find_file(const char *directory, const char *suffix, char path[PATH_BYTES * 2])
{
    DIR *entries = opendir(directory);
    int found = 0;

    assert_non_null(entries);
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        if (!ends_with(entry->d_name, suffix))
            continue;
        snprintf(path, PATH_BYTES * 2, "%s/%s", directory, entry->d_name);
        found++;
    }
    closedir(entries);
    assert_int_equal(found, 1);
}

static long file_size(const char *path)
{
    struct stat facts;

    assert_int_equal(stat(path, &facts), 0);
    return (long)facts.st_size;
}

static void flip_bit(const char *path, long offset)
{
    FILE *file = fopen(path, "r+b");

    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_not_equal(byte, EOF);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
}

static int flip_bit_in_each(const char *directory, const char *suffix, long offset)
{
    DIR *entries = opendir(directory);
    char path[PATH_BYTES * 2];
    int count = 0;

    assert_non_null(entries);
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        if (!ends_with(entry->d_name, suffix))
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        flip_bit(path, offset);
        count++;
    }
    closedir(entries);
    return count;
}

/* A copy of a store with COMMITS commits in its write-ahead log, whose path is `wal`. */
static void crash_with_commits(struct store *store, char wal[PATH_BYTES * 2])
{
    assert_ok(open_store(store->directory, &store->engine));
    commit_many(store->engine, 0, COMMITS);
    copy_directory(store->directory, store->copy);
    find_file(store->copy, ".log", wal);
}

/* --- opening -------------------------------------------------------------- */

static void commits_outlive_the_engine(void **state)
{
    struct store *store = *state;

    for (uint64_t round = 0; round < 3; round++) {
        assert_ok(open_store(store->directory, &store->engine));
        assert_int_equal(count_commits(store->engine), round * COMMITS);
        commit_many(store->engine, round * COMMITS, (round + 1) * COMMITS);
        engine_close(store->engine);
        store->engine = NULL;
    }
}

static void commits_outlive_a_crash(void **state)
{
    char wal[PATH_BYTES * 2];
    struct engine *recovered;

    crash_with_commits(*state, wal);
    assert_ok(open_existing(((struct store *)*state)->copy, &recovered));
    assert_int_equal(count_commits(recovered), COMMITS);
    engine_close(recovered);
}

static void commits_outlive_flushes_of_small_buffers(void **state)
{
    enum { MANY = 5000 };
    struct store *store = *state;

    assert_ok(open_with_buffer(store->directory, 256 << 10, &store->engine));
    for (uint64_t number = 0; number < MANY; number++)
        assert_ok(commit(store->engine, number));
    engine_close(store->engine);
    store->engine = NULL;
    assert_ok(open_existing(store->directory, &store->engine));
    assert_int_equal(count_commits(store->engine), MANY);
}

static void a_missing_directory_is_created_with_its_parents_for_the_owner_only(void **state)
{
    struct store *store = *state;
    char nested[PATH_BYTES * 2];
    struct stat facts;

    snprintf(nested, sizeof nested, "%s/below/further", store->directory);
    assert_ok(open_store(nested, &store->engine));
    assert_int_equal(stat(nested, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0700);
    assert_int_equal(stat(store->directory, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0700);
}

static void a_missing_store_is_not_found_when_none_shall_be_created(void **state)
{
    struct store *store = *state;
    struct stat facts;

    assert_refused(open_existing(store->directory, &store->engine), STATUS_NOT_FOUND,
                   store->directory);
    assert_int_equal(stat(store->directory, &facts), -1);
    assert_int_equal(errno, ENOENT);
    assert_refused(open_existing(store->parent, &store->engine), STATUS_NOT_FOUND, "no store here");
}

static void a_directory_that_cannot_be_created_is_unavailable(void **state)
{
    struct store *store = *state;
    char file[PATH_BYTES * 2];
    char below[PATH_BYTES * 2 + 8];

    snprintf(file, sizeof file, "%s/file", store->parent);
    assert_int_equal(fclose(fopen(file, "wb")), 0);
    snprintf(below, sizeof below, "%s/data", file);
    assert_refused(open_store(below, &store->engine), STATUS_UNAVAILABLE, "Not a directory");
    assert_refused(open_store(file, &store->engine), STATUS_UNAVAILABLE, "Not a directory");
}

static void a_directory_name_is_bounded(void **state)
{
    struct store *store = *state;
    char endless[8192];

    memset(endless, 'x', sizeof endless);
    endless[sizeof endless - 1] = 0;
    assert_refused(open_store("", &store->engine), STATUS_INVALID_ARGUMENT, "directory: 1 to");
    assert_false(status_ok(open_store(endless, &store->engine)));
}

static void a_second_opener_is_refused(void **state)
{
    struct store *store = *state;
    struct engine *second = NULL;

    assert_ok(open_store(store->directory, &store->engine));
    assert_refused(open_store(store->directory, &second), STATUS_FAILED_PRECONDITION,
                   "data: already open in another process");
    assert_null(second);
    assert_ok(commit(store->engine, 0)); /* the first is unharmed */
}

/* Runs first: a child of a process that has used RocksDB lacks its threads. */
static void a_second_process_is_refused(void **state)
{
    struct store *store = *state;
    int opened[2];
    int finish[2];
    char byte = 0;
    int code;

    assert_int_equal(pipe(opened), 0);
    assert_int_equal(pipe(finish), 0);
    pid_t holder = fork();
    assert_true(holder >= 0);
    if (holder == 0) {
        struct engine *engine;
        bool ok = status_ok(open_store(store->directory, &engine));
        close(finish[1]);
        if (write(opened[1], &byte, 1) != 1 || read(finish[0], &byte, 1) < 0)
            _exit(2);
        _exit(ok ? 0 : 1); /* without closing, as when killed */
    }
    assert_int_equal(read(opened[0], &byte, 1), 1);
    assert_refused(open_store(store->directory, &store->engine), STATUS_FAILED_PRECONDITION,
                   "data: already open in another process");
    close(finish[0]);
    close(finish[1]);
    assert_int_equal(waitpid(holder, &code, 0), holder);
    assert_int_equal(code, 0);
    assert_ok(open_store(store->directory, &store->engine)); /* the lock died with its holder */
    close(opened[0]);
    close(opened[1]);
}

/* --- damage --------------------------------------------------------------- */

static void damage_in_the_middle_of_the_wal_is_refused(void **state)
{
    struct store *store = *state;
    struct engine *recovered = NULL;
    char wal[PATH_BYTES * 2];

    crash_with_commits(store, wal);
    flip_bit(wal, file_size(wal) / 4);
    assert_refused(open_existing(store->copy, &recovered), STATUS_DATA_LOSS, "Corruption");
    assert_null(recovered);
}

/* It was acknowledged, so it may not vanish silently. */
static void damage_in_the_last_record_of_the_wal_is_refused(void **state)
{
    struct store *store = *state;
    struct engine *recovered = NULL;
    char wal[PATH_BYTES * 2];

    crash_with_commits(store, wal);
    flip_bit(wal, file_size(wal) - 20);
    assert_refused(open_existing(store->copy, &recovered), STATUS_DATA_LOSS, "Corruption");
    assert_null(recovered);
}

static void a_torn_wal_tail_is_cut_off(void **state)
{
    struct store *store = *state;
    struct engine *recovered;
    char wal[PATH_BYTES * 2];

    crash_with_commits(store, wal);
    assert_int_equal(truncate(wal, file_size(wal) - 5), 0);
    assert_ok(open_existing(store->copy, &recovered));
    assert_int_equal(count_commits(recovered), COMMITS - 1);
    assert_ok(commit(recovered, COMMITS - 1));
    engine_close(recovered);
    assert_ok(open_existing(store->copy, &recovered)); /* and stays healthy */
    assert_int_equal(count_commits(recovered), COMMITS);
    engine_close(recovered);
}

/* Wherever a record is torn: what was before it is there, nothing else is. */
static void a_wal_torn_anywhere_keeps_whole_commits(void **state)
{
    struct store *store = *state;
    char wal[PATH_BYTES * 2];

    crash_with_commits(store, wal);
    long size = file_size(wal);
    uint64_t before = COMMITS;
    for (long cut = 1; cut < size; cut += size / 8) {
        struct engine *recovered;
        char copy[PATH_BYTES * 2];
        char torn[PATH_BYTES * 2];
        snprintf(copy, sizeof copy, "%s/torn%ld", store->parent, cut);
        copy_directory(store->copy, copy);
        find_file(copy, ".log", torn);
        assert_int_equal(truncate(torn, size - cut), 0);
        assert_ok(open_existing(copy, &recovered));
        uint64_t count = count_commits(recovered);
        engine_close(recovered);
        assert_true(count < before);
        before = count;
    }
}

static void damage_in_a_table_is_reported_by_every_read(void **state)
{
    struct store *store = *state;
    struct engine *recovered;
    struct bytes value;
    uint64_t count = 0;
    uint8_t stored[8] = {0};
    struct bytes key = bytes_of(stored, sizeof stored);
    char wal[PATH_BYTES * 2];

    crash_with_commits(store, wal);
    assert_ok(open_existing(store->copy, &recovered)); /* recovery turns the WAL into tables */
    engine_close(recovered);
    assert_int_equal(flip_bit_in_each(store->copy, ".sst", 100), 2);
    assert_ok(open_existing(store->copy, &recovered));
    struct status got = engine_get(recovered, FAMILY_LOG, key, &store->arena, &value);
    struct status got_many =
        engine_multi_get(recovered, FAMILY_LOG, &key, 1, &store->arena, &value);
    struct status scanned =
        engine_scan(recovered, &(struct scan){.family = FAMILY_STREAMS}, count_commit, &count);
    engine_close(recovered);
    assert_refused(got, STATUS_DATA_LOSS, "get: Corruption");
    assert_refused(got_many, STATUS_DATA_LOSS, "get: Corruption");
    assert_refused(scanned, STATUS_DATA_LOSS, "scan: Corruption");
}

static void a_store_without_its_current_file_is_refused(void **state)
{
    struct store *store = *state;
    struct engine *recovered = NULL;
    char wal[PATH_BYTES * 2];
    char current[PATH_BYTES * 2];

    crash_with_commits(store, wal);
    snprintf(current, sizeof current, "%s/CURRENT", store->copy);
    assert_int_equal(unlink(current), 0);
    assert_refused(open_store(store->copy, &recovered), STATUS_DATA_LOSS, "CURRENT");
    assert_int_equal(access(wal, F_OK), 0); /* and its data is not deleted */
}

/* --- a commit that fails -------------------------------------------------- */

/* No file may grow beyond `bytes`; a write that would is an I/O error. */
static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void no_commit_succeeds_after_one_has_failed(void **state)
{
    struct store *store = *state;
    char wal[PATH_BYTES * 2];

    signal(SIGXFSZ, SIG_IGN);
    assert_ok(open_store(store->directory, &store->engine));
    commit_many(store->engine, 0, COMMITS);
    find_file(store->directory, ".log", wal);
    limit_file_size((rlim_t)file_size(wal) + 10);
    struct status failed = commit(store->engine, COMMITS);
    limit_file_size(RLIM_INFINITY);
    assert_refused(failed, STATUS_UNAVAILABLE, "commit: IO error");

    struct status refused = commit(store->engine, COMMITS);
    assert_refused(refused, STATUS_UNAVAILABLE, "refused since an earlier one failed");
    assert_int_equal(count_commits(store->engine), COMMITS); /* reads go on */
    engine_close(store->engine);
    store->engine = NULL;

    assert_ok(open_existing(store->directory, &store->engine));
    assert_int_equal(count_commits(store->engine), COMMITS);
    assert_ok(commit(store->engine, COMMITS));
}

#define STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static void compacted_files_do_not_name_deleted_keys(void **state)
{
    struct store *store = *state;
    struct bytes secret = bytes_of_text("q8Zx/3vKp0LmW7sT");
    struct write writes[] = {
        {FAMILY_INDEX, WRITE_PUT, secret, bytes_of_text("1")},
        {FAMILY_INDEX, WRITE_PUT, bytes_of_text("z"), bytes_of_text("1")},
        {FAMILY_INDEX, WRITE_DELETE, secret, {0}},
    };

    assert_ok(open_store(store->directory, &store->engine));
    assert_ok(engine_commit(store->engine, writes, 2, true));
    assert_ok(engine_commit(store->engine, writes + 2, 1, true));
    assert_int_equal(inspect_files_with(store->directory, secret), 1);
    assert_ok(engine_compact(store->engine, FAMILY_INDEX, (struct bytes){0}, (struct bytes){0}));
    assert_int_equal(inspect_files_with(store->directory, secret), 0);
}

static void compacted_files_hold_nothing_that_was_deleted_or_overwritten(void **state)
{
    static const char secret[] = "q8Zx/3vKp0LmW7sT";
    struct store *store = *state;
    struct bytes first = bytes_of_text("1"), second = bytes_of_text("2");
    struct write puts[] = {
        {FAMILY_LOG, WRITE_PUT, first, bytes_of_text(secret)},
        {FAMILY_LOG, WRITE_PUT, second, bytes_of_text(secret)},
    };
    struct write removals[] = {
        {FAMILY_LOG, WRITE_DELETE, first, {0}},
        {FAMILY_LOG, WRITE_PUT, second, bytes_of_text("")},
    };

    assert_ok(open_store(store->directory, &store->engine));
    for (int on_disk = 0; on_disk < 2; on_disk++) {
        assert_ok(engine_commit(store->engine, puts, 2, true));
        if (on_disk) /* in a table file, not only in the write-ahead log */
            assert_ok(engine_compact(store->engine, FAMILY_LOG, first, bytes_of_text("3")));
        assert_int_equal(inspect_files_with(store->directory, bytes_of_text(secret)), 1);
        assert_ok(engine_commit(store->engine, removals, 2, true));
        assert_ok(engine_compact(store->engine, FAMILY_LOG, first, bytes_of_text("3")));
        assert_int_equal(inspect_files_with(store->directory, bytes_of_text(secret)), 0);
    }
}

/* --- a disk that gets full behind a commit --------------------------------------- */

enum { FITS_BYTES = 64 << 10, NOISE_BYTES = 1 << 20 };

static atomic_bool disk_is_full;

/* RocksDB's too: on a full disk only what is small finds a place. */
ssize_t write(int descriptor, const void *bytes, size_t size)
{
    if (atomic_load(&disk_is_full) && size > FITS_BYTES) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, descriptor, bytes, size);
}

/* Values that no compression makes smaller, under the keys "a", "b" ... */
static void commit_noise(struct engine *engine, enum family family, uint8_t count)
{
    uint8_t *noise = malloc(NOISE_BYTES), key;
    uint64_t random = 1;

    for (size_t i = 0; i < NOISE_BYTES; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        noise[i] = (uint8_t)(random >> 56);
    }
    for (key = 'a'; key < 'a' + count; key++)
        assert_ok(engine_commit(
            engine, &(struct write){family, WRITE_PUT, {&key, 1}, bytes_of(noise, NOISE_BYTES)}, 1,
            true));
    free(noise);
}

static void a_compaction_that_finds_no_room_is_told(void **state)
{
    struct store *store = *state;
    struct bytes all = {0};
    struct write removal = {FAMILY_INDEX, WRITE_DELETE, bytes_of_text("a"), {0}};

    assert_ok(open_store(store->directory, &store->engine));
    commit_noise(store->engine, FAMILY_INDEX, 3);
    assert_ok(engine_compact(store->engine, FAMILY_INDEX, all, all));
    assert_ok(engine_commit(store->engine, &removal, 1, true));
    atomic_store(&disk_is_full, true);
    struct status failed = engine_compact(store->engine, FAMILY_INDEX, all, all);
    atomic_store(&disk_is_full, false);
    assert_refused(failed, STATUS_UNAVAILABLE, "compact");
}

/* --- checkpoints while files go ------------------------------------------------ */

enum { CHECKPOINTS = 5, COPIED_MIB = 24 };

struct compacting {
    struct engine *engine;
    atomic_bool stop;
    struct status status;
};

static void *compact_until_stopped(void *argument)
{
    struct compacting *self = argument;
    struct bytes key = bytes_of_text("key");
    struct write put = {FAMILY_INDEX, WRITE_PUT, key, key},
                 removal = {FAMILY_INDEX, WRITE_DELETE, key, {0}};

    for (uint64_t i = 0; !atomic_load(&self->stop) && status_ok(self->status); i++) {
        self->status = engine_commit(self->engine, i % 2 ? &removal : &put, 1, true);
        if (status_ok(self->status))
            self->status =
                engine_compact(self->engine, FAMILY_INDEX, (struct bytes){0}, (struct bytes){0});
    }
    return NULL;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
    (void)facts;
    (void)kind;
    (void)where;
    return remove(path);
}

/* On another file system, where there is one: files are copied then, which takes its time. */
static void checkpoints_succeed_while_files_are_replaced(void **state)
{
    struct store *store = *state;
    struct compacting compacting = {.status = {.code = STATUS_OK}};
    char elsewhere[] = "/dev/shm/rocksdb.XXXXXX", copy[64];
    struct status status = {.code = STATUS_OK};
    pthread_t thread;

    if (!mkdtemp(elsewhere))
        skip();
    assert_ok(open_store(store->directory, &store->engine));
    commit_noise(store->engine, FAMILY_LOG, COPIED_MIB);
    compacting.engine = store->engine;
    assert_int_equal(pthread_create(&thread, NULL, compact_until_stopped, &compacting), 0);
    for (int i = 0; i < CHECKPOINTS && status_ok(status); i++) {
        snprintf(copy, sizeof copy, "%s/%d", elsewhere, i);
        status = engine_checkpoint(store->engine, copy);
    }
    atomic_store(&compacting.stop, true);
    pthread_join(thread, NULL);
    nftw(elsewhere, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    assert_ok(status);
    assert_ok(compacting.status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE(a_second_process_is_refused),
        STORE(a_second_opener_is_refused),
        STORE(commits_outlive_the_engine),
        STORE(commits_outlive_a_crash),
        STORE(commits_outlive_flushes_of_small_buffers),
        STORE(a_missing_directory_is_created_with_its_parents_for_the_owner_only),
        STORE(a_missing_store_is_not_found_when_none_shall_be_created),
        STORE(a_directory_that_cannot_be_created_is_unavailable),
        STORE(a_directory_name_is_bounded),
        STORE(damage_in_the_middle_of_the_wal_is_refused),
        STORE(damage_in_the_last_record_of_the_wal_is_refused),
        STORE(a_torn_wal_tail_is_cut_off),
        STORE(a_wal_torn_anywhere_keeps_whole_commits),
        STORE(damage_in_a_table_is_reported_by_every_read),
        STORE(a_store_without_its_current_file_is_refused),
        STORE(no_commit_succeeds_after_one_has_failed),
        STORE(compacted_files_do_not_name_deleted_keys),
        STORE(compacted_files_hold_nothing_that_was_deleted_or_overwritten),
        STORE(a_compaction_that_finds_no_room_is_told),
        STORE(checkpoints_succeed_while_files_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
