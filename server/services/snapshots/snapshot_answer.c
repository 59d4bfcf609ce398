#include "server/services/snapshots/snapshot_answer.h"

int64_t snapshot_answer_expiry(int64_t expires_us)
{
    return expires_us == SNAPSHOT_NO_EXPIRY ? 0 : expires_us;
}

struct status snapshot_answer(const struct snapshot *snapshot, struct arena *arena,
                              Sagabase__V1__Snapshot *answer)
{
    *answer = (Sagabase__V1__Snapshot)SAGABASE__V1__SNAPSHOT__INIT;
    answer->revision = snapshot->revision;
    answer->content_type = (char *)arena_copy(arena, snapshot->content_type).data;
    answer->state.data = (uint8_t *)snapshot->state.data;
    answer->state.len = snapshot->state.size;
    answer->created_us = snapshot->created_us;
    answer->expires_us = snapshot_answer_expiry(snapshot->expires_us);
    if (!answer->content_type)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "snapshot: too large for the call's memory");
    return OK;
}
