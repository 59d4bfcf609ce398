/* Where should an event's bytes lie? Measures three layouts over the RocksDB engine, with no
 * server around it: appends of one event, committed in groups with fsync; then reads.
 *
 *   log      record under its position, a small entry for each stream's revision (what we do)
 *   streams  record under stream and revision, a small entry for each position
 *   both     the record twice
 *
 *   placement EVENTS DIRECTORY        bazel run --config=release //tests/bench:placement -- ...
 *
 * A tenth of the events go to streams of 1,000 events, the others to streams of about 50,
 * all of them interleaved. docs/decisions.md has the figures that decided. */
#include <assert.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "storage/log/keys.h"
#include "storage/rocksdb/rocksdb_engine.h"

enum {
    RECORD_BYTES = 390, /* an event of 256 bytes of data, stored */
    GROUP = 256,        /* appends committed together */
    LONG_EVENTS = 1000,
    SHORT_EVENTS = 50,
    ENTRY_BYTES = 24,
    LOADS = 2000, /* streams read */
    LONG_LOADS = 200,
};

enum placement { IN_LOG, IN_STREAMS, IN_BOTH, PLACEMENTS };

static const char *const names[] = {"log", "streams", "both"};

struct place_of_event {
    uint64_t stream, revision;
};

struct store {
    enum placement placement;
    struct engine *engine;
    uint64_t events;
    uint64_t long_streams, short_streams;
    uint64_t *counts; /* events so far, by stream */
    uint64_t random;
};

static void check(struct status status)
{
    if (status_ok(status))
        return;
    fprintf(stderr, "placement: %s\n", status.message);
    exit(1);
}

static uint64_t next_random(struct store *store)
{
    store->random ^= store->random << 13;
    store->random ^= store->random >> 7;
    store->random ^= store->random << 17;
    return store->random;
}

/* Long streams come first. */
static struct place_of_event next_event(struct store *store)
{
    bool is_long = store->long_streams > 0 && next_random(store) % 10 == 0;
    uint64_t stream = is_long ? next_random(store) % store->long_streams
                              : store->long_streams + next_random(store) % store->short_streams;

    return (struct place_of_event){stream, store->counts[stream]++};
}

static double seconds_since(int64_t began_us)
{
    return (double)(clock_monotonic_us(system_clock()) - began_us) / 1e6;
}

/* --- appending ---------------------------------------------------------------------- */

struct group {
    struct write writes[2 * GROUP];
    uint8_t positions[GROUP][POSITION_KEY_BYTES];
    uint8_t revisions[GROUP][REVISION_KEY_BYTES];
    uint8_t entries[GROUP][ENTRY_BYTES];
    uint8_t records[GROUP][RECORD_BYTES];
};

static void add_append(struct store *store, struct group *group, size_t at, uint64_t position)
{
    struct place_of_event event = next_event(store);
    struct bytes record = {group->records[at], RECORD_BYTES};
    struct bytes entry = {group->entries[at], ENTRY_BYTES};

    for (size_t i = 0; i < RECORD_BYTES; i += 8) { /* half of it compresses */
        uint64_t noise = i % 16 ? 0x2020202020202020 : next_random(store);
        memcpy(group->records[at] + i, &noise, RECORD_BYTES - i < 8 ? RECORD_BYTES - i : 8);
    }
    put_u64_little_endian(group->entries[at], position);
    put_u64_little_endian(group->entries[at] + 8, event.stream);
    group->writes[2 * at] =
        (struct write){FAMILY_LOG, WRITE_PUT, position_key(group->positions[at], position),
                       store->placement == IN_STREAMS ? entry : record};
    group->writes[2 * at + 1] = (struct write){
        FAMILY_STREAMS, WRITE_PUT, revision_key(group->revisions[at], event.stream, event.revision),
        store->placement == IN_LOG ? entry : record};
}

static void append_all(struct store *store)
{
    struct group *group = calloc(1, sizeof *group);
    int64_t began_us = clock_monotonic_us(system_clock());

    for (uint64_t position = 0; position < store->events; position += GROUP) {
        for (size_t i = 0; i < GROUP; i++)
            add_append(store, group, i, position + i);
        check(engine_commit(store->engine, group->writes, 2 * GROUP, true));
    }
    double seconds = seconds_since(began_us);
    printf("  %-10s %12.0f appends/s\n", "append", (double)store->events / seconds);
    free(group);
}

/* --- reading -------------------------------------------------------------------------- */

struct keys {
    size_t count, max;
    uint8_t list[LONG_EVENTS][POSITION_KEY_BYTES];
};

static bool collect(void *context, struct bytes key, struct bytes value)
{
    struct keys *keys = context;

    (void)key;
    put_u64_big_endian(keys->list[keys->count++], get_u64_little_endian(value.data));
    return keys->count < keys->max;
}

struct tally {
    uint64_t count, max, bytes;
};

static bool count_value(void *context, struct bytes key, struct bytes value)
{
    struct tally *counter = context;

    (void)key;
    counter->bytes += value.size;
    return ++counter->count < counter->max;
}

