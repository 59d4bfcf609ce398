/* Whether a store is whole; maintenance.h. */
#include "storage/log/verify.h"

#include <stdlib.h>

#include "base/hash.h"
#include "storage/log/index.h"
#include "storage/log/keys.h"
#include "storage/log/limits.h"
#include "storage/log/log_walk.h"
#include "storage/log/retention.h"

void tally_add(struct tally *tally, struct bytes key, struct bytes value)
{
    uint64_t parts[2] = {checksum_bytes(key), checksum_bytes(value)};

    tally->count++;
    tally->sum += checksum_bytes(bytes_of(parts, sizeof parts));
}

/* --- the log -------------------------------------------------------------------------- */

/* Categories repeat with each of their streams, so they are looked up, seldom the same one twice.
 */
static void check_category(struct verification *self, const struct derived *entry)
{
    enum { KNOWN = sizeof self->known_categories / sizeof *self->known_categories };
    uint64_t hash = hash_bytes(entry->key);
    uint64_t *known = &self->known_categories[hash % KNOWN];

    if (*known != hash)
        verify_look_up(self, entry);
    *known = hash;
}

static void expect(void *context, const struct derived *entry)
{
    struct verification *self = context;

    if (entry->kind == DERIVED_CATEGORY)
        check_category(self, entry);
    else if (entry->kind != DERIVED_POSTING || entry->position < self->indexed)
        tally_add(&self->expected[entry->kind], entry->key, entry->value);
}

static bool visit_record(void *context, const struct record *record, size_t record_bytes)
{
    struct verification *self = context;
    struct status status = derive(self->types, record, record_bytes, expect, self);

    self->is_scavenged |= record->is_hollow;

    if (!status_ok(status))
        self->status = status;
    return status_ok(self->status);
}

static void found_in_log(void *context, const char *what)
{
    struct verification *self = context;

    findings_add(&self->findings, "log", "%s", what);
}

static bool visit_last(void *context, struct bytes key, struct bytes value)
{
    uint64_t *last = context;

    (void)value;
    *last = key.size == POSITION_KEY_BYTES ? get_u64_big_endian(key.data) : 0;
    return false;
}

static void on_progress(void *context, uint64_t position)
{
    struct verification *self = context;

    if (self->done++ % 256 == 0 && self->findings.maintenance->progress)
        self->findings.maintenance->progress(self->findings.maintenance->context, "log", position,
                                             self->end);
}

static struct status verify_log(struct verification *self)
{
    struct log_walk walk = {.engine = self->engine,
                            .found = found_in_log,
                            .visit = visit_record,
                            .progress = on_progress,
                            .context = self,
                            .streams_max = self->findings.maintenance->streams_max};

    TRY(engine_scan(self->engine, &(struct scan){.family = FAMILY_LOG, .backwards = true},
                    visit_last, &self->end));
    TRY(log_walk(&walk));
    self->end = walk.end;
    self->end_known = walk.end_known;
    self->stream_count = walk.stream_count;
    self->log_damaged = walk.damaged;
    return self->status;
}

/* --- the other families ---------------------------------------------------------------- */

static void count_progress(struct verification *self, const char *work)
{
    findings_progress(&self->findings, work, ++self->done, 0);
}

static bool visit_place(void *context, struct bytes key, struct bytes value)
{
    struct verification *self = context;

    tally_add(&self->stored[DERIVED_PLACE], key, value);
    count_progress(self, "streams");
    return true;
}

static bool visit_name(void *context, struct bytes key, struct bytes value)
{
    struct verification *self = context;

    tally_add(&self->stored[DERIVED_NAME], key, value);
    count_progress(self, "names");
    return true;
}

static bool visit_type(void *context, struct bytes key, struct bytes value)
{
    struct verification *self = context;

    tally_add(&self->stored[DERIVED_TYPE], key, value);
    return true;
}

/* Each posting counts as the entry that derive() makes of it. */
static void tally_postings(struct verification *self, struct bytes key, struct bytes value)
{
    uint8_t entry[INDEX_KEY_BYTES], event[INDEX_VALUE_BYTES];
    struct index_cursor cursor = {value, 0};
    struct index_posting posting;

    if (key.size < 10 || key.size > INDEX_KEY_BYTES) {
        tally_add(&self->malformed, key, value);
        return;
    }
    memcpy(entry, key.data, key.size);
    cursor.position = get_u64_big_endian(key.data + key.size - 8);
    while (index_next(&cursor, &posting)) {
        put_u64_big_endian(entry + key.size - 8, posting.position);
        put_u32_little_endian(event, posting.event);
        tally_add(&self->stored[DERIVED_POSTING], (struct bytes){entry, key.size},
                  bytes_of(event, sizeof event));
    }
    if (cursor.rest.size > 0)
        tally_add(&self->malformed, key, value);
}

