/* Payloads that are sealed at rest: content type, data and metadata of the events of streams whose
 * policy says so, under a key of the stream (storage/keys). Tags are not: they are found by.
 * Sealed, an event has one field more, in place of those (event_wire.h); readers get it as it was.
 * One whose key is gone comes as erased. Only for files of this folder. */
#ifndef STORAGE_LOG_SEALING_H
#define STORAGE_LOG_SEALING_H

#include "base/arena.h"
#include "base/buffer.h"
#include "storage/keys/key_store.h"
#include "storage/log/append.h"
#include "storage/log/event.h"

struct append_plan;

/* Fills in the keys of the plan's streams that are to be sealed, making them if need be. */
struct status sealing_find_keys(struct event_log *log, const struct append *append,
                                struct append_plan *plan, struct arena *arena);

/* @thread writer. UNAVAILABLE: a key was destroyed since the plan was made. */
struct status sealing_check(struct event_log *log, const struct append_plan *plan);

/* Bytes of the sealed field's content. */
static inline size_t sealed_bytes(size_t payload_bytes)
{
    return payload_bytes + SEAL_BYTES;
}

/* Destroys a stream's key. @thread any but the writer; sealed appends are refused from
 * sealing_suspend(), on the writer, until then. */
void sealing_suspend(struct event_log *log);
struct status sealing_destroy_key(struct event_log *log, struct bytes stream);
void sealing_resume(struct event_log *log);

#endif
