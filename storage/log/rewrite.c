#include "storage/log/rewrite.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/varint.h"
#include "storage/log/derive.h"
#include "storage/log/index.h"
#include "storage/log/keys.h"
#include "storage/log/limits.h"
#include "storage/log/log_state.h"

enum {
    ENTRIES_MIN = 1024,
    POSTING_BYTES_MAX = 10 + 5,                                       /* two varints */
    BLOCK_POSITIONS_MAX = INDEX_BATCH_EVENTS + EVENTS_PER_APPEND_MAX, /* that a block spans */
};

/* What follows from an old record or from a new one. */
struct rewrite_entry {
    enum family family;
    bool is_posting; /* one of a block */
    bool is_new;
    struct bytes key, value;
};

void rewrite_init(struct rewrite *rewrite, struct event_log *log)
{
    *rewrite = (struct rewrite){.log = log, .status = OK};
    arena_init(&rewrite->arena, REWRITE_MEMORY_MAX);
    sem_init(&rewrite->done, 0, 0);
}

void rewrite_destroy(struct rewrite *rewrite)
{
    sem_destroy(&rewrite->done);
    arena_destroy(&rewrite->arena);
    free(rewrite->entries);
    free(rewrite->writes);
}

static void out_of_memory(struct rewrite *rewrite)
{
    rewrite->status = status_make(STATUS_RESOURCE_EXHAUSTED, "rewrite: out of memory");
}

/* --- what is there, and what is to be --------------------------------------------------------- */

static void add_entry(struct rewrite *rewrite, struct rewrite_entry entry)
{
    if (rewrite->entry_count == rewrite->entry_capacity) {
        size_t capacity = rewrite->entry_capacity ? rewrite->entry_capacity * 2 : ENTRIES_MIN;
        struct rewrite_entry *entries = realloc(rewrite->entries, capacity * sizeof *entries);
        if (!entries)
            return out_of_memory(rewrite);
        rewrite->entries = entries;
        rewrite->entry_capacity = capacity;
    }
    rewrite->entries[rewrite->entry_count++] = entry;
}

struct following {
    struct rewrite *rewrite;
    bool is_new;
};

static void add_derived(void *context, const struct derived *derived)
{
    const struct following *following = context;
    struct rewrite *rewrite = following->rewrite;
    struct rewrite_entry entry = {
        .family = derived->family,
        .is_posting = derived->kind == DERIVED_POSTING,
        .is_new = following->is_new,
    };

    if (derived->kind == DERIVED_NAME || derived->kind == DERIVED_CATEGORY)
        return;
    entry.key = arena_copy(&rewrite->arena, derived->key);
    entry.value = arena_copy(&rewrite->arena, derived->value);
    if (!entry.key.data || !entry.value.data)
        return out_of_memory(rewrite);
    add_entry(rewrite, entry);
}

static void add_record(struct rewrite *rewrite, struct bytes stored, bool is_new)
{
    struct following following = {rewrite, is_new};
    uint8_t *key = arena_alloc_raw(&rewrite->arena, POSITION_KEY_BYTES);
    struct record record;

    if (!key || !stored.data)
        return out_of_memory(rewrite);
    record_view(stored, &record);
    add_entry(rewrite, (struct rewrite_entry){.family = FAMILY_LOG,
                                              .is_new = is_new,
                                              .key = position_key(key, record.position),
                                              .value = stored});
    struct status status = derive(NULL, &record, stored.size, add_derived, &following);
    if (!status_ok(status))
        rewrite->status = status;
}

void rewrite_remove(struct rewrite *rewrite, struct bytes stored)
{
    add_record(rewrite, stored, false);
}

void rewrite_put(struct rewrite *rewrite, struct bytes stored)
{
    add_record(rewrite, stored, true);
}

/* --- the difference --------------------------------------------------------------------------- */

static void add_write(struct rewrite *rewrite, struct write write)
{
    if (!write.key.data || (write.kind == WRITE_PUT && !write.value.data))
        return out_of_memory(rewrite);
    if (rewrite->write_count == rewrite->write_capacity) {
        size_t capacity = rewrite->write_capacity ? rewrite->write_capacity * 2 : ENTRIES_MIN;
        struct write *writes = realloc(rewrite->writes, capacity * sizeof *writes);
        if (!writes)
            return out_of_memory(rewrite);
        rewrite->writes = writes;
        rewrite->write_capacity = capacity;
    }
    rewrite->writes[rewrite->write_count++] = write;
}

static void delete_entry(struct rewrite *rewrite, enum family family, struct bytes key,
                         struct bytes value)
{
    rewrite->bytes_removed += key.size + value.size;
    add_write(rewrite, (struct write){family, WRITE_DELETE, key, {0}});
}