static bool visit_index(void *context, struct bytes key, struct bytes value)
{
    struct verification *self = context;

    switch (key.size ? key.data[0] : 0) {
    case INDEX_KIND_TAG:
        tally_add(&self->stored[DERIVED_TAG], key, value);
        break;
    case INDEX_CATEGORY:
    case INDEX_TYPE:
    case INDEX_CORRELATION:
        tally_postings(self, key, value);
        break;
    case INDEX_KIND_CATEGORY_NAME:
        tally_add(&self->stored[DERIVED_CATEGORY], key, value);
        break;
    default:
        tally_add(&self->malformed, key, value);
    }
    count_progress(self, "index");
    return true;
}

static struct status tally_family(struct verification *self, enum family family, scan_visit *visit)
{
    self->done = 0;
    return engine_scan(self->engine, &(struct scan){.family = family, .bulk = true}, visit, self);
}

/* --- meta --------------------------------------------------------------------------------- */

static struct status read_meta(struct verification *self)
{
    uint8_t memory[64];
    struct bytes value;

    TRY(findings_get_meta(self->engine, REBUILDING_KEY, memory, &value));
    if (value.data)
        findings_add(&self->findings, "meta", "a rebuild was begun and did not finish");
    TRY(findings_get_meta(self->engine, INDEXED_KEY, memory, &value));
    if (!value.data)
        return OK; /* none yet */
    if (value.size == 8)
        self->indexed = get_u64_little_endian(value.data);
    else
        findings_add(&self->findings, "meta", "damaged entry \"%s\"", INDEXED_KEY);
    return OK;
}

static struct status verify_meta(struct verification *self)
{
    uint64_t events = 0, streams = 0;
    uint8_t memory[64];
    struct bytes value;

    if (self->indexed > self->end && self->end_known)
        findings_add(&self->findings, "meta", "the index goes to position %llu, the log to %llu",
                     (unsigned long long)self->indexed, (unsigned long long)self->end);
    TRY(findings_get_meta(self->engine, COUNTERS_KEY, memory, &value));
    if (value.data && !counters_decode(value, &events, &streams))
        findings_add(&self->findings, "meta", "damaged counters");
    else if ((self->end_known && events != self->end) || streams != self->stream_count)
        findings_add(&self->findings, "meta",
                     "counters say %llu events in %llu streams, the log holds %llu in %llu",
                     (unsigned long long)events, (unsigned long long)streams,
                     (unsigned long long)self->end, (unsigned long long)self->stream_count);
    return OK;
}

/* --- policies ----------------------------------------------------------------------------- */

static bool visit_policy(void *context, struct bytes key, struct bytes value)
{
    struct verification *self = context;

    (void)value;
    if (key.size != POLICY_KEY_BYTES || key.data[0] != POLICY_OF_STREAM)
        return true;
    uint64_t stream_number = get_u64_big_endian(key.data + 1);
    if ((stream_number == 0 || stream_number > self->stream_count) && !self->log_damaged)
        findings_add(&self->findings, "policies", "stream %llu: not in the log",
                     (unsigned long long)stream_number);
    return true;
}

/* They follow from nothing in the log: a server must be able to read them, that is all. */
static struct status verify_policies(struct verification *self)
{
    struct retention retention;

    retention_init(&retention);
    struct status status = retention_load(&retention, self->engine);
    retention_destroy(&retention);
    if (status.code == STATUS_DATA_LOSS)
        findings_add(&self->findings, "policies", "a damaged entry");
    else
        TRY(status);
    return engine_scan(self->engine, &(struct scan){.family = FAMILY_POLICIES}, visit_policy, self);
}

/* --- all of it ------------------------------------------------------------------------------ */

static struct status verify(struct verification *self)
{
    TRY(findings_check_format(self->engine));
    TRY(read_meta(self));
    TRY(verify_log(self));
    TRY(tally_family(self, FAMILY_STREAMS, visit_place));
    TRY(tally_family(self, FAMILY_NAMES, visit_name));
    TRY(tally_family(self, FAMILY_TYPES, visit_type));
    TRY(tally_family(self, FAMILY_INDEX, visit_index));
    TRY(verify_explain(self));
    TRY(verify_policies(self));
    return verify_meta(self);
}

struct status store_verify(const struct maintenance *maintenance, struct store_facts *facts)
{
    struct verification *self = calloc(1, sizeof *self);

    if (!self)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "verify: out of memory");
    self->engine = maintenance->engine;
    self->findings.maintenance = maintenance;
    self->status = OK;
    self->types = types_create();
    struct status status = self->types
                               ? verify(self)
                               : status_make(STATUS_RESOURCE_EXHAUSTED, "verify: out of memory");
    if (status_ok(status))
        *facts = (struct store_facts){.events = self->end,
                                      .streams = self->stream_count,
                                      .types = types_count(self->types),
                                      .indexed = self->indexed,
                                      .disagreements = self->findings.count};
    if (self->types)
        types_free(self->types);
    free(self);
    return status;
}
