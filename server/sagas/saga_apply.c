/* The state as the sum of events. Whatever event follows whatever state, nothing breaks: what does
 * not fit is DATA_LOSS, for streams that are damaged. */
#include "server/sagas/saga_apply.h"
#include "base/hash.h"

/* --- the start ---------------------------------------------------------------------------------
 */

static struct status apply_started(struct saga *saga, const Sagabase__V1__SagaStarted *event,
                                   int64_t time_us)
{
    const struct definition *definition = saga->definition;
    size_t id_size = strlen(event->id);

    if (strcmp(event->type, definition->source->type) != 0 ||
        event->version != definition->version ||
        event->definition_hash.len != DEFINITION_HASH_BYTES ||
        memcmp(event->definition_hash.data, definition->hash, DEFINITION_HASH_BYTES) != 0)
        return apply_damaged("it was started with another definition");
    if (event->number == 0 || event->number >> 48 != 0 || event->run == 0 || id_size == 0 ||
        id_size > SAGA_ID_BYTES_MAX)
        return apply_damaged("$SagaStarted without number, run or id");
    if (!saga_set_texts(saga, event->id, event->request_id, event->traceparent, event->tracestate))
        return apply_no_memory();
    saga->number = event->number;
    saga->run = event->run;
    saga->status = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING;
    saga->started_us = time_us;
    saga->run_due_us = event->run_timeout_us;
    saga->input_hash =
        saga_start_hash(definition, event->input, event->attributes, event->n_attributes);
    if (event->input) {
        saga->input = payload_create(event->input, &saga->bytes);
        if (!saga->input)
            return apply_no_memory();
    }
    return saga_set_attributes(saga, event->attributes, event->n_attributes);
}

/* One that is waited for may be one more than are kept, until the wait takes it. */
static struct status apply_signal(struct saga *saga, const Sagabase__V1__SignalReceived *event)
{
    if (!event->signal || saga->signal_id_count == SAGA_SIGNAL_IDS_MAX ||
        saga->signal_count > SAGA_SIGNALS_MAX)
        return apply_damaged("a signal too many");
    TRY(saga_set_attributes(saga, event->signal->attributes, event->signal->n_attributes));
    struct saga_signal *signal = saga_signal_create(event->signal, &saga->bytes);
    if (!signal)
        return apply_no_memory();
    if (!saga_grow_by_one((void **)&saga->signals, saga->signal_count, sizeof *saga->signals,
                          &saga->bytes) ||
        !saga_grow_by_one((void **)&saga->signal_ids, saga->signal_id_count,
                          sizeof *saga->signal_ids, &saga->bytes)) {
        saga_part_free(signal, &saga->bytes);
        return apply_no_memory();
    }
    saga->signals[saga->signal_count++] = signal;
    saga->payload_bytes += signal->payload_bytes;
    saga->signal_ids[saga->signal_id_count++] =
        checksum_bytes(bytes_of_text(event->signal->signal_id));
    return OK;
}

/* --- the saga as a whole -----------------------------------------------------------------------
 */

static struct status apply_turned(struct saga *saga, const Sagabase__V1__CompensationStarted *event)
{
    if (saga->status != SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING || saga->past_pivot)
        return apply_damaged("it cannot turn backward");
    if (!saga_set_error(saga, &saga->cause, event->cause))
        return apply_no_memory();
    saga->status = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATING;
    saga->withdraw_us = event->withdraw_us;
    return OK;
}

static struct status apply_operator(struct saga *saga, const Sagabase__V1__OperatorActed *event)
{
    if (event->activity >= saga->activity_count)
        return apply_damaged("no such activity");
    struct activity *activity = &saga->activities[event->activity];
    if (event->verb == SAGABASE__V1__OPERATOR_VERB__OPERATOR_VERB_RETRY)
        activity->attempts_base = activity->attempt;
    return OK;
}

static struct status apply_parked(struct saga *saga, const Sagabase__V1__SagaParked *event)
{
    if (event->activity >= saga->activity_count)
        return apply_damaged("no such activity");
    struct activity *activity = &saga->activities[event->activity];
    activity->state = SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_PARKED;
    activity->due_us = 0;
    activity->close_due_us = 0;
    saga->status = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED;
    if (!saga->cause && !saga_set_error(saga, &saga->cause, event->error))
        return apply_no_memory();
    return OK;
}

static struct status apply_unparked(struct saga *saga)
{
    if (saga->status != SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED)
        return apply_damaged("it is not parked");
    saga->status = saga->past_pivot ? SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING
                                    : SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATING;
    if (saga->past_pivot) /* it was why the saga is parked; else, why it turned backward */
        saga_set_error(saga, &saga->cause, NULL);
    return OK;
}

