/* The events that a decision may lead to. What an event tells is copied from the state, because
 * the next event may change it; it is borrowed from the input and from the definition. */
#include <assert.h>

#include "server/sagas/decision.h"

static struct status full(void)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED, "saga: a decision too large");
}

static void *body(struct deciding *deciding, const ProtobufCMessageDescriptor *type)
{
    void *message = arena_alloc_raw(deciding->arena, type->sizeof_message);

    if (message)
        protobuf_c_message_init(type, message);
    return message;
}

/* `message` is the body of that case. */
static struct status emit(struct deciding *deciding, Sagabase__V1__SagaEvent__EventCase which,
                          void *message)
{
    struct saga_decision *decision = deciding->decision;
    Sagabase__V1__SagaEvent *event = arena_alloc_raw(deciding->arena, sizeof *event);

    if (!event || !message)
        return full();
    if (decision->event_count == decision->event_capacity) {
        size_t capacity = decision->event_capacity * 2 + 4;
        const Sagabase__V1__SagaEvent **events =
            arena_alloc_raw(deciding->arena, capacity * sizeof *events);
        if (!events)
            return full();
        if (decision->event_count > 0)
            memcpy(events, decision->events, decision->event_count * sizeof *events);
        decision->events = events;
        decision->event_capacity = capacity;
    }
    sagabase__v1__saga_event__init(event);
    event->event_case = which;
    event->saga_started = message; /* all of the union are pointers to a body */
    decision->events[decision->event_count++] = event;
    struct status status = saga_apply(deciding->saga, event, deciding->now_us);
    assert(status.code != STATUS_DATA_LOSS); /* we have decided what cannot be */
    return status;
}

Sagabase__V1__SagaError *error_make(struct deciding *deciding, const char *type,
                                    const char *message)
{
    Sagabase__V1__SagaError *error = body(deciding, &sagabase__v1__saga_error__descriptor);

    if (!error)
        return NULL;
    error->type = (char *)type;
    error->message = (char *)message;
    return error;
}

Sagabase__V1__SagaError *error_keep(struct deciding *deciding, const struct saga_error *error)
{
    if (!error)
        return error_make(deciding, "", "");
    char *type = arena_text(deciding->arena, saga_error_type(error));
    char *message = arena_text(deciding->arena, saga_error_message(error));
    return type && message ? error_make(deciding, type, message) : NULL;
}

struct status emit_started(struct deciding *deciding, const struct saga_input *input)
{
    const Sagabase__V1__StartSagaRequest *request = input->start.request;
    const struct definition *definition = deciding->saga->definition;
    Sagabase__V1__SagaStarted *event = body(deciding, &sagabase__v1__saga_started__descriptor);
    int64_t run_timeout_ms =
        request->run_timeout_ms > 0 ? request->run_timeout_ms : definition->source->run_timeout_ms;

    if (!event)
        return full();
    event->type = definition->source->type;
    event->id = request->id;
    event->run = input->start.run;
    event->version = definition->version;
    event->definition_hash.data = (uint8_t *)definition->hash;
    event->definition_hash.len = DEFINITION_HASH_BYTES;
    event->input = request->input;
    event->attributes = request->attributes;
    event->n_attributes = request->n_attributes;
    event->run_timeout_us = run_timeout_ms > 0 ? deciding->now_us + run_timeout_ms * 1000 : 0;
    event->request_id = request->request_id;
    event->number = input->start.number;
    if (input->start.traceparent.size > 0)
        event->traceparent = (char *)arena_copy(deciding->arena, input->start.traceparent).data;
    if (input->start.tracestate.size > 0)
        event->tracestate = (char *)arena_copy(deciding->arena, input->start.tracestate).data;
    if (!event->traceparent || !event->tracestate)
        return full();
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_STARTED, event);
}

/* --- nodes ---------------------------------------------------------------------------------- */

static uint32_t next_parent(const struct saga *saga, uint16_t holder)
{
    return holder == ACTIVITY_NONE ? saga->activity_count : holder;
}

struct status emit_entered(struct deciding *deciding, uint16_t node, uint16_t holder,
                           int64_t due_us, const char *block)
{
    Sagabase__V1__NodeEntered *event = body(deciding, &sagabase__v1__node_entered__descriptor);

    if (!event)
        return full();
    event->activity = deciding->saga->activity_count;
    event->node = deciding->saga->definition->nodes[node].source->name;
    event->parent = next_parent(deciding->saga, holder);
    event->due_us = due_us;
    event->block = (char *)block;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_NODE_ENTERED, event);
}

