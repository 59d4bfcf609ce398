/* An append: events for one or several streams, all or nothing.
 *
 *   any thread           writer thread            any thread
 *   append_submit  --->  decide, commit, done --> append_settle
 *
 * The caller owns the struct and all it points to; it must stay untouched
 * from append_submit until `done` was called. */
#ifndef STORAGE_LOG_APPEND_H
#define STORAGE_LOG_APPEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"
#include "base/uuid.h"
#include "storage/log/query.h"
#include "storage/log/sequencer.h"

struct metadata_entry {
    struct bytes key;
    struct bytes value;
};

struct new_event {
    struct uuid id;
    struct bytes type;
    struct bytes content_type;
    struct bytes data;
    const struct metadata_entry *metadata;
    size_t metadata_count;
    const struct bytes *tags;
    size_t tag_count;
};

enum expectation_kind { EXPECT_ANY, EXPECT_NO_STREAM, EXPECT_STREAM_EXISTS, EXPECT_REVISION };

struct expectation {
    enum expectation_kind kind;
    uint64_t revision; /* of EXPECT_REVISION */
};

struct stream_append {
    struct bytes stream;
    struct expectation expected;
    const struct new_event *events;
    size_t event_count;

    /* Results, once settled with OK. */
    uint64_t first_revision;
    uint64_t last_revision;
};

struct stream_check {
    struct bytes stream;
    struct expectation expected;
};

/* The first stream that was not as expected. */
struct conflict {
    struct bytes stream;
    struct expectation expected;
    bool exists;              /* whether the stream has events */
    uint64_t actual_revision; /* of its newest event, if it exists */
};

/* "Fail if an event that matches `query` was appended after this position." */
struct append_condition {
    const struct query *query; /* NULL: no condition */
    bool has_after;            /* false: if any event matches */
    uint64_t after;
};

struct append_plan; /* append.c */

struct append {
    struct intent intent; /* the caller sets `done`; see `intent.status` */

    struct stream_append *streams; /* 1..STREAMS_PER_APPEND_MAX, no stream twice */
    size_t stream_count;
    const struct stream_check *checks; /* 0..CHECKS_PER_APPEND_MAX, none of `streams`, no ANY */
    size_t check_count;

    struct append_condition condition;

    /* Results, once settled. With OK: */
    uint64_t position; /* of the last event */
    bool replayed;     /* it had been stored before; this is its first answer */
    /* With ABORTED: either a stream was not as expected, or an event matched. */
    struct conflict conflict;
    bool matched;
    uint64_t matched_position; /* of one event that matched */

    struct append_plan *plan; /* between submit and settle; in the arena */
};

/* Checks every rule of limits.h, encodes the events and hands the append to the
 * sequencer. `arena` keeps the encoded form and must live until append_settle.
 * The error names field and rule: "events[3].type: 1 to 256 bytes", or with
 * several streams "appends[1].events[3].type: ...". UTF-8 is not checked here.
 * Any thread. If it fails, `done` will not run. */
struct status append_submit(struct event_log *log, struct append *append, struct arena *arena);

/* Call once after `done`, not on the writer thread, and before looking at any
 * result: turns a conflict into the first answer if the append had been stored
 * before, which takes a read. The answer is also left in intent.status. */
struct status append_settle(struct event_log *log, struct append *append, struct arena *arena);

/* --- as a part of another intent --------------------------------------------
 * Who decides more than an append, a saga for example, prepares it, submits an intent of its own,
 * and there first checks everything and then adds. */

/* Any thread. append_submit but for the submit; append->intent is not used, but for its status by
 * append_settle. *bytes: what it will add to the commit. */
struct status append_prepare(struct event_log *log, struct append *append, struct arena *arena,
                             size_t *bytes);

/* @thread writer, in decide: whether it can be added. As intent.status of append_submit. */
struct status append_check(struct commit *commit, struct append *append);

/* @thread writer, in the same decide, after append_check said OK and before anything else was
 * added to one of its streams. Cannot be refused any more. Fills in the results. */
void append_add(struct commit *commit, struct append *append);

/* @thread writer, in decide: adds events that the server itself makes, whatever the streams are
 * like. No checks, no condition, no idempotency; the events obey limits.h but for
 * EVENT_DATA_BYTES_MAX, each stream is named once, its expectation is ANY. Names of streams and
 * types must live until `done`, the rest until this returns. If it cannot be done, the commit
 * fails. */
void append_now(struct commit *commit, struct append *append);

#endif