static struct status apply_late(struct saga *saga, const Sagabase__V1__LateReplyRefused *event)
{
    if (event->activity >= saga->activity_count)
        return apply_damaged("no such activity");
    if (saga->activities[event->activity].late_replies < SAGA_LATE_REPLIES_MAX)
        saga->activities[event->activity].late_replies++;
    return OK;
}

static void end(struct saga *saga, int status, int64_t time_us)
{
    saga->status = (uint8_t)status;
    saga->ended_us = time_us;
    saga->withdraw_us = 0;
    saga->paused = false;
}

static void terminate(struct saga *saga, int64_t time_us)
{
    end(saga, SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_TERMINATED, time_us);
    for (uint32_t i = 0; i < saga->activity_count; i++) {
        struct activity *activity = &saga->activities[i];
        if (activity_is_closed(activity))
            continue;
        if (activity_undoes(activity)) {
            activity->compensation_outcome = SAGABASE__V1__OUTCOME__OUTCOME_UNKNOWN;
            activity->compensation_given_up = true;
        } else if (activity->outcome == SAGABASE__V1__OUTCOME__OUTCOME_UNSPECIFIED) {
            activity->outcome = SAGABASE__V1__OUTCOME__OUTCOME_UNKNOWN;
            activity->given_up = true;
        }
        activity_close(activity, time_us);
    }
}

static struct status apply_to_saga(struct saga *saga, const Sagabase__V1__SagaEvent *event,
                                   int64_t time_us)
{
    switch (event->event_case) {
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMPENSATION_STARTED:
        return apply_turned(saga, event->compensation_started);
    case SAGABASE__V1__SAGA_EVENT__EVENT_CANCEL_REQUESTED:
        saga->cancel_requested = true;
        return OK;
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_PAUSED:
        saga->paused = true;
        return OK;
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_RESUMED:
        saga->paused = false;
        return OK;
    case SAGABASE__V1__SAGA_EVENT__EVENT_OPERATOR_ACTED:
        return apply_operator(saga, event->operator_acted);
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_PARKED:
        return apply_parked(saga, event->saga_parked);
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_UNPARKED:
        return apply_unparked(saga);
    case SAGABASE__V1__SAGA_EVENT__EVENT_LATE_REPLY_REFUSED:
        return apply_late(saga, event->late_reply_refused);
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_COMPLETED:
        end(saga, SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED, time_us);
        return OK;
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_COMPENSATED:
        end(saga, SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED, time_us);
        return OK;
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_TERMINATED:
        terminate(saga, time_us);
        return OK;
    default:
        return apply_damaged("no known event");
    }
}

static struct status apply_any(struct saga *saga, const Sagabase__V1__SagaEvent *event,
                               int64_t time_us)
{
    bool starts = event->event_case == SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_STARTED;

    if (starts != (saga->number == 0))
        return apply_damaged(starts ? "it has started already" : "it has not started");
    if (saga_has_ended(saga))
        return apply_damaged("it has ended");
    switch (event->event_case) {
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_STARTED:
        return apply_started(saga, event->saga_started, time_us);
    case SAGABASE__V1__SAGA_EVENT__EVENT_NODE_ENTERED:
        return apply_entered(saga, event->node_entered, time_us);
    case SAGABASE__V1__SAGA_EVENT__EVENT_NODE_FINISHED:
        return apply_finished(saga, event->node_finished, time_us);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED:
        return apply_issued(saga, event->command_issued, time_us);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_SUCCEEDED:
        return apply_succeeded(saga, event->command_succeeded, time_us);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_FAILED:
        return apply_failed(saga, event->command_failed, time_us);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ERRORED:
        return apply_errored(saga, event->command_errored);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_TIMED_OUT:
        return apply_timed_out(saga, event->command_timed_out);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ONGOING:
        return apply_ongoing(saga, event->command_ongoing);
    case SAGABASE__V1__SAGA_EVENT__EVENT_ATTENTION_NEEDED:
        return OK;
    case SAGABASE__V1__SAGA_EVENT__EVENT_SIGNAL_RECEIVED:
        return apply_signal(saga, event->signal_received);
    default:
        return apply_to_saga(saga, event, time_us);
    }
}

struct status saga_apply(struct saga *saga, const Sagabase__V1__SagaEvent *event, int64_t time_us)
{
    TRY(apply_any(saga, event, time_us));
    saga->event_count++;
    saga->changed_us = time_us;
    return OK;
}
