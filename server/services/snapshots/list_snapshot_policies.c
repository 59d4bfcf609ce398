/* Snapshots.ListSnapshotPolicies: at once, on the queue thread, from memory. */
#include "sagabase/v1/snapshots.pb-c.h"
#include "server/services/services.h"
#include "server/services/snapshots/methods.h"
#include "storage/snapshots/limits.h"
#include "storage/snapshots/snapshot_policy.h"

enum { US_PER_MS = 1000, ADDED_MEANWHILE_MAX = 64 };

/* What is answered of one policy. */
struct listed {
    Sagabase__V1__SnapshotPolicyInfo info;
    Sagabase__V1__SnapshotPolicy policy;
};

static bool put_listed(struct listed *listed, const struct snapshot_policy_info *info,
                       struct arena *arena)
{
    char *name = (char *)arena_copy(arena, bytes_of(info->name, info->name_size)).data;

    listed->info = (Sagabase__V1__SnapshotPolicyInfo)SAGABASE__V1__SNAPSHOT_POLICY_INFO__INIT;
    listed->policy = (Sagabase__V1__SnapshotPolicy)SAGABASE__V1__SNAPSHOT_POLICY__INIT;
    listed->policy.every_events = info->policy.every_events;
    listed->policy.every_ms = info->policy.every_us / US_PER_MS;
    listed->policy.keep = info->policy.keep;
    listed->info.policy = &listed->policy;
    if (info->is_category) {
        listed->info.target_case = SAGABASE__V1__SNAPSHOT_POLICY_INFO__TARGET_CATEGORY;
        listed->info.category = name;
    } else {
        listed->info.target_case = SAGABASE__V1__SNAPSHOT_POLICY_INFO__TARGET_STREAM;
        listed->info.stream = name;
    }
    return name != NULL;
}

static struct status list(struct call *call, Sagabase__V1__ListSnapshotPoliciesResponse *response)
{
    const struct services *services = call_context(call);
    struct arena *arena = call_arena(call);
    struct snapshot_policy_info info = {.is_category = true};
    /* Others may be added while they are listed. */
    size_t room = snapshot_policy_count(services->snapshots) + ADDED_MEANWHILE_MAX;
    struct listed *listed = arena_alloc(arena, room * sizeof *listed);

    response->policies = arena_alloc(arena, room * sizeof *response->policies);
    bool fits = listed && response->policies;
    while (fits && response->n_policies < room &&
           snapshot_policy_next(services->snapshots, &info)) {
        fits = put_listed(&listed[response->n_policies], &info, arena);
        response->policies[response->n_policies] = &listed[response->n_policies].info;
        response->n_policies++;
    }
    return fits
               ? OK
               : status_make(STATUS_RESOURCE_EXHAUSTED, "policies: too many for the call's memory");
}

void list_snapshot_policies(struct call *call, const ProtobufCMessage *message)
{
    Sagabase__V1__ListSnapshotPoliciesResponse response =
        SAGABASE__V1__LIST_SNAPSHOT_POLICIES_RESPONSE__INIT;
    struct status status = list(call, &response);

    (void)message;
    if (!status_ok(status))
        return call_fail(call, status);
    call_reply(call, &response.base);
}
