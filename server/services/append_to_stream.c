/* EventStore.AppendToStream
 *
 *   queue thread            writer thread            queue thread
 *   read, submit     --->   commit, wake      --->   settle, reply
 */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/methods.h"
#include "server/services/proposal.h"
#include "server/services/services.h"
#include "storage/log/append.h"

struct append_to_stream {
    struct call *call;
    struct event_log *log;
    struct append append;
    struct step committed;
};

static void on_done(struct intent *intent);
static void on_committed(struct step *step, bool ok);
static void fail_with_conflict(struct append_to_stream *self);

void append_to_stream(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__AppendToStreamRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    struct append_to_stream *self = arena_alloc(call_arena(call), sizeof *self);
    struct status status;

    if (!self)
        return call_fail(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
    self->call = call;
    self->log = services->log;
    self->committed.run = on_committed;
    self->append.intent.done = on_done;

    status = proposal_read_one(request, call_arena(call), &self->append);
    if (!status_ok(status))
        return call_fail(call, status);
    call_hold(call);
    status = append_submit(self->log, &self->append, call_arena(call));
    if (!status_ok(status)) {
        call_release(call);
        return call_fail(call, status);
    }
}

/* On the writer thread: back to the thread that owns the call. */
static void on_done(struct intent *intent)
{
    struct append_to_stream *self = container_of(intent, struct append_to_stream, append.intent);

    call_wake(self->call, &self->committed);
}

static void on_committed(struct step *step, bool ok)
{
    struct append_to_stream *self = container_of(step, struct append_to_stream, committed);
    Sagabase__V1__AppendToStreamResponse response = SAGABASE__V1__APPEND_TO_STREAM_RESPONSE__INIT;
    struct status status;

    call_release(self->call);
    if (!ok)
        return; /* nobody waits for the answer any more; the call may be gone */
    status = append_settle(self->log, &self->append, call_arena(self->call));
    if (status.code == STATUS_ABORTED)
        return fail_with_conflict(self);
    if (!status_ok(status))
        return call_fail(self->call, status);
    response.first_revision = self->append.streams->first_revision;
    response.last_revision = self->append.streams->last_revision;
    response.position = self->append.position;
    response.replayed = self->append.replayed;
    call_reply(self->call, &response.base);
}

static void fail_with_conflict(struct append_to_stream *self)
{
    Sagabase__V1__RevisionConflict conflict = SAGABASE__V1__REVISION_CONFLICT__INIT;
    struct status status =
        proposal_conflict(&self->append.conflict, call_arena(self->call), &conflict);

    if (!status_ok(status))
        return call_fail(self->call, status);
    call_fail_with(self->call, self->append.intent.status, &conflict.base);
}
