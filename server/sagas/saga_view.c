/* A saga as the API tells of it. */
#include <stdio.h>

#include "server/sagas/saga_parts.h"

enum { WAITING_MAX = 5, WAITING_BYTES_MAX = 256 };

static struct status full(void)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED, "saga: too large to be told");
}

/* --- what it waits for, for people
 * ---------------------------------------------------------------- */

static const char *step_waits_for(const struct saga *saga, uint32_t index)
{
    switch (saga->activities[index].state) {
    case SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_BACKOFF:
        return saga->paused ? "held while paused" : "waits for its next attempt";
    case SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_ONGOING:
        return saga->paused ? "underway, held while paused" : "underway, will be asked again";
    case SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_PARKED:
        return "parked: retry, resolve or skip it";
    default:
        return "waits for an answer";
    }
}

static void tell_step(const struct saga *saga, uint32_t index, char text[WAITING_BYTES_MAX])
{
    const struct activity *at = &saga->activities[index];
    const Sagabase__V1__Step *step = activity_step(saga, index);
    const Sagabase__V1__RetryPolicy *retry =
        activity_undoes(at) ? step->compensation_retry : step->retry;
    char of[24] = "";

    if (retry && retry->maximum_attempts > 0)
        snprintf(of, sizeof of, " of %u", retry->maximum_attempts);
    snprintf(text, WAITING_BYTES_MAX, "%s %s: attempt %u%s, %s",
             activity_undoes(at) ? "compensation of" : "step",
             activity_node(saga, index)->source->name, at->attempt - at->attempts_base, of,
             step_waits_for(saga, index));
}

/* False: it is no wait, but holds blocks that are told of themselves. */
static bool tell_activity(const struct saga *saga, uint32_t index, char text[WAITING_BYTES_MAX])
{
    const Sagabase__V1__Node *node = activity_node(saga, index)->source;

    switch (node->kind_case) {
    case SAGABASE__V1__NODE__KIND_STEP:
        tell_step(saga, index, text);
        return true;
    case SAGABASE__V1__NODE__KIND_TIMER:
        snprintf(text, WAITING_BYTES_MAX, "timer %s", node->name);
        return true;
    case SAGABASE__V1__NODE__KIND_WAIT_EVENT:
        snprintf(text, WAITING_BYTES_MAX, "wait %s: signal %s", node->name,
                 node->wait_event->event);
        return true;
    case SAGABASE__V1__NODE__KIND_APPROVAL:
        snprintf(text, WAITING_BYTES_MAX, "approval %s", node->name);
        return true;
    default:
        snprintf(text, WAITING_BYTES_MAX, "%s: parked: skip it, or terminate the saga", node->name);
        return activity_is_parked(&saga->activities[index]);
    }
}

static bool add_waiting(const struct saga *saga, struct arena *arena,
                        Sagabase__V1__SagaSummary *summary)
{
    char text[WAITING_BYTES_MAX];

    summary->n_waiting_for = 0;
    if (saga_has_ended(saga))
        return true;
    summary->waiting_for = arena_alloc_raw(arena, WAITING_MAX * sizeof *summary->waiting_for);
    if (!summary->waiting_for)
        return false;
    for (uint32_t i = 0; i < saga->activity_count && summary->n_waiting_for < WAITING_MAX; i++) {
        if (activity_is_closed(&saga->activities[i]) || !tell_activity(saga, i, text))
            continue;
        char *kept = arena_text(arena, text);
        if (!kept)
            return false;
        summary->waiting_for[summary->n_waiting_for++] = kept;
    }
    return true;
}

/* --- the whole -----------------------------------------------------------------------------------
 */

