/* Snapshots.SetSnapshotPolicy.
 *
 *   queue thread          writer thread            queue thread
 *   submit  --->          decide, commit  --->     reply
 */
#include "sagabase/v1/snapshots.pb-c.h"
#include "server/services/services.h"
#include "server/services/snapshots/methods.h"
#include "server/services/stream_name.h"
#include "storage/snapshots/snapshot_policy.h"
#include "storage/snapshots/snapshot_store.h"

enum { US_PER_MS = 1000 };

static const int64_t every_ms_max = (int64_t)SNAPSHOT_TTL_S_MAX * 1000;

struct policy_call {
    struct call *call;
    struct snapshot_policy_change change;
    struct step committed;
};

static void on_done(struct intent *intent);
static void on_committed(struct step *step, bool ok);
static struct status read_request(const Sagabase__V1__SetSnapshotPolicyRequest *request,
                                  struct snapshot_policy_change *change);

void set_snapshot_policy(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    struct policy_call *self = arena_alloc(call_arena(call), sizeof *self);

    if (!self)
        return call_fail(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
    self->call = call;
    self->committed.run = on_committed;
    self->change.intent.done = on_done;
    struct status status = read_request((const void *)message, &self->change);
    if (!status_ok(status))
        return call_fail(call, status);
    call_hold(call);
    status = snapshot_policy_submit(services->snapshots, &self->change);
    if (!status_ok(status)) {
        call_release(call);
        call_fail(call, status);
    }
}

/* On the writer thread: back to the thread that owns the call. */
static void on_done(struct intent *intent)
{
    struct policy_call *self = container_of(intent, struct policy_call, change.intent);

    call_wake(self->call, &self->committed);
}

static void on_committed(struct step *step, bool ok)
{
    static const Sagabase__V1__SetSnapshotPolicyResponse response =
        SAGABASE__V1__SET_SNAPSHOT_POLICY_RESPONSE__INIT;
    struct policy_call *self = container_of(step, struct policy_call, committed);
    struct status status = self->change.intent.status;
    struct call *call = self->call;

    if (ok && status_ok(status))
        call_reply(call, &response.base);
    else if (ok)
        call_fail(call, status);
    call_release(call); /* if nobody waits any more, the call may be gone now */
}

static struct status read_policy(const Sagabase__V1__SnapshotPolicy *policy,
                                 struct snapshot_policy_change *change)
{
    change->removes = !policy;
    if (!policy)
        return OK;
    if (policy->every_ms < 0 || policy->every_ms > every_ms_max)
        return status_make(STATUS_INVALID_ARGUMENT, "policy.every_ms: 0 to %lld",
                           (long long)every_ms_max);
    change->policy = (struct snapshot_policy){.every_events = policy->every_events,
                                              .every_us = policy->every_ms * US_PER_MS,
                                              .keep = policy->keep};
    return OK;
}

static struct status read_request(const Sagabase__V1__SetSnapshotPolicyRequest *request,
                                  struct snapshot_policy_change *change)
{
    TRY(read_policy(request->policy, change));
    switch (request->target_case) {
    case SAGABASE__V1__SET_SNAPSHOT_POLICY_REQUEST__TARGET_STREAM:
        return stream_name_read(request->stream, &change->name);
    case SAGABASE__V1__SET_SNAPSHOT_POLICY_REQUEST__TARGET_CATEGORY:
        change->is_category = true;
        change->name = bytes_of_text(request->category); /* its size is checked where it is kept */
        return OK;
    default:
        return status_make(STATUS_INVALID_ARGUMENT, "target: set stream or category");
    }
}
