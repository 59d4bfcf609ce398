/* The way forward. What is to be done next follows from the state alone: a closed activity that
 * was not followed yet, or a parallel with enough branches done. So a pause needs no memory of what
 * it held back, and neither does a restart. */
#include <assert.h>
#include <stdlib.h>

#include "server/sagas/decision.h"

static struct status enter(struct deciding *deciding, uint16_t node, uint16_t holder);

/* --- conditions ------------------------------------------------------------------------------ */

/* Both as numbers if both are numbers, else by bytes. */
static int compare(const char *a, const char *b)
{
    char *end_a, *end_b;
    double number_a = strtod(a, &end_a), number_b = strtod(b, &end_b);

    if (a[0] != 0 && b[0] != 0 && *end_a == 0 && *end_b == 0)
        return number_a < number_b ? -1 : number_a > number_b;
    return strcmp(a, b);
}

static bool is_one_of(const char *value, const Sagabase__V1__Condition *condition)
{
    for (size_t i = 0; i < condition->n_values; i++)
        if (strcmp(value, condition->values[i]) == 0)
            return true;
    return false;
}

static bool condition_holds(const struct saga *saga, const Sagabase__V1__Condition *condition)
{
    const char *value = saga_find_attribute(saga, condition->attribute);

    switch (condition->comparison) {
    case SAGABASE__V1__COMPARISON__COMPARISON_EQUAL:
    case SAGABASE__V1__COMPARISON__COMPARISON_IN:
        return value && is_one_of(value, condition);
    case SAGABASE__V1__COMPARISON__COMPARISON_NOT_EQUAL:
        return !value || !is_one_of(value, condition);
    case SAGABASE__V1__COMPARISON__COMPARISON_LESS:
        return value && compare(value, condition->values[0]) < 0;
    case SAGABASE__V1__COMPARISON__COMPARISON_GREATER:
        return value && compare(value, condition->values[0]) > 0;
    case SAGABASE__V1__COMPARISON__COMPARISON_EXISTS:
        return value;
    default:
        assert(false); /* definition_validate has seen to it */
        return false;
    }
}

static bool conditions_hold(const struct saga *saga, Sagabase__V1__Condition **conditions,
                            size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!condition_holds(saga, conditions[i]))
            return false;
    return true;
}

/* --- entering nodes ----------------------------------------------------------------------------
 */

static struct status enter_parallel(struct deciding *deciding, uint16_t index, uint16_t holder)
{
    const struct node *node = &deciding->saga->definition->nodes[index];
    uint16_t activity = (uint16_t)deciding->saga->activity_count;

    TRY(emit_entered(deciding, index, holder, 0, ""));
    for (uint16_t i = 0; i < node->block_count; i++)
        TRY(enter(deciding, node->blocks[i], activity));
    return OK;
}

static struct status enter_choice(struct deciding *deciding, uint16_t index, uint16_t holder)
{
    const struct node *node = &deciding->saga->definition->nodes[index];
    const Sagabase__V1__Choice *choice = node->source->choice;
    uint16_t activity = (uint16_t)deciding->saga->activity_count;
    size_t taken = 0; /* behind the cases is what is taken otherwise */

    while (taken < choice->n_cases &&
           !conditions_hold(deciding->saga, choice->cases[taken]->conditions,
                            choice->cases[taken]->n_conditions))
        taken++;
    TRY(emit_entered(deciding, index, holder, 0, node->block_names[taken]));
    if (node->blocks[taken] == NODE_NONE)
        return emit_finished(deciding, activity, SUCCESS, NULL, NULL, NULL);
    return enter(deciding, node->blocks[taken], activity);
}

static struct status enter_loop(struct deciding *deciding, uint16_t index, uint16_t holder)
{
    uint16_t activity = (uint16_t)deciding->saga->activity_count;

    TRY(emit_entered(deciding, index, holder, 0, ""));
    return enter(deciding, deciding->saga->definition->nodes[index].blocks[0], activity);
}

static struct status enter_wait(struct deciding *deciding, uint16_t index, uint16_t holder,
                                int64_t timeout_ms)
{
    uint32_t activity = deciding->saga->activity_count;
    int64_t due_us = timeout_ms > 0 ? deciding->now_us + timeout_ms * 1000 : 0;

    TRY(emit_entered(deciding, index, holder, due_us, ""));
    return take_kept_signal(deciding, activity);
}

/* It calls itself no deeper than blocks are nested, and definition_validate has bounded that. */
static struct status enter(struct deciding *deciding, uint16_t index, uint16_t holder)
{
    const Sagabase__V1__Node *node = deciding->saga->definition->nodes[index].source;

