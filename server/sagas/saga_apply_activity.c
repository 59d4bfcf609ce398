/* Events about activities: nodes that are reached, commands that are issued and answered. */
#include "server/sagas/saga_apply.h"

/* --- activities ---------------------------------------------------------------------------------
 */

/* Marks what the new activity comes behind as followed. */
static void mark_followed(struct saga *saga, uint32_t index)
{
    const struct activity *begun = &saga->activities[index];
    const struct node *nodes = saga->definition->nodes;
    uint16_t holder = activity_holder(saga, index);
    bool repeats =
        holder != ACTIVITY_NONE &&
        activity_node(saga, holder)->source->kind_case == SAGABASE__V1__NODE__KIND_LOOP &&
        activity_node(saga, holder)->blocks[0] == begun->node;

    for (uint32_t i = index; i-- > (holder == ACTIVITY_NONE ? 0u : holder + 1u);) {
        struct activity *before = &saga->activities[i];
        if (activity_holder(saga, i) != holder || !activity_is_closed(before) || before->followed)
            continue;
        uint16_t next = nodes[before->node].next;
        if (next == begun->node || (repeats && next == NODE_NONE)) {
            before->followed = true;
            return;
        }
    }
}

static struct status add_activity(struct saga *saga, const char *name, uint32_t parent,
                                  int64_t time_us)
{
    uint32_t index = saga->activity_count;
    uint16_t node = definition_find(saga->definition, bytes_of_text(name));

    if (node == NODE_NONE || parent > index || index == SAGA_ACTIVITIES_MAX)
        return apply_damaged("a node that cannot be reached");
    uint16_t holder_node = parent == index ? NODE_NONE : saga->activities[parent].node;
    if (saga->definition->nodes[node].parent != holder_node)
        return apply_damaged("a node in a block that it does not belong to");
    if (parent != index && activity_is_closed(&saga->activities[parent]))
        return apply_damaged("a node in a block that has ended");
    if (!saga_grow((void **)&saga->activities, index, saga->activity_capacity,
                   sizeof *saga->activities, &saga->bytes))
        return apply_no_memory();
    if (index == saga->activity_capacity)
        saga->activity_capacity = index + index / 2 + 1;
    saga->activities[index] = (struct activity){
        .node = node,
        .parent = (uint16_t)parent,
        .operation = SAGABASE__V1__OPERATION__OPERATION_ACTION,
        .state = SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_OPEN,
        .started_us = time_us,
    };
    saga->activity_count++;
    mark_followed(saga, index);
    if (parent != index) {
        const struct node *holder = activity_node(saga, parent);
        if (holder->source->kind_case == SAGABASE__V1__NODE__KIND_LOOP && holder->blocks[0] == node)
            saga->activities[parent].count++;
    }
    return OK;
}

/* Whether an action is out whose answer the way back waits for. */
static bool has_open_action(const struct saga *saga)
{
    for (uint32_t i = 0; i < saga->activity_count; i++)
        if (!activity_is_closed(&saga->activities[i]) && activity_step(saga, i))
            return true;
    return false;
}

void activity_close(struct activity *activity, int64_t time_us)
{
    activity->state = SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_CLOSED;
    activity->closed_us = time_us;
    activity->due_us = 0;
    activity->close_due_us = 0;
}

/* The action, or what the node is, has its outcome. */
static void close_action(struct saga *saga, uint32_t index, uint8_t outcome, int64_t time_us)
{
    struct activity *activity = &saga->activities[index];
    const struct node *node = activity_node(saga, index);
    uint16_t holder = activity_holder(saga, index);
    const Sagabase__V1__Step *step = activity_step(saga, index);

    activity->outcome = outcome;
    activity_close(activity, time_us);
    if (outcome_is_good(outcome) && node->next == NODE_NONE && holder != ACTIVITY_NONE &&
        activity_node(saga, holder)->source->kind_case == SAGABASE__V1__NODE__KIND_PARALLEL) {
        saga->activities[holder].count++;
        activity->followed = true;
    }
    if (outcome_is_good(outcome) && step &&
        step->kind == SAGABASE__V1__STEP_KIND__STEP_KIND_PIVOT &&
        saga->status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING)
        saga->past_pivot = true;
    if (saga->withdraw_us != 0 && !has_open_action(saga))
        saga->withdraw_us = 0;
}

