/* Naming what differs. First forwards: what follows from the log is looked up. Then, if a
 * family holds more than was found, backwards: each entry is asked where in the log it comes
 * from. Only the kinds whose tallies differ: a whole store never comes here. */
#include "base/hash.h"
#include "storage/log/event.h"
#include "storage/log/index.h"
#include "storage/log/keys.h"
#include "storage/log/limits.h"
#include "storage/log/log_walk.h"
#include "storage/log/query.h"
#include "storage/log/verify.h"

enum {
    RECORD_ARENA_BYTES = 64 << 20, /* a record is far smaller, if it is one */
    BLOCK_POSITIONS_MAX = INDEX_BATCH_EVENTS + EVENTS_PER_APPEND_MAX, /* that a block spans */
};

static bool differs(const struct verification *self, enum derived_kind kind)
{
    return self->expected[kind].count != self->stored[kind].count ||
           self->expected[kind].sum != self->stored[kind].sum;
}

static const char *posting_name(uint8_t kind)
{
    return kind == INDEX_CATEGORY ? "category" : kind == INDEX_TYPE ? "type" : "correlation id";
}

/* The text of an index key: between its kind and the NUL before the position. */
static struct bytes index_text(struct bytes key)
{
    return (struct bytes){key.data + 1, key.size - 10};
}

/* --- forwards --------------------------------------------------------------------------- */

struct posting_search {
    uint64_t position;
    uint32_t event;
    bool found, right;
};

/* Blocks that begin at the position or before, backwards: values that share their beginning
 * share their blocks too, so it may be in one that begins earlier. */
static bool search_block(void *context, struct bytes key, struct bytes value)
{
    struct posting_search *search = context;
    struct index_cursor cursor = {value, get_u64_big_endian(key.data + key.size - 8)};
    struct index_posting posting;

    if (cursor.position + BLOCK_POSITIONS_MAX < search->position)
        return false;
    while (!search->found && index_next(&cursor, &posting))
        if (posting.position == search->position) {
            search->found = true;
            search->right = posting.event == search->event;
        }
    return !search->found;
}

static struct status find_posting(struct verification *self, const struct derived *entry,
                                  struct posting_search *search)
{
    uint8_t from[INDEX_KEY_BYTES], to[INDEX_KEY_BYTES + 1];
    struct bytes key = entry->key;

    *search = (struct posting_search){.position = entry->position,
                                      .event = get_u32_little_endian(entry->value.data)};
    memcpy(from, key.data, key.size);
    memset(from + key.size - 8, 0, 8);
    memcpy(to, key.data, key.size);
    to[key.size] = 0; /* the first key behind it */
    return engine_scan(self->engine,
                       &(struct scan){.family = FAMILY_INDEX,
                                      .from = {from, key.size},
                                      .to = {to, key.size + 1},
                                      .backwards = true},
                       search_block, search);
}

static struct status find_entry(struct verification *self, const struct derived *entry, bool *found,
                                bool *right)
{
    uint8_t memory[256];
    struct posting_search search;
    struct arena arena;
    struct bytes value;

    if (entry->kind == DERIVED_POSTING) {
        TRY(find_posting(self, entry, &search));
        *found = search.found;
        *right = search.right;
        return OK;
    }
    arena_init_within(&arena, 1 << 20, memory, sizeof memory);
    struct status status = engine_get(self->engine, entry->family, entry->key, &arena, &value);
    *found = status_ok(status) && value.data;
    *right = *found && bytes_equal(value, entry->value);
    arena_destroy(&arena);
    return status;
}

static void tell_entry(struct verification *self, const struct derived *entry, const char *what)
{
    const char *family = family_name(entry->family);
    struct findings *findings = &self->findings;
    struct bytes key = entry->key;

    switch (entry->kind) {
    case DERIVED_PLACE:
        findings_add(findings, family, "stream %llu, revision %llu: %s",
                     (unsigned long long)get_u64_big_endian(key.data),
                     (unsigned long long)get_u64_big_endian(key.data + 8), what);
        break;
    case DERIVED_TAG:
        findings_add(findings, family, "tag \"%.*s\", position %llu: %s", SHOWN(index_text(key)),
                     (unsigned long long)entry->position, what);
        break;
    case DERIVED_POSTING:
        findings_add(findings, family, "%s \"%.*s\", position %llu: %s", posting_name(key.data[0]),
                     SHOWN(index_text(key)), (unsigned long long)entry->position, what);
        break;
    case DERIVED_CATEGORY:
        key = (struct bytes){key.data + 1, key.size - 1};
        findings_add(findings, family, "name of category \"%.*s\": %s", SHOWN(key), what);
        break;
    default: /* names, types */
        findings_add(findings, family, "\"%.*s\": %s", SHOWN(key), what);
    }
}

