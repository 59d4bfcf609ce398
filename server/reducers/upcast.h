/* Events in their newest form, for a reader who asks for it: pages go in, parts of them come out,
 * each event with a registered upcaster as that makes it. What is stored is not touched.
 *
 *   upcasting_take(page) --> upcasting_next(part) ... until !upcasting_has_more()
 *
 * It runs on the reader's own thread, a few milliseconds at a time; who is in between sends the
 * part and lets other calls have their turn. One upcaster works on one event at a time, whoever
 * reads. An erased event stays as it is. */
#ifndef SERVER_REDUCERS_UPCAST_H
#define SERVER_REDUCERS_UPCAST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/status.h"

struct reducers;

/* All zero: nobody asked. One thread. */
struct upcasting {
    struct reducers *reducers;
    struct buffer page; /* storage/log/event.h */
    size_t done;        /* bytes of it */
    struct status failure;
};

void upcasting_begin(struct upcasting *upcasting, struct reducers *reducers);

/* Somebody asked. */
static inline bool upcasting_is_on(const struct upcasting *upcasting)
{
    return upcasting->reducers != NULL;
}

/* Takes the frames of a page and leaves the buffer empty; nothing may be left of one before. */
void upcasting_take(struct upcasting *upcasting, struct buffer *frames);

static inline bool upcasting_has_more(const struct upcasting *upcasting)
{
    return upcasting->done < upcasting->page.size;
}

/* The next part, at least one event; the caller's to destroy, after an error too.
 * FAILED_PRECONDITION: the upcaster of the next event is disabled, or fails and is disabled
 * therefore; the message names both. */
struct status upcasting_next(struct upcasting *upcasting, struct buffer *part);

/* Nobody asks any more. */
void upcasting_clear(struct upcasting *upcasting);

#endif