/* The first events of a stream. */
static uint64_t load(struct store *store, uint64_t stream, size_t max)
{
    uint8_t from[REVISION_KEY_BYTES], to[REVISION_KEY_BYTES];
    struct scan scan = {.family = FAMILY_STREAMS,
                        .from = revision_key(from, stream, 0),
                        .to = revision_key(to, stream + 1, 0)};
    struct tally counter = {.max = max};

    if (store->placement != IN_LOG) {
        check(engine_scan(store->engine, &scan, count_value, &counter));
        return counter.count;
    }
    static struct keys keys;
    static struct bytes list[LONG_EVENTS], values[LONG_EVENTS];
    struct arena arena;
    keys.count = 0;
    keys.max = max;
    check(engine_scan(store->engine, &scan, collect, &keys));
    for (size_t i = 0; i < keys.count; i++)
        list[i] = (struct bytes){keys.list[i], POSITION_KEY_BYTES};
    arena_init(&arena, 64 << 20);
    check(engine_multi_get(store->engine, FAMILY_LOG, list, keys.count, &arena, values));
    arena_destroy(&arena);
    return keys.count;
}

static void load_some(struct store *store, const char *name, uint64_t first, uint64_t streams,
                      size_t events, unsigned loads)
{
    int64_t began_us = clock_monotonic_us(system_clock());
    uint64_t loaded = 0;

    for (unsigned i = 0; i < loads; i++)
        loaded += load(store, first + next_random(store) % streams, events);
    double seconds = seconds_since(began_us);
    printf("  %-10s %12.1f us a stream, %.0f events/s\n", name, seconds * 1e6 / loads,
           (double)loaded / seconds);
}

static void read_all(struct store *store)
{
    struct tally counter = {.max = UINT64_MAX};
    int64_t began_us = clock_monotonic_us(system_clock());

    if (store->placement == IN_STREAMS) {
        /* Positions lead to streams: that is a point read for each event. */
        static uint8_t keys[LONG_EVENTS][REVISION_KEY_BYTES];
        static struct bytes list[LONG_EVENTS], values[LONG_EVENTS];
        memset(store->counts, 0, (store->long_streams + store->short_streams) * sizeof(uint64_t));
        for (; counter.count < store->events / 10; counter.count++) {
            struct place_of_event event = next_event(store);
            struct arena arena;
            list[0] = revision_key(keys[0], event.stream, event.revision);
            arena_init(&arena, 1 << 20);
            check(engine_get(store->engine, FAMILY_STREAMS, list[0], &arena, &values[0]));
            arena_destroy(&arena);
        }
    } else {
        check(engine_scan(store->engine, &(struct scan){.family = FAMILY_LOG, .bulk = true},
                          count_value, &counter));
    }
    printf("  %-10s %12.0f events/s\n", "read all",
           (double)counter.count / seconds_since(began_us));
}

static double disk_bytes(const char *directory)
{
    DIR *entries = opendir(directory);
    double bytes = 0;

    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        char path[4096];
        struct stat facts;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (stat(path, &facts) == 0 && S_ISREG(facts.st_mode))
            bytes += (double)facts.st_size;
    }
    closedir(entries);
    return bytes;
}

/* What this process has written to disk so far. */
static double written_bytes(void)
{
    FILE *file = fopen("/proc/self/io", "r");
    char line[128];
    double bytes = 0;

    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "write_bytes: ", 13) == 0)
            bytes = strtod(line + 13, NULL);
    if (file)
        fclose(file);
    return bytes;
}

static void measure(enum placement placement, uint64_t events, const char *parent)
{
    struct store store = {.placement = placement, .events = events, .random = 88172645463325252};
    char directory[4096];
    double written = written_bytes();

    snprintf(directory, sizeof directory, "%s/%s", parent, names[placement]);
    store.long_streams = events / 10 / LONG_EVENTS;
    store.short_streams = events / 10 * 9 / SHORT_EVENTS + 1;
    store.counts = calloc(store.long_streams + store.short_streams, sizeof *store.counts);
    check(rocksdb_engine_open(&(struct rocksdb_engine_options){.directory = directory,
                                                               .block_cache_bytes = 1 << 30,
                                                               .write_buffer_bytes = 64 << 20,
                                                               .create_if_missing = true},
                              &store.engine));
    printf("%s\n", names[placement]);
    append_all(&store);
    if (store.long_streams > 0)
        load_some(&store, "load 1000", 0, store.long_streams, LONG_EVENTS, LONG_LOADS);
    load_some(&store, "load 10", store.long_streams, store.short_streams, 10, LOADS);
    read_all(&store);
    engine_close(store.engine);
    printf("  %-10s %12.0f bytes an event on disk, %.0f written\n", "disk",
           disk_bytes(directory) / (double)events, (written_bytes() - written) / (double)events);
    fflush(stdout);
    free(store.counts);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: placement EVENTS DIRECTORY\n");
        return 2;
    }
    uint64_t events = strtoull(argv[1], NULL, 10) / GROUP * GROUP;
    for (int placement = 0; placement < PLACEMENTS; placement++)
        measure((enum placement)placement, events, argv[2]);
    return 0;
}