void verify_look_up(struct verification *self, const struct derived *entry)
{
    bool found = false, right = false;
    struct status status = find_entry(self, entry, &found, &right);

    /* Numbers of types count those that a damaged or scavenged log no longer names. */
    if (entry->kind == DERIVED_TYPE && (self->log_damaged || self->is_scavenged))
        right = true;
    if (!status_ok(status))
        self->status = status;
    else if (!found)
        tell_entry(self, entry, "missing");
    else if (!right)
        tell_entry(self, entry, "not what the log says");
    self->present[entry->kind] += found;
}

static void look_up_if_differs(void *context, const struct derived *entry)
{
    struct verification *self = context;

    if (entry->kind == DERIVED_CATEGORY || !differs(self, entry->kind))
        return;
    if (entry->kind != DERIVED_POSTING || entry->position < self->indexed)
        verify_look_up(self, entry);
}

struct forwards {
    struct verification *self;
    struct types *types;
};

static bool visit_record(void *context, const struct record *record, size_t record_bytes)
{
    struct forwards *forwards = context;
    struct verification *self = forwards->self;
    struct status status = derive(forwards->types, record, record_bytes, look_up_if_differs, self);

    if (!status_ok(status))
        self->status = status;
    return status_ok(self->status);
}

static void told_before(void *context, const char *what)
{
    (void)context;
    (void)what;
}

static struct status explain_forwards(struct verification *self)
{
    struct forwards forwards = {self, types_create()};
    struct log_walk walk = {.engine = self->engine,
                            .found = told_before,
                            .visit = visit_record,
                            .context = &forwards,
                            .records_only = true};

    if (!forwards.types)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "types: out of memory");
    struct status status = log_walk(&walk);
    types_free(forwards.types);
    TRY(status);
    return self->status;
}

/* --- backwards ---------------------------------------------------------------------------- */

/* What the log says of an entry. A damaged log cannot contradict what it does not hold. */
enum answer { SAYS_SO, SAYS_NOT, CANNOT_TELL };

/* An event by its position. */
struct source {
    struct arena arena;
    struct record record;
    size_t record_bytes;
    struct event event;
    bool found;     /* the event */
    bool is_stored; /* the record of its position */
};

/* source_close() afterwards, always. */
static struct status source_open(struct verification *self, uint64_t position,
                                 struct source *source)
{
    struct record_cursor cursor = {.record = &source->record};

    source->found = false;
    arena_init(&source->arena, RECORD_ARENA_BYTES);
    TRY(log_find_record(self->engine, position, &source->arena, &source->record,
                        &source->record_bytes, &source->is_stored));
    while (source->is_stored && !source->found && record_next(&cursor, &source->event))
        source->found = source->event.position == position;
    return OK;
}

static void source_close(struct source *source)
{
    arena_destroy(&source->arena);
}

static enum answer not_found(const struct verification *self)
{
    return self->log_damaged ? CANNOT_TELL : SAYS_NOT;
}

static struct status ask_place(struct verification *self, struct bytes key, struct bytes value,
                               enum answer *answer)
{
    struct place place;
    struct source source;

    *answer = SAYS_NOT;
    if (key.size != REVISION_KEY_BYTES || !place_decode(value, &place))
        return OK;
    struct status status = source_open(self, place.record_position, &source);
    if (status_ok(status) && !source.is_stored)
        *answer = not_found(self);
    else if (status_ok(status) && place.span < source.record.span_count) {
        struct span span = record_span(&source.record, place.span);
        if (span.stream_number == get_u64_big_endian(key.data) &&
            span.first_revision == get_u64_big_endian(key.data + 8))
            *answer = SAYS_SO;
    }
    source_close(&source);
    return status;
}

/* The name of the stream that begins with a span. */
static struct bytes name_of_span(const struct record *record, uint32_t index)
{
    struct event event = {0};

    if (index >= record->span_count)
        return event.stream;
    struct bytes frames = record_span_frames(record, index);
    if (record_span(record, index).is_scavenged)
        return frames;
    event_next(&frames, &event);
    return event.stream;
}

/* By the place of the stream's first event. */
static struct status ask_name(struct verification *self, struct bytes name, struct bytes value,
                              enum answer *answer)
{
    uint8_t memory[64], key[REVISION_KEY_BYTES];
    struct source source;
    struct place place;
    struct arena arena;
    struct bytes stored;
    uint64_t stream_number;

    *answer = SAYS_NOT;
    if (!number_decode(value, &stream_number))
        return OK;
    arena_init_within(&arena, 1 << 20, memory, sizeof memory);
    struct status status = engine_get(self->engine, FAMILY_STREAMS,
                                      revision_key(key, stream_number, 0), &arena, &stored);
    bool placed = status_ok(status) && stored.data && place_decode(stored, &place);
    arena_destroy(&arena);
    if (!status_ok(status) || !placed) {
        *answer = not_found(self);
        return status;
    }
    status = source_open(self, place.record_position, &source);
    if (status_ok(status) && !source.is_stored)
        *answer = not_found(self);
    else if (status_ok(status) && bytes_equal(name_of_span(&source.record, place.span), name))
        *answer = SAYS_SO;
    source_close(&source);
    return status;
}

