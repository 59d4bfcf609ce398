/* What append_submit prepares on the caller's thread so that the sequencer has
 * little left to do. Only for files of this folder. */
#ifndef STORAGE_LOG_APPEND_PLAN_H
#define STORAGE_LOG_APPEND_PLAN_H

#include "storage/log/append.h"
#include "storage/log/heads.h"
#include "storage/log/keys.h"

/* One tag of one event: its entry in the index, but for the position. */
struct tag_plan {
    uint64_t hash; /* hash_bytes() of the tag */
    struct bytes key;
    size_t event;                     /* index in the append */
    uint8_t value[INDEX_VALUE_BYTES]; /* that index, encoded */
};

/* One stream that is written or checked. */
struct stream_plan {
    uint64_t hash;
    struct head_read read; /* of the head, if it was not in memory */
    bool was_read;

    struct head *head;       /* @thread writer, in decide */
    bool found;              /* an event of it was appended before, at: */
    uint64_t found_position; /* of the first event's earlier twin */
    uint64_t base_revision;  /* decided: of its first event */
};

struct append_plan {
    struct event_log *log;
    struct append *append;
    struct stream_plan *streams; /* append->stream_count of them */
    struct stream_plan *checks;  /* append->check_count of them */
    uint64_t *stream_hashes;     /* the hashes of `streams` alone, for the tail */

    size_t event_count;
    uint64_t *type_hashes;  /* of each event */
    uint64_t *fingerprints; /* of each event (ids.h) */
    struct uuid *ids;       /* of each event */
    struct tag_plan *tags;  /* of all events, in their order */
    size_t tag_count;
    const struct key **keys; /* of each stream, NULL: not sealed; NULL: no stream is */
    bool is_sealed;          /* some stream is */
    uint64_t sealing_epoch;
    uint8_t *stored; /* the record, but for what the sequencer fills in */
    size_t stored_size;

    uint64_t checked_end; /* the condition holds for what lies before it ... */
    bool matched;         /* ... or an event matched, here: */
    uint64_t matched_position;
};

/* Checks the append's rules and fills everything in the plan but the head reads and the record. */
struct status append_plan_create(struct append *append, struct arena *arena,
                                 struct append_plan **plan);

/* The record, once the keys are known. */
struct status append_plan_record(struct append_plan *plan, struct arena *arena);

/* Plan and record of events that need no checking, and are not sealed. */
struct status append_plan_encode(struct append *append, struct arena *arena,
                                 struct append_plan **plan);

/* Reads the head here if it is not in memory, so that the sequencer need not wait for
 * the disk. `stream->hash` is set. */
struct status append_warm(struct event_log *log, struct bytes name, struct stream_plan *stream);

/* @thread writer. Sets stream->head, which stays while the group needs it. */
struct status append_find_head(struct commit *commit, struct bytes name,
                               struct stream_plan *stream);

/* @thread writer. ABORTED, with the conflict, if the stream is not as expected. */
struct status append_check_expected(struct commit *commit, struct bytes stream,
                                    const struct expectation *expected, const struct head *head,
                                    struct conflict *conflict);

/* FAILED_PRECONDITION. */
struct status append_refuse_tombstoned(struct bytes stream);

/* Looks for events that the append's condition forbids, on the caller's thread:
 * fills checked_end, matched and matched_position. */
struct status condition_prepare(struct event_log *log, struct append_plan *plan);

/* @thread writer. Looks at what was appended since: ABORTED if an event matches. */
struct status condition_decide(struct commit *commit, struct append_plan *plan);

/* @thread writer: intent.decide of an append. */
struct status append_decide(struct intent *intent, struct commit *commit);

#endif
