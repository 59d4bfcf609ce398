/* A snapshot as it is answered. */
#ifndef SERVER_SERVICES_SNAPSHOTS_SNAPSHOT_ANSWER_H
#define SERVER_SERVICES_SNAPSHOTS_SNAPSHOT_ANSWER_H

#include "base/arena.h"
#include "base/status.h"
#include "sagabase/v1/snapshots.pb-c.h"
#include "storage/snapshots/snapshot_store.h"

/* The answer borrows the state from the snapshot, and the rest from the arena. */
struct status snapshot_answer(const struct snapshot *snapshot, struct arena *arena,
                              Sagabase__V1__Snapshot *answer);

/* As the API tells when something expires. */
int64_t snapshot_answer_expiry(int64_t expires_us);

#endif
