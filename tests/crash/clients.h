/* Many clients that append at once until the server dies under them, and one that
 * subscribes. Every intent is told to the oracle before it is sent, every answer when it comes. */
#ifndef TESTS_CRASH_CLIENTS_H
#define TESTS_CRASH_CLIENTS_H

#include "base/status.h"
#include "tests/crash/oracle.h"
#include "tests/support/chance.h"
#include "tests/support/wire.h"

struct clients;

/* Starts them; they work while wire_step() is called. `chance` is borrowed until free. */
struct clients *clients_start(struct wire *wire, struct oracle *oracle, struct chance *chance);

/* Says that from now on lost connections are expected: nothing new is sent. */
void clients_expect_death(struct clients *clients);

/* What was wrong with an answer, if anything. */
struct status clients_verdict(const struct clients *clients);

/* After wire_open_calls() has become 0. */
void clients_free(struct clients *clients);

/* Reads the whole store and judges it. */
struct status read_all(struct wire *wire, struct oracle *oracle);

/* Sends a stored or absent append again and judges the answer. Returns when it is there. */
struct status repeat_append(struct wire *wire, struct oracle *oracle, uint32_t number);

#endif
