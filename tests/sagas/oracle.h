/* Judges sagas from the streams alone: told every event of the store, it says whether what
 * the gateway promises has been kept.
 *
 * Participants of these tests follow one rule, so that their own events can be judged, too: a reply
 * SUCCESS comes with one event "Done", a reply FAILURE with one event "Refused", whose data is the
 * command's id. Steps whose names begin with "q" have nothing to undo; "p" is a pivot, "r" comes
 * behind one: neither is ever compensated. */
#ifndef TESTS_SAGAS_ORACLE_H
#define TESTS_SAGAS_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "sagabase/v1/event_store.pb-c.h"

struct oracle;

struct oracle *oracle_create(void);
void oracle_free(struct oracle *oracle);

/* The next event of the store. DATA_LOSS says what may not follow what came before. */
struct status oracle_see(struct oracle *oracle, const Sagabase__V1__RecordedEvent *event);

struct oracle_counts {
    uint64_t sagas, open, completed, compensated, terminated;
    uint64_t commands, attempts, refused_late;
};

/* After the last event. DATA_LOSS says what does not fit together. */
struct status oracle_judge(const struct oracle *oracle, struct oracle_counts *counts);

/* Whether there is such a saga. */
bool oracle_knows(const struct oracle *oracle, const char *type, const char *id);

#endif
