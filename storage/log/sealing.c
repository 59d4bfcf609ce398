#include "storage/log/sealing.h"

#include <stdlib.h>

#include "storage/log/append_plan.h"
#include "storage/log/event_wire.h"
#include "storage/log/log_state.h"
#include "storage/log/page.h"
#include "storage/log/seal.h"

/* --- appending ----------------------------------------------------------------------------------
 */

/* The key that is needed for what will be written of a stream. */
static struct status find_key(struct event_log *log, uint64_t number, struct bytes stream,
                              struct key *key, bool *needed)
{
    bool found;

    *needed = retention_encrypts(&log->retention, number, stream);
    if (!*needed)
        return OK;
    if (!log->options.keys)
        return status_make(STATUS_FAILED_PRECONDITION, "policy.encrypt: the server has no keys");
    return key_store_get(log->options.keys, stream, true, key, &found);
}

struct status sealing_find_keys(struct event_log *log, const struct append *append,
                                struct append_plan *plan, struct arena *arena)
{
    plan->sealing_epoch = atomic_load(&log->sealing_epoch); /* before the keys */
    if (!atomic_load(&log->has_sealed))
        return OK;
    plan->keys = arena_alloc(arena, append->stream_count * sizeof *plan->keys);
    if (!plan->keys)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "events: too many for the call's memory");
    for (size_t i = 0; i < append->stream_count; i++) {
        struct bytes stream = append->streams[i].stream;
        uint64_t number, count;
        struct key key;
        bool needed;
        TRY(stream_locate(log, stream, &number, &count));
        TRY(find_key(log, number, stream, &key, &needed));
        if (!needed)
            continue;
        struct key *kept = arena_alloc(arena, sizeof *kept);
        if (!kept)
            return status_make(STATUS_RESOURCE_EXHAUSTED, "events: too many for the call's memory");
        *kept = key;
        plan->keys[i] = kept;
        plan->is_sealed = true;
    }
    return OK;
}

static struct status check_epoch(struct event_log *log, uint64_t epoch, const char *again)
{
    if (atomic_load(&log->is_sealing_suspended) || atomic_load(&log->sealing_epoch) != epoch)
        return status_make(STATUS_UNAVAILABLE, "a key is being destroyed: %s again", again);
    return OK;
}

struct status sealing_check(struct event_log *log, const struct append_plan *plan)
{
    return plan->is_sealed ? check_epoch(log, plan->sealing_epoch, "append") : OK;
}

/* --- beside the log -------------------------------------------------------------------------- */

struct status event_log_find_seal(struct event_log *log, uint64_t stream_number,
                                  struct bytes stream, struct seal *seal)
{
    *seal = (struct seal){.epoch = atomic_load(&log->sealing_epoch)}; /* before the key */
    if (!atomic_load(&log->has_sealed))
        return OK;
    return find_key(log, stream_number, stream, &seal->key, &seal->is_needed);
}

struct status event_log_check_seal(struct event_log *log, const struct seal *seal)
{
    return seal->is_needed ? check_epoch(log, seal->epoch, "put it") : OK;
}

void seal_put(const struct seal *seal, struct bytes about, struct bytes plain, uint8_t *sealed)
{
    key_seal(&seal->key, about, plain, sealed);
}

struct status event_log_open_seal(struct event_log *log, struct bytes stream, struct bytes about,
                                  struct bytes sealed, uint8_t *plain, bool *opened)
{
    struct key key;
    bool found = false;

    *opened = false;
    if (log->options.keys)
        TRY(key_store_get(log->options.keys, stream, false, &key, &found));
    /* With another key than the one of then, it is lost just as well. */
    *opened = found && sealed.size >= SEAL_BYTES && key_open(&key, about, sealed, plain);
    return OK;
}

void sealing_suspend(struct event_log *log)
{
    atomic_store(&log->is_sealing_suspended, true);
}

struct status sealing_destroy_key(struct event_log *log, struct bytes stream)
{
    return log->options.keys ? key_store_destroy(log->options.keys, stream) : OK;
}

/* What was planned with a key that is gone now is of an earlier epoch. */
void sealing_resume(struct event_log *log)
{
    atomic_fetch_add(&log->sealing_epoch, 1);
    atomic_store(&log->is_sealing_suspended, false);
}

/* --- reading ------------------------------------------------------------------------------------
 */

void reading_strip(struct reading *reading, struct event *event)
{
    if (!reading->hiding || event->erased_us)
        return;
    struct retained row = retention_of(&reading->log->retention, reading->stream_number);
    if (event->revision >= row.erased_before)
        return;
    uint8_t *end = event_put_erased(reading->erased, event, row.erased_us);
    struct bytes frame = {reading->erased, (size_t)(end - reading->erased)};
    event_next(&frame, event);
}

/* The frame of the event with its payload in the place of what sealed it. */
static void put_opened(const struct event *event, struct bytes payload, struct buffer *frames)
{
    struct bytes wire = event->wire, tag;
    size_t size = field_bytes(event->id) + field_bytes(event->type) + payload.size +
                  field_bytes(event->stream) + EVENT_FIXED_BYTES;

    while (event_tag_next(&wire, &tag))
        size += field_bytes(tag);
    uint8_t *begin = buffer_reserve(frames, 1 + varint_bytes(size) + size), *at = begin;
    if (!at)
        return; /* buffer_ok() tells */
    *at++ = EVENT_TAG_FRAME;
    at = put_varint(at, size);
    at = put_field(at, EVENT_TAG_ID, event->id);
    at = put_field(at, EVENT_TAG_TYPE, event->type);
    memcpy(at, payload.data, payload.size);
    at += payload.size;
    for (wire = event->wire; event_tag_next(&wire, &tag);)
        at = put_field(at, EVENT_TAG_TAGS, tag);
    at = put_field(at, EVENT_TAG_STREAM, event->stream) + EVENT_FIXED_BYTES;
    event_fill(at, event->revision, event->position, event->created_us);
    frames->size += (size_t)(at - begin);
}

/* Its key is gone: the time of that is not known. */
static void put_lost(const struct event *event, struct buffer *frames)
{
    uint8_t *begin = buffer_reserve(frames, ERASED_FRAME_BYTES_MAX);

    if (begin)
        frames->size += (size_t)(event_put_erased(begin, event, event->created_us) - begin);
}

struct status event_log_put_event(struct event_log *log, const struct event *event,
                                  struct buffer *frames)
{
    struct bytes sealed = event->sealed;
    bool opened;

    if (sealed.size == 0) {
        buffer_put(frames, event->frame);
        return OK;
    }
    uint8_t *payload = malloc(sealed.size);
    if (!payload)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "read: out of memory");
    struct status status =
        event_log_open_seal(log, event->stream, event->id, sealed, payload, &opened);
    if (status_ok(status) && opened)
        put_opened(event, (struct bytes){payload, sealed.size - SEAL_BYTES}, frames);
    else if (status_ok(status))
        put_lost(event, frames);
    free(payload);
    return status;
}
