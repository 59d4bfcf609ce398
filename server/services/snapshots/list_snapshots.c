/* Snapshots.ListSnapshots: at once, on the queue thread. */
#include "server/services/services.h"
#include "server/services/snapshots/methods.h"
#include "server/services/snapshots/snapshot_answer.h"
#include "server/services/stream_name.h"

static struct status list(struct call *call, const Sagabase__V1__ListSnapshotsRequest *request,
                          Sagabase__V1__ListSnapshotsResponse *response)
{
    const struct services *services = call_context(call);
    struct arena *arena = call_arena(call);
    struct snapshot_info *infos;
    struct bytes stream;
    size_t count;

    TRY(stream_name_read(request->stream, &stream));
    TRY(snapshot_list(services->snapshots, stream, arena, &infos, &count));
    Sagabase__V1__SnapshotInfo *answers = arena_alloc(arena, (count + 1) * sizeof *answers);
    response->snapshots = arena_alloc(arena, (count + 1) * sizeof *response->snapshots);
    if (!answers || !response->snapshots)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "snapshots: too many for the call's memory");
    for (size_t i = 0; i < count; i++) {
        answers[i] = (Sagabase__V1__SnapshotInfo)SAGABASE__V1__SNAPSHOT_INFO__INIT;
        answers[i].revision = infos[i].revision;
        answers[i].state_bytes = infos[i].state_bytes;
        answers[i].created_us = infos[i].created_us;
        answers[i].expires_us = snapshot_answer_expiry(infos[i].expires_us);
        response->snapshots[i] = &answers[i];
    }
    response->n_snapshots = count;
    return OK;
}

void list_snapshots(struct call *call, const ProtobufCMessage *message)
{
    Sagabase__V1__ListSnapshotsResponse response = SAGABASE__V1__LIST_SNAPSHOTS_RESPONSE__INIT;
    struct status status = list(call, (const void *)message, &response);

    if (!status_ok(status))
        return call_fail(call, status);
    call_reply(call, &response.base);
}
