/* Changing what of a stream is to be seen: policies, deletion, tombstones. Effective on
 * reads as soon as it is durable; the bytes go when the store is scavenged.
 *
 *   any thread           writer thread            any thread
 *   submit  --->         decide, commit, done --> intent.status */
#ifndef STORAGE_LOG_STREAM_CHANGE_H
#define STORAGE_LOG_STREAM_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"
#include "storage/log/append.h"
#include "storage/log/sequencer.h"

/* 0: no limit. */
struct stream_policy {
    uint64_t max_count; /* the newest so many events are seen */
    int64_t max_age_us; /* events not older than this are seen */
    bool encrypt;       /* payloads are sealed at rest from now on; of a stream or its category */
};

enum stream_change_kind {
    CHANGE_POLICY,          /* of one stream; all 0: the category's holds again. With
                             * `before` it also hides what is before a revision, for ever */
    CHANGE_CATEGORY_POLICY, /* of all streams of a category without one of their own */
    CHANGE_DELETE,          /* hides all events; appends go on behind them */
    CHANGE_TOMBSTONE,       /* hides all events and refuses appends, for ever */
};

struct stream_plan;

struct stream_change {
    struct intent intent; /* the caller sets `done` */
    enum stream_change_kind kind;
    struct bytes name;           /* of the stream, or of the category */
    struct expectation expected; /* of the stream; of DELETE and TOMBSTONE */
    struct stream_policy policy;
    uint64_t before; /* of CHANGE_POLICY; 0 hides nothing more */

    /* With ABORTED. */
    struct conflict conflict;

    struct event_log *log;
    struct stream_plan *plan; /* in the arena */
};

/* The struct, all it points to and the arena must stay until `done`. Then intent.status is
 * OK, ABORTED (not as expected), NOT_FOUND (no such stream) or FAILED_PRECONDITION (it has
 * a tombstone). Any thread. */
struct status stream_change_submit(struct event_log *log, struct stream_change *change,
                                   struct arena *arena);

/* The policy of a stream or category as it was set, and from which revision on the stream is
 * to be seen. NOT_FOUND: nothing was ever appended to it. Any thread. */
struct status event_log_get_policy(struct event_log *log, struct bytes stream,
                                   struct stream_policy *policy, uint64_t *first_revision);
struct stream_policy event_log_get_category_policy(struct event_log *log, struct bytes category);

#endif
