#include "server/sagas/saga_rebuild.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/sagas/gateway_state.h"
#include "server/sagas/saga_keys.h"
#include "server/wire/unpack.h"
#include "storage/log/event.h"
#include "storage/log/limits.h"
#include "storage/log/read.h"

enum { STREAMS_AT_ONCE = 100, ENTRIES_AT_ONCE = 1000, MEMORY_MAX = 64 << 20 };

struct rebuilding {
    struct saga_rebuild *result;
    struct gateway *gateway; /* its definitions alone are in use */
    bool only_looks;

    /* The stream at hand. */
    struct saga *saga; /* the run at hand, as far as it was folded; NULL: none */
    bool is_broken;    /* its events are not all there */
};

/* --- writing: through the writer, who alone commits -------------------------------------- */

struct writing {
    struct intent intent;
    void (*add)(struct writing *writing, struct commit *commit);
    const struct saga *saga;   /* whose row, name and entries are put ... */
    struct bytes row;          /* ... the row only if there is one */
    const struct bytes *wrong; /* ... or entries of the index that go */
    size_t wrong_count;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_over;
};

static struct status decide(struct intent *intent, struct commit *commit)
{
    struct writing *writing = container_of(intent, struct writing, intent);

    writing->add(writing, commit);
    return OK;
}

static void on_done(struct intent *intent)
{
    struct writing *writing = container_of(intent, struct writing, intent);

    pthread_mutex_lock(&writing->lock);
    writing->is_over = true;
    pthread_cond_signal(&writing->changed);
    pthread_mutex_unlock(&writing->lock);
}

static struct status write_now(struct rebuilding *self, struct writing *writing)
{
    pthread_mutex_init(&writing->lock, NULL);
    pthread_cond_init(&writing->changed, NULL);
    writing->intent.decide = decide;
    writing->intent.done = on_done;
    writing->intent.bytes = writing->row.size;
    struct status status = event_log_submit(self->gateway->log, &writing->intent);
    if (status_ok(status)) {
        pthread_mutex_lock(&writing->lock);
        while (!writing->is_over)
            pthread_cond_wait(&writing->changed, &writing->lock);
        pthread_mutex_unlock(&writing->lock);
        status = writing->intent.status;
    }
    pthread_cond_destroy(&writing->changed);
    pthread_mutex_destroy(&writing->lock);
    return status;
}

