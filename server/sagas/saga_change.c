/* What an input does to a saga, made durable: its events, its commands, its row, its entries in the
 * index, all in the commit at hand. @thread writer */
#include <assert.h>

#include "server/sagas/gateway_state.h"
#include "server/sagas/saga_events.h"
#include "server/sagas/saga_keys.h"
#include "server/sagas/saga_trace.h"

static void short_of_memory(struct commit *commit)
{
    commit_fail(commit, status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory"));
}

void saga_change_begin(struct saga_change *change, struct gateway *gateway, struct commit *commit,
                       struct open_saga *open)
{
    *change = (struct saga_change){.gateway = gateway, .commit = commit, .open = open};
    change->before = saga_index_look(open->saga, commit_arena(commit));
    if (!change->before)
        short_of_memory(commit);
}

struct status saga_change_decide(struct saga_change *change, struct saga_input *input)
{
    struct saga *saga = change->open->saga;
    bool broken = false;

    input->now_us = commit_time_us(change->commit);
    struct status status = saga_decide(saga, input, &change->gateway->secret,
                                       commit_arena(change->commit), &change->decision, &broken);
    if (status_ok(status))
        saga_assert_invariant(saga);
    else if (broken && !change->is_trial)
        commit_fail(change->commit, status);
    if (status.code == STATUS_RESOURCE_EXHAUSTED && !broken)
        counter_add(&change->gateway->totals.saga_full, 1);
    return status;
}

/* --- what follows for commands ------------------------------------------------------------------
 */

struct open_command saga_open_command(const struct gateway *gateway, const struct saga *saga,
                                      uint32_t index, bool is_new)
{
    const struct activity *activity = &saga->activities[index];
    struct step_limits limits = saga_limits(saga, index);
    bool compensation = activity->operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION;
    struct command_name name = {saga->number, index, compensation};

    return (struct open_command){
        .id = command_id(&gateway->secret, name),
        .queue = bytes_of_text(saga_target(saga, index)->queue),
        .position = activity->command_position,
        .attempt = activity->attempt,
        .compensation = compensation,
        .is_new = is_new,
        .trace = saga_trace_attempt(gateway, saga, index),
        .schedule_to_start_us = limits.schedule_to_start_us,
        .start_to_close_us = limits.start_to_close_us,
        .heartbeat_us = limits.heartbeat_us,
    };
}

static void add_open(struct saga_change *change, const Sagabase__V1__CommandIssued *issued)
{
    const struct saga *saga = change->open->saga;
    struct effect effect = {.kind = EFFECT_OPEN};

    if (!saga_is_issued_last(saga, issued))
        return;
    effect.command = saga_open_command(change->gateway, saga, issued->activity,
                                       issued->attempt == 1 && !issued->check);
    gateway_add_effect(change->gateway, change->commit, &effect);
}

static bool is_to_be_told(const struct saga_change *change, const struct command_name *name)
{
    return !change->is_answer || name->activity != change->answered.activity ||
           name->compensation != change->answered.compensation;
}

static void add_end(struct saga_change *change, enum effect_kind kind,
                    const Sagabase__V1__SagaEvent *event, uint32_t activity,
                    Sagabase__V1__Operation operation)
{
    struct command_name name = {change->open->saga->number, activity,
                                operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION};
    struct effect effect = {.kind = kind,
                            .tell = is_to_be_told(change, &name),
                            .saga = change->open->saga,
                            .event = event};

    effect.command.id = command_id(&change->gateway->secret, name);
    gateway_add_effect(change->gateway, change->commit, &effect);
}

/* The saga turns backward: answers of open actions are still taken, but not wanted. */
static void add_cancels(struct saga_change *change, const Sagabase__V1__SagaEvent *event)
{
    const struct saga *saga = change->open->saga;

    for (uint32_t i = 0; i < saga->activity_count; i++) {
        const struct activity *activity = &saga->activities[i];
        if (activity->attempt > 0 && activity->closed_us == 0 &&
            activity->operation == SAGABASE__V1__OPERATION__OPERATION_ACTION)
            add_end(change, EFFECT_CANCEL, event, i, SAGABASE__V1__OPERATION__OPERATION_ACTION);
    }
}

/* Ended as it stood. */
static void add_ends(struct saga_change *change, const Sagabase__V1__SagaEvent *event)
{
    const struct saga *saga = change->open->saga;

    for (uint32_t i = 0; i < saga->activity_count; i++)
        if (saga->activities[i].attempt > 0)
            add_end(change, EFFECT_CLOSE, event, i,
                    (Sagabase__V1__Operation)saga->activities[i].operation);
}

static void add_effect_of(struct saga_change *change, const Sagabase__V1__SagaEvent *event)
{
    switch (event->event_case) {
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED:
        return add_open(change, event->command_issued);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_SUCCEEDED:
        return add_end(change, EFFECT_CLOSE, event, event->command_succeeded->activity,
                       event->command_succeeded->operation);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_FAILED:
        return add_end(change, EFFECT_CLOSE, event, event->command_failed->activity,
                       event->command_failed->operation);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ERRORED:
        return add_end(change, EFFECT_REST, event, event->command_errored->activity,
                       event->command_errored->operation);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_TIMED_OUT:
        return add_end(change, EFFECT_REST, event, event->command_timed_out->activity,
                       event->command_timed_out->operation);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ONGOING:
        return add_end(change, EFFECT_REST, event, event->command_ongoing->activity,
                       event->command_ongoing->operation);
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMPENSATION_STARTED:
        return add_cancels(change, event);
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_TERMINATED:
        return add_ends(change, event);
    default:
        return; /* of no command */
    }
}

/* --- writing ----------------------------------------------------------------------------- */

static void put_row(struct saga_change *change)
{
    const struct saga *saga = change->open->saga;
    uint8_t *key = arena_alloc_raw(commit_arena(change->commit), SAGA_NUMBER_BYTES);
    struct bytes row = {0};

    if (!key || !status_ok(saga_encode(saga, commit_arena(change->commit), &row)))
        return short_of_memory(change->commit);
    commit_put(change->commit, FAMILY_SAGAS, saga_number_key(key, saga->number), row);
}

static void put_index(struct saga_change *change)
{
    const struct saga *saga = change->open->saga;
    struct saga_index_view *after = saga_index_look(saga, commit_arena(change->commit));

    if (!after || !change->before)
        return short_of_memory(change->commit);
    saga_index_write(change->commit, saga, change->before, after);
}

bool saga_change_write(struct saga_change *change)
{
    struct gateway *gateway = change->gateway;
    struct open_saga *open = change->open;

    if (change->decision.event_count == 0)
        return false;
    change->position = saga_events_append(gateway, change->commit, open->saga, &change->decision);
    for (size_t i = 0; i < change->decision.event_count; i++)
        add_effect_of(change, change->decision.events[i]);
    put_row(change);
    put_index(change);
    if (saga_has_ended(open->saga)) {
        assert(!open->has_ended);
        open->has_ended = true;
        open->next_ended = gateway->group.ended;
        gateway->group.ended = open;
    }
    open_sagas_update(&gateway->open, open, open->has_ended ? INT64_MAX : saga_due_us(open->saga));
    return true;
}