/* The step of an event that is about a command in the given operation, which is not closed. */
static struct status find_command(struct saga *saga, uint32_t index, int operation,
                                  struct activity **activity)
{
    if (index >= saga->activity_count || !activity_step(saga, index))
        return apply_damaged("no such step");
    *activity = &saga->activities[index];
    if (activity_is_closed(*activity))
        return apply_damaged("the command is closed");
    /* Of a step that cannot be undone and is parked for that, there is no command but an end. */
    if ((*activity)->operation != operation &&
        !(activity_is_parked(*activity) &&
          operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION))
        return apply_damaged("another operation");
    return OK;
}

/* --- commands ----------------------------------------------------------------------------------
 */

static struct status check_issue(const struct saga *saga, const struct activity *activity,
                                 const Sagabase__V1__CommandIssued *event)
{
    const Sagabase__V1__Step *step = activity_step(saga, event->activity);

    if (!step)
        return apply_damaged("a command of what is no step");
    if (event->operation == activity->operation) {
        bool first = activity->attempt == 0;
        if (event->attempt != activity->attempt + 1 || activity_is_closed(activity) ||
            (activity_is_open(activity) && !first))
            return apply_damaged("not the next attempt");
        return OK;
    }
    if (event->operation != SAGABASE__V1__OPERATION__OPERATION_COMPENSATION ||
        event->attempt != 1 || !activity_is_closed(activity) || !step->compensation ||
        saga->status != SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATING)
        return apply_damaged("nothing to compensate");
    return OK;
}

struct status apply_issued(struct saga *saga, const Sagabase__V1__CommandIssued *event,
                           int64_t time_us)
{
    if (event->activity == saga->activity_count)
        TRY(add_activity(saga, event->node, event->parent, time_us));
    if (event->activity >= saga->activity_count)
        return apply_damaged("no such step");
    struct activity *activity = &saga->activities[event->activity];
    TRY(check_issue(saga, activity, event));
    if (event->operation != activity->operation) { /* to compensate */
        activity->attempts_base = 0;
        saga_set_error(saga, &activity->error, NULL);
    }
    /* Issued once more by an operator: what is underway may be done, too. */
    if (activity->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_ONGOING && !event->check &&
        event->operation == SAGABASE__V1__OPERATION__OPERATION_ACTION)
        activity->doubtful = true;
    if (event->attempt == 1)
        activity->issued_us = time_us;
    activity->operation = (uint8_t)event->operation;
    activity->state = SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_OPEN;
    activity->attempt = event->attempt;
    activity->attempts_base += event->check;
    activity->check = event->check;
    activity->closed_us = 0;
    activity->due_us = 0;
    activity->close_due_us = event->close_due_us;
    activity->command_position = 0;
    return OK;
}

struct status apply_succeeded(struct saga *saga, const Sagabase__V1__CommandSucceeded *event,
                              int64_t time_us)
{
    struct activity *activity;

    TRY(find_command(saga, event->activity, (int)event->operation, &activity));
    TRY(saga_set_attributes(saga, event->attributes, event->n_attributes));
    saga_set_error(saga, &activity->error, NULL);
    if (event->operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION) {
        activity->operation = SAGABASE__V1__OPERATION__OPERATION_COMPENSATION;
        activity->compensation_outcome = SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS;
        activity->compensation_given_up = false;
        activity_close(activity, time_us);
        return OK;
    }
    if (!saga_set_output(saga, activity, event->output))
        return apply_no_memory();
    close_action(saga, event->activity, SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS, time_us);
    return OK;
}

struct status apply_failed(struct saga *saga, const Sagabase__V1__CommandFailed *event,
                           int64_t time_us)
{
    bool skipped = event->outcome == SAGABASE__V1__OUTCOME__OUTCOME_SKIPPED;
    bool given_up = event->outcome != SAGABASE__V1__OUTCOME__OUTCOME_FAILURE || !event->error ||
                    event->error->type[0] == '$';
    struct activity *activity;

    TRY(find_command(saga, event->activity, (int)event->operation, &activity));
    if (!skipped && event->outcome != SAGABASE__V1__OUTCOME__OUTCOME_FAILURE &&
        event->outcome != SAGABASE__V1__OUTCOME__OUTCOME_UNKNOWN)
        return apply_damaged("$CommandFailed without a failure");
    if (!saga_set_error(saga, &activity->error, event->error))
        return apply_no_memory();
    if (event->operation == SAGABASE__V1__OPERATION__OPERATION_ACTION) {
        activity->given_up = given_up;
        close_action(saga, event->activity, (uint8_t)event->outcome, time_us);
        return OK;
    }
    activity->operation = SAGABASE__V1__OPERATION__OPERATION_COMPENSATION;
    activity->compensation_outcome = (uint8_t)event->outcome;
    activity->compensation_given_up = given_up;
    activity_close(activity, time_us);
    if (!skipped) {
        activity->state = SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_PARKED;
        activity->closed_us = 0;
    }
    return OK;
}

