/* sagabase.v1.Snapshots, but for LoadStream: calls with one request and one response. */
#include "clients/c/client.h"

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
