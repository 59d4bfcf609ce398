/* sagabase.v1.Snapshots: its methods. */
#include "sagabase/v1/snapshots.pb-c.h"
#include "server/services/snapshots/methods.h"
#include "server/services/snapshots/tables.h"

#define PATH(method) "/sagabase.v1.Snapshots/" method

const struct method snapshots_methods[] = {
    {PATH("PutSnapshot"), &sagabase__v1__put_snapshot_request__descriptor, METHOD_UNARY, .armed = 0,
     put_snapshot},
    {PATH("GetSnapshot"), &sagabase__v1__get_snapshot_request__descriptor, METHOD_UNARY,
     .armed = 32, get_snapshot},
    {PATH("DeleteSnapshot"), &sagabase__v1__delete_snapshot_request__descriptor, METHOD_UNARY,
     .armed = 0, delete_snapshot},
    {PATH("ListSnapshots"), &sagabase__v1__list_snapshots_request__descriptor, METHOD_UNARY,
     .armed = 0, list_snapshots},
    {PATH("LoadStream"), &sagabase__v1__load_stream_request__descriptor, METHOD_SERVER_STREAM,
     .armed = 32, load_stream},
    {PATH("SetSnapshotPolicy"), &sagabase__v1__set_snapshot_policy_request__descriptor,
     METHOD_UNARY, .armed = 0, set_snapshot_policy},
    {PATH("ListSnapshotPolicies"), &sagabase__v1__list_snapshot_policies_request__descriptor,
     METHOD_UNARY, .armed = 0, list_snapshot_policies},
    {PATH("SubscribeDue"), &sagabase__v1__subscribe_due_request__descriptor, METHOD_SERVER_STREAM,
     .armed = 0, subscribe_due},
    {0},
};
