/* What the machine gives without a server: fsync, and RocksDB with the writes an append makes,
 * set up as the server does. Prints one line of JSON (measure.h).
 *
 *   raw fsync DIRECTORY SECONDS             4 KiB behind the others, then fdatasync, again and
 * again raw append DIRECTORY SECONDS PER_COMMIT one thread, durable commits of so many one-event
 * records raw fill DIRECTORY EVENTS raw scan DIRECTORY EVENTS               after fill: all of
 * them, counted; the second time */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/log/keys.h"
#include "storage/rocksdb/rocksdb_engine.h"
#include "tests/bench/measure.h"

enum {
    RECORD_BYTES = 390, /* an event of DATA_BYTES, stored */
    PER_COMMIT_MAX = 256,
    STREAMS = 1000,
    BLOCK_CACHE_BYTES = 256 << 20, /* as the server does unless told otherwise */
    WRITE_BUFFER_BYTES = 64 << 20,
    FSYNC_BYTES = 4096,
};

struct commit_writes {
    struct write all[2 * PER_COMMIT_MAX + 1];
    uint8_t positions[PER_COMMIT_MAX][POSITION_KEY_BYTES];
    uint8_t revisions[PER_COMMIT_MAX][REVISION_KEY_BYTES];
    uint8_t places[PER_COMMIT_MAX][PLACE_BYTES];
    uint8_t records[PER_COMMIT_MAX][RECORD_BYTES];
    uint8_t counters[COUNTERS_BYTES];
};

static struct engine *open_engine(const char *directory)
{
    struct engine *engine;

    must(rocksdb_engine_open(
        &(struct rocksdb_engine_options){.directory = directory,
                                         .block_cache_bytes = BLOCK_CACHE_BYTES,
                                         .write_buffer_bytes = WRITE_BUFFER_BYTES,
                                         .create_if_missing = true},
        &engine));
    return engine;
}

static void commit(struct engine *engine, uint64_t *position, size_t count, bool durable)
{
    static struct commit_writes writes;

    for (size_t i = 0; i < count; i++, (*position)++) {
        struct place place = {
            .record_position = *position, .record_bytes = RECORD_BYTES, .event_count = 1};
        next_data(writes.records[i]);
        writes.all[2 * i] =
            (struct write){FAMILY_LOG, WRITE_PUT, position_key(writes.positions[i], *position),
                           bytes_of(writes.records[i], RECORD_BYTES)};
        writes.all[2 * i + 1] = (struct write){
            FAMILY_STREAMS, WRITE_PUT,
            revision_key(writes.revisions[i], *position % STREAMS, *position / STREAMS),
            place_encode(writes.places[i], &place)};
    }
    writes.all[2 * count] = (struct write){FAMILY_META, WRITE_PUT, bytes_of_text(COUNTERS_KEY),
                                           counters_encode(writes.counters, *position, STREAMS)};
    must(engine_commit(engine, writes.all, 2 * count + 1, durable));
}

static void measure_commits(struct engine *engine, double seconds, size_t per_commit,
                            struct measured *measured)
{
    uint64_t position = 0;
    int64_t began_us = now_us(), at_us = began_us;

    while (at_us < began_us + (int64_t)(seconds * 1e6)) {
        commit(engine, &position, per_commit, true);
        int64_t done_us = now_us();
        histogram_add(&measured->latency_us, done_us - at_us);
        measured->calls++;
        at_us = done_us;
    }
    measured->events = position;
    measured->seconds = (double)(at_us - began_us) / 1e6;
}

static void fill(struct engine *engine, uint64_t events, struct measured *measured)
{
    int64_t began_us = now_us();
    uint64_t position = 0;

    while (position < events) {
        uint64_t left = events - position;
        commit(engine, &position, left < PER_COMMIT_MAX ? left : PER_COMMIT_MAX, false);
    }
    measured->events = position;
    measured->seconds = (double)(now_us() - began_us) / 1e6;
}

static bool count_record(void *context, struct bytes key, struct bytes value)
{
    uint64_t *count = context;

    (void)key;
    (void)value;
    return ++*count > 0;
}

static void scan(struct engine *engine, uint64_t events, struct measured *measured)
{
    for (unsigned times = 0; times < 2; times++) {
        int64_t began_us = now_us();
        measured->events = 0;
        must(engine_scan(engine, &(struct scan){.family = FAMILY_LOG}, count_record,
                         &measured->events));
        measured->seconds = (double)(now_us() - began_us) / 1e6;
    }
    if (measured->events != events)
        must(status_make(STATUS_INTERNAL, "scan: %" PRIu64 " events", measured->events));
}

static void measure_fsync(const char *directory, double seconds, struct measured *measured)
{
    static const uint8_t block[FSYNC_BYTES];
    char path[4096];

    snprintf(path, sizeof path, "%s/fsync", directory);
    int file = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    int64_t began_us = now_us(), at_us = began_us;
    bool good = file >= 0;
    while (good && at_us < began_us + (int64_t)(seconds * 1e6)) {
        good = write(file, block, sizeof block) == sizeof block && fdatasync(file) == 0;
        int64_t done_us = now_us();
        histogram_add(&measured->latency_us, done_us - at_us);
        measured->calls++;
        at_us = done_us;
    }
    if (!good)
        must(status_make(STATUS_UNAVAILABLE, "%s: %s", path, strerror(errno)));
    close(file);
    unlink(path);
    measured->seconds = (double)(at_us - began_us) / 1e6;
}

static bool measure(int argc, char **argv, struct measured *measured)
{
    const char *what = argc >= 4 ? argv[1] : "";
    double number = argc >= 4 ? strtod(argv[3], NULL) : 0;
    uint64_t per_commit = argc == 5 ? strtoull(argv[4], NULL, 10) : 0;

    if (strcmp(what, "fsync") == 0 && argc == 4) {
        measure_fsync(argv[2], number, measured);
        return true;
    }
    bool appends = strcmp(what, "append") == 0 && per_commit > 0 && per_commit <= PER_COMMIT_MAX;
    bool fills = strcmp(what, "fill") == 0 && argc == 4;
    bool scans = strcmp(what, "scan") == 0 && argc == 4;
    if (!appends && !fills && !scans)
        return false;
    struct engine *engine = open_engine(argv[2]);
    if (appends)
        measure_commits(engine, number, per_commit, measured);
    else if (fills)
        fill(engine, (uint64_t)number, measured);
    else
        scan(engine, (uint64_t)number, measured);
    engine_close(engine);
    return true;
}

int main(int argc, char **argv)
{
    static struct measured measured;

    if (!measure(argc, argv, &measured)) {
        fprintf(stderr, "usage: raw fsync|append|fill|scan DIRECTORY NUMBER [PER_COMMIT]\n");
        return 2;
    }
    measured_print(&measured);
    return 0;
}
