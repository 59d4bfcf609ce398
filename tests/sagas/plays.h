/* The saga definitions of these tests. */
#ifndef TESTS_SAGAS_PLAYS_H
#define TESTS_SAGAS_PLAYS_H

#include "base/arena.h"
#include "sagabase/v1/saga_definition.pb-c.h"

enum { PLAYS = 4, QUEUES = 3 };

extern const char *const play_types[PLAYS];
extern const char *const play_queues[QUEUES];

/* Short timeouts and intervals: START_TO_CLOSE_MS, then a few milliseconds. In `arena`. */
enum { START_TO_CLOSE_MS = 150 };
Sagabase__V1__SagaDefinition *play(size_t number, struct arena *arena);

#endif