static bool has_tag(const struct event *event, struct bytes tag)
{
    struct bytes wire = event->wire, carried;

    while (event_tag_next(&wire, &carried))
        if (bytes_equal(carried, tag))
            return true;
    return false;
}

static bool has_text(const struct event *event, uint8_t kind, struct bytes text)
{
    struct bytes carried = {0};

    if (kind == INDEX_KIND_TAG)
        return has_tag(event, text);
    if (kind == INDEX_CATEGORY)
        carried = category_of(event->stream);
    else if (kind == INDEX_TYPE)
        carried = event->type;
    else if (!event_metadata(event, bytes_of_text(CORRELATION_KEY), &carried))
        return false;
    if (carried.size > INDEX_TEXT_BYTES_MAX)
        carried.size = INDEX_TEXT_BYTES_MAX;
    return bytes_equal(carried, text);
}

static struct status ask_text(struct verification *self, struct bytes key, uint64_t position,
                              enum answer *answer)
{
    struct source source;
    struct status status = source_open(self, position, &source);

    *answer = SAYS_NOT;
    if (status_ok(status) && !source.found)
        *answer = not_found(self);
    else if (status_ok(status) && has_text(&source.event, key.data[0], index_text(key)))
        *answer = SAYS_SO;
    source_close(&source);
    return status;
}

/* --- each entry of a family that holds too many -------------------------------------------- */

static const char extra[] = "not in the log";

static bool keep(struct verification *self, struct status status)
{
    if (!status_ok(status))
        self->status = status;
    return status_ok(status);
}

static bool visit_place(void *context, struct bytes key, struct bytes value)
{
    struct verification *self = context;
    enum answer answer;
    struct status status = ask_place(self, key, value, &answer);

    if (status_ok(status) && answer == SAYS_NOT) {
        if (key.size == REVISION_KEY_BYTES)
            tell_entry(self, &(struct derived){DERIVED_PLACE, FAMILY_STREAMS, key, value, 0},
                       extra);
        else
            findings_add(&self->findings, "streams", "a key of %zu bytes", key.size);
    }
    return keep(self, status);
}

static bool visit_name(void *context, struct bytes key, struct bytes value)
{
    struct verification *self = context;
    enum answer answer;
    struct status status = ask_name(self, key, value, &answer);

    if (status_ok(status) && answer == SAYS_NOT)
        tell_entry(self, &(struct derived){DERIVED_NAME, FAMILY_NAMES, key, value, 0}, extra);
    return keep(self, status);
}

static bool visit_type(void *context, struct bytes key, struct bytes value)
{
    struct verification *self = context;

    if (!types_has(self->types, hash_bytes(key)) && !self->log_damaged && !self->is_scavenged)
        tell_entry(self, &(struct derived){DERIVED_TYPE, FAMILY_TYPES, key, value, 0}, extra);
    return true;
}

static struct status check_text(struct verification *self, enum derived_kind kind, struct bytes key,
                                uint64_t position)
{
    enum answer answer = SAYS_NOT;

    if (kind == DERIVED_TAG || position < self->indexed)
        TRY(ask_text(self, key, position, &answer));
    if (answer == SAYS_NOT)
        tell_entry(self, &(struct derived){kind, FAMILY_INDEX, key, {0}, position}, extra);
    return OK;
}

static bool visit_tag(void *context, struct bytes key, struct bytes value)
{
    struct verification *self = context;

    if (key.size < 10 || key.size > TAG_KEY_BYTES || value.size != INDEX_VALUE_BYTES) {
        findings_add(&self->findings, "index", "a tag's entry is damaged");
        return true;
    }
    return keep(self,
                check_text(self, DERIVED_TAG, key, get_u64_big_endian(key.data + key.size - 8)));
}

static bool visit_block(void *context, struct bytes key, struct bytes value)
{
    struct verification *self = context;
    struct index_cursor cursor = {value, 0};
    struct index_posting posting;
    struct status status = OK;

    if (key.size < 10 || key.size > INDEX_KEY_BYTES)
        return true; /* told already */
    cursor.position = get_u64_big_endian(key.data + key.size - 8);
    while (status_ok(status) && index_next(&cursor, &posting))
        status = check_text(self, DERIVED_POSTING, key, posting.position);
    return keep(self, status);
}

struct first_name {
    struct bytes category;
    bool found;
};

static bool visit_first_name(void *context, struct bytes key, struct bytes value)
{
    struct first_name *first = context;

    (void)value;
    first->found = bytes_equal(category_of(key), first->category);
    return false;
}

