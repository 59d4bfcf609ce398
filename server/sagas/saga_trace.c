#include "server/sagas/saga_trace.h"

#include "server/sagas/saga_parts.h"

/* --- where work belongs -------------------------------------------------------------------------
 */

/* False: the saga was not started within a trace. */
static bool read_start(const struct saga *saga, struct trace_context *start)
{
    return saga->traceparent.size > 0 && trace_context_read(saga->traceparent, start);
}

/* The span of its run. False: there is none. */
static bool admit_saga(const struct gateway *gateway, const struct saga *saga,
                       const struct trace_context *start, struct trace_context *context)
{
    uint8_t id[SPAN_ID_BYTES];

    if (!gateway->options.tracer)
        return false;
    saga_span_id(&gateway->secret, saga->number, id);
    return tracer_admit_as(gateway->options.tracer, start, id, context);
}

struct attempt_trace saga_trace_attempt(const struct gateway *gateway, const struct saga *saga,
                                        uint32_t index)
{
    const struct activity *activity = &saga->activities[index];
    struct attempt_trace trace = {.is_given = false};

    if (!read_start(saga, &trace.context))
        return trace;
    trace.is_given = true;
    trace.is_spanned = admit_saga(gateway, saga, &trace.context, &trace.context);
    if (trace.is_spanned)
        attempt_span_id(&gateway->secret,
                        (struct command_name){saga->number, index, activity_undoes(activity)},
                        activity->attempt, trace.context.span_id);
    return trace;
}

struct bytes saga_trace_text(const struct gateway *gateway, const struct saga *saga,
                             uint32_t activity, uint8_t text[TRACEPARENT_BYTES + 1])
{
    if (!gateway->options.tracer || saga->traceparent.size == 0)
        return saga->traceparent;
    struct attempt_trace trace = saga_trace_attempt(gateway, saga, activity);
    if (!trace.is_spanned)
        return saga->traceparent;
    trace_context_write(&trace.context, text);
    text[TRACEPARENT_BYTES] = '\0';
    return bytes_of(text, TRACEPARENT_BYTES);
}

/* --- the span of an attempt ---------------------------------------------------------------------
 */

/* How it ended. */
struct ending {
    const char *outcome;
    const char *error; /* its type; NULL: none */
    bool failed;       /* other than by the participant's decision */
};

static const char *outcome_name(Sagabase__V1__Outcome outcome)
{
    switch ((int)outcome) {
    case SAGABASE__V1__OUTCOME__OUTCOME_FAILURE:
        return "failure";
    case SAGABASE__V1__OUTCOME__OUTCOME_SKIPPED:
        return "skipped";
    default:
        return "unknown";
    }
}

static const char *timeout_name(Sagabase__V1__TimeoutKind kind)
{
    switch ((int)kind) {
    case SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_SCHEDULE_TO_START:
        return "SCHEDULE_TO_START";
    case SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_SCHEDULE_TO_CLOSE:
        return "SCHEDULE_TO_CLOSE";
    case SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_HEARTBEAT:
        return "HEARTBEAT";
    default:
        return "START_TO_CLOSE";
    }
}

static const char *error_type(const Sagabase__V1__SagaError *error)
{
    return error && error->type[0] ? error->type : NULL;
}

static struct ending ending_of(const Sagabase__V1__SagaEvent *event)
{
    const Sagabase__V1__CommandFailed *failed = event->command_failed;

    switch (event->event_case) {
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_SUCCEEDED:
        return (struct ending){"success", NULL, false};
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_FAILED:
        return (struct ending){outcome_name(failed->outcome), error_type(failed->error),
                               failed->outcome == SAGABASE__V1__OUTCOME__OUTCOME_UNKNOWN};
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ERRORED:
        return (struct ending){"error", error_type(event->command_errored->error), true};
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_TIMED_OUT:
        return (struct ending){"timeout", timeout_name(event->command_timed_out->kind), true};
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ONGOING:
        return (struct ending){"ongoing", NULL, false};
    default:
        return (struct ending){"terminated", NULL, true}; /* with its saga */
    }
}

static void put_saga(struct trace_span *span, const struct saga *saga)
{
    span_put_text(span, "sagabase.saga.type", saga->type);
    span_put_text(span, "sagabase.saga.id", saga->id);
}

/* In the order of what may be cut least. */
static void put_attempt(struct trace_span *span, const struct saga *saga,
                        const struct command_name *name, const struct attempt_run *run)
{
    const Sagabase__V1__Step *step = activity_step(saga, name->activity);
    const Sagabase__V1__CommandTarget *target =
        name->compensation ? step->compensation : step->action;
    uint8_t id[UUID_TEXT_BYTES];

    uuid_format(&run->command_id, id);
    span_put_text(span, "sagabase.command.id", bytes_of(id, sizeof id));
    put_saga(span, saga);
    span_put_text(span, "sagabase.step", activity_node(saga, name->activity)->name);
    span_put_text(span, "sagabase.queue", bytes_of_text(target->queue));
    span_put_text(span, "sagabase.command.type", bytes_of_text(target->type));
    span_put(span, "sagabase.operation", name->compensation ? "compensation" : "action");
    span_put_number(span, "sagabase.attempt", run->attempt);
    span_put_number(span, "sagabase.deliveries", run->deliveries);
}

void saga_trace_attempt_end(struct gateway *gateway, const struct uuid *command_id,
                            const struct saga *saga, const Sagabase__V1__SagaEvent *event)
{
    struct attempt_run run = {.command_id = *command_id};
    struct trace_context start, parent;
    struct command_name name;
    struct trace_span span;

    if (!gateway->options.tracer || !dispatch_end_attempt(gateway->dispatch, &run) ||
        !read_start(saga, &start) || !admit_saga(gateway, saga, &start, &parent) ||
        !command_id_read(&gateway->secret, command_id, &name))
        return;
    struct ending ending = ending_of(event);
    span_start(&span, "step", SPAN_CLIENT, &run.context, &parent);
    span.start_us -= clock_monotonic_us(gateway->clock) - run.begun_us;
    span.failed = ending.failed;
    span_set_name(&span, name.compensation ? "undo " : "step ",
                  activity_node(saga, name.activity)->name);
    put_attempt(&span, saga, &name, &run);
    span_put(&span, "sagabase.outcome", ending.outcome);
    if (ending.error)
        span_put_text(&span, "error.type", bytes_of_text(ending.error));
    span_link(&span, &parent);
    span_end(gateway->options.tracer, &span);
}

/* --- the span of a saga -------------------------------------------------------------------------
 */

static const char *status_name(const struct saga *saga)
{
    switch (saga->status) {
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED:
        return "completed";
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED:
        return "compensated";
    default:
        return "terminated";
    }
}

void saga_trace_end(struct gateway *gateway, const struct saga *saga)
{
    struct trace_context start, context;
    struct trace_span span;

    if (!gateway->options.tracer || !read_start(saga, &start) ||
        !admit_saga(gateway, saga, &start, &context))
        return;
    span_start(&span, "saga", SPAN_INTERNAL, &context, &start);
    span.start_us = saga->started_us;
    span.failed = saga->status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_TERMINATED;
    span_set_name(&span, "saga ", saga->type);
    put_saga(&span, saga);
    span_put_number(&span, "sagabase.saga.run", saga->run);
    span_put_number(&span, "sagabase.definition.version", saga->definition->version);
    span_put(&span, "sagabase.outcome", status_name(saga));
    if (saga->cause && saga_error_type(saga->cause)[0])
        span_put_text(&span, "error.type", bytes_of_text(saga_error_type(saga->cause)));
    span_end(gateway->options.tracer, &span);
}