    switch (node->kind_case) {
    case SAGABASE__V1__NODE__KIND_STEP:
        return emit_issued(deciding, index, holder);
    case SAGABASE__V1__NODE__KIND_PARALLEL:
        return enter_parallel(deciding, index, holder);
    case SAGABASE__V1__NODE__KIND_CHOICE:
        return enter_choice(deciding, index, holder);
    case SAGABASE__V1__NODE__KIND_LOOP:
        return enter_loop(deciding, index, holder);
    case SAGABASE__V1__NODE__KIND_TIMER:
        return emit_entered(deciding, index, holder,
                            deciding->now_us + node->timer->delay_ms * 1000, "");
    case SAGABASE__V1__NODE__KIND_WAIT_EVENT:
        return enter_wait(deciding, index, holder, node->wait_event->timeout_ms);
    case SAGABASE__V1__NODE__KIND_APPROVAL:
        return enter_wait(deciding, index, holder, node->approval->timeout_ms);
    default:
        assert(false);
        return OK;
    }
}

/* --- what follows -------------------------------------------------------------------------------
 */

static struct status finish_iteration(struct deciding *deciding, uint16_t loop)
{
    const struct node *node = activity_node(deciding->saga, loop);
    const Sagabase__V1__Loop *source = node->source->loop;
    Sagabase__V1__SagaError *error;

    if (!conditions_hold(deciding->saga, source->repeat_while, source->n_repeat_while))
        return emit_finished(deciding, loop, SUCCESS, NULL, NULL, NULL);
    if (deciding->saga->activities[loop].count < source->maximum_iterations)
        return enter(deciding, node->blocks[0], loop);
    error =
        error_make(deciding, "$loop_limit", "the conditions still hold after maximum_iterations");
    if (deciding->saga->past_pivot) /* neither forward nor backward */
        return emit_parked(deciding, loop, error);
    return emit_finished(deciding, loop, FAILURE, error, NULL, NULL);
}

static struct status follow(struct deciding *deciding, uint32_t activity)
{
    uint16_t holder = activity_holder(deciding->saga, activity);
    uint16_t next = activity_node(deciding->saga, activity)->next;

    if (next != NODE_NONE)
        return enter(deciding, next, holder);
    if (holder == ACTIVITY_NONE)
        return emit_completed(deciding);
    if (activity_node(deciding->saga, holder)->source->kind_case == SAGABASE__V1__NODE__KIND_LOOP)
        return finish_iteration(deciding, holder);
    return emit_finished(deciding, holder, SUCCESS, NULL, NULL, NULL);
}

static bool is_joined(const struct saga *saga, uint32_t activity)
{
    const struct activity *at = &saga->activities[activity];
    const Sagabase__V1__Node *node = activity_node(saga, activity)->source;

    if (node->kind_case != SAGABASE__V1__NODE__KIND_PARALLEL || !activity_is_open(at))
        return false;
    switch (node->parallel->join) {
    case SAGABASE__V1__JOIN__JOIN_ANY:
        return at->count >= 1;
    case SAGABASE__V1__JOIN__JOIN_COUNT:
        return at->count >= node->parallel->join_count;
    default:
        return at->count == node->parallel->n_branches;
    }
}

/* The newest first, so that what is in a block ends before what holds it. */
static struct status join(struct deciding *deciding, uint16_t parallel)
{
    for (uint32_t i = deciding->saga->activity_count; i-- > parallel + 1u;)
        if (!activity_is_closed(&deciding->saga->activities[i]) &&
            is_within(deciding->saga, i, parallel))
            TRY(withdraw(deciding, i, "the parallel went on without this branch"));
    return emit_finished(deciding, parallel, SUCCESS, NULL, NULL, NULL);
}

/* Whether it can be followed while the saga is paused: only what ends with it, nothing begins. */
static bool begins_nothing(const struct saga *saga, uint32_t activity)
{
    uint16_t holder = activity_holder(saga, activity);

    return activity_node(saga, activity)->next == NODE_NONE && holder != ACTIVITY_NONE &&
           activity_node(saga, holder)->source->kind_case == SAGABASE__V1__NODE__KIND_CHOICE;
}

/* One step further: a failure first, so that nothing is begun only to be given up. */
static struct status go_forward(struct deciding *deciding, bool *done)
{
    struct saga *saga = deciding->saga;
    uint32_t next = saga->activity_count;
    bool joins = false;

    if (saga->activity_count == 0 && !saga->paused)
        return enter(deciding, 0, ACTIVITY_NONE);
    for (uint32_t i = 0; i < saga->activity_count; i++) {
        const struct activity *activity = &saga->activities[i];
        bool closed = activity_is_closed(activity) && !activity->followed;
        if (closed && !outcome_is_good(activity->outcome))
            return turn_backward(deciding, error_keep(deciding, activity->error), (uint16_t)i);
        bool follows = closed && (!saga->paused || begins_nothing(saga, i));
        if (next == saga->activity_count && (follows || is_joined(saga, i))) {
            next = i;
            joins = !closed;
        }
    }
    *done = next == saga->activity_count;
    if (*done)
        return OK;
    return joins ? join(deciding, (uint16_t)next) : follow(deciding, next);
}

struct status advance(struct deciding *deciding)
{
    bool done = false;

    /* Ends, because each turn enters or ends an activity, and these are bounded. */
    while (!done) {
        if (deciding->saga->status == RUNNING)
            TRY(go_forward(deciding, &done));
        else if (deciding->saga->status == COMPENSATING)
            TRY(go_backward(deciding, &done));
        else
            done = true; /* ended, or parked */
    }
    return OK;
}
