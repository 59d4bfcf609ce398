/* Commands about values. */
#include <stdlib.h>

#include "server/resp/commands.h"
#include "server/resp/expiry.h"
#include "server/resp/face.h"
#include "server/resp/keys.h"
#include "server/resp/number.h"

/* --- GET and its kin -------------------------------------------------------------------------- */

/* False: the error was replied. Without an error, *found is to be released. */
static bool find(struct client *client, struct bytes key, struct found *found, struct reply *reply)
{
    struct status status = keys_find(client->face, key, LOOK_USES, found);

    if (status_ok(status))
        return true;
    found_release(found);
    reply_status(reply, status);
    return false;
}

static void reply_found(const struct found *found, struct reply *reply)
{
    if (found->exists)
        reply_bulk(reply, found->value);
    else
        reply_null(reply);
}

void command_get(struct client *client, const struct request *request, struct reply *reply)
{
    struct found found;

    if (!find(client, request_argument(request, 1), &found, reply))
        return;
    reply_found(&found, reply);
    found_release(&found);
}

void command_strlen(struct client *client, const struct request *request, struct reply *reply)
{
    struct found found;

    if (!find(client, request_argument(request, 1), &found, reply))
        return;
    reply_integer(reply, found.exists ? (int64_t)found.value.size : 0);
    found_release(&found);
}

/* An array of values holds no errors: what cannot be read fails the whole command. */
void command_mget(struct client *client, const struct request *request, struct reply *reply)
{
    size_t from = reply->buffer->size;

    reply_array(reply, request->count - 1);
    for (uint32_t i = 1; i < request->count; i++) {
        struct found found;
        struct status status =
            keys_find(client->face, request_argument(request, i), LOOK_USES, &found);

        if (status_ok(status))
            reply_found(&found, reply);
        found_release(&found);
        if (!status_ok(status)) {
            reply->buffer->size = from;
            reply_status(reply, status);
            return;
        }
    }
}

static void refuse_snapshot(struct reply *reply)
{
    reply_error(reply, "ERR a snapshot is written by SET key state REVISION revision, and removed "
                       "by DEL");
}

void command_getdel(struct client *client, const struct request *request, struct reply *reply)
{
    struct bytes key = request_argument(request, 1), stream;
    struct found found;
    bool deleted = false;

    if (key_names_snapshot(key, &stream)) {
        refuse_snapshot(reply);
        return;
    }
    if (!find(client, key, &found, reply))
        return;
    struct status status = found.exists ? keys_delete(client, key, &deleted) : OK;
    if (status_ok(status))
        reply_found(&found, reply);
    else
        reply_status(reply, status);
    found_release(&found);
}

/* GETEX: what is to become of the expiry. */
struct getex {
    bool changes;
    bool persists;
    struct expiry_form form;
    struct bytes time;
};

static bool read_getex(const struct request *request, struct getex *getex)
{
    uint32_t i = 2;

    *getex = (struct getex){.changes = request->count > 2};
    if (!getex->changes)
        return true;
    if (argument_is(request, 2, "persist"))
        getex->persists = true;
    else if (expiry_is_option(request, &i, &getex->form))
        getex->time = request_argument(request, i);
    else
        return false;
    return i + 1 == request->count;
}

void command_getex(struct client *client, const struct request *request, struct reply *reply)
{
    struct bytes key = request_argument(request, 1), stream;
    int64_t expires_us = VALUE_NO_EXPIRY;
    struct getex getex;
    struct found found;
    bool still_there;

    if (!read_getex(request, &getex)) {
        reply_syntax_error(reply);
        return;
    }
    if (getex.changes && key_names_snapshot(key, &stream)) {
        reply_error(reply, "ERR the time of a snapshot is set by EXPIRE");
        return;
    }
    if (!find(client, key, &found, reply))
        return;
    if (found.exists && getex.changes && !getex.persists &&
        !expiry_read(getex.time, getex.form, true, "getex", &expires_us, reply)) {
        found_release(&found);
        return;
    }
    struct status status = OK;
    if (found.exists && getex.changes && found.expires_us != expires_us)
        status = keys_set_expiry(client, key, expires_us, &still_there);
    if (status_ok(status))
        reply_found(&found, reply);
    else
        reply_status(reply, status);
    found_release(&found);
}

/* --- SET -------------------------------------------------------------------------------------- */

/* What stands behind the value. */
struct set_options {
    enum value_condition condition;
    bool wants_previous;
    bool keeps_expiry;
    struct bytes time; /* data NULL: none */
    struct expiry_form form;
    struct bytes revision; /* data NULL: none */
};

static bool read_set_options(const struct request *request, struct set_options *options)
{
    *options = (struct set_options){.condition = VALUE_ALWAYS};
    for (uint32_t i = 3; i < request->count; i++) {
        if (argument_is(request, i, "nx") && options->condition != VALUE_IF_PRESENT)
            options->condition = VALUE_IF_ABSENT;
        else if (argument_is(request, i, "xx") && options->condition != VALUE_IF_ABSENT)
            options->condition = VALUE_IF_PRESENT;
        else if (argument_is(request, i, "get"))
            options->wants_previous = true;
        else if (argument_is(request, i, "keepttl") && !options->time.data)
            options->keeps_expiry = true;
        else if (!options->keeps_expiry && !options->time.data &&
                 expiry_is_option(request, &i, &options->form))
            options->time = request_argument(request, i);
        else if (argument_is(request, i, "revision") && i + 1 < request->count)
            options->revision = request_argument(request, ++i);
        else
            return false;
    }
    return true;
}

/* One value, as `set` says; *previous is to be released. */
static struct status set_value(struct client *client, struct value_set *set)
{
    TRY(keys_await_save(client, &set->saved));
    struct status status = value_set(client->face->values, set);
    if (!status_ok(status) || !set->is_set)
        keys_forget_save(set->saved);
    return status;
}

