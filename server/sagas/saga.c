#include "server/sagas/saga.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/sagas/saga_parts.h"

struct saga *saga_create(struct definition *definition)
{
    struct saga *saga = calloc(1, sizeof *saga);

    if (!saga)
        return NULL;
    saga->definition = definition_acquire(definition);
    saga->type = bytes_of_text(definition->source->type);
    saga->bytes = saga_memory_bytes(saga);
    return saga;
}

void saga_free(struct saga *saga)
{
    if (!saga)
        return;
    for (uint32_t i = 0; i < saga->activity_count; i++) {
        free(saga->activities[i].output);
        free(saga->activities[i].error);
    }
    for (uint32_t i = 0; i < saga->attribute_count; i++)
        free(saga->attributes[i]);
    for (uint32_t i = 0; i < saga->signal_count; i++)
        free(saga->signals[i]);
    free(saga->activities);
    free(saga->attributes);
    free(saga->signals);
    free(saga->signal_ids);
    free(saga->input);
    free(saga->cause);
    free((void *)saga->id.data); /* with request_id and trace behind it */
    definition_release(saga->definition);
    free(saga);
}

bool saga_has_ended(const struct saga *saga)
{
    return saga->status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED ||
           saga->status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED ||
           saga->status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_TERMINATED;
}

/* Of retries and checks: whether the saga would not issue a command now. */
static bool holds_back(const struct saga *saga)
{
    return saga->paused || saga->status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED;
}

static int64_t earlier(int64_t due_us, int64_t other_us)
{
    return other_us != 0 && other_us < due_us ? other_us : due_us;
}

int64_t saga_due_us(const struct saga *saga)
{
    int64_t due_us = INT64_MAX;

    if (saga->status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING && !saga->past_pivot)
        due_us = earlier(due_us, saga->run_due_us);
    due_us = earlier(due_us, saga->withdraw_us);
    for (uint32_t i = 0; i < saga->activity_count; i++) {
        const struct activity *activity = &saga->activities[i];
        if (activity_is_closed(activity))
            continue;
        due_us = earlier(due_us, activity->close_due_us);
        if (activity_is_open(activity) || !holds_back(saga))
            due_us = earlier(due_us, activity->due_us);
    }
    return due_us;
}

struct bytes saga_stream(uint8_t text[SAGA_STREAM_BYTES_MAX], struct bytes type, struct bytes id)
{
    uint8_t *at = text;

    assert(type.size <= SAGA_TYPE_BYTES_MAX && id.size <= SAGA_ID_BYTES_MAX);
    memcpy(at, "$saga-", 6);
    memcpy(at + 6, type.data, type.size);
    at += 6 + type.size;
    *at++ = '-';
    memcpy(at, id.data, id.size);
    return bytes_of(text, (size_t)(at - text) + id.size);
}

const char *saga_event_type(const Sagabase__V1__SagaEvent *event)
{
    static const char *const types[] = {
        [SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_STARTED] = "$SagaStarted",
        [SAGABASE__V1__SAGA_EVENT__EVENT_NODE_ENTERED] = "$NodeEntered",
        [SAGABASE__V1__SAGA_EVENT__EVENT_NODE_FINISHED] = "$NodeFinished",
        [SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED] = "$CommandIssued",
        [SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_SUCCEEDED] = "$CommandSucceeded",
        [SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_FAILED] = "$CommandFailed",
        [SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ERRORED] = "$CommandErrored",
        [SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_TIMED_OUT] = "$CommandTimedOut",
        [SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ONGOING] = "$CommandOngoing",
        [SAGABASE__V1__SAGA_EVENT__EVENT_COMPENSATION_STARTED] = "$CompensationStarted",
        [SAGABASE__V1__SAGA_EVENT__EVENT_ATTENTION_NEEDED] = "$AttentionNeeded",
        [SAGABASE__V1__SAGA_EVENT__EVENT_SIGNAL_RECEIVED] = "$SignalReceived",
        [SAGABASE__V1__SAGA_EVENT__EVENT_CANCEL_REQUESTED] = "$CancelRequested",
        [SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_PAUSED] = "$SagaPaused",
        [SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_RESUMED] = "$SagaResumed",
        [SAGABASE__V1__SAGA_EVENT__EVENT_OPERATOR_ACTED] = "$OperatorActed",
        [SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_PARKED] = "$SagaParked",
        [SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_UNPARKED] = "$SagaUnparked",
        [SAGABASE__V1__SAGA_EVENT__EVENT_LATE_REPLY_REFUSED] = "$LateReplyRefused",
        [SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_COMPLETED] = "$SagaCompleted",
        [SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_COMPENSATED] = "$SagaCompensated",
        [SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_TERMINATED] = "$SagaTerminated",
    };
    unsigned which = (unsigned)event->event_case;

    assert(which < sizeof types / sizeof *types && types[which]);
    return types[which];
}