static void replace_entry(struct rewrite *rewrite, enum family family, struct bytes key,
                          size_t bytes_before, struct bytes value)
{
    rewrite->bytes_removed += bytes_before;
    rewrite->bytes_added += value.size;
    add_write(rewrite, (struct write){family, WRITE_PUT, key, value});
}

/* The postings to be taken out of the blocks of one value, by position. */
struct outgoing {
    struct rewrite *rewrite;
    const struct rewrite_entry *entries;
    size_t count;
    bool is_damaged;
};

static uint64_t posting_position(struct bytes key)
{
    return get_u64_big_endian(key.data + key.size - 8);
}

static bool is_outgoing(const struct outgoing *outgoing, uint64_t position)
{
    size_t low = 0, high = outgoing->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (posting_position(outgoing->entries[middle].key) < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < outgoing->count && posting_position(outgoing->entries[low].key) == position;
}

/* A block keeps its key, even if its first posting goes. */
static bool visit_block(void *context, struct bytes key, struct bytes value)
{
    struct outgoing *outgoing = context;
    struct rewrite *rewrite = outgoing->rewrite;
    struct index_cursor cursor = {value, posting_position(key)};
    uint64_t last = cursor.position;
    struct index_posting posting;
    bool changed = false;
    uint8_t *postings = arena_alloc_raw(&rewrite->arena, value.size + POSTING_BYTES_MAX);
    uint8_t *at = postings;

    if (!postings) {
        out_of_memory(rewrite);
        return false;
    }
    while (index_next(&cursor, &posting)) {
        if (is_outgoing(outgoing, posting.position)) {
            changed = true;
            continue;
        }
        at = put_varint(at, posting.position - last); /* at most as long as what it replaces */
        at = put_varint(at, posting.event);
        last = posting.position;
        assert((size_t)(at - postings) <= value.size + POSTING_BYTES_MAX);
    }
    outgoing->is_damaged |= cursor.rest.size > 0;
    if (!changed)
        return true;
    struct bytes kept = {postings, (size_t)(at - postings)};
    struct bytes copy = arena_copy(&rewrite->arena, key);
    if (kept.size == 0)
        delete_entry(rewrite, FAMILY_INDEX, copy, value);
    else
        replace_entry(rewrite, FAMILY_INDEX, copy, value.size, kept);
    return status_ok(rewrite->status);
}

/* `entries` are of one value, by position. */
static void remove_postings(struct rewrite *rewrite, const struct rewrite_entry *entries,
                            size_t count)
{
    struct outgoing outgoing = {rewrite, entries, count, false};
    struct bytes first = entries[0].key, last = entries[count - 1].key;
    uint64_t from_position = posting_position(first);
    uint8_t from[INDEX_KEY_BYTES], to[INDEX_KEY_BYTES];

    assert(first.size <= INDEX_KEY_BYTES && last.size == first.size);
    from_position = from_position > BLOCK_POSITIONS_MAX ? from_position - BLOCK_POSITIONS_MAX : 0;
    memcpy(from, first.data, first.size);
    put_u64_big_endian(from + first.size - 8, from_position);
    memcpy(to, last.data, last.size);
    put_u64_big_endian(to + last.size - 8, posting_position(last) + 1);
    struct status status = engine_scan(
        rewrite->log->engine,
        &(struct scan){.family = FAMILY_INDEX, .from = {from, first.size}, .to = {to, last.size}},
        visit_block, &outgoing);
    if (status_ok(status) && outgoing.is_damaged)
        status = status_make(STATUS_DATA_LOSS, "index: damaged postings");
    if (!status_ok(status))
        rewrite->status = status;
}

static bool is_of_same_value(const struct rewrite_entry *a, const struct rewrite_entry *b)
{
    return b->is_posting && a->key.size == b->key.size &&
           memcmp(a->key.data, b->key.data, a->key.size - 8) == 0;
}

/* By family, postings last; then by key, the old one before the new one. */
static int compare_entries(const void *first, const void *second)
{
    const struct rewrite_entry *a = first, *b = second;

    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    if (a->is_posting != b->is_posting)
        return a->is_posting ? 1 : -1;
    int order = bytes_compare(a->key, b->key);
    return order ? order : a->is_new - b->is_new;
}

/* Leaves only entries that differ. */
static void cancel_out(struct rewrite *rewrite)
{
    struct rewrite_entry *entries = rewrite->entries;
    size_t kept = 0;

    for (size_t i = 0; i < rewrite->entry_count; i++) {
        bool is_pair = i + 1 < rewrite->entry_count && !entries[i].is_new &&
                       entries[i + 1].is_new && entries[i].family == entries[i + 1].family &&
                       bytes_equal(entries[i].key, entries[i + 1].key);
        if (is_pair && bytes_equal(entries[i].value, entries[i + 1].value)) {
            i++;
            continue;
        }
        if (is_pair) /* overwritten, so not deleted */
            rewrite->bytes_removed += entries[i].key.size + entries[i].value.size;
        else
            entries[kept++] = entries[i];
        if (is_pair)
            entries[kept++] = entries[++i];
    }
    rewrite->entry_count = kept;
}

static void plan_writes(struct rewrite *rewrite)
{
    struct rewrite_entry *entries = rewrite->entries;

    if (rewrite->entry_count > 0)
        qsort(entries, rewrite->entry_count, sizeof *entries, compare_entries);
    cancel_out(rewrite);
    for (size_t i = 0, count; i < rewrite->entry_count && status_ok(rewrite->status); i += count) {
        const struct rewrite_entry *entry = &entries[i];
        count = 1;
        if (entry->is_posting) {
            assert(!entry->is_new); /* the trailing index makes them */
            while (i + count < rewrite->entry_count && is_of_same_value(entry, &entries[i + count]))
                count++;
            remove_postings(rewrite, entry, count);
        } else if (entry->is_new) {
            rewrite->bytes_added += entry->key.size;
            replace_entry(rewrite, entry->family, entry->key, 0, entry->value);
        } else {
            delete_entry(rewrite, entry->family, entry->key, entry->value);
        }
    }
}

/* --- committing it ---------------------------------------------------------------------------- */

/* @thread writer */
static struct status decide(struct intent *intent, struct commit *commit)
{
    struct rewrite *rewrite = container_of(intent, struct rewrite, intent);
    uint8_t *format = arena_alloc_raw(commit_arena(commit), 4);

    if (!format)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "rewrite: out of memory");
    if (rewrite->decide)
        TRY(rewrite->decide(rewrite->context, commit));
    put_u32_little_endian(format, STORE_FORMAT);
    commit_put(commit, FAMILY_META, bytes_of_text(FORMAT_KEY), bytes_of(format, 4));
    for (size_t i = 0; i < rewrite->write_count; i++) {
        const struct write *write = &rewrite->writes[i];
        if (write->kind == WRITE_PUT)
            commit_put(commit, write->family, write->key, write->value);
        else
            commit_delete(commit, write->family, write->key);
    }
    return OK;
}

