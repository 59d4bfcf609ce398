/* Sagas.StartSaga: a saga begins, with events of its starter's if need be. (pending.h) */
#include "sagabase/v1/sagas.pb-c.h"
#include "server/sagas/gateway.h"
#include "server/services/conflict.h"
#include "server/services/proposal.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"
#include "server/services/sagas/pending.h"
#include "server/services/services.h"
#include "server/services/trace_entries.h"

struct start_call {
    struct pending pending;
    struct saga_start start;
    struct append append; /* of request->appends */
};

static void on_done(struct intent *intent);
static void answer(struct pending *pending);
static struct status read_request(struct start_call *self,
                                  const Sagabase__V1__StartSagaRequest *request);

void start_saga(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    struct start_call *self = arena_alloc(call_arena(call), sizeof *self);
    struct status status;

    if (!self)
        return call_fail(call, request_too_large());
    self->pending.call = call;
    status = read_request(self, (const void *)message);
    if (!status_ok(status))
        return call_fail(call, status);
    pending_begin(&self->pending, call, answer);
    status = saga_start_submit(services->gateway, &self->start, call_arena(call));
    if (!status_ok(status))
        pending_refuse(&self->pending, status);
}

/* The saga belongs where its starter says, else below the call's own span. */
static void trace_start(struct start_call *self, const struct trace_entries *given)
{
    const struct trace_context *span = trace_of(self->pending.call);
    struct trace_entries trace = *given;

    if (trace.count == 0 && span)
        trace = trace_entries_of_context(span, call_arena(self->pending.call));
    if (trace.count > 0)
        self->start.traceparent = trace.entries[0].value;
    if (trace.count > 1)
        self->start.tracestate = trace.entries[1].value;
    self->start.intent.trace = span;
}

static struct status read_request(struct start_call *self,
                                  const Sagabase__V1__StartSagaRequest *request)
{
    struct call *call = self->pending.call;
    struct trace_entries trace = trace_entries_of(call);

    TRY(saga_check_start(request));
    if (request->n_appends > 0) {
        TRY(proposal_read_appends(request->appends, request->n_appends, &trace, call_arena(call),
                                  &self->append));
        self->start.append = &self->append;
    }
    trace_start(self, &trace);
    self->start.request = request;
    self->start.intent.done = on_done;
    return OK;
}

/* @thread writer */
static void on_done(struct intent *intent)
{
    pending_done(&container_of(intent, struct start_call, start.intent)->pending);
}

static struct status answer_started(const struct start_call *self, struct arena *arena,
                                    Sagabase__V1__StartSagaResponse *response)
{
    response->outcome = self->start.outcome;
    response->status = self->start.status;
    response->run = self->start.run;
    response->position = self->start.position;
    if (!self->start.append ||
        self->start.outcome != SAGABASE__V1__START_OUTCOME__START_OUTCOME_STARTED)
        return OK;
    return proposal_appended(&self->append, arena, &response->appended, &response->n_appended);
}

static void answer(struct pending *pending)
{
    struct start_call *self = container_of(pending, struct start_call, pending);
    struct call *call = pending->call;
    Sagabase__V1__StartSagaResponse response = SAGABASE__V1__START_SAGA_RESPONSE__INIT;
    struct status status = saga_start_settle(&self->start, call_arena(call));

    if (status.code == STATUS_ABORTED && self->start.append)
        return conflict_fail(call, status, &self->append.conflict);
    if (status_ok(status))
        status = answer_started(self, call_arena(call), &response);
    if (!status_ok(status))
        return call_fail(call, status);
    call_reply(call, &response.base);
}
