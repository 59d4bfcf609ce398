#include "server/reducers/registry.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "server/reducers/limits.h"
#include "server/reducers/reducers.h"
#include "server/reducers/script.h"
#include "storage/log/event_log.h"
#include "storage/log/read.h"

/* What differs between the kinds. */
struct kind {
    const char *stream_prefix;
    const char *put, *deleted, *disabled; /* types of events */
    const char *content_type;
    const ProtobufCMessageDescriptor *info_type;
    size_t entries_max;
    const char *too_many, *too_large;
};

static const struct kind kinds[] = {
    [REGISTRY_REDUCERS] = {.stream_prefix = "$reducer-",
                           .put = "$ReducerPut",
                           .deleted = "$ReducerDeleted",
                           .disabled = "$ReducerDisabled",
                           .content_type = "application/vnd.sagabase.reducer-info+protobuf",
                           .info_type = &sagabase__v1__reducer_info__descriptor,
                           .entries_max = REDUCERS_MAX,
                           .too_many = "reducers: at most 1000",
                           .too_large = "reducers: at most 2 MiB, all together"},
    [REGISTRY_UPCASTERS] = {.stream_prefix = "$upcaster-",
                            .put = "$UpcasterPut",
                            .deleted = "$UpcasterDeleted",
                            .disabled = "$UpcasterDisabled",
                            .content_type = "application/vnd.sagabase.upcaster-info+protobuf",
                            .info_type = &sagabase__v1__upcaster_info__descriptor,
                            .entries_max = UPCASTERS_MAX,
                            .too_many = "upcasters: at most 1000",
                            .too_large = "upcasters: at most 2 MiB, all together"},
};

_Static_assert((int)REDUCERS_MAX == 1000 && (int)UPCASTERS_MAX == 1000, "the texts above");
_Static_assert((int)REGISTRY_BYTES_MAX == 2 << 20, "the texts above");
_Static_assert((int)REGISTRY_ENTRIES_MAX >= 2 * (int)REDUCERS_MAX, "registry.h");
_Static_assert((int)REGISTERED_STREAM_BYTES_MAX >= (int)CATEGORY_BYTES_MAX + 16, "with prefix");

struct registry {
    const struct kind *kind;
    enum registry_kind which;
    struct event_log *log;
    pthread_mutex_t lock; /* leaf */
    size_t count;
    size_t reserved, reserved_bytes; /* on their way */
    struct registration *entries[REGISTRY_ENTRIES_MAX];

    pthread_mutex_t watch_lock; /* also while the watcher is told, so that it can leave */
    struct registry_watcher *watcher;
};

static struct status out_of_memory(void)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED, "registry: out of memory");
}

/* --- registrations ------------------------------------------------------------------------- */

static bool fill(struct registration *self)
{
    const char *hash;

    if (self->kind == REGISTRY_REDUCERS) {
        if (!self->reducer->reducer)
            return false;
        self->name = bytes_of_text(self->reducer->reducer->category);
        self->disabled = self->reducer->disabled;
        hash = self->reducer->hash;
    } else {
        if (!self->upcaster->upcaster)
            return false;
        self->name = bytes_of_text(self->upcaster->upcaster->event_type);
        self->disabled = self->upcaster->disabled;
        hash = self->upcaster->hash;
    }
    return sscanf(hash, "%16" SCNx64, &self->hash) == 1;
}

/* NULL: out of memory, or damaged. */
static struct registration *registration_create(enum registry_kind kind, struct bytes packed)
{
    struct registration *self = calloc(1, sizeof *self);

    if (!self)
        return NULL;
    self->kind = kind;
    self->bytes = packed.size;
    self->references = 1;
    pthread_mutex_init(&self->lock, NULL);
    self->info = protobuf_c_message_unpack(kinds[kind].info_type, NULL, packed.size, packed.data);
    if (!self->info || !fill(self)) {
        registration_release(self);
        return NULL;
    }
    return self;
}