struct status saga_summarize(const struct saga *saga, struct arena *arena,
                             Sagabase__V1__SagaSummary *summary)
{
    summary->type = (char *)saga->type.data;
    summary->id = (char *)saga->id.data;
    summary->run = saga->run;
    summary->status = saga->status;
    summary->version = saga->definition->version;
    summary->started_us = saga->started_us;
    summary->ended_us = saga->ended_us;
    summary->paused = saga->paused;
    summary->past_pivot = saga->past_pivot;
    summary->cause = saga->cause ? saga_error_message_of(saga->cause, arena) : NULL;
    summary->attributes = saga_attribute_messages(saga, arena);
    summary->n_attributes = saga->attribute_count;
    summary->position = saga->position;
    if ((saga->cause && !summary->cause) || !summary->attributes ||
        !add_waiting(saga, arena, summary))
        return full();
    return OK;
}

/* What is due while the saga is paused is held, and so is what will be. */
static int shown_state(const struct saga *saga, const struct activity *activity)
{
    bool waits = activity->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_BACKOFF ||
                 activity->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_ONGOING;

    return saga->paused && waits ? SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_HELD
                                 : activity->state;
}

static bool describe_step(const struct saga *saga, uint32_t index,
                          const struct command_secret *secret, struct arena *arena,
                          Sagabase__V1__Activity *message)
{
    bool undoes = activity_undoes(&saga->activities[index]);
    struct uuid id = command_id(secret, (struct command_name){saga->number, index, undoes});
    const Sagabase__V1__CommandTarget *target = saga_target(saga, index);
    char *text = arena_alloc(arena, UUID_TEXT_BYTES + 1);

    if (!text)
        return false;
    uuid_format(&id, (uint8_t *)text);
    message->command_id = text;
    if (target) /* a pivot may be parked for having no compensation */
        message->queue = target->queue;
    return true;
}

static int64_t shown_due(const struct activity *activity)
{
    if (activity->due_us == 0)
        return activity->close_due_us;
    return activity->close_due_us != 0 && activity->close_due_us < activity->due_us
               ? activity->close_due_us
               : activity->due_us;
}

static bool describe_activity(const struct saga *saga, uint32_t index,
                              const struct command_secret *secret, struct arena *arena,
                              Sagabase__V1__Activity *message)
{
    const struct activity *activity = &saga->activities[index];

    sagabase__v1__activity__init(message);
    message->index = index;
    message->node = activity_node(saga, index)->source->name;
    message->parent = activity->parent;
    message->operation = activity->operation;
    message->state = (Sagabase__V1__ActivityState)shown_state(saga, activity);
    message->outcome = activity->outcome;
    message->compensation_outcome = activity->compensation_outcome;
    message->attempt = activity->attempt;
    message->started_us = activity->started_us;
    message->closed_us = activity->closed_us;
    message->due_us = shown_due(activity);
    message->error = activity->error ? saga_error_message_of(activity->error, arena) : NULL;
    message->output = activity->output ? payload_message(activity->output, arena) : NULL;
    if ((activity->error && !message->error) || (activity->output && !message->output))
        return false;
    return !activity_step(saga, index) || describe_step(saga, index, secret, arena, message);
}

struct status saga_describe(const struct saga *saga, const struct command_secret *secret,
                            struct arena *arena, Sagabase__V1__GetSagaResponse *response)
{
    uint32_t count = saga->activity_count;
    Sagabase__V1__SagaSummary *summary = arena_alloc_raw(arena, sizeof *summary);
    Sagabase__V1__Activity *activities = arena_alloc_raw(arena, count * sizeof *activities);

    response->activities = arena_alloc_raw(arena, count * sizeof *response->activities);
    if (!summary || !activities || !response->activities)
        return full();
    sagabase__v1__saga_summary__init(summary);
    TRY(saga_summarize(saga, arena, summary));
    response->summary = summary;
    response->n_activities = count;
    for (uint32_t i = 0; i < count; i++) {
        response->activities[i] = &activities[i];
        if (!describe_activity(saga, i, secret, arena, &activities[i]))
            return full();
    }
    if (saga->input) {
        response->input = payload_message(saga->input, arena);
        if (!response->input)
            return full();
    }
    return OK;
}
