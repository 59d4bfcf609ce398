/* One stored event, in place. An event is stored as it is sent: the wire form
 * of sagabase.v1.RecordedEvent (protos/sagabase/v1/event_store.proto), framed
 * as an element of a message's repeated field 1. So a page of events is the
 * concatenation of their frames. Storage needs no protobuf library for that,
 * only these few functions. */
#ifndef STORAGE_LOG_EVENT_H
#define STORAGE_LOG_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct event {
    struct bytes id; /* 36 characters, lower case */
    struct bytes type;
    struct bytes content_type;
    struct bytes data;
    struct bytes sealed; /* in the place of content type, data and metadata (sealing.h) */
    struct bytes stream;
    uint64_t revision;
    uint64_t position;
    int64_t created_us;
    int64_t erased_us;  /* 0: it was not */
    struct bytes wire;  /* the message without its frame, for event_tag_next */
    struct bytes frame; /* all of it: tag, length, wire form */
};

/* Takes the first frame off `frames`. False: no frame left, or damaged bytes
 * (then frames->size is not 0). The event borrows from `frames`. */
bool event_next(struct bytes *frames, struct event *event);

/* The next tag of an event: begin with a copy of event->wire. False: no more. */
bool event_tag_next(struct bytes *wire, struct bytes *tag);

/* The value that the event's metadata holds under a key. False: none. */
bool event_metadata(const struct event *event, struct bytes key, struct bytes *value);

enum { ERASED_FRAME_BYTES_MAX = 2048 }; /* id, type and stream have their limits */

/* Writes the frame of the same event without its payload: id, type, stream, revision, position
 * and created stay, and when it was erased is added. Returns the end, which is at most 16 bytes
 * further than that of the whole frame would be. */
uint8_t *event_put_erased(uint8_t *at, const struct event *event, int64_t erased_us);

#endif
