/* The way back: nothing new is issued, what is out is waited for, then what was done is undone, one
 * after another, the newest first. */
#include "server/sagas/decision.h"

enum { WITHDRAW_AFTER_MS = 10000 };

bool is_within(const struct saga *saga, uint32_t activity, uint16_t holder)
{
    uint16_t at = activity_holder(saga, activity);

    while (at != ACTIVITY_NONE && at > holder)
        at = activity_holder(saga, at);
    return at == holder;
}

/* Gives up an action, or what else the node is. A command that nobody has, and whose earlier
 * attempts left no doubt, has certainly not been done. */
struct status withdraw(struct deciding *deciding, uint32_t activity, const char *why)
{
    const struct activity *at = &deciding->saga->activities[activity];
    Sagabase__V1__SagaError *error = error_make(deciding, "$withdrawn", why);
    bool certain =
        at->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_BACKOFF && !at->doubtful;

    if (activity_step(deciding->saga, activity))
        return emit_failed(deciding, activity, false, certain ? FAILURE : UNKNOWN, error);
    return emit_finished(deciding, activity, UNKNOWN, error, NULL, NULL);
}

/* Whether a parallel that holds both says that its other branches are given up. */
static bool is_canceled_by(const struct saga *saga, uint32_t activity, uint16_t failed)
{
    uint16_t holder = failed == ACTIVITY_NONE ? ACTIVITY_NONE : activity_holder(saga, failed);

    for (; holder != ACTIVITY_NONE; holder = activity_holder(saga, holder)) {
        const Sagabase__V1__Node *node = activity_node(saga, holder)->source;
        if (node->kind_case == SAGABASE__V1__NODE__KIND_PARALLEL &&
            node->parallel->on_failure == SAGABASE__V1__ON_FAILURE__ON_FAILURE_CANCEL &&
            is_within(saga, activity, holder))
            return true;
    }
    return false;
}

static bool is_waited_for(const struct saga *saga, uint32_t activity, uint16_t failed)
{
    return activity_is_open(&saga->activities[activity]) && activity_step(saga, activity) &&
           !is_canceled_by(saga, activity, failed);
}

struct status turn_backward(struct deciding *deciding, Sagabase__V1__SagaError *cause,
                            uint16_t failed)
{
    struct saga *saga = deciding->saga;
    int64_t after_ms = saga->definition->source->withdraw_after_ms;
    bool waits = false;

    for (uint32_t i = 0; i < saga->activity_count && !waits; i++)
        waits = is_waited_for(saga, i, failed);
    if (after_ms == 0)
        after_ms = WITHDRAW_AFTER_MS;
    TRY(emit_turned(deciding, cause, waits ? deciding->now_us + after_ms * 1000 : 0));
    for (uint32_t i = saga->activity_count; i-- > 0;)
        if (!activity_is_closed(&saga->activities[i]) && !is_waited_for(saga, i, failed))
            TRY(withdraw(deciding, i, "the saga has turned backward"));
    return OK;
}

/* --- undoing -----------------------------------------------------------------------------------
 */

static bool goes_on_without(const struct saga *saga, uint32_t activity)
{
    const Sagabase__V1__Step *step = activity_step(saga, activity);

    return step && step->on_compensation_failure ==
                       SAGABASE__V1__COMPENSATION_FAILURE__COMPENSATION_FAILURE_CONTINUE;
}

static struct status undo(struct deciding *deciding, uint32_t activity)
{
    if (activity_step(deciding->saga, activity)->compensation)
        return emit_compensation_issued(deciding, activity);
    return emit_parked(deciding, activity,
                       error_make(deciding, "$no_compensation",
                                  "it may have happened, and the definition has no compensation "
                                  "for it: skip or resolve it"));
}

struct status go_backward(struct deciding *deciding, bool *done)
{
    struct saga *saga = deciding->saga;
    uint32_t next = saga->activity_count, parked = saga->activity_count;

    *done = true;
    if (saga->withdraw_us != 0)
        return OK;
    for (uint32_t i = saga->activity_count; i-- > 0;) {
        const struct activity *activity = &saga->activities[i];
        bool is_parked = activity_is_parked(activity);
        if (activity_undoes(activity) && !activity_is_closed(activity) && !is_parked)
            return OK; /* one after another */
        if (is_parked && (parked == saga->activity_count || !goes_on_without(saga, i)))
            parked = i;
        if (next == saga->activity_count && !activity_undoes(activity) && !is_parked &&
            activity_needs_undo(saga, i))
            next = i;
    }
    *done = false;
    if (parked < saga->activity_count &&
        (next == saga->activity_count || !goes_on_without(saga, parked)))
        return emit_parked(deciding, parked, error_keep(deciding, saga->activities[parked].error));
    if (saga->paused) {
        *done = true;
        return OK;
    }
    return next < saga->activity_count ? undo(deciding, next) : emit_compensated(deciding);
}
