/* Reducers.GetState: on the thread of the reducers.
 *
 *   queue thread          reducers' thread         queue thread
 *   submit  --->          fold, done   --->        send, end
 *
 * To its caller it is unary; here it is a stream, because only a stream learns while it waits that
 * the peer is gone or that the server stops. Then the fold is given up. */
#include "server/reducers/reducers.h"

#include "sagabase/v1/reducers.pb-c.h"
#include "server/reducers/registry.h"
#include "server/services/reducers/methods.h"
#include "server/services/services.h"
#include "server/services/stream_name.h"

struct get_state {
    struct call *call;
    struct reduction reduction;
    struct step folded, sent, closed;
};

static void answer(struct get_state *self)
{
    const struct reduction *reduction = &self->reduction;
    Sagabase__V1__GetStateResponse response = SAGABASE__V1__GET_STATE_RESPONSE__INIT;
    char hash[HASH_TEXT_BYTES + 1];

    registry_hash_text(reduction->hash, hash);
    response.state.data = (uint8_t *)reduction->state.data;
    response.state.len = reduction->state.size;
    response.revision = reduction->revision;
    response.reducer_hash = hash;
    response.folded = reduction->folded;
    call_send(self->call, &response.base, &self->sent);
}

/* On the reducers' thread: back to the thread that owns the call. */
static void on_done(struct reduction *reduction)
{
    struct get_state *self = container_of(reduction, struct get_state, reduction);

    call_wake(self->call, &self->folded);
}

static void on_folded(struct step *step, bool ok)
{
    struct get_state *self = container_of(step, struct get_state, folded);
    struct call *call = self->call;

    if (ok && status_ok(self->reduction.status))
        answer(self);
    else if (ok)
        call_end(call, self->reduction.status);
    reduction_clear(&self->reduction);
    call_release(call); /* if nobody waits any more, the call may be gone now */
}

static void on_sent(struct step *step, bool ok)
{
    struct get_state *self = container_of(step, struct get_state, sent);

    if (ok)
        call_end(self->call, OK); /* otherwise the peer is gone */
}

static void on_closed(struct step *step, bool ok)
{
    struct get_state *self = container_of(step, struct get_state, closed);

    (void)ok;
    atomic_store(&self->reduction.is_abandoned, true);
}

void get_state(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__GetStateRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    struct get_state *self = arena_alloc(call_arena(call), sizeof *self);

    if (!self)
        return call_end(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
    self->call = call;
    self->folded.run = on_folded;
    self->sent.run = on_sent;
    self->closed.run = on_closed;
    self->reduction.done = on_done;
    self->reduction.at = request->at_case == SAGABASE__V1__GET_STATE_REQUEST__AT_REVISION
                             ? request->revision
                             : REDUCTION_NEWEST;
    struct status status = stream_name_read(request->stream, &self->reduction.stream);
    if (!status_ok(status))
        return call_end(call, status);
    call_on_closed(call, &self->closed);
    call_hold(call);
    status = reducers_submit(services->reducers, &self->reduction);
    if (!status_ok(status)) {
        call_release(call);
        call_end(call, status);
    }
}
