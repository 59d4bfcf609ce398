/* An event that was never appended before. */
#ifndef TESTS_BENCH_PROPOSAL_H
#define TESTS_BENCH_PROPOSAL_H

#include "base/uuid.h"
#include "sagabase/v1/event_store.pb-c.h"
#include "tests/bench/measure.h"

struct proposal {
    Sagabase__V1__ProposedEvent message;
    char id[UUID_TEXT_BYTES + 1];
    uint8_t data[DATA_BYTES]; /* begins with the time of proposal_renew, little-endian, us */
};

void proposal_renew(struct proposal *proposal);

/* An id that no other call gave, as text with a NUL. */
void next_id(char id[UUID_TEXT_BYTES + 1]);

/* AppendToStream of `count` new events, 1..EVENTS_MAX. */
void append_to(struct wire *wire, unsigned connection, char *stream, size_t count, wire_done *done,
               void *context);

#endif