static void reply_set_done(const struct snapshot_errand *errand, struct reply *reply)
{
    struct status status = errand->changes[0].change.intent.status;

    if (status_ok(status))
        reply_simple(reply, "OK");
    else
        reply_status(reply, status);
}

/* A state without its revision would be wrong as soon as an event comes between reading the
 * stream and this command, so the revision has to be told. */
static void put_snapshot(struct client *client, const struct request *request, struct bytes stream,
                         const struct set_options *options, int64_t expires_us, struct reply *reply)
{
    struct snapshot_errand *errand;
    int64_t revision;

    if (!options->revision.data || options->condition != VALUE_ALWAYS || options->wants_previous ||
        options->keeps_expiry) {
        refuse_snapshot(reply);
        return;
    }
    if (!number_read(options->revision, &revision) || revision < 0) {
        reply_not_an_integer(reply);
        return;
    }
    errand = snapshot_errand_create(client, 1);
    if (!errand) {
        reply_error(reply, "OOM out of memory");
        return;
    }
    struct snapshot_change *change = &errand->changes[0].change;
    errand->reply = reply_set_done;
    change->kind = SNAPSHOT_PUT;
    change->stream = arena_copy(&errand->arena, stream);
    change->state = arena_copy(&errand->arena, request_argument(request, 2));
    change->content_type = bytes_of_text("");
    change->revision = (uint64_t)revision;
    change->expires_us = expires_us;
    snapshot_errand_submit(errand);
}

static void reply_outcome(const struct value_set *set, struct reply *reply)
{
    if (set->want_previous && set->previous)
        reply_bulk(reply, cache_entry_value(set->previous));
    else if (set->want_previous || !set->is_set)
        reply_null(reply);
    else
        reply_simple(reply, "OK");
}

void command_set(struct client *client, const struct request *request, struct reply *reply)
{
    struct bytes key = request_argument(request, 1), stream;
    struct set_options options;
    int64_t expires_us = VALUE_NO_EXPIRY;

    if (!read_set_options(request, &options)) {
        reply_syntax_error(reply);
        return;
    }
    if (options.time.data &&
        !expiry_read(options.time, options.form, true, "set", &expires_us, reply))
        return;
    if (key_names_snapshot(key, &stream)) {
        put_snapshot(client, request, stream, &options, expires_us, reply);
        return;
    }
    if (options.revision.data) {
        reply_syntax_error(reply);
        return;
    }
    struct value_set set = {.key = key,
                            .value = request_argument(request, 2),
                            .condition = options.condition,
                            .keep_expiry = options.keeps_expiry,
                            .expires_us = expires_us,
                            .want_previous = options.wants_previous};
    struct status status = set_value(client, &set);
    if (status_ok(status))
        reply_outcome(&set, reply);
    else
        reply_status(reply, status);
    if (set.previous)
        cache_entry_release(set.previous);
}

static void set_expiring(struct client *client, const struct request *request, bool seconds,
                         struct reply *reply)
{
    struct value_set set = {.key = request_argument(request, 1),
                            .value = request_argument(request, 3)};
    struct bytes stream;

    if (!expiry_read(request_argument(request, 2), (struct expiry_form){.seconds = seconds}, true,
                     client->command->name, &set.expires_us, reply))
        return;
    if (key_names_snapshot(set.key, &stream)) {
        refuse_snapshot(reply);
        return;
    }
    struct status status = set_value(client, &set);
    if (status_ok(status))
        reply_simple(reply, "OK");
    else
        reply_status(reply, status);
}

void command_setex(struct client *client, const struct request *request, struct reply *reply)
{
    set_expiring(client, request, true, reply);
}

void command_psetex(struct client *client, const struct request *request, struct reply *reply)
{
    set_expiring(client, request, false, reply);
}

void command_setnx(struct client *client, const struct request *request, struct reply *reply)
{
    struct value_set set = {.key = request_argument(request, 1),
                            .value = request_argument(request, 2),
                            .condition = VALUE_IF_ABSENT,
                            .expires_us = VALUE_NO_EXPIRY};
    struct bytes stream;

    if (key_names_snapshot(set.key, &stream)) {
        refuse_snapshot(reply);
        return;
    }
    struct status status = set_value(client, &set);
    if (status_ok(status))
        reply_integer(reply, set.is_set);
    else
        reply_status(reply, status);
}

static struct status set_all(struct client *client, const struct request *request)
{
    size_t count = request->count / 2;
    struct value_pair *pairs = calloc(count, sizeof *pairs);
    struct value_saved *saved;

    if (!pairs)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "out of memory");
    for (uint32_t i = 0; i < count; i++)
        pairs[i] = (struct value_pair){request_argument(request, 2 * i + 1),
                                       request_argument(request, 2 * i + 2)};
    struct status status = keys_await_save(client, &saved);
    if (status_ok(status)) {
        status = value_set_all(client->face->values, pairs, count, saved);
        if (!status_ok(status))
            keys_forget_save(saved);
    }
    free(pairs);
    return status;
}

void command_mset(struct client *client, const struct request *request, struct reply *reply)
{
    struct bytes stream;

    if (request->count % 2 == 0) {
        reply_error(reply, "ERR wrong number of arguments for 'mset' command");
        return;
    }
    for (uint32_t i = 1; i < request->count; i += 2)
        if (key_names_snapshot(request_argument(request, i), &stream)) {
            refuse_snapshot(reply);
            return;
        }
    struct status status = set_all(client, request);
    if (status_ok(status))
        reply_simple(reply, "OK");
    else
        reply_status(reply, status);
}
