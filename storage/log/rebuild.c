/* Making again what follows from the log; maintenance.h.
 *
 *   walk the log: whole?  ->  mark  ->  empty the families  ->  write them  ->  counters, no mark
 *   ->  let the log's own thread make the trailing index
 *
 * All but the mark and the end is committed without waiting for the disk: the last commit
 * brings everything before it to disk too. */
#include <stdlib.h>

#include "storage/log/derive.h"
#include "storage/log/findings.h"
#include "storage/log/keys.h"
#include "storage/log/log_state.h"
#include "storage/log/log_walk.h"

enum {
    WRITES_MAX = 4096,         /* of a commit */
    WRITE_BYTES_MAX = 4 << 20, /* the same */
    ARENA_BYTES_MAX = 8 << 20, /* room for the last entry, and for alignment */
};

struct rebuild {
    struct engine *engine;
    struct findings findings;
    struct types *types;
    uint64_t done, end; /* events, for progress */
    bool is_damaged;

    struct arena arena;
    struct write *writes; /* WRITES_MAX */
    size_t write_count;
    struct status status; /* of a commit inside a scan */
};

/* --- writes ----------------------------------------------------------------------------- */

static void commit_writes(struct rebuild *self)
{
    if (status_ok(self->status) && self->write_count > 0)
        self->status = engine_commit(self->engine, self->writes, self->write_count, false);
    self->write_count = 0;
    arena_destroy(&self->arena);
    arena_init(&self->arena, ARENA_BYTES_MAX);
}

static void add_write(struct rebuild *self, enum family family, enum write_kind kind,
                      struct bytes key, struct bytes value)
{
    if (!status_ok(self->status))
        return;
    if (self->write_count == WRITES_MAX || self->arena.bytes_used >= WRITE_BYTES_MAX)
        commit_writes(self);
    struct write *write = &self->writes[self->write_count++];
    *write = (struct write){.family = family, .kind = kind, .key = arena_copy(&self->arena, key)};
    if (kind == WRITE_PUT)
        write->value = arena_copy(&self->arena, value);
    if (!write->key.data || (kind == WRITE_PUT && !write->value.data)) {
        self->write_count--;
        self->status = status_make(STATUS_RESOURCE_EXHAUSTED, "rebuild: out of memory");
    }
}

/* --- the steps ---------------------------------------------------------------------------- */

static void found_in_log(void *context, const char *what)
{
    struct rebuild *self = context;

    self->is_damaged = true;
    findings_add(&self->findings, "log", "%s", what);
}

static void on_checked(void *context, uint64_t position)
{
    struct rebuild *self = context;

    self->end = position;
    findings_progress(&self->findings, "checking the log", self->done++, 0);
}

static struct status check_log(struct rebuild *self, struct store_facts *facts)
{
    struct log_walk walk = {.engine = self->engine,
                            .found = found_in_log,
                            .progress = on_checked,
                            .context = self,
                            .streams_max = self->findings.maintenance->streams_max};

    TRY(log_walk(&walk));
    facts->events = walk.end;
    facts->streams = walk.stream_count;
    facts->disagreements = self->findings.count;
    if (self->is_damaged)
        return status_make(STATUS_DATA_LOSS, "the log itself is damaged, so nothing was changed: "
                                             "restore a checkpoint");
    return OK;
}

static struct status mark(struct rebuild *self)
{
    struct write writes[] = {
        {FAMILY_META, WRITE_PUT, bytes_of_text(REBUILDING_KEY), bytes_of_text("")},
        {FAMILY_META, WRITE_DELETE, bytes_of_text(INDEXED_KEY), {0}},
    };

    return engine_commit(self->engine, writes, sizeof writes / sizeof *writes, true);
}

struct emptying {
    struct rebuild *self;
    enum family family;
};

