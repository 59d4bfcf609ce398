/* Knows, outside the server, what was appended and what became of it, and judges whether
 * a store that is read back as a whole tells the same story. Pure: no gRPC, no clock, no
 * files. Everything about an event follows from the oracle's seed, the number of its append
 * and its index in it, so bytes are compared without being kept. */
#ifndef TESTS_CRASH_ORACLE_H
#define TESTS_CRASH_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "sagabase/v1/event_store.pb-c.h"

enum { PARTS_MAX = 3, PART_EVENTS_MAX = 16 };

enum outcome {
    UNDERWAY, /* sent, no answer yet */
    STORED,   /* acknowledged, or found after its outcome had been unknown */
    REFUSED,  /* the server said no */
    UNKNOWN,  /* the connection was lost: all of it is stored or nothing */
    ABSENT,   /* was unknown, and a later read did not find it */
};

enum expectation { EXPECT_ANY, EXPECT_NO_STREAM, EXPECT_EXISTS, EXPECT_REVISION };

/* What an append holds for one stream. */
struct part {
    uint32_t stream; /* the number in its name */
    uint32_t events; /* 1..PART_EVENTS_MAX */
    enum expectation expectation;
    uint64_t revision;       /* with EXPECT_REVISION */
    uint64_t first_revision; /* once STORED */
};

struct attempt {
    enum outcome outcome;
    uint32_t part_count; /* 1..PARTS_MAX */
    struct part parts[PARTS_MAX];
    uint64_t position;   /* of its last event, once STORED */
    uint32_t seen;       /* events found in the read underway */
    uint64_t first_seen; /* position of the first of them */
};

struct oracle;

struct oracle *oracle_create(uint32_t seed);
void oracle_free(struct oracle *oracle);

/* --- what was done ------------------------------------------------------------- */

/* Notes the intent; before it is sent. Returns the append's number, from 0. */
uint32_t oracle_intend(struct oracle *oracle, const struct part *parts, uint32_t part_count);

uint32_t oracle_count(const struct oracle *oracle);
const struct attempt *oracle_attempt(const struct oracle *oracle, uint32_t number);

/* The append as a message, in the arena. The same for the same number. */
Sagabase__V1__AppendRequest *oracle_request(const struct oracle *oracle, uint32_t number,
                                            struct arena *arena);

/* The answers. A repeated append may be answered again: then the answer has to be the
 * first one. The result is what is wrong with the answer, if anything. */
struct status oracle_stored(struct oracle *oracle, uint32_t number, uint64_t position,
                            const uint64_t first_revisions[], bool replayed);
struct status oracle_refused(struct oracle *oracle, uint32_t number);
void oracle_unknown(struct oracle *oracle, uint32_t number);

/* Says that an ABSENT append is sent again. */
void oracle_repeats(struct oracle *oracle, uint32_t number);

/* A live subscriber was given this event: it must never be missing from a later read. They
 * come in order without gaps, over all subscriptions. */
struct status oracle_subscriber_saw(struct oracle *oracle,
                                    const Sagabase__V1__RecordedEvent *event);
/* How many events a subscriber has seen: the next position it expects. */
uint64_t oracle_subscriber_position(const struct oracle *oracle);

/* --- what is there ----------------------------------------------------------------- */

/* A read of the whole store from position 0. Appends may be UNDERWAY only if they are
 * UNKNOWN in truth: call oracle_unknown for them before. The first violation is the result. */
void oracle_read_begin(struct oracle *oracle);
struct status oracle_read_event(struct oracle *oracle, const Sagabase__V1__RecordedEvent *event);
/* Everything was read: also settles the UNKNOWN ones. */
struct status oracle_read_end(struct oracle *oracle);

/* How many events the store held at the last read's end. */
uint64_t oracle_events(const struct oracle *oracle);

/* Newest revision of a stream, as far as is known; false: none is known. */
bool oracle_head(const struct oracle *oracle, uint32_t stream, uint64_t *revision);

#endif