/* A category has a stream of its own name, or one that goes on behind a hyphen. */
static bool visit_category(void *context, struct bytes key, struct bytes value)
{
    struct verification *self = context;
    struct first_name first = {{key.data + 1, key.size - 1}, false};
    uint8_t from[STREAM_NAME_BYTES_MAX + 1];
    struct status status = OK;

    if (first.category.size <= STREAM_NAME_BYTES_MAX) {
        memcpy(from, first.category.data, first.category.size);
        from[first.category.size] = '-';
        for (size_t extra_byte = 0; status_ok(status) && !first.found && extra_byte < 2;
             extra_byte++)
            status = engine_scan(self->engine,
                                 &(struct scan){.family = FAMILY_NAMES,
                                                .from = {from, first.category.size + extra_byte}},
                                 visit_first_name, &first);
    }
    if (status_ok(status) && !first.found && !self->log_damaged)
        tell_entry(self, &(struct derived){DERIVED_CATEGORY, FAMILY_INDEX, key, value, 0}, extra);
    return keep(self, status);
}

static bool visit_malformed(void *context, struct bytes key, struct bytes value)
{
    struct verification *self = context;
    uint8_t kind = key.size ? key.data[0] : 0;
    struct index_cursor cursor = {value, 0};
    struct index_posting posting;

    if (kind == INDEX_KIND_TAG || kind == INDEX_KIND_CATEGORY_NAME)
        return true;
    if (kind != INDEX_CATEGORY && kind != INDEX_TYPE && kind != INDEX_CORRELATION) {
        findings_add(&self->findings, "index", "an entry of no known kind, %u", kind);
        return true;
    }
    while (index_next(&cursor, &posting))
        continue;
    if (key.size < 10 || key.size > INDEX_KEY_BYTES || cursor.rest.size > 0)
        findings_add(&self->findings, "index", "a damaged block, %s", posting_name(kind));
    return true;
}

static struct status ask_each(struct verification *self, const struct scan *scan, scan_visit *visit)
{
    TRY(engine_scan(self->engine, scan, visit, self));
    return self->status;
}

/* The entries of `index` of one kind. */
static struct status ask_each_of(struct verification *self, uint8_t kind, scan_visit *visit)
{
    uint8_t from = kind, to = (uint8_t)(kind + 1);

    return ask_each(
        self, &(struct scan){.family = FAMILY_INDEX, .from = {&from, 1}, .to = {&to, 1}}, visit);
}

static bool has_more(const struct verification *self, enum derived_kind kind)
{
    return differs(self, kind) && self->stored[kind].count > self->present[kind];
}

static struct status explain_backwards(struct verification *self)
{
    if (has_more(self, DERIVED_PLACE))
        TRY(ask_each(self, &(struct scan){.family = FAMILY_STREAMS}, visit_place));
    if (has_more(self, DERIVED_NAME))
        TRY(ask_each(self, &(struct scan){.family = FAMILY_NAMES}, visit_name));
    if (has_more(self, DERIVED_TYPE))
        TRY(ask_each(self, &(struct scan){.family = FAMILY_TYPES}, visit_type));
    if (has_more(self, DERIVED_TAG))
        TRY(ask_each_of(self, INDEX_KIND_TAG, visit_tag));
    if (has_more(self, DERIVED_POSTING)) {
        TRY(ask_each_of(self, INDEX_CATEGORY, visit_block));
        TRY(ask_each_of(self, INDEX_TYPE, visit_block));
        TRY(ask_each_of(self, INDEX_CORRELATION, visit_block));
    }
    return OK;
}

struct status verify_explain(struct verification *self)
{
    static const char *const families[] = {"streams", "names", "types", "index (tags)",
                                           "index (blocks)"};
    uint64_t told_before_kind = self->findings.count;
    bool any = false;

    TRY(ask_each_of(self, INDEX_KIND_CATEGORY_NAME, visit_category));
    if (self->malformed.count > 0)
        TRY(ask_each(self, &(struct scan){.family = FAMILY_INDEX}, visit_malformed));
    for (int kind = 0; kind < DERIVED_CATEGORY; kind++)
        any |= differs(self, kind);
    if (!any)
        return OK;
    TRY(explain_forwards(self));
    TRY(explain_backwards(self));
    if (self->findings.count > told_before_kind || self->log_damaged)
        return OK;
    for (int kind = 0; kind < DERIVED_CATEGORY; kind++) /* a posting told twice, say */
        if (differs(self, kind) && !(kind == DERIVED_TYPE && self->is_scavenged))
            findings_add(&self->findings, families[kind], "%llu entries, the log says %llu",
                         (unsigned long long)self->stored[kind].count,
                         (unsigned long long)self->expected[kind].count);
    return OK;
}
