#include "server/resp/keys.h"

#include <stdlib.h>

enum { SNAPSHOT_ARENA_BYTES_MAX = 8 << 20 /* of one look, or of the changes of one command */ };

bool key_names_snapshot(struct bytes key, struct bytes *stream)
{
    struct bytes prefix = bytes_of_text(SNAPSHOT_KEY_PREFIX);

    if (!bytes_have_prefix(key, prefix))
        return false;
    *stream = bytes_of(key.data + prefix.size, key.size - prefix.size);
    return true;
}

/* --- looking -------------------------------------------------------------------------------- */

static struct status find_snapshot(struct face *face, struct bytes stream, struct found *found)
{
    found->is_snapshot = true;
    arena_init(&found->arena, SNAPSHOT_ARENA_BYTES_MAX);
    struct status status =
        snapshot_get(face->snapshots, stream, SNAPSHOT_NEWEST, &found->arena, &found->snapshot);
    found->exists = status_ok(status);
    if (!found->exists)
        return status.code == STATUS_NOT_FOUND ? OK : status;
    found->value = found->snapshot.state;
    found->expires_us = found->snapshot.expires_us;
    return OK;
}

struct status keys_find(struct face *face, struct bytes key, enum look look, struct found *found)
{
    struct bytes stream;

    found->exists = false;
    found->entry = NULL;
    found->is_snapshot = false;
    if (key_names_snapshot(key, &stream))
        return find_snapshot(face, stream, found);
    TRY((look == LOOK_USES ? value_get : value_peek)(face->values, key, &found->entry,
                                                     &found->expires_us));
    if (found->entry) {
        found->exists = true;
        found->value = cache_entry_value(found->entry);
    }
    return OK;
}

void found_release(struct found *found)
{
    if (found->entry)
        cache_entry_release(found->entry);
    if (!found->is_snapshot)
        return;
    if (found->exists)
        snapshot_release(&found->snapshot);
    arena_destroy(&found->arena);
}

/* --- plain values on their way to disk -------------------------------------------------------- */

struct save_errand {
    struct errand errand;
    struct value_saved saved;
};

/* @thread writer, or the value store's own */
static void on_saved(struct value_saved *saved)
{
    struct save_errand *self = container_of(saved, struct save_errand, saved);

    wake_send(&self->errand.client->face->wake, &self->errand.link);
}

static void finish_save(struct errand *errand, struct reply *reply)
{
    struct save_errand *self = container_of(errand, struct save_errand, errand);
    struct client *client = errand->client;

    (void)reply; /* it was written when the command ran, and is sent now */
    client->unsaved--;
    if (!status_ok(self->saved.status)) {
        client->unsafe = true;
        client->face->save_failure = self->saved.status;
    }
    free(self);
}

static void finish_waiting(struct errand *errand, struct reply *reply)
{
    struct save_errand *self = container_of(errand, struct save_errand, errand);

    (void)reply; /* the command is run now */
    errand->client->waiting = false;
    errand->client->face->held_count--;
    errand->client->refused_room = !status_ok(self->saved.status);
    free(self);
}

bool keys_have_room(struct client *client, const struct request *request)
{
    struct face *face = client->face;
    size_t bytes = 0;

    for (uint32_t i = 1; i < request->count; i++)
        bytes += request_argument(request, i).size + VALUE_CHANGE_BYTES;
    bool in_turn = client->was_held || face->held_count == 0;
    if ((in_turn && value_store_has_room(face->values, bytes)) || client->refused_room) {
        client->was_held = client->refused_room = false;
        return true;
    }
    struct save_errand *self = malloc(sizeof *self);
    if (!self)
        return true; /* and be told that there is no memory */
    *self = (struct save_errand){.errand = {.client = client, .finish = finish_waiting},
                                 .saved = {.done = on_saved}};
    client->errands++;
    client->waiting = client->was_held = true;
    face->held_count++;
    counter_add_alone(&face->counts.held, 1);
    value_store_await_room(face->values, &self->saved);
    return false;
}

struct status keys_await_save(struct client *client, struct value_saved **saved)
{
    *saved = NULL;
    if (!client->face->always_saved)
        return OK;
    struct save_errand *self = malloc(sizeof *self);
    if (!self)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "out of memory");
    *self = (struct save_errand){.errand = {.client = client, .finish = finish_save},
                                 .saved = {.done = on_saved}};
    client->errands++;
    client->unsaved++;
    *saved = &self->saved;
    return OK;
}

void keys_forget_save(struct value_saved *saved)
{
    if (!saved)
        return;
    struct save_errand *self = container_of(saved, struct save_errand, saved);
    self->errand.client->errands--;
    self->errand.client->unsaved--;
    free(self);
}

struct status keys_delete(struct client *client, struct bytes key, bool *deleted)
{
    struct value_saved *saved;

    *deleted = false;
    TRY(keys_await_save(client, &saved));
    struct status status = value_delete(client->face->values, key, saved, deleted);
    if (!status_ok(status) || !*deleted)
        keys_forget_save(saved);
    return status;
}

struct status keys_set_expiry(struct client *client, struct bytes key, int64_t expires_us,
                              bool *found)
{
    struct value_saved *saved;
    int64_t previous_us;

    TRY(keys_await_save(client, &saved));
    struct status status =
        value_expire(client->face->values, key, expires_us, saved, found, &previous_us);
    if (!status_ok(status) || !*found)
        keys_forget_save(saved);
    return status;
}

/* --- changes of snapshots ------------------------------------------------------------------- */

static void finish_changes(struct errand *errand, struct reply *reply)
{
    struct snapshot_errand *self = container_of(errand, struct snapshot_errand, errand);
    struct status status = OK;

    errand->client->waiting = false;
    for (uint32_t i = 0; i < self->count && status_ok(status); i++)
        if (self->changes[i].change.intent.status.code != STATUS_NOT_FOUND)
            status = self->changes[i].change.intent.status;
    if (status_ok(status))
        self->reply(self, reply);
    else
        reply_status(reply, status);
    arena_destroy(&self->arena);
    free(self);
}

struct snapshot_errand *snapshot_errand_create(struct client *client, uint32_t count)
{
    struct snapshot_errand *self = calloc(1, sizeof *self + count * sizeof *self->changes);

    if (!self)
        return NULL;
    self->errand.client = client;
    self->errand.finish = finish_changes;
    self->count = count;
    arena_init(&self->arena, SNAPSHOT_ARENA_BYTES_MAX);
    return self;
}

/* Any thread */
static void change_ended(struct snapshot_errand *self)
{
    if (atomic_fetch_sub(&self->underway, 1) == 1)
        wake_send(&self->errand.client->face->wake, &self->errand.link);
}

/* @thread writer */
static void on_changed(struct intent *intent)
{
    struct errand_change *changed = container_of(intent, struct errand_change, change.intent);

    change_ended(changed->errand);
}

void snapshot_errand_submit(struct snapshot_errand *self)
{
    struct client *client = self->errand.client;

    client->errands++;
    client->waiting = true;
    atomic_store(&self->underway, self->count + 1); /* the last one is this function */
    for (uint32_t i = 0; i < self->count; i++) {
        struct errand_change *one = &self->changes[i];

        one->errand = self;
        one->change.intent.done = on_changed;
        struct status status =
            snapshot_change_submit(client->face->snapshots, &one->change, &self->arena);
        if (!status_ok(status)) {
            one->change.intent.status = status;
            change_ended(self);
        }
    }
    change_ended(self);
}
