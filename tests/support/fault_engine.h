/* An engine that passes everything to another one and fails where a test says
 * so. As with a real engine, no commit succeeds after one has failed: open a
 * new fault engine over the same inner one, as a restart would.
 *
 * Any thread, as the port. Counting starts with 1 at each fail_... call. */
#ifndef TESTS_SUPPORT_FAULT_ENGINE_H
#define TESTS_SUPPORT_FAULT_ENGINE_H

#include <stdint.h>

#include "storage/engine/engine.h"

/* Borrows `inner`: closing the fault engine leaves it open. */
struct engine *fault_engine_open(struct engine *inner);

/* When the commit fails, seen from its effect. */
enum fault_moment { FAULT_BEFORE, FAULT_AFTER };

/* The nth commit from now fails with UNAVAILABLE, as after an I/O error. */
void fault_engine_fail_commit(struct engine *engine, uint64_t nth, enum fault_moment moment);

/* The nth commit from now fails with RESOURCE_EXHAUSTED, as on a full disk. */
void fault_engine_fill_disk(struct engine *engine, uint64_t nth);

/* From now on admit fails with RESOURCE_EXHAUSTED, or no longer. */
void fault_engine_set_room(struct engine *engine, bool enough);

/* The nth get, multi_get or scan from now fails with UNAVAILABLE; a scan does
 * so after it has visited everything. Later ones succeed again. */
void fault_engine_fail_read(struct engine *engine, uint64_t nth);

/* From now on commits wait, before they take effect, until the release. */
void fault_engine_hold_commits(struct engine *engine);
/* Returns once a commit waits. */
void fault_engine_await_held_commit(struct engine *engine);
void fault_engine_release_commits(struct engine *engine);

struct fault_counts {
    uint64_t commits; /* begun, failed ones too */
    uint64_t writes;  /* in those commits */
    uint64_t reads;
};

struct fault_counts fault_engine_counts(struct engine *engine);

#endif
