/* Snapshots.PutSnapshot: through the sequencer (snapshot_change_call.h). */
#include "base/clock.h"
#include "sagabase/v1/snapshots.pb-c.h"
#include "server/services/snapshots/methods.h"
#include "server/services/snapshots/snapshot_change_call.h"
#include "server/services/stream_name.h"

enum { MS_PER_S = 1000, US_PER_MS = 1000 };

static struct status read_request(const Sagabase__V1__PutSnapshotRequest *request,
                                  struct snapshot_change *change)
{
    TRY(stream_name_read(request->stream, &change->stream));
    if (request->ttl_ms < 0 || request->ttl_ms > (int64_t)SNAPSHOT_TTL_S_MAX * MS_PER_S)
        return status_make(STATUS_INVALID_ARGUMENT, "ttl_ms: 0 to %lld",
                           (long long)SNAPSHOT_TTL_S_MAX * MS_PER_S);
    change->kind = SNAPSHOT_PUT;
    change->revision = request->revision;
    change->content_type = bytes_of_text(request->content_type);
    change->state = bytes_of(request->state.data, request->state.len);
    change->keep = request->keep;
    change->expires_us = request->ttl_ms
                             ? clock_wall_us(system_clock()) + request->ttl_ms * US_PER_MS
                             : SNAPSHOT_NO_EXPIRY;
    change->has_newer_than =
        request->expected_case == SAGABASE__V1__PUT_SNAPSHOT_REQUEST__EXPECTED_NEWER_THAN;
    if (change->has_newer_than)
        change->newer_than = request->newer_than;
    return OK;
}

static void reply(struct call *call, const struct snapshot_change *change)
{
    static const Sagabase__V1__PutSnapshotResponse response =
        SAGABASE__V1__PUT_SNAPSHOT_RESPONSE__INIT;

    (void)change;
    call_reply(call, &response.base);
}

void put_snapshot(struct call *call, const ProtobufCMessage *message)
{
    struct snapshot_change change = {0};
    struct status status = read_request((const void *)message, &change);

    if (!status_ok(status))
        return call_fail(call, status);
    snapshot_change_call(call, &change, reply);
}