/* @thread writer */
static void on_done(struct intent *intent)
{
    sem_post(&container_of(intent, struct rewrite, intent)->done);
}

struct status rewrite_commit(struct rewrite *rewrite)
{
    plan_writes(rewrite);
    TRY(rewrite->status);
    if (rewrite->write_count == 0 && !rewrite->decide)
        return OK;
    rewrite->intent =
        (struct intent){.decide = decide,
                        .done = on_done,
                        .frees_room = true,
                        .bytes = rewrite->bytes_added + rewrite->write_count * POSITION_KEY_BYTES};
    TRY(event_log_submit(rewrite->log, &rewrite->intent));
    while (sem_wait(&rewrite->done) != 0)
        continue; /* interrupted */
    return rewrite->intent.status;
}

/* --- records ---------------------------------------------------------------------------------- */

struct bytes record_encode(struct arena *arena, uint64_t position, int64_t created_us,
                           struct draft_span *spans, size_t span_count)
{
    size_t size = RECORD_HEADER_BYTES + span_count * RECORD_SPAN_BYTES;
    uint16_t stored_count = (uint16_t)span_count;
    uint64_t event_count = 0;
    bool is_hollow = false;

    assert(span_count > 0 && span_count <= UINT16_MAX);
    for (size_t i = 0; i < span_count; i++) {
        spans[i].span.frame_bytes = (uint32_t)spans[i].frames.size;
        size += spans[i].frames.size;
        event_count += spans[i].span.event_count;
        is_hollow |= spans[i].span.is_scavenged;
    }
    assert(event_count <= UINT32_MAX);
    uint8_t *stored = arena_alloc_raw(arena, size);
    if (!stored)
        return (struct bytes){0};
    stored[8] = is_hollow ? RECORD_VERSION_HOLLOW : RECORD_VERSION;
    stored[9] = 0;
    memcpy(stored + 10, &stored_count, sizeof stored_count);
    put_u32_little_endian(stored + 12, (uint32_t)event_count);
    put_u64_little_endian(stored + 16, position);
    put_u64_little_endian(stored + 24, (uint64_t)created_us);
    uint8_t *at = stored + RECORD_HEADER_BYTES;
    for (size_t i = 0; i < span_count; i++, at += RECORD_SPAN_BYTES)
        span_encode(at, &spans[i].span);
    for (size_t i = 0; i < span_count; i++) {
        if (spans[i].frames.size)
            memcpy(at, spans[i].frames.data, spans[i].frames.size);
        at += spans[i].frames.size;
    }
    put_u64_little_endian(stored, checksum_bytes((struct bytes){stored + 8, size - 8}));
    return (struct bytes){stored, size};
}
