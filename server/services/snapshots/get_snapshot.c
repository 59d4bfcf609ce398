/* Snapshots.GetSnapshot: at once, on the queue thread. */
#include "server/services/services.h"
#include "server/services/snapshots/methods.h"
#include "server/services/snapshots/snapshot_answer.h"
#include "server/services/stream_name.h"

static struct status find(struct call *call, const Sagabase__V1__GetSnapshotRequest *request,
                          struct snapshot *snapshot)
{
    const struct services *services = call_context(call);
    bool at = request->at_case == SAGABASE__V1__GET_SNAPSHOT_REQUEST__AT_REVISION;
    struct bytes stream;

    TRY(stream_name_read(request->stream, &stream));
    return snapshot_get(services->snapshots, stream, at ? request->revision : SNAPSHOT_NEWEST,
                        call_arena(call), snapshot);
}

void get_snapshot(struct call *call, const ProtobufCMessage *message)
{
    Sagabase__V1__GetSnapshotResponse response = SAGABASE__V1__GET_SNAPSHOT_RESPONSE__INIT;
    Sagabase__V1__Snapshot answer;
    struct snapshot snapshot = {0};
    struct status status = find(call, (const void *)message, &snapshot);

    if (status_ok(status))
        status = snapshot_answer(&snapshot, call_arena(call), &answer);
    response.snapshot = &answer;
    response.cached = snapshot.cached;
    if (status_ok(status))
        call_reply(call, &response.base);
    else
        call_fail(call, status);
    snapshot_release(&snapshot);
}
