#include "server/services/stream_change_call.h"

#include "server/services/conflict.h"
#include "server/services/services.h"
#include "server/services/trace_entries.h"
#include "server/snapshots/due_streams.h"

struct change_call {
    struct call *call;
    struct stream_change change;
    const ProtobufCMessage *response;
    struct step committed;
};

/* On the writer thread: back to the thread that owns the call. */
static void on_done(struct intent *intent)
{
    struct change_call *self = container_of(intent, struct change_call, change.intent);

    call_wake(self->call, &self->committed);
}

static void on_committed(struct step *step, bool ok)
{
    struct change_call *self = container_of(step, struct change_call, committed);
    struct status status = self->change.intent.status;
    struct call *call = self->call;
    const struct services *services = call_context(call);

    if (services->due && status_ok(status) && self->change.kind != CHANGE_CATEGORY_POLICY)
        due_streams_look_again(services->due, self->change.name);
    call_release(call);
    if (!ok)
        return; /* nobody waits for the answer any more; the call may be gone */
    if (status.code == STATUS_ABORTED)
        return conflict_fail(call, status, &self->change.conflict);
    if (!status_ok(status))
        return call_fail(call, status);
    call_reply(call, self->response);
}

void stream_change_call(struct call *call, const struct stream_change *change,
                        const ProtobufCMessage *response)
{
    const struct services *services = call_context(call);
    struct change_call *self = arena_alloc(call_arena(call), sizeof *self);

    if (!self)
        return call_fail(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
    self->call = call;
    self->change = *change;
    self->change.intent.done = on_done;
    self->change.intent.trace = trace_of(call);
    self->response = response;
    self->committed.run = on_committed;
    call_hold(call);
    struct status status = stream_change_submit(services->log, &self->change, call_arena(call));
    if (!status_ok(status)) {
        call_release(call);
        call_fail(call, status);
    }
}
