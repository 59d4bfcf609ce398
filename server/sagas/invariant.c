/* What holds of every state between two inputs. */
#include <assert.h>
#include <stdio.h>

#include "server/sagas/decision.h"
#include "server/sagas/saga_parts.h"

static bool waits_for_something(const struct saga *saga)
{
    if (saga->paused || saga->status == PARKED)
        return true;
    for (uint32_t i = 0; i < saga->activity_count; i++) {
        const Sagabase__V1__Node *node = activity_node(saga, i)->source;
        if (!activity_is_closed(&saga->activities[i]) &&
            node->kind_case != SAGABASE__V1__NODE__KIND_PARALLEL &&
            node->kind_case != SAGABASE__V1__NODE__KIND_CHOICE &&
            node->kind_case != SAGABASE__V1__NODE__KIND_LOOP)
            return true;
    }
    return false;
}

static const char *broken_of_step(const struct saga *saga, uint32_t index)
{
    const struct activity *at = &saga->activities[index];
    bool undoes = activity_undoes(at), closed = activity_is_closed(at);
    bool underway = !closed && !activity_is_parked(at);

    if (at->attempt == 0 && !(undoes && !activity_step(saga, index)->compensation))
        return "a step without an attempt";
    if (at->attempts_base > at->attempt)
        return "more attempts that do not count than attempts";
    if (undoes && !activity_needs_undo(saga, index))
        return "a compensation of what needs none";
    if (undoes && (saga->status == RUNNING || saga->past_pivot))
        return "a compensation on the way forward";
    if (undoes && saga->withdraw_us != 0)
        return "a compensation while answers are waited for";
    if (!undoes && underway != (at->outcome == 0))
        return "an action underway with an outcome, or closed without one";
    if (undoes && underway && at->compensation_outcome == SUCCESS)
        return "a compensation underway that is done";
    if (undoes && closed && at->compensation_outcome == 0)
        return "a compensation closed without an outcome";
    if (!undoes && at->compensation_outcome != 0)
        return "the outcome of a compensation that never was";
    if ((at->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_BACKOFF ||
         at->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_ONGOING) &&
        at->due_us == 0)
        return "an attempt that is never due";
    return NULL;
}

static const char *broken_of_node(const struct saga *saga, uint32_t index)
{
    const struct activity *at = &saga->activities[index];

    if (activity_undoes(at) || at->attempt != 0 || at->compensation_outcome != 0)
        return "a command of what is no step";
    if (!activity_is_open(at) && !activity_is_closed(at) && !activity_is_parked(at))
        return "a node in the state of a command";
    if (activity_is_closed(at) != (at->outcome != 0))
        return "a node closed without an outcome, or open with one";
    if (saga->status == COMPENSATING && !activity_is_closed(at))
        return "a node underway on the way back";
    return NULL;
}

static const char *broken_activity(const struct saga *saga, uint32_t index)
{
    const struct activity *at = &saga->activities[index];

    if (saga_has_ended(saga) && !activity_is_closed(at))
        return "an activity underway after the end";
    if (at->followed && at->outcome == 0)
        return "an activity followed before its end";
    if (saga->status == RUNNING && activity_is_closed(at) && !at->followed &&
        (!saga->paused || !outcome_is_good(at->outcome)))
        return "an activity that nothing follows";
    if (activity_is_closed(at) != (at->closed_us != 0) &&
        !(activity_is_parked(at) && !activity_undoes(at)))
        return "an activity closed without a time, or open with one";
    return activity_step(saga, index) ? broken_of_step(saga, index) : broken_of_node(saga, index);
}

/* Compensations are issued the newest first, one after another, once no action is out. */
static const char *broken_order(const struct saga *saga)
{
    bool begun = false, undone = true, action = false;
    unsigned underway = 0;

    for (uint32_t i = saga->activity_count; i-- > 0;) {
        const struct activity *at = &saga->activities[i];
        bool parked = activity_is_parked(at);
        if (activity_undoes(at)) {
            begun = true;
            underway += !activity_is_closed(at) && !parked;
            if (!undone)
                return "a compensation before that of a newer step";
        } else if (activity_step(saga, i)) {
            action |= !activity_is_closed(at) && !parked;
            undone &= parked || !activity_needs_undo(saga, i);
        }
    }
    if (underway > 1)
        return "two compensations at once";
    if (begun && action)
        return "a compensation while an action is out";
    if (saga->status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED && !undone)
        return "an end before all is undone";
    if (saga->status != RUNNING && (saga->withdraw_us != 0) != (action && !saga->past_pivot))
        return "an action out that is not waited for";
    return NULL;
}

static const char *broken_as_a_whole(const struct saga *saga)
{
    bool ended = saga_has_ended(saga);
    unsigned parked = 0;

    if (saga->number == 0)
        return saga->activity_count ? "activities before the start" : NULL;
    if (ended != (saga->ended_us != 0))
        return "ended without a time, or open with one";
    if (saga->status == COMPENSATING && (saga->past_pivot || !saga->cause))
        return "on the way back without a cause, or behind the pivot";
    if (saga->status == RUNNING && saga->withdraw_us != 0)
        return "withdrawing on the way forward";
    for (uint32_t i = 0; i < saga->activity_count; i++)
        parked += activity_is_parked(&saga->activities[i]);
    if (saga->status == PARKED && parked == 0)
        return "parked for nothing";
    if (saga->status == RUNNING && parked > 0)
        return "an activity is parked, the saga is not";
    if (!ended && !waits_for_something(saga))
        return "open, and nothing will ever happen";
    if (saga->attribute_count > SAGA_ATTRIBUTES_MAX || saga->activity_count > SAGA_ACTIVITIES_MAX ||
        saga->signal_count > SAGA_SIGNALS_MAX || saga->signal_id_count > SAGA_SIGNAL_IDS_MAX)
        return "more than a limit";
    return NULL;
}

const char *saga_broken_invariant(const struct saga *saga)
{
    const char *broken = broken_as_a_whole(saga);

    for (uint32_t i = 0; i < saga->activity_count && !broken; i++)
        broken = broken_activity(saga, i);
    return broken ? broken : broken_order(saga);
}

void saga_assert_invariant(const struct saga *saga)
{
    const char *broken = saga_broken_invariant(saga);

    if (broken)
        fprintf(stderr, "saga %llu: %s\n", (unsigned long long)saga->number, broken);
    assert(!broken);
}
