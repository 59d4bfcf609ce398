/* RetryStep, SkipStep and ResolveStep: each says first who did it and why, then does it. */
#include "server/sagas/decision.h"

enum {
    VERB_RETRY = SAGABASE__V1__OPERATOR_VERB__OPERATOR_VERB_RETRY,
    VERB_SKIP = SAGABASE__V1__OPERATOR_VERB__OPERATOR_VERB_SKIP,
    VERB_RESOLVE = SAGABASE__V1__OPERATOR_VERB__OPERATOR_VERB_RESOLVE,
};

const char *saga_status_name(const struct saga *saga)
{
    static const char *const names[] = {"not started", "RUNNING",     "COMPENSATING", "PARKED",
                                        "COMPLETED",   "COMPENSATED", "TERMINATED"};

    return names[saga->status];
}

/* Of several activities of a node, the newest is meant; but one that is not closed goes first. */
static struct status find_activity(const struct saga *saga, const char *name, uint32_t *activity)
{
    uint16_t node = definition_find(saga->definition, bytes_of_text(name));
    bool found = false;

    if (node == NODE_NONE)
        return status_make(STATUS_NOT_FOUND, "step: the definition has no node \"%.64s\"", name);
    for (uint32_t i = saga->activity_count; i-- > 0;) {
        if (saga->activities[i].node != node)
            continue;
        if (!found)
            *activity = i;
        found = true;
        if (!activity_is_closed(&saga->activities[i])) {
            *activity = i;
            return OK;
        }
    }
    return found ? OK : status_make(STATUS_NOT_FOUND, "step: \"%.64s\" was not reached yet", name);
}

static struct status refuse(const struct saga *saga, const char *name, const char *why)
{
    return status_make(STATUS_FAILED_PRECONDITION, "step \"%.64s\": %s; the saga is %s", name, why,
                       saga_status_name(saga));
}

/* The same, of a step that has no outcome yet. */
static struct status find_open_step(const struct saga *saga, const char *name, uint32_t *activity)
{
    TRY(find_activity(saga, name, activity));
    if (!activity_step(saga, *activity))
        return refuse(saga, name, "it is no step: it has no command");
    if (activity_is_closed(&saga->activities[*activity]))
        return refuse(saga, name, "it is closed");
    return OK;
}

/* Whether a compensation other than this one is underway: one after another. */
static bool other_compensation(const struct saga *saga, uint32_t activity)
{
    for (uint32_t i = 0; i < saga->activity_count; i++) {
        const struct activity *at = &saga->activities[i];
        if (i != activity && activity_undoes(at) && !activity_is_closed(at) &&
            !activity_is_parked(at))
            return true;
    }
    return false;
}

struct status take_retry(struct deciding *deciding, const Sagabase__V1__RetryStepRequest *request)
{
    struct saga *saga = deciding->saga;
    uint32_t activity;

    TRY(find_open_step(saga, request->step, &activity));
    const struct activity *at = &saga->activities[activity];
    if (activity_is_open(at))
        return refuse(saga, request->step, "its command is out already");
    if (activity_is_parked(at) && !activity_undoes(at))
        return refuse(saga, request->step, "it has no compensation: skip or resolve it");
    if (activity_is_parked(at) && other_compensation(saga, activity))
        return refuse(saga, request->step,
                      "another compensation is underway: wait until the saga is parked");
    if (saga->paused)
        return refuse(saga, request->step, "the saga is paused: resume it first");
    TRY(emit_operator(deciding, VERB_RETRY, activity, request->reason, request->principal));
    if (activity_is_parked(at))
        TRY(emit_unparked(deciding));
    return emit_issued_again(deciding, activity, false);
}

/* A timer or wait, or a loop at its limit. */
static bool can_be_skipped(const struct saga *saga, uint32_t activity)
{
    switch (activity_node(saga, activity)->source->kind_case) {
    case SAGABASE__V1__NODE__KIND_TIMER:
    case SAGABASE__V1__NODE__KIND_WAIT_EVENT:
    case SAGABASE__V1__NODE__KIND_APPROVAL:
        return true;
    default:
        return activity_is_parked(&saga->activities[activity]);
    }
}

struct status take_skip(struct deciding *deciding, const Sagabase__V1__SkipStepRequest *request)
{
    struct saga *saga = deciding->saga;
    uint32_t activity;

    TRY(find_activity(saga, request->step, &activity));
    const struct activity *at = &saga->activities[activity];
    bool step = activity_step(saga, activity);
    if (activity_is_closed(at))
        return refuse(saga, request->step, "it is closed");
    if (!step && !can_be_skipped(saga, activity))
        return refuse(saga, request->step, "skip what is in its blocks");
    TRY(emit_operator(deciding, VERB_SKIP, activity, request->reason, request->principal));
    bool undo = activity_undoes(at) || (step && activity_is_parked(at));
    if (activity_is_parked(at))
        TRY(emit_unparked(deciding));
    Sagabase__V1__SagaError *error = error_make(deciding, "$skipped", request->reason);
    if (step)
        return emit_failed(deciding, activity, undo, SKIPPED, error);
    return emit_finished(deciding, activity, SKIPPED, error, NULL, NULL);
}

struct status take_resolve(struct deciding *deciding,
                           const Sagabase__V1__ResolveStepRequest *request)
{
    struct saga *saga = deciding->saga;
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    bool succeeds = request->outcome == SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS;
    uint32_t activity;

    TRY(find_open_step(saga, request->step, &activity));
    const struct activity *at = &saga->activities[activity];
    if (!succeeds && activity_is_parked(at))
        return refuse(saga, request->step, "it is parked for having failed");
    if (!succeeds && !activity_undoes(at) && saga->past_pivot)
        return refuse(saga, request->step, "behind the pivot nothing may fail");
    success.output = request->output;
    bool undo = activity_undoes(at) || activity_is_parked(at);
    if (succeeds)
        TRY(check_room(saga, NULL, 0, 0, undo ? NULL : request->output));
    TRY(emit_operator(deciding, VERB_RESOLVE, activity, request->reason, request->principal));
    if (activity_is_parked(at))
        TRY(emit_unparked(deciding));
    if (succeeds)
        return emit_succeeded(deciding, activity, undo, at->attempt, &success);
    return emit_failed(deciding, activity, undo, FAILURE,
                       error_make(deciding, "$resolved", request->reason));
}