/* An attempt has ended, and there will be another. */
static struct status wait_for_retry(struct saga *saga, uint32_t index, int operation,
                                    const Sagabase__V1__SagaError *error, int64_t retry_us,
                                    bool timed_out)
{
    const Sagabase__V1__Step *step;
    struct activity *activity;

    TRY(find_command(saga, index, operation, &activity));
    step = activity_step(saga, index);
    if (activity->operation != operation || activity_is_parked(activity))
        return apply_damaged("another operation");
    if (!saga_set_error(saga, &activity->error, error))
        return apply_no_memory();
    if (operation == SAGABASE__V1__OPERATION__OPERATION_ACTION)
        activity->doubtful |= timed_out || !step->idempotent;
    activity->state = SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_BACKOFF;
    activity->due_us = retry_us;
    return OK;
}

struct status apply_errored(struct saga *saga, const Sagabase__V1__CommandErrored *event)
{
    return wait_for_retry(saga, event->activity, (int)event->operation, event->error,
                          event->retry_us, false);
}

struct status apply_timed_out(struct saga *saga, const Sagabase__V1__CommandTimedOut *event)
{
    Sagabase__V1__SagaError error = SAGABASE__V1__SAGA_ERROR__INIT;

    error.type = (char *)timeout_error_type((int)event->kind);
    return wait_for_retry(saga, event->activity, (int)event->operation, &error, event->retry_us,
                          true);
}

struct status apply_ongoing(struct saga *saga, const Sagabase__V1__CommandOngoing *event)
{
    struct activity *activity;

    TRY(find_command(saga, event->activity, (int)event->operation, &activity));
    if (!activity_is_open(activity))
        return apply_damaged("the command is not out");
    activity->state = SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_ONGOING;
    activity->due_us = event->check_us;
    return OK;
}

/* --- nodes that are no steps ---------------------------------------------------------------------
 */

struct status apply_entered(struct saga *saga, const Sagabase__V1__NodeEntered *event,
                            int64_t time_us)
{
    if (event->activity != saga->activity_count)
        return apply_damaged("not the next node");
    TRY(add_activity(saga, event->node, event->parent, time_us));
    if (activity_step(saga, event->activity))
        return apply_damaged("$NodeEntered of a step");
    saga->activities[event->activity].due_us = event->due_us;
    return OK;
}

static void drop_signal(struct saga *saga, const char *signal_id)
{
    for (uint32_t i = 0; i < saga->signal_count; i++) {
        struct saga_signal *signal = saga->signals[i];
        if (strcmp(signal->text, signal_id) != 0)
            continue;
        saga->payload_bytes -= signal->payload_bytes;
        saga_part_free(signal, &saga->bytes);
        saga->signal_count--;
        memmove(saga->signals + i, saga->signals + i + 1,
                (saga->signal_count - i) * sizeof *saga->signals);
        return;
    }
}

struct status apply_finished(struct saga *saga, const Sagabase__V1__NodeFinished *event,
                             int64_t time_us)
{
    uint32_t index = event->activity;

    if (index >= saga->activity_count || activity_step(saga, index) ||
        activity_is_closed(&saga->activities[index]))
        return apply_damaged("no such node underway");
    if (event->outcome == SAGABASE__V1__OUTCOME__OUTCOME_UNSPECIFIED ||
        (int)event->outcome > SAGABASE__V1__OUTCOME__OUTCOME_SKIPPED)
        return apply_damaged("$NodeFinished without outcome");
    if (event->signal_id[0] != 0)
        drop_signal(saga, event->signal_id);
    TRY(saga_set_attributes(saga, event->attributes, event->n_attributes));
    if (!saga_set_error(saga, &saga->activities[index].error, event->error) ||
        !saga_set_output(saga, &saga->activities[index], event->output))
        return apply_no_memory();
    close_action(saga, index, (uint8_t)event->outcome, time_us);
    for (uint32_t i = index + 1; i < saga->activity_count; i++)
        if (saga->activities[i].parent == index && activity_is_closed(&saga->activities[i]))
            saga->activities[i].followed = true;
    return OK;
}