/* The attributes that came with a reply, and "<node>.code". An empty code only takes the
 * place of one that was there before. False: the arena is full. */
static bool attributes_with_code(struct deciding *deciding, uint32_t activity,
                                 Sagabase__V1__Attribute **given, size_t given_count,
                                 const char *code, Sagabase__V1__Attribute ***attributes,
                                 size_t *count)
{
    const char *node = activity_node(deciding->saga, activity)->source->name;
    size_t size = strlen(node);
    char *name = arena_alloc_raw(deciding->arena, size + sizeof ".code");

    *attributes = given;
    *count = given_count;
    if (!name)
        return false;
    memcpy(name, node, size);
    memcpy(name + size, ".code", sizeof ".code");
    if (code[0] == 0 && !saga_find_attribute(deciding->saga, name))
        return true;
    Sagabase__V1__Attribute *added = body(deciding, &sagabase__v1__attribute__descriptor);
    *attributes = arena_alloc_raw(deciding->arena, (given_count + 1) * sizeof **attributes);
    if (!added || !*attributes)
        return false;
    added->name = name;
    added->value = (char *)code;
    if (given_count > 0)
        memcpy(*attributes, given, given_count * sizeof *given);
    (*attributes)[(*count)++] = added;
    return true;
}

struct status emit_finished(struct deciding *deciding, uint32_t activity, int outcome,
                            Sagabase__V1__SagaError *error, const Sagabase__V1__Signal *signal,
                            const char *code)
{
    Sagabase__V1__NodeFinished *event = body(deciding, &sagabase__v1__node_finished__descriptor);

    if (!event || (outcome != SUCCESS && !error))
        return full();
    event->activity = activity;
    event->outcome = (Sagabase__V1__Outcome)outcome;
    event->error = error;
    if (signal) {
        event->signal_id = signal->signal_id;
        event->output = signal->payload;
    }
    if (code && !attributes_with_code(deciding, activity, NULL, 0, code, &event->attributes,
                                      &event->n_attributes))
        return full();
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_NODE_FINISHED, event);
}

/* --- commands -------------------------------------------------------------------------------- */

static Sagabase__V1__Operation operation_of(bool compensation)
{
    return compensation ? SAGABASE__V1__OPERATION__OPERATION_COMPENSATION
                        : SAGABASE__V1__OPERATION__OPERATION_ACTION;
}

/* Fills in what follows from step and operation. */
static struct status issue(struct deciding *deciding, Sagabase__V1__CommandIssued *event,
                           const Sagabase__V1__Node *node, bool compensation, int64_t close_us)
{
    const Sagabase__V1__CommandTarget *target =
        compensation ? node->step->compensation : node->step->action;
    struct command_name name = {deciding->saga->number, event->activity, compensation};
    struct uuid id = command_id(deciding->secret, name);
    char *text = arena_alloc(deciding->arena, UUID_TEXT_BYTES + 1);

    if (!text)
        return full();
    uuid_format(&id, (uint8_t *)text);
    event->node = node->name;
    event->operation = operation_of(compensation);
    event->command_id = text;
    event->queue = target->queue;
    event->type = target->type;
    event->close_due_us = close_us > 0 ? deciding->now_us + close_us : 0;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED, event);
}

struct status emit_issued(struct deciding *deciding, uint16_t node, uint16_t holder)
{
    Sagabase__V1__CommandIssued *event = body(deciding, &sagabase__v1__command_issued__descriptor);
    const Sagabase__V1__Node *source = deciding->saga->definition->nodes[node].source;

    if (!event)
        return full();
    event->activity = deciding->saga->activity_count;
    event->parent = next_parent(deciding->saga, holder);
    event->attempt = 1;
    return issue(deciding, event, source, false,
                 source->step->timeouts->schedule_to_close_ms * 1000);
}

struct status emit_issued_again(struct deciding *deciding, uint32_t activity, bool check)
{
    Sagabase__V1__CommandIssued *event = body(deciding, &sagabase__v1__command_issued__descriptor);
    const struct activity *at = &deciding->saga->activities[activity];

    if (!event)
        return full();
    event->activity = activity;
    event->parent = at->parent;
    event->attempt = at->attempt + 1;
    event->check = check;
    /* schedule_to_close began with the first attempt; after an operator's retry it begins anew. */
    int64_t close_us = at->attempts_base == at->attempt && !check
                           ? saga_limits(deciding->saga, activity).schedule_to_close_us
                           : 0;
    if (close_us == 0 && at->close_due_us != 0)
        close_us = at->close_due_us - deciding->now_us;
    return issue(deciding, event, activity_node(deciding->saga, activity)->source,
                 activity_undoes(at), close_us);
}