static bool delete_entry(void *context, struct bytes key, struct bytes value)
{
    struct emptying *emptying = context;

    (void)value;
    add_write(emptying->self, emptying->family, WRITE_DELETE, key, (struct bytes){0});
    findings_progress(&emptying->self->findings, "removing", ++emptying->self->done, 0);
    return status_ok(emptying->self->status);
}

static struct status empty_family(struct rebuild *self, enum family family)
{
    struct emptying emptying = {self, family};

    TRY(engine_scan(self->engine, &(struct scan){.family = family, .bulk = true}, delete_entry,
                    &emptying));
    commit_writes(self);
    return self->status;
}

static void write_entry(void *context, const struct derived *entry)
{
    struct rebuild *self = context;

    if (entry->kind != DERIVED_POSTING)
        add_write(self, entry->family, WRITE_PUT, entry->key, entry->value);
}

static bool write_record(void *context, const struct record *record, size_t record_bytes)
{
    struct rebuild *self = context;
    struct status status = derive(self->types, record, record_bytes, write_entry, self);

    if (!status_ok(status))
        self->status = status;
    findings_progress(&self->findings, "writing", self->done++, 0);
    return status_ok(self->status);
}

static struct status write_families(struct rebuild *self)
{
    struct log_walk walk = {.engine = self->engine,
                            .found = found_in_log,
                            .visit = write_record,
                            .context = self,
                            .records_only = true};

    self->done = 0;
    TRY(log_walk(&walk));
    commit_writes(self);
    return self->status;
}

static struct status finish(struct rebuild *self, const struct store_facts *facts)
{
    uint8_t format[4], counters[COUNTERS_BYTES];
    struct write writes[] = {
        {FAMILY_META, WRITE_DELETE, bytes_of_text(REBUILDING_KEY), {0}},
        {FAMILY_META, WRITE_PUT, bytes_of_text(FORMAT_KEY), bytes_of(format, sizeof format)},
        {FAMILY_META, facts->events > 0 ? WRITE_PUT : WRITE_DELETE, bytes_of_text(COUNTERS_KEY),
         counters_encode(counters, facts->events, facts->streams)},
    };

    put_u32_little_endian(format, STORE_FORMAT);
    return engine_commit(self->engine, writes, sizeof writes / sizeof *writes, true);
}

/* Opening the log proves that a server can, and its own thread makes the trailing index. */
static struct status build_index(struct rebuild *self, struct store_facts *facts)
{
    enum { LITTLE = 1 << 20 };
    struct event_log_options options = {
        .engine = self->engine, .tail_bytes_max = LITTLE, .heads_max = 1, .ids_max = 1};
    struct event_log *log;

    TRY(event_log_open(&options, &log));
    struct status status = index_wait(log);
    facts->indexed = atomic_load(&log->index.end);
    event_log_close(log);
    return status;
}

static struct status rebuild(struct rebuild *self, struct store_facts *facts)
{
    static const enum family families[] = {FAMILY_STREAMS, FAMILY_NAMES, FAMILY_TYPES,
                                           FAMILY_INDEX};

    TRY(findings_check_format(self->engine));
    TRY(check_log(self, facts));
    TRY(mark(self));
    self->done = 0;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        TRY(empty_family(self, families[i]));
    TRY(write_families(self));
    facts->types = types_count(self->types);
    TRY(finish(self, facts));
    return build_index(self, facts);
}

struct status store_rebuild(const struct maintenance *maintenance, struct store_facts *facts)
{
    struct rebuild self = {.engine = maintenance->engine,
                           .findings = {.maintenance = maintenance},
                           .types = types_create(),
                           .writes = malloc(WRITES_MAX * sizeof(struct write)),
                           .status = OK};
    struct status status = status_make(STATUS_RESOURCE_EXHAUSTED, "rebuild: out of memory");

    *facts = (struct store_facts){0};
    arena_init(&self.arena, ARENA_BYTES_MAX);
    if (self.types && self.writes)
        status = rebuild(&self, facts);
    arena_destroy(&self.arena);
    if (self.types)
        types_free(self.types);
    free(self.writes);
    return status;
}
