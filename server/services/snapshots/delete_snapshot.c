/* Snapshots.DeleteSnapshot: through the sequencer (snapshot_change_call.h). */
#include "sagabase/v1/snapshots.pb-c.h"
#include "server/services/snapshots/methods.h"
#include "server/services/snapshots/snapshot_change_call.h"
#include "server/services/stream_name.h"

static void reply(struct call *call, const struct snapshot_change *change)
{
    Sagabase__V1__DeleteSnapshotResponse response = SAGABASE__V1__DELETE_SNAPSHOT_RESPONSE__INIT;

    response.deleted = change->found;
    call_reply(call, &response.base);
}

void delete_snapshot(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__DeleteSnapshotRequest *request = (const void *)message;
    struct snapshot_change change = {.kind = SNAPSHOT_DELETE_ALL};
    struct status status = stream_name_read(request->stream, &change.stream);

    if (!status_ok(status))
        return call_fail(call, status);
    if (request->which_case == SAGABASE__V1__DELETE_SNAPSHOT_REQUEST__WHICH_REVISION) {
        change.kind = SNAPSHOT_DELETE;
        change.revision = request->revision;
    }
    snapshot_change_call(call, &change, reply);
}