void registration_release(struct registration *registration)
{
    if (atomic_fetch_sub(&registration->references, 1) > 1)
        return;
    if (registration->script)
        script_free(registration->script);
    if (registration->info)
        protobuf_c_message_free_unpacked(registration->info, NULL);
    pthread_mutex_destroy(&registration->lock);
    free(registration);
}

void registry_hash_text(uint64_t hash, char text[HASH_TEXT_BYTES + 1])
{
    snprintf(text, HASH_TEXT_BYTES + 1, "%016" PRIx64, hash);
}

/* --- places, with the lock -------------------------------------------------------------------- */

static size_t place_of(const struct registry *registry, struct bytes name)
{
    size_t low = 0, high = registry->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bytes_compare(registry->entries[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct registry *registry, size_t place, struct bytes name)
{
    return place < registry->count && bytes_equal(registry->entries[place]->name, name);
}

/* Takes the reference to `next` (NULL: nothing takes its place), gives that of who was there. */
static struct registration *replace(struct registry *registry, struct bytes name,
                                    struct registration *next)
{
    size_t place = place_of(registry, name);
    struct registration **at = &registry->entries[place];
    struct registration *previous = NULL;

    if (is_at(registry, place, name)) {
        previous = *at;
        *at = next;
        if (!next)
            memmove(at, at + 1, (--registry->count - place) * sizeof *at);
    } else if (next) {
        assert(registry->count < REGISTRY_ENTRIES_MAX);
        memmove(at + 1, at, (registry->count++ - place) * sizeof *at);
        *at = next;
    }
    return previous;
}

struct registration *registry_find(struct registry *registry, struct bytes name)
{
    struct registration *found = NULL;

    pthread_mutex_lock(&registry->lock);
    size_t place = place_of(registry, name);
    if (is_at(registry, place, name)) {
        found = registry->entries[place];
        atomic_fetch_add(&found->references, 1);
    }
    pthread_mutex_unlock(&registry->lock);
    return found;
}

size_t registry_list(struct registry *registry, struct registration **entries)
{
    pthread_mutex_lock(&registry->lock);
    size_t count = registry->count;
    for (size_t i = 0; i < count; i++) {
        entries[i] = registry->entries[i];
        atomic_fetch_add(&entries[i]->references, 1);
    }
    pthread_mutex_unlock(&registry->lock);
    return count;
}

/* --- opening ------------------------------------------------------------------------------- */

static struct status take_newest(struct registry *registry, const struct event *event)
{
    if (bytes_equal(event->type, bytes_of_text(registry->kind->deleted)))
        return OK;
    if (event->erased_us != 0) { /* its stream was encrypted, and the key is gone */
        log_line(LOG_WARN, "reducers", "lost", "position=%" PRIu64, event->position);
        return OK;
    }
    struct registration *entry = registration_create(registry->which, event->data);
    if (!entry || registry->count == REGISTRY_ENTRIES_MAX) {
        if (entry)
            registration_release(entry);
        return status_make(STATUS_DATA_LOSS, "%.*s: its newest event tells of nothing known",
                           (int)(event->stream.size < 100 ? event->stream.size : 100),
                           (const char *)event->stream.data);
    }
    entry->revision = event->revision;
    struct registration *previous = replace(registry, entry->name, entry);
    if (previous)
        registration_release(previous);
    return OK;
}

/* As readers are to see it: where its category is encrypted, it is opened first. */
static struct status take_stored(struct registry *registry, const struct event *stored)
{
    enum { FRAME_BYTES_MAX = 2 * REGISTRY_BYTES_MAX };
    struct buffer frames;
    struct event event;

    buffer_init(&frames, FRAME_BYTES_MAX);
    struct status status = event_log_put_event(registry->log, stored, &frames);
    struct bytes rest = buffer_bytes(&frames);
    if (status_ok(status) && !buffer_ok(&frames))
        status = out_of_memory();
    if (status_ok(status) && event_next(&rest, &event))
        status = take_newest(registry, &event);
    buffer_destroy(&frames);
    return status;
}

static struct status read_newest(struct registry *registry, struct bytes stream)
{
    struct stream_head head;
    struct page page;
    struct event event;

    TRY(event_log_find_stream(registry->log, stream, &head));
    if (!head.exists)
        return OK;
    struct read read = {
        .from = head.last_revision, .backwards = true, .events_max = 1, .bytes_max = 1};
    struct status status = event_log_read_stream(registry->log, head.number, &read, &page);
    struct bytes frames = buffer_bytes(&page.frames);
    if (status_ok(status) && event_next(&frames, &event))
        status = take_stored(registry, &event);
    buffer_destroy(&page.frames);
    return status;
}

static struct status read_page(struct registry *registry, struct arena *arena, struct bytes *after)
{
    enum { STREAMS_PER_PAGE = 500 };
    struct stream_info *infos = arena_alloc(arena, STREAMS_PER_PAGE * sizeof *infos);
    struct bytes last;
    size_t count;

    if (!infos)
        return out_of_memory();
    TRY(event_log_list_streams(registry->log, bytes_of_text(registry->kind->stream_prefix), *after,
                               STREAMS_PER_PAGE, arena, infos, &count, &last));
    for (size_t i = 0; i < count; i++)
        TRY(read_newest(registry, infos[i].name));
    *after = last;
    return OK;
}

static struct status read_all(struct registry *registry)
{
    enum { ARENA_BYTES_MAX = 1 << 20 };
    uint8_t after_bytes[REGISTERED_STREAM_BYTES_MAX];
    struct bytes after = {0};
    struct status status = OK;

    do {
        struct arena arena;
        arena_init(&arena, ARENA_BYTES_MAX);
        status = read_page(registry, &arena, &after);
        if (status_ok(status) && after.size > 0)
            after = bytes_of(memmove(after_bytes, after.data, after.size), after.size);
        arena_destroy(&arena);
    } while (status_ok(status) && after.size > 0);
    return status;
}

struct status registry_open(enum registry_kind kind, struct event_log *log,
                            struct registry **registry)
{
    struct registry *self = calloc(1, sizeof *self);

    if (!self)
        return out_of_memory();
    self->kind = &kinds[kind];
    self->which = kind;
    self->log = log;
    pthread_mutex_init(&self->lock, NULL);
    pthread_mutex_init(&self->watch_lock, NULL);
    struct status status = read_all(self);
    if (!status_ok(status)) {
        registry_close(self);
        return status;
    }
    *registry = self;
    return OK;
}

void registry_close(struct registry *registry)
{
    for (size_t i = 0; i < registry->count; i++)
        registration_release(registry->entries[i]);
    pthread_mutex_destroy(&registry->watch_lock);
    pthread_mutex_destroy(&registry->lock);
    free(registry);
}

/* --- changing ----------------------------------------------------------------------------- */

void registry_watch(struct registry *registry, struct registry_watcher *watcher)
{
    pthread_mutex_lock(&registry->watch_lock);
    registry->watcher = watcher;
    pthread_mutex_unlock(&registry->watch_lock);
}

static void tell_watcher(struct registry *registry, struct bytes name)
{
    pthread_mutex_lock(&registry->watch_lock);
    if (registry->watcher)
        registry->watcher->changed(registry->watcher, name);
    pthread_mutex_unlock(&registry->watch_lock);
}

/* @thread writer. Changes hold in the order in which they are on disk. */
static void on_done(struct intent *intent)
{
    struct registry_change *change = container_of(intent, struct registry_change, append.intent);
    struct registry *registry = change->registry;
    size_t prefix = strlen(registry->kind->stream_prefix);
    struct bytes name = {change->stream_name + prefix, change->stream.stream.size - prefix};
    bool changes = false;

    pthread_mutex_lock(&registry->lock);
    registry->reserved -= change->is_reserved;
    registry->reserved_bytes -= change->reserved_bytes;
    if (status_ok(intent->status)) {
        if (change->next)
            change->next->revision = change->stream.last_revision;
        change->previous = replace(registry, name, change->next);
        change->existed = change->previous != NULL;
        changes = change->existed || change->next;
        change->next = NULL;
    }
    pthread_mutex_unlock(&registry->lock);
    if (changes)
        tell_watcher(registry, name);
    change->done(change);
}

/* With the lock: of all but this one. */
static size_t bytes_of_others(const struct registry *registry, struct bytes name)
{
    size_t bytes = registry->reserved_bytes;

    for (size_t i = 0; i < registry->count; i++)
        if (!bytes_equal(registry->entries[i]->name, name))
            bytes += registry->entries[i]->bytes;
    return bytes;
}

/* Only what takes a new place has to wait for one. Their size is bounded because they are listed
 * in one message. */
static struct status reserve(struct registry_change *change, struct bytes name, size_t bytes)
{
    struct registry *registry = change->registry;
    const char *refusal = NULL;

    pthread_mutex_lock(&registry->lock);
    bool is_new = !is_at(registry, place_of(registry, name), name);
    if (is_new && registry->count + registry->reserved >= registry->kind->entries_max)
        refusal = registry->kind->too_many;
    else if (bytes_of_others(registry, name) + bytes > REGISTRY_BYTES_MAX)
        refusal = registry->kind->too_large;
    if (!refusal) {
        change->is_reserved = is_new;
        change->reserved_bytes = bytes;
        registry->reserved += is_new;
        registry->reserved_bytes += bytes;
    }
    pthread_mutex_unlock(&registry->lock);
    return refusal ? status_make(STATUS_RESOURCE_EXHAUSTED, "%s", refusal) : OK;
}

static void unreserve(struct registry_change *change)
{
    pthread_mutex_lock(&change->registry->lock);
    change->registry->reserved -= change->is_reserved;
    change->registry->reserved_bytes -= change->reserved_bytes;
    pthread_mutex_unlock(&change->registry->lock);
}

/* `name` and `data` live until it has settled. */
static struct status submit(struct registry_change *change, struct bytes name, const char *type,
                            struct bytes data, struct expectation expected, struct arena *arena)
{
    const struct kind *kind = change->registry->kind;
    size_t prefix = strlen(kind->stream_prefix);

    assert(prefix + name.size <= sizeof change->stream_name);
    memcpy(change->stream_name, kind->stream_prefix, prefix);
    memcpy(change->stream_name + prefix, name.data, name.size);
    change->event = (struct new_event){.id = uuid_random(),
                                       .type = bytes_of_text(type),
                                       .content_type = bytes_of_text(kind->content_type),
                                       .data = data};
    change->stream =
        (struct stream_append){.stream = bytes_of(change->stream_name, prefix + name.size),
                               .expected = expected,
                               .events = &change->event,
                               .event_count = 1};
    change->append =
        (struct append){.intent = {.done = on_done}, .streams = &change->stream, .stream_count = 1};
    return append_submit(change->registry->log, &change->append, arena);
}

/* The info of what will be there. */
static struct status submit_info(struct registry_change *change, const ProtobufCMessage *info,
                                 const char *type, struct expectation expected, struct arena *arena)
{
    size_t size = protobuf_c_message_get_packed_size(info);
    uint8_t *packed = arena_alloc_raw(arena, size);

    if (!packed)
        return out_of_memory();
    protobuf_c_message_pack(info, packed);
    change->next = registration_create(change->registry->which, bytes_of(packed, size));
    if (!change->next)
        return out_of_memory();
    change->hash = change->next->hash;
    struct status status =
        submit(change, change->next->name, type, bytes_of(packed, size), expected, arena);
    if (!status_ok(status))
        registration_release(change->next);
    return status;
}

static void begin(struct registry_change *change, struct registry *registry)
{
    *change = (struct registry_change){.done = change->done, .registry = registry};
}

static struct status put(struct registry_change *change, struct bytes name,
                         const ProtobufCMessage *info, struct arena *arena)
{
    TRY(reserve(change, name, protobuf_c_message_get_packed_size(info)));
    struct status status = submit_info(change, info, change->registry->kind->put,
                                       (struct expectation){.kind = EXPECT_ANY}, arena);
    if (!status_ok(status))
        unreserve(change);
    return status;
}

/* Of the same kind and content, whatever it is for. */
static struct status hash_text(const ProtobufCMessage *content, struct arena *arena,
                               char text[HASH_TEXT_BYTES + 1])
{
    size_t size = protobuf_c_message_get_packed_size(content);
    uint8_t *packed = arena_alloc_raw(arena, size);

    if (!packed)
        return out_of_memory();
    protobuf_c_message_pack(content, packed);
    registry_hash_text(checksum_bytes(bytes_of(packed, size)), text);
    return OK;
}

struct status registry_put_reducer(struct registry *registry, const Sagabase__V1__Reducer *reducer,
                                   struct registry_change *change, struct arena *arena)
{
    Sagabase__V1__ReducerInfo info = SAGABASE__V1__REDUCER_INFO__INIT;
    Sagabase__V1__Reducer content = *reducer;
    char hash[HASH_TEXT_BYTES + 1];

    begin(change, registry);
    content.category = "";
    TRY(hash_text(&content.base, arena, hash));
    info.reducer = (Sagabase__V1__Reducer *)reducer;
    info.hash = hash;
    info.put_us = clock_wall_us(event_log_clock(registry->log));
    return put(change, bytes_of_text(reducer->category), &info.base, arena);
}

struct status registry_put_upcaster(struct registry *registry,
                                    const Sagabase__V1__Upcaster *upcaster,
                                    struct registry_change *change, struct arena *arena)
{
    Sagabase__V1__UpcasterInfo info = SAGABASE__V1__UPCASTER_INFO__INIT;
    Sagabase__V1__Upcaster content = *upcaster;
    char hash[HASH_TEXT_BYTES + 1];

    begin(change, registry);
    content.event_type = "";
    TRY(hash_text(&content.base, arena, hash));
    info.upcaster = (Sagabase__V1__Upcaster *)upcaster;
    info.hash = hash;
    info.put_us = clock_wall_us(event_log_clock(registry->log));
    return put(change, bytes_of_text(upcaster->event_type), &info.base, arena);
}

struct status registry_delete(struct registry *registry, struct bytes name,
                              struct registry_change *change, struct arena *arena)
{
    begin(change, registry);
    return submit(change, name, registry->kind->deleted, (struct bytes){0},
                  (struct expectation){.kind = EXPECT_ANY}, arena);
}

struct status registry_disable(struct registry *registry, const struct registration *registration,
                               const Sagabase__V1__Disabled *disabled,
                               struct registry_change *change, struct arena *arena)
{
    struct expectation expected = {.kind = EXPECT_REVISION, .revision = registration->revision};

    begin(change, registry);
    if (registry->which == REGISTRY_REDUCERS) {
        Sagabase__V1__ReducerInfo info = *registration->reducer;
        info.disabled = (Sagabase__V1__Disabled *)disabled;
        return submit_info(change, &info.base, registry->kind->disabled, expected, arena);
    }
    Sagabase__V1__UpcasterInfo info = *registration->upcaster;
    info.disabled = (Sagabase__V1__Disabled *)disabled;
    return submit_info(change, &info.base, registry->kind->disabled, expected, arena);
}

struct status registry_change_settle(struct registry_change *change, struct arena *arena)
{
    struct status status = append_settle(change->registry->log, &change->append, arena);

    if (change->next) /* it has not become one */
        registration_release(change->next);
    if (change->previous)
        registration_release(change->previous);
    change->next = change->previous = NULL;
    return status;
}