struct status emit_compensation_issued(struct deciding *deciding, uint32_t activity)
{
    Sagabase__V1__CommandIssued *event = body(deciding, &sagabase__v1__command_issued__descriptor);
    const Sagabase__V1__Node *node = activity_node(deciding->saga, activity)->source;
    const Sagabase__V1__StepTimeouts *timeouts = node->step->compensation_timeouts;

    if (!event)
        return full();
    event->activity = activity;
    event->parent = deciding->saga->activities[activity].parent;
    event->attempt = 1;
    return issue(deciding, event, node, true, timeouts ? timeouts->schedule_to_close_ms * 1000 : 0);
}

struct status emit_succeeded(struct deciding *deciding, uint32_t activity, bool compensation,
                             uint32_t attempt, const Sagabase__V1__Success *success)
{
    Sagabase__V1__CommandSucceeded *event =
        body(deciding, &sagabase__v1__command_succeeded__descriptor);

    if (!event)
        return full();
    event->activity = activity;
    event->operation = operation_of(compensation);
    event->attempt = attempt;
    event->output = success->output;
    event->attributes = success->attributes;
    event->n_attributes = success->n_attributes;
    if (!compensation &&
        !attributes_with_code(deciding, activity, success->attributes, success->n_attributes,
                              success->code, &event->attributes, &event->n_attributes))
        return full();
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_SUCCEEDED, event);
}

struct status emit_failed(struct deciding *deciding, uint32_t activity, bool compensation,
                          int outcome, Sagabase__V1__SagaError *error)
{
    Sagabase__V1__CommandFailed *event = body(deciding, &sagabase__v1__command_failed__descriptor);

    if (!event || !error)
        return full();
    event->activity = activity;
    event->operation = operation_of(compensation);
    event->attempt = deciding->saga->activities[activity].attempt;
    event->outcome = (Sagabase__V1__Outcome)outcome;
    event->error = error;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_FAILED, event);
}

struct status emit_errored(struct deciding *deciding, uint32_t activity,
                           Sagabase__V1__SagaError *error, int64_t retry_us)
{
    Sagabase__V1__CommandErrored *event =
        body(deciding, &sagabase__v1__command_errored__descriptor);

    if (!event || !error)
        return full();
    event->activity = activity;
    event->operation = deciding->saga->activities[activity].operation;
    event->attempt = deciding->saga->activities[activity].attempt;
    event->error = error;
    event->retry_us = retry_us;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ERRORED, event);
}

struct status emit_timed_out(struct deciding *deciding, uint32_t activity, int kind,
                             int64_t retry_us)
{
    Sagabase__V1__CommandTimedOut *event =
        body(deciding, &sagabase__v1__command_timed_out__descriptor);

    if (!event)
        return full();
    event->activity = activity;
    event->operation = deciding->saga->activities[activity].operation;
    event->attempt = deciding->saga->activities[activity].attempt;
    event->kind = (Sagabase__V1__TimeoutKind)kind;
    event->retry_us = retry_us;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_TIMED_OUT, event);
}

struct status emit_ongoing(struct deciding *deciding, uint32_t activity, uint32_t attempt,
                           int64_t check_us)
{
    Sagabase__V1__CommandOngoing *event =
        body(deciding, &sagabase__v1__command_ongoing__descriptor);

    if (!event)
        return full();
    event->activity = activity;
    event->operation = deciding->saga->activities[activity].operation;
    event->attempt = attempt;
    event->check_us = check_us;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ONGOING, event);
}

struct status emit_attention(struct deciding *deciding, uint32_t activity)
{
    Sagabase__V1__AttentionNeeded *event =
        body(deciding, &sagabase__v1__attention_needed__descriptor);
    const struct activity *at = &deciding->saga->activities[activity];

    if (!event)
        return full();
    event->activity = activity;
    event->attempt = at->attempt;
    event->error = error_keep(deciding, at->error);
    return event->error ? emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_ATTENTION_NEEDED, event)
                        : full();
}

