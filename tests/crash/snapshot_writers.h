/* Clients that put snapshots with revisions that rise, until the server dies under them, and
 * remember what was acknowledged. What is in a snapshot follows from its stream and revision, so
 * bytes are compared without being kept. */
#ifndef TESTS_CRASH_SNAPSHOT_WRITERS_H
#define TESTS_CRASH_SNAPSHOT_WRITERS_H

#include "base/status.h"
#include "tests/crash/oracle.h"
#include "tests/support/chance.h"
#include "tests/support/wire.h"

/* What is known of one store, through all its deaths. */
struct snapshot_writers;

/* Both are borrowed until free. */
struct snapshot_writers *snapshot_writers_create(const struct oracle *oracle,
                                                 struct chance *chance);
void snapshot_writers_free(struct snapshot_writers *writers);

/* They work while wire_step() is called; `wire` is borrowed until the server is dead. */
void snapshot_writers_start(struct snapshot_writers *writers, struct wire *wire);

/* Says that from now on lost connections are expected: nothing new is sent. */
void snapshot_writers_expect_death(struct snapshot_writers *writers);

/* What was wrong with an answer, if anything. */
struct status snapshot_writers_verdict(const struct snapshot_writers *writers);

/* Between two deaths: no snapshot that is shown is older than an acknowledged one, each is byte for
 * byte what was put, the policy that was acknowledged is there, and exactly the streams that are
 * due by it are told. */
struct status snapshot_writers_check(struct snapshot_writers *writers, struct wire *wire);

/* How many puts were acknowledged. */
uint64_t snapshot_writers_count(const struct snapshot_writers *writers);

#endif
