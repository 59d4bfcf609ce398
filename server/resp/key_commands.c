/* Commands about keys, whatever their values. */
#include "base/clock.h"
#include "server/resp/commands.h"
#include "server/resp/expiry.h"
#include "server/resp/face.h"
#include "server/resp/keys.h"
#include "server/resp/number.h"

/* --- looking -------------------------------------------------------------------------------- */

/* False: the error was replied. Without an error, *found is to be released. */
static bool peek(struct client *client, struct bytes key, struct found *found, struct reply *reply)
{
    struct status status = keys_find(client->face, key, LOOK_PEEKS, found);

    if (status_ok(status))
        return true;
    found_release(found);
    reply_status(reply, status);
    return false;
}

void command_exists(struct client *client, const struct request *request, struct reply *reply)
{
    int64_t count = 0;

    for (uint32_t i = 1; i < request->count; i++) {
        struct found found;
        if (!peek(client, request_argument(request, i), &found, reply))
            return;
        count += found.exists;
        found_release(&found);
    }
    reply_integer(reply, count);
}

void command_type(struct client *client, const struct request *request, struct reply *reply)
{
    struct found found;

    if (!peek(client, request_argument(request, 1), &found, reply))
        return;
    reply_simple(reply, found.exists ? "string" : "none");
    found_release(&found);
}

/* -2: no such key. -1: it does not expire. Else milliseconds since 1970, rounded up: a key that is
 * still there has some left. */
static bool find_expiry(struct client *client, const struct request *request, int64_t *expires_ms,
                        struct reply *reply)
{
    struct found found;

    if (!peek(client, request_argument(request, 1), &found, reply))
        return false;
    if (!found.exists)
        *expires_ms = -2;
    else if (found.expires_us == VALUE_NO_EXPIRY)
        *expires_ms = -1;
    else
        *expires_ms = expiry_ms(found.expires_us);
    found_release(&found);
    return true;
}

/* Seconds are rounded, as in Redis. */
static void reply_expiry(struct client *client, const struct request *request, bool left,
                         bool seconds, struct reply *reply)
{
    int64_t ms;

    if (!find_expiry(client, request, &ms, reply))
        return;
    if (ms >= 0 && left) {
        ms -= clock_wall_us(system_clock()) / 1000;
        ms = ms < 0 ? 0 : ms;
    }
    if (ms >= 0 && seconds)
        ms = ms / 1000 + (ms % 1000 >= 500);
    reply_integer(reply, ms);
}

void command_ttl(struct client *client, const struct request *request, struct reply *reply)
{
    reply_expiry(client, request, true, true, reply);
}

void command_pttl(struct client *client, const struct request *request, struct reply *reply)
{
    reply_expiry(client, request, true, false, reply);
}

void command_expiretime(struct client *client, const struct request *request, struct reply *reply)
{
    reply_expiry(client, request, false, true, reply);
}

void command_pexpiretime(struct client *client, const struct request *request, struct reply *reply)
{
    reply_expiry(client, request, false, false, reply);
}

/* --- DEL -------------------------------------------------------------------------------------- */

static void reply_deleted(const struct snapshot_errand *errand, struct reply *reply)
{
    int64_t count = errand->number;

    for (uint32_t i = 0; i < errand->count; i++)
        count += errand->changes[i].change.found;
    reply_integer(reply, count);
}

/* `count` of the keys name snapshots; so many plain values are gone already. */
static void delete_snapshots(struct client *client, const struct request *request, uint32_t count,
                             int64_t deleted, struct reply *reply)
{
    struct snapshot_errand *errand = snapshot_errand_create(client, count);
    struct bytes stream;
    uint32_t filled = 0;

    if (!errand) {
        reply_error(reply, "OOM out of memory");
        return;
    }
    errand->reply = reply_deleted;
    errand->number = deleted;
    for (uint32_t i = 1; i < request->count; i++)
        if (key_names_snapshot(request_argument(request, i), &stream)) {
            struct snapshot_change *change = &errand->changes[filled++].change;
            change->kind = SNAPSHOT_DELETE_ALL;
            change->stream = arena_copy(&errand->arena, stream);
        }
    snapshot_errand_submit(errand);
}

void command_del(struct client *client, const struct request *request, struct reply *reply)
{
    int64_t count = 0;
    uint32_t snapshots = 0;
    struct bytes stream;

    for (uint32_t i = 1; i < request->count; i++) {
        struct bytes key = request_argument(request, i);
        bool deleted;

        if (key_names_snapshot(key, &stream)) {
            snapshots++;
            continue;
        }
        struct status status = keys_delete(client, key, &deleted);
        if (!status_ok(status)) {
            reply_status(reply, status);
            return;
        }
        count += deleted;
    }
    if (snapshots > 0)
        delete_snapshots(client, request, snapshots, count, reply);
    else
        reply_integer(reply, count);
}

