/* Reading the log, one bounded page at a time. Any thread but the writer. */
#ifndef STORAGE_LOG_READ_H
#define STORAGE_LOG_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/status.h"
#include "storage/log/event.h"
#include "storage/log/query.h"

struct event_log;

/* An exclusive upper bound that is never reached: "to the end". */
#define READ_END UINT64_MAX

struct read {
    uint64_t from; /* revision or position of the first event, inclusive; READ_END with
                    * `backwards`: the newest */
    bool backwards;
    size_t events_max; /* 1..PAGE_EVENTS_MAX */
    size_t bytes_max; /* ends the page once passed; at least one event is read. 1..PAGE_BYTES_MAX */

    bool retained_only; /* leave out what retention hides (retention.h) */

    /* Which events go into the page; NULL: all. At most `scanned_max` events are looked at, and no
     * further one once `is_enough` says so (NULL: never): who looks may take long. */
    bool (*accept)(void *context, const struct event *event);
    bool (*is_enough)(void *context);
    void *context;
    size_t scanned_max; /* used with `accept`; 0: PAGE_EVENTS_MAX * 10 */
};

struct page {
    struct buffer frames; /* event frames; the caller's to destroy, also after an error */
    size_t event_count;
    size_t scanned_count; /* events looked at; scavenged ones in a row count as one */
    uint64_t next;        /* where the next page starts, in `from`'s terms */
    bool end;             /* nothing is left in that direction now */
};

/* The store in commit order. DATA_LOSS: a record fails its checksum. */
struct status event_log_read_all(struct event_log *log, const struct read *read, struct page *page);

/* The events that match a query (query_check'ed), in commit order: by the tags'
 * index where each item names a tag, else by looking at every event. */
struct status event_log_read_query(struct event_log *log, const struct query *query,
                                   const struct read *read, struct page *page);

/* One stream, by the number that event_log_find_stream gave. */
struct status event_log_read_stream(struct event_log *log, uint64_t stream_number,
                                    const struct read *read, struct page *page);

/* Adds the frame of a stored event as its readers are to see it: one that is sealed at rest is
 * opened. The frames of pages are so already. Any thread but the writer. */
struct status event_log_put_event(struct event_log *log, const struct event *event,
                                  struct buffer *frames);

/* How many events are committed: the position after the newest. */
uint64_t event_log_end(const struct event_log *log);

/* How many of them are in the trailing index; a query looks at each of the others. */
uint64_t event_log_indexed(const struct event_log *log);

/* --- streams ------------------------------------------------------------ */

struct stream_head {
    bool exists; /* has at least one committed event to be seen; else the rest is 0 */
    uint64_t number;
    uint64_t first_revision; /* to be seen, the age of events aside */
    uint64_t last_revision;
    uint64_t deleted_before; /* what was before it was deleted or erased: no state that knows it
                              * may be shown */
};

struct status event_log_find_stream(struct event_log *log, struct bytes name,
                                    struct stream_head *head);

/* What of a stream is hidden, though nothing of it may be left to be seen. `number` is 0 if nothing
 * was ever appended to it. */
struct stream_hidden {
    uint64_t number;
    uint64_t first_revision; /* as above; the next one to come, if all is hidden */
    uint64_t deleted_before; /* as above */
};

struct status event_log_find_hidden(struct event_log *log, struct bytes name,
                                    struct stream_hidden *hidden);

/* The first event taken in at or after a time: its position, or with a stream
 * number its revision. What would come next if all are older. */
struct status event_log_find_time(struct event_log *log, uint64_t stream_number, int64_t time_us,
                                  uint64_t *index);

struct stream_info {
    struct bytes name;
    uint64_t first_revision; /* to be seen */
    uint64_t last_revision;
    uint64_t last_position;
    int64_t created_us;  /* of the first event to be seen */
    int64_t appended_us; /* of the newest event */
};

/* NOT_FOUND if it has no events. The name is copied into the arena. */
struct status event_log_get_stream(struct event_log *log, struct bytes name, struct arena *arena,
                                   struct stream_info *info);

/* Of up to `max` streams whose names start with `prefix` and come after `after` (empty: from the
 * first), in byte order, those of which something is to be seen, perhaps none. *last: the last name
 * looked at, which the next page comes after; empty: nothing is behind. */
struct status event_log_list_streams(struct event_log *log, struct bytes prefix, struct bytes after,
                                     size_t max, struct arena *arena, struct stream_info *infos,
                                     size_t *count, struct bytes *last);

/* Names alone, in the same way: of streams, also of those of which nothing is to be seen; of event
 * types, and of categories of streams. *more: there are others behind. */
struct status event_log_list_names(struct event_log *log, struct bytes prefix, struct bytes after,
                                   size_t max, struct arena *arena, struct bytes *names,
                                   size_t *count, bool *more);
struct status event_log_list_types(struct event_log *log, struct bytes prefix, struct bytes after,
                                   size_t max, struct arena *arena, struct bytes *types,
                                   size_t *count, bool *more);
struct status event_log_list_categories(struct event_log *log, struct bytes prefix,
                                        struct bytes after, size_t max, struct arena *arena,
                                        struct bytes *categories, size_t *count, bool *more);

#endif