/* @thread writer. Later runs of a name come later, so the newest one's number stays. */
static void add_saga(struct writing *writing, struct commit *commit)
{
    const struct saga *saga = writing->saga;
    struct arena *arena = commit_arena(commit);
    uint8_t *number = arena_alloc_raw(arena, SAGA_NUMBER_BYTES);
    uint8_t *name = arena_alloc_raw(arena, SAGA_NAME_KEY_BYTES);
    uint8_t *value = arena_alloc_raw(arena, SAGA_NAME_VALUE_BYTES);
    struct saga_index_view *view = saga_index_look(saga, arena);

    if (!number || !name || !value || !view)
        return commit_fail(commit, status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory"));
    if (writing->row.data)
        commit_put(commit, FAMILY_SAGAS, saga_number_key(number, saga->number), writing->row);
    commit_put(commit, FAMILY_SAGA_IDS, saga_name_key(name, saga->type, saga->id),
               saga_name_value(value, saga->number));
    saga_index_write(commit, saga, NULL, view);
}

/* @thread writer */
static void remove_wrong(struct writing *writing, struct commit *commit)
{
    for (size_t i = 0; i < writing->wrong_count; i++)
        commit_delete(commit, FAMILY_SAGA_INDEX, writing->wrong[i]);
}

/* --- one run ----------------------------------------------------------------------------- */

/* A stream does not tell where the commands' own events are. If the row does not either, they are
 * made anew when they are handed out (command_read.c). */
static void take_positions(struct saga *saga, const struct saga *stored)
{
    for (uint32_t i = 0; stored && i < saga->activity_count && i < stored->activity_count; i++)
        saga->activities[i].command_position = stored->activities[i].command_position;
}

static void tell(struct rebuilding *self, const struct saga *saga, const char *family,
                 const char *what)
{
    char line[SAGA_STREAM_BYTES_MAX + 64];

    snprintf(line, sizeof line, "%s: %.*s/%.*s, run %u: %s", family, (int)saga->type.size,
             (const char *)saga->type.data, (int)saga->id.size, (const char *)saga->id.data,
             saga->run, what);
    if (self->result->tell)
        self->result->tell(self->result->context, line);
}

static void tell_wrong(struct rebuilding *self, const struct saga *saga, const char *family,
                       const char *what)
{
    self->result->wrong++;
    tell(self, saga, family, what);
}

/* Whether two states have one row. */
static struct status compare(const struct saga *saga, const struct saga *stored,
                             struct arena *arena, struct bytes *row, bool *equal)
{
    struct bytes other;

    *equal = false;
    TRY(saga_encode(saga, arena, row));
    if (!stored)
        return OK;
    TRY(saga_encode(stored, arena, &other));
    *equal = bytes_equal(*row, other);
    return OK;
}

/* What was folded, or else the row, is what holds from now on. */
static struct status put_right(struct rebuilding *self, struct saga *saga, struct saga *stored,
                               struct arena *arena)
{
    struct writing writing = {.add = add_saga, .saga = saga};
    bool equal;

    take_positions(saga, stored);
    TRY(compare(saga, stored, arena, &writing.row, &equal));
    if (equal)
        writing.row = (struct bytes){0};
    else
        self->result->renewed++;
    if (!equal)
        tell(self, saga, "sagas", "made anew");
    return write_now(self, &writing);
}

/* The name leads to this run or to a later one. */
static struct status look_at_name(struct rebuilding *self, const struct saga *saga)
{
    uint64_t number;
    struct status status = saga_rows_find(self->gateway, saga->type, saga->id, &number);

    if (status.code == STATUS_DATA_LOSS)
        number = 0;
    else
        TRY(status);
    if (number < saga->number)
        tell_wrong(self, saga, "saga_ids", number == 0 ? "missing" : "leads to an older run");
    return OK;
}

static struct status look_at_entry(struct rebuilding *self, const struct saga *saga,
                                   struct bytes key, const char *what)
{
    struct arena arena;
    struct bytes value;

    arena_init(&arena, MEMORY_MAX);
    struct status status =
        engine_get(self->gateway->engine, FAMILY_SAGA_INDEX, key, &arena, &value);
    if (status_ok(status) && !value.data)
        tell_wrong(self, saga, "saga_index", what);
    arena_destroy(&arena);
    return status;
}

static struct status look_at_entries(struct rebuilding *self, const struct saga *saga,
                                     struct arena *arena)
{
    uint8_t key[SAGA_INDEX_KEY_BYTES];
    struct saga_index_view *view = saga_index_look(saga, arena);

    if (!view)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory");
    TRY(look_at_entry(self, saga, saga_status_key(key, view->status, saga->number),
                      "not found by its status"));
    TRY(look_at_entry(self, saga,
                      saga_text_key(key, SAGA_INDEX_TYPE, checksum_bytes(saga->type), saga->number),
                      "not found by its type"));
    for (uint32_t i = 0; i < view->attribute_count; i++)
        TRY(look_at_entry(
            self, saga, saga_text_key(key, SAGA_INDEX_ATTRIBUTE, view->attributes[i], saga->number),
            "not found by an attribute"));
    return OK;
}

static struct status look(struct rebuilding *self, struct saga *saga, struct saga *stored,
                          struct arena *arena)
{
    struct bytes row;
    bool equal;

    take_positions(saga, stored);
    TRY(compare(saga, stored, arena, &row, &equal));
    if (!equal)
        tell_wrong(self, saga, "sagas", stored ? "not what its stream says" : "missing or damaged");
    TRY(look_at_name(self, saga));
    return look_at_entries(self, saga, arena);
}

static struct status end_run(struct rebuilding *self)
{
    struct saga *stored = NULL;
    struct arena arena;

    if (!self->saga)
        return OK;
    arena_init(&arena, MEMORY_MAX);
    struct status status = saga_rows_read(self->gateway, self->saga->number, &stored);
    if (status.code == STATUS_NOT_FOUND || status.code == STATUS_DATA_LOSS)
        status = OK;
    if (status_ok(status) && self->is_broken)
        self->result->kept++; /* its row is all there is */
    else if (status_ok(status))
        status = self->only_looks ? look(self, self->saga, stored, &arena)
                                  : put_right(self, self->saga, stored, &arena);
    self->result->sagas++;
    if (stored)
        saga_free(stored);
    saga_free(self->saga);
    self->saga = NULL;
    arena_destroy(&arena);
    return status;
}

static struct status begin_run(struct rebuilding *self, const Sagabase__V1__SagaStarted *started)
{
    struct definition *definition;
    bool is_default;

    TRY(end_run(self));
    TRY(gateway_get_definition(self->gateway, bytes_of_text(started->type), started->version,
                               &definition, &is_default));
    self->saga = saga_create(definition);
    definition_release(definition);
    self->is_broken = false;
    return self->saga ? OK : status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory");
}

static struct status fold(struct rebuilding *self, const struct event *event)
{
    Sagabase__V1__SagaEvent *message = NULL;
    struct status status = OK;
    struct arena arena;

    arena_init(&arena, MEMORY_MAX);
    if (!event->erased_us)
        message = (Sagabase__V1__SagaEvent *)unpack_within(&sagabase__v1__saga_event__descriptor,
                                                           event->data, &arena, NULL);
    if (message && message->event_case == SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_STARTED)
        status = begin_run(self, message->saga_started);
    if (status_ok(status) && self->saga && !self->is_broken) {
        self->is_broken =
            !message || !status_ok(saga_apply(self->saga, message, event->created_us));
        self->saga->position = event->position;
    }
    arena_destroy(&arena);
    return status;
}

/* --- all streams ------------------------------------------------------------------------- */

static struct status fold_page(struct rebuilding *self, struct bytes frames)
{
    struct event event;

    while (event_next(&frames, &event))
        TRY(fold(self, &event));
    return OK;
}

static struct status fold_stream(struct rebuilding *self, struct bytes name)
{
    struct read read = {.from = 0, .events_max = PAGE_EVENTS_MAX, .bytes_max = PAGE_BYTES_MAX};
    struct stream_head head;
    struct page page;
    struct status status = OK;
    bool end = false;

    TRY(event_log_find_stream(self->gateway->log, name, &head));
    while (head.exists && status_ok(status) && !end) {
        status = event_log_read_stream(self->gateway->log, head.number, &read, &page);
        if (status_ok(status))
            status = fold_page(self, buffer_bytes(&page.frames));
        read.from = page.next;
        end = page.end;
        buffer_destroy(&page.frames);
    }
    return status_ok(status) ? end_run(self) : status;
}

static struct status fold_streams(struct rebuilding *self)
{
    struct stream_info infos[STREAMS_AT_ONCE];
    uint8_t name[STREAM_NAME_BYTES_MAX];
    struct bytes after = {name, 0};
    struct status status = OK;

    do {
        struct bytes last = {0};
        struct arena arena;
        size_t count = 0;
        arena_init(&arena, MEMORY_MAX);
        status = event_log_list_streams(self->gateway->log, bytes_of_text("$saga-"), after,
                                        STREAMS_AT_ONCE, &arena, infos, &count, &last);
        for (size_t i = 0; i < count && status_ok(status); i++)
            status = fold_stream(self, infos[i].name);
        after.size = last.size;
        if (last.size > 0)
            memcpy(name, last.data, last.size);
        arena_destroy(&arena);
    } while (after.size > 0 && status_ok(status));
    return status;
}

/* --- entries of the index that lead to nothing ------------------------------------------- */

struct entries {
    uint8_t keys[ENTRIES_AT_ONCE][SAGA_INDEX_KEY_BYTES];
    struct bytes key[ENTRIES_AT_ONCE], wrong[ENTRIES_AT_ONCE];
    size_t count;
};

static bool take_entry(void *context, struct bytes key, struct bytes value)
{
    struct entries *entries = context;
    size_t size = key.size < SAGA_INDEX_KEY_BYTES ? key.size : SAGA_INDEX_KEY_BYTES;

    (void)value;
    memcpy(entries->keys[entries->count], key.data, size);
    entries->key[entries->count] = bytes_of(entries->keys[entries->count], size);
    return ++entries->count < ENTRIES_AT_ONCE;
}

/* Whether the saga has what the entry says. */
static bool is_right(const struct saga *saga, struct bytes entry, struct arena *arena)
{
    struct saga_index_view *view = saga_index_look(saga, arena);
    uint64_t hash = entry.size == 17 ? get_u64_big_endian(entry.data + 1) : 0;

    if (entry.data[0] == SAGA_INDEX_STATUS)
        return entry.size == 10 && entry.data[1] == saga->status;
    if (entry.data[0] == SAGA_INDEX_TYPE)
        return entry.size == 17 && hash == checksum_bytes(saga->type);
    for (uint32_t i = 0; view && i < view->attribute_count; i++)
        if (entry.size == 17 && entry.data[0] == SAGA_INDEX_ATTRIBUTE &&
            view->attributes[i] == hash)
            return true;
    return false;
}

static struct status check_entry(struct rebuilding *self, struct bytes entry, bool *right)
{
    struct saga *saga;
    struct arena arena;

    *right = false;
    if (entry.size < 10)
        return OK;
    struct status status = saga_rows_read(
        self->gateway, get_u64_big_endian(entry.data + entry.size - SAGA_NUMBER_BYTES), &saga);
    if (status.code == STATUS_NOT_FOUND)
        return OK;
    TRY(status);
    arena_init(&arena, MEMORY_MAX);
    *right = is_right(saga, entry, &arena);
    arena_destroy(&arena);
    saga_free(saga);
    return OK;
}

static void tell_leading_nowhere(struct rebuilding *self, size_t count)
{
    char line[64];

    self->result->wrong += count;
    snprintf(line, sizeof line, "saga_index: %zu entries lead nowhere", count);
    if (self->result->tell)
        self->result->tell(self->result->context, line);
}

static struct status check_entries(struct rebuilding *self, struct entries *entries)
{
    struct writing writing = {.add = remove_wrong, .wrong = entries->wrong};

    for (size_t i = 0; i < entries->count; i++) {
        bool right;
        TRY(check_entry(self, entries->key[i], &right));
        if (!right)
            entries->wrong[writing.wrong_count++] = entries->key[i];
    }
    if (self->only_looks && writing.wrong_count > 0)
        tell_leading_nowhere(self, writing.wrong_count);
    return self->only_looks || writing.wrong_count == 0 ? OK : write_now(self, &writing);
}

static struct status check_index(struct rebuilding *self)
{
    struct entries *entries = calloc(1, sizeof *entries);
    uint8_t from[SAGA_INDEX_KEY_BYTES + 1];
    struct scan scan = {.family = FAMILY_SAGA_INDEX, .from = {from, 0}, .bulk = true};
    struct status status =
        entries ? OK : status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory");

    while (status_ok(status)) {
        entries->count = 0;
        status = engine_scan(self->gateway->engine, &scan, take_entry, entries);
        if (!status_ok(status) || entries->count == 0)
            break;
        status = check_entries(self, entries);
        struct bytes last = entries->key[entries->count - 1];
        memcpy(from, last.data, last.size);
        from[last.size] = 0; /* the next key there can be */
        scan.from.size = last.size + 1;
    }
    free(entries);
    return status;
}

static struct status fold_all(struct saga_rebuild *rebuild, bool only_looks)
{
    struct gateway *gateway = calloc(1, sizeof *gateway);
    struct rebuilding self = {.result = rebuild, .gateway = gateway, .only_looks = only_looks};

    if (!gateway)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory");
    rebuild->sagas = rebuild->renewed = rebuild->kept = rebuild->wrong = 0;
    gateway->log = rebuild->log;
    gateway->engine = event_log_engine(rebuild->log);
    definitions_init(&gateway->definitions);
    struct status status = definitions_load(&gateway->definitions, gateway->engine);
    if (status_ok(status))
        status = fold_streams(&self);
    if (status_ok(status))
        status = check_index(&self);
    if (self.saga)
        saga_free(self.saga);
    definitions_destroy(&gateway->definitions);
    free(gateway);
    return status;
}

struct status saga_rebuild(struct saga_rebuild *rebuild)
{
    return fold_all(rebuild, false);
}

struct status saga_verify(struct saga_rebuild *rebuild)
{
    return fold_all(rebuild, true);
}
