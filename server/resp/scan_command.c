/* SCAN: the plain values first, then the snapshots. A cursor is the store's own, with a bit that
 * tells which of the two walks it belongs to. */
#include "server/resp/commands.h"
#include "server/resp/face.h"
#include "server/resp/number.h"
#include "server/resp/pattern.h"
#include "storage/log/limits.h"

#define SNAPSHOTS_BIT (UINT64_C(1) << 62)

enum {
    KEYS_DEFAULT = 10, /* looked at by one call */
    KEYS_MAX = 1000,
    /* Of one call: values on disk, four times as many that wait for it, and the first snapshots. */
    FOUND_BYTES_MAX = 6 * KEYS_MAX * (VALUE_KEY_BYTES_MAX + REPLY_HEADER_BYTES_MAX + 2),
};

struct walk {
    uint64_t cursor;
    size_t count;
    struct bytes pattern; /* data NULL: every key */
    bool none;            /* a type that no key has */

    struct buffer keys; /* as they are replied */
    size_t found;
    struct reply reply; /* into `keys` */
};

static bool read_cursor(struct bytes text, uint64_t *cursor)
{
    int64_t number;

    if (!number_read(text, &number) || number < 0)
        return false;
    *cursor = (uint64_t)number;
    return true;
}

/* False: the error was replied. */
static bool read_walk(const struct request *request, struct walk *walk, struct reply *reply)
{
    int64_t count = KEYS_DEFAULT;

    if (!read_cursor(request_argument(request, 1), &walk->cursor)) {
        reply_error(reply, "ERR invalid cursor");
        return false;
    }
    for (uint32_t i = 2; i < request->count; i += 2) {
        bool last = i + 1 == request->count;
        if (!last && argument_is(request, i, "count")) {
            if (!number_read(request_argument(request, i + 1), &count)) {
                reply_not_an_integer(reply);
                return false;
            }
        } else if (!last && argument_is(request, i, "match")) {
            walk->pattern = request_argument(request, i + 1);
        } else if (!last && argument_is(request, i, "type")) {
            walk->none = !argument_is(request, i + 1, "string");
        } else {
            count = 0;
        }
        if (count < 1) {
            reply_syntax_error(reply);
            return false;
        }
    }
    if (walk->pattern.size > PATTERN_BYTES_MAX) {
        reply_error(reply, "ERR pattern: at most %d bytes", PATTERN_BYTES_MAX);
        return false;
    }
    walk->count = count < KEYS_MAX ? (size_t)count : KEYS_MAX;
    return true;
}

static void visit_key(void *context, struct bytes key)
{
    struct walk *walk = context;

    if (walk->none || (walk->pattern.data && !pattern_matches(walk->pattern, key, false)))
        return;
    reply_bulk(&walk->reply, key);
    walk->found++;
}

static void visit_stream(void *context, struct bytes stream)
{
    uint8_t key[sizeof SNAPSHOT_KEY_PREFIX - 1 + STREAM_NAME_BYTES_MAX];
    size_t prefix = sizeof SNAPSHOT_KEY_PREFIX - 1;

    memcpy(key, SNAPSHOT_KEY_PREFIX, prefix);
    memcpy(key + prefix, stream.data, stream.size);
    visit_key(context, bytes_of(key, prefix + stream.size));
}

/* Where the values end, the snapshots begin, in the same call: a small store is one call. */
static struct status step(struct face *face, struct walk *walk)
{
    bool snapshots = (walk->cursor & SNAPSHOTS_BIT) != 0;
    uint64_t first = snapshots ? walk->cursor & ~SNAPSHOTS_BIT : 0;

    if (!snapshots) {
        TRY(value_scan(face->values, walk->cursor, walk->count, visit_key, walk, &walk->cursor));
        if (walk->cursor != 0)
            return OK;
    }
    TRY(snapshot_scan(face->snapshots, first, walk->count, visit_stream, walk, &walk->cursor));
    if (walk->cursor != 0)
        walk->cursor |= SNAPSHOTS_BIT;
    return OK;
}

void command_scan(struct client *client, const struct request *request, struct reply *reply)
{
    struct walk walk = {0};
    char digits[NUMBER_TEXT_BYTES];

    if (!read_walk(request, &walk, reply))
        return;
    buffer_init(&walk.keys, FOUND_BYTES_MAX);
    walk.reply = (struct reply){&walk.keys, reply->protocol};
    struct status status = step(client->face, &walk);
    if (status_ok(status) && !buffer_ok(&walk.keys))
        status = status_make(STATUS_RESOURCE_EXHAUSTED, "out of memory");
    if (status_ok(status)) {
        reply_array(reply, 2);
        reply_bulk(reply, bytes_of(digits, number_write((int64_t)walk.cursor, digits)));
        reply_array(reply, walk.found);
        buffer_put(reply->buffer, buffer_bytes(&walk.keys));
    } else {
        reply_status(reply, status);
    }
    buffer_destroy(&walk.keys);
}
