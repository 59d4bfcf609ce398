/* sagabase.v1.Snapshots, but for LoadStream, which is a read. */
#include <stdlib.h>

#include "clients/c/stream.h"

struct sagabase_status sagabase_put_snapshot(struct sagabase_client *client,
                                             const Sagabase__V1__PutSnapshotRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__PutSnapshotResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Snapshots/PutSnapshot",
                                                &sagabase__v1__put_snapshot_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_get_snapshot(struct sagabase_client *client,
                                             const Sagabase__V1__GetSnapshotRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__GetSnapshotResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Snapshots/GetSnapshot",
                                                &sagabase__v1__get_snapshot_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_delete_snapshot(struct sagabase_client *client,
                                                const Sagabase__V1__DeleteSnapshotRequest *request,
                                                const struct sagabase_options *options,
                                                Sagabase__V1__DeleteSnapshotResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.Snapshots/DeleteSnapshot",
        &sagabase__v1__delete_snapshot_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_list_snapshots(struct sagabase_client *client,
                                               const Sagabase__V1__ListSnapshotsRequest *request,
                                               const struct sagabase_options *options,
                                               Sagabase__V1__ListSnapshotsResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Snapshots/ListSnapshots",
                                                &sagabase__v1__list_snapshots_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_set_snapshot_policy(
    struct sagabase_client *client, const Sagabase__V1__SetSnapshotPolicyRequest *request,
    const struct sagabase_options *options, Sagabase__V1__SetSnapshotPolicyResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.Snapshots/SetSnapshotPolicy",
        &sagabase__v1__set_snapshot_policy_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_list_snapshot_policies(
    struct sagabase_client *client, const Sagabase__V1__ListSnapshotPoliciesRequest *request,
    const struct sagabase_options *options, Sagabase__V1__ListSnapshotPoliciesResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.Snapshots/ListSnapshotPolicies",
        &sagabase__v1__list_snapshot_policies_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

/* --- which are due ---------------------------------------------------------------- */

struct sagabase_due {
    struct client_stream stream;
};

struct sagabase_status sagabase_subscribe_due(struct sagabase_client *client,
                                              const Sagabase__V1__SubscribeDueRequest *request,
                                              const struct sagabase_options *options,
                                              struct sagabase_due **due)
{
    struct sagabase_due *opened = malloc(sizeof *opened);

    if (!opened)
        return client_status(SAGABASE_RESOURCE_EXHAUSTED, "out of memory");
    client_stream_open(&opened->stream, client, "/sagabase.v1.Snapshots/SubscribeDue",
                       &sagabase__v1__subscribe_due_response__descriptor, &request->base, options);
    *due = opened;
    return SAGABASE_STATUS_OK;
}

struct sagabase_status sagabase_due_next(struct sagabase_due *due,
                                         const Sagabase__V1__SubscribeDueResponse **stream)
{
    const ProtobufCMessage *received;
    struct sagabase_status status = client_stream_receive(&due->stream, &received);

    if (status.code != SAGABASE_OK)
        return status;
    if (!received)
        return client_status(SAGABASE_UNAVAILABLE, "the server ended the subscription");
    *stream = (const Sagabase__V1__SubscribeDueResponse *)received;
    return status;
}

void sagabase_due_cancel(struct sagabase_due *due)
{
    client_stream_cancel(&due->stream);
}

void sagabase_due_close(struct sagabase_due *due)
{
    if (!due)
        return;
    client_stream_close(&due->stream);
    free(due);
}