struct status emit_late(struct deciding *deciding, uint32_t activity, bool compensation,
                        const Sagabase__V1__Reply *reply)
{
    Sagabase__V1__LateReplyRefused *event =
        body(deciding, &sagabase__v1__late_reply_refused__descriptor);

    if (!event)
        return full();
    event->activity = activity;
    event->operation = operation_of(compensation);
    event->attempt = reply->attempt;
    if (reply->outcome_case == SAGABASE__V1__REPLY__OUTCOME_SUCCESS)
        event->outcome = SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS;
    else if (reply->outcome_case == SAGABASE__V1__REPLY__OUTCOME_FAILURE)
        event->outcome = SAGABASE__V1__OUTCOME__OUTCOME_FAILURE;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_LATE_REPLY_REFUSED, event);
}

/* --- the saga as a whole ------------------------------------------------------------------------
 */

struct status emit_turned(struct deciding *deciding, Sagabase__V1__SagaError *cause,
                          int64_t withdraw_us)
{
    Sagabase__V1__CompensationStarted *event =
        body(deciding, &sagabase__v1__compensation_started__descriptor);

    if (!event || !cause)
        return full();
    event->cause = cause;
    event->withdraw_us = withdraw_us;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_COMPENSATION_STARTED, event);
}

struct status emit_parked(struct deciding *deciding, uint32_t activity,
                          Sagabase__V1__SagaError *error)
{
    Sagabase__V1__SagaParked *event = body(deciding, &sagabase__v1__saga_parked__descriptor);

    if (!event || !error)
        return full();
    event->activity = activity;
    event->error = error;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_PARKED, event);
}

struct status emit_unparked(struct deciding *deciding)
{
    if (deciding->saga->status != PARKED)
        return OK;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_UNPARKED,
                body(deciding, &sagabase__v1__saga_unparked__descriptor));
}

struct status emit_signal(struct deciding *deciding, const Sagabase__V1__Signal *signal)
{
    Sagabase__V1__SignalReceived *event =
        body(deciding, &sagabase__v1__signal_received__descriptor);

    if (!event)
        return full();
    event->signal = (Sagabase__V1__Signal *)signal;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_SIGNAL_RECEIVED, event);
}

struct status emit_completed(struct deciding *deciding)
{
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_COMPLETED,
                body(deciding, &sagabase__v1__saga_completed__descriptor));
}

struct status emit_compensated(struct deciding *deciding)
{
    Sagabase__V1__SagaCompensated *event =
        body(deciding, &sagabase__v1__saga_compensated__descriptor);

    if (!event)
        return full();
    event->cause = error_keep(deciding, deciding->saga->cause);
    return event->cause ? emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_COMPENSATED, event)
                        : full();
}

struct status emit_canceled(struct deciding *deciding,
                            const Sagabase__V1__CancelSagaRequest *request)
{
    Sagabase__V1__CancelRequested *event =
        body(deciding, &sagabase__v1__cancel_requested__descriptor);

    if (!event)
        return full();
    event->reason = request->reason;
    event->principal = request->principal;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_CANCEL_REQUESTED, event);
}

struct status emit_terminated(struct deciding *deciding,
                              const Sagabase__V1__TerminateSagaRequest *request)
{
    Sagabase__V1__SagaTerminated *event =
        body(deciding, &sagabase__v1__saga_terminated__descriptor);

    if (!event)
        return full();
    event->reason = request->reason;
    event->principal = request->principal;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_TERMINATED, event);
}

struct status emit_paused(struct deciding *deciding, const Sagabase__V1__PauseSagaRequest *request)
{
    Sagabase__V1__SagaPaused *event = body(deciding, &sagabase__v1__saga_paused__descriptor);

    if (!event)
        return full();
    event->reason = request->reason;
    event->principal = request->principal;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_PAUSED, event);
}

struct status emit_resumed(struct deciding *deciding,
                           const Sagabase__V1__ResumeSagaRequest *request)
{
    Sagabase__V1__SagaResumed *event = body(deciding, &sagabase__v1__saga_resumed__descriptor);

    if (!event)
        return full();
    event->principal = request->principal;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_RESUMED, event);
}

struct status emit_operator(struct deciding *deciding, int verb, uint32_t activity,
                            const char *reason, const char *principal)
{
    Sagabase__V1__OperatorActed *event = body(deciding, &sagabase__v1__operator_acted__descriptor);

    if (!event)
        return full();
    event->verb = (Sagabase__V1__OperatorVerb)verb;
    event->activity = activity;
    event->reason = (char *)reason;
    event->principal = (char *)principal;
    return emit(deciding, SAGABASE__V1__SAGA_EVENT__EVENT_OPERATOR_ACTED, event);
}