/* --- EXPIRE, PERSIST ---------------------------------------------------------------------------
 */

static void reply_changed(const struct snapshot_errand *errand, struct reply *reply)
{
    reply_integer(reply, errand->changes[0].change.found);
}

static void change_snapshot_expiry(struct client *client, struct bytes stream, int64_t expires_us,
                                   struct reply *reply)
{
    struct snapshot_errand *errand = snapshot_errand_create(client, 1);

    if (!errand) {
        reply_error(reply, "OOM out of memory");
        return;
    }
    struct snapshot_change *change = &errand->changes[0].change;
    errand->reply = reply_changed;
    change->kind = SNAPSHOT_EXPIRE;
    change->stream = arena_copy(&errand->arena, stream);
    change->expires_us = expires_us;
    snapshot_errand_submit(errand);
}

/* The key has another time to expire. Replies 1, or 0 if it is gone meanwhile. */
static void change_expiry(struct client *client, struct bytes key, int64_t expires_us,
                          struct reply *reply)
{
    struct bytes stream;
    bool found = false;

    if (key_names_snapshot(key, &stream)) {
        change_snapshot_expiry(client, stream, expires_us, reply);
        return;
    }
    struct status status = keys_set_expiry(client, key, expires_us, &found);
    if (status_ok(status))
        reply_integer(reply, found);
    else
        reply_status(reply, status);
}

enum { IF_NONE = 1, IF_SOME = 2, IF_LATER = 4, IF_EARLIER = 8 };

/* NX, XX, GT, LT. False: the error was replied. */
static bool read_conditions(const struct request *request, unsigned *conditions,
                            struct reply *reply)
{
    static const char *const names[] = {"nx", "xx", "gt", "lt"};

    *conditions = 0;
    for (uint32_t i = 3; i < request->count; i++) {
        unsigned condition = 0;
        for (unsigned j = 0; j < 4; j++)
            if (argument_is(request, i, names[j]))
                condition = 1u << j;
        if (!condition) {
            struct bytes option = request_argument(request, i);
            reply_error(reply, "ERR Unsupported option %.*s",
                        option.size < 128 ? (int)option.size : 128, option.data);
            return false;
        }
        *conditions |= condition;
    }
    if (*conditions & IF_NONE && *conditions & ~(unsigned)IF_NONE)
        reply_error(reply, "ERR NX and XX, GT or LT options at the same time are not compatible");
    else if (*conditions & IF_LATER && *conditions & IF_EARLIER)
        reply_error(reply, "ERR GT and LT options at the same time are not compatible");
    else
        return true;
    return false;
}

/* A key without an expiry counts as one that expires after all others. */
static bool conditions_hold(unsigned conditions, int64_t now_us, int64_t wanted_us)
{
    bool expires = now_us != VALUE_NO_EXPIRY;

    return !(conditions & IF_NONE && expires) && !(conditions & IF_SOME && !expires) &&
           !(conditions & IF_LATER && wanted_us <= now_us) &&
           !(conditions & IF_EARLIER && wanted_us >= now_us);
}

static void expire(struct client *client, const struct request *request, struct expiry_form form,
                   struct reply *reply)
{
    struct bytes key = request_argument(request, 1);
    unsigned conditions;
    int64_t expires_us;
    struct found found;

    if (!read_conditions(request, &conditions, reply) ||
        !expiry_read(request_argument(request, 2), form, false, client->command->name, &expires_us,
                     reply) ||
        !peek(client, key, &found, reply))
        return;
    if (!found.exists || !conditions_hold(conditions, found.expires_us, expires_us))
        reply_integer(reply, 0);
    else if (found.expires_us == expires_us)
        reply_integer(reply, 1);
    else
        change_expiry(client, key, expires_us, reply);
    found_release(&found);
}

void command_expire(struct client *client, const struct request *request, struct reply *reply)
{
    expire(client, request, (struct expiry_form){.seconds = true}, reply);
}

void command_pexpire(struct client *client, const struct request *request, struct reply *reply)
{
    expire(client, request, (struct expiry_form){0}, reply);
}

void command_expireat(struct client *client, const struct request *request, struct reply *reply)
{
    expire(client, request, (struct expiry_form){.seconds = true, .absolute = true}, reply);
}

void command_pexpireat(struct client *client, const struct request *request, struct reply *reply)
{
    expire(client, request, (struct expiry_form){.absolute = true}, reply);
}

void command_persist(struct client *client, const struct request *request, struct reply *reply)
{
    struct bytes key = request_argument(request, 1);
    struct found found;

    if (!peek(client, key, &found, reply))
        return;
    if (!found.exists || found.expires_us == VALUE_NO_EXPIRY)
        reply_integer(reply, 0);
    else
        change_expiry(client, key, VALUE_NO_EXPIRY, reply);
    found_release(&found);
}
