/* The commands of a saga's steps, as participants get them. */
#include "server/sagas/saga_parts.h"

const Sagabase__V1__CommandTarget *saga_target(const struct saga *saga, uint32_t activity)
{
    const Sagabase__V1__Step *step = activity_step(saga, activity);

    return activity_undoes(&saga->activities[activity]) ? step->compensation : step->action;
}

struct step_limits saga_limits(const struct saga *saga, uint32_t activity)
{
    const Sagabase__V1__Step *step = activity_step(saga, activity);
    bool undoes = activity_undoes(&saga->activities[activity]);
    const Sagabase__V1__StepTimeouts *own = undoes ? step->compensation_timeouts : NULL;
    const Sagabase__V1__StepTimeouts *timeouts = own ? own : step->timeouts;
    struct step_limits limits = {
        .schedule_to_start_us = timeouts->schedule_to_start_ms * 1000,
        .start_to_close_us = timeouts->start_to_close_ms * 1000,
        .schedule_to_close_us = timeouts->schedule_to_close_ms * 1000,
        .heartbeat_us = timeouts->heartbeat_ms * 1000,
    };

    /* The action's limits hold for each attempt to undo it, not for all of them together. */
    if (undoes && !own) {
        if (limits.start_to_close_us == 0)
            limits.start_to_close_us = limits.schedule_to_close_us;
        limits.schedule_to_close_us = 0;
    }
    return limits;
}

/* What the newest activity of that node before this one gave; NULL: nothing. Later ones are of
 * later turns of a loop, which the compensation of this one is not about. */
static const struct payload *find_output(const struct saga *saga, uint32_t index, const char *name)
{
    uint16_t node = definition_find(saga->definition, bytes_of_text(name));

    for (uint32_t i = index; i-- > 0;)
        if (saga->activities[i].node == node)
            return saga->activities[i].output;
    return NULL;
}

/* False: the arena is full. */
static bool add_inputs(const struct saga *saga, uint32_t index, struct arena *arena,
                       Sagabase__V1__Command *command)
{
    const Sagabase__V1__Step *step = activity_step(saga, index);

    if (step->n_inputs == 0)
        return true;
    command->inputs = arena_alloc_raw(arena, step->n_inputs * sizeof *command->inputs);
    if (!command->inputs)
        return false;
    for (size_t i = 0; i < step->n_inputs; i++) {
        const struct payload *output = find_output(saga, index, step->inputs[i]);
        if (!output)
            continue;
        Sagabase__V1__StepOutput *input = arena_alloc_raw(arena, sizeof *input);
        if (!input)
            return false;
        sagabase__v1__step_output__init(input);
        input->step = step->inputs[i];
        input->output = payload_message(output, arena);
        if (!input->output)
            return false;
        command->inputs[command->n_inputs++] = input;
    }
    return true;
}

static char *id_text(const struct saga *saga, uint32_t activity, bool compensation,
                     const struct command_secret *secret, struct arena *arena)
{
    struct uuid id =
        command_id(secret, (struct command_name){saga->number, activity, compensation});
    char *text = arena_alloc(arena, UUID_TEXT_BYTES + 1);

    if (text)
        uuid_format(&id, (uint8_t *)text);
    return text;
}

/* What a compensation needs to know of the action. False: the arena is full. */
static bool add_action(const struct saga *saga, uint32_t index, const struct command_secret *secret,
                       struct arena *arena, Sagabase__V1__Command *command)
{
    const struct activity *activity = &saga->activities[index];

    command->action_outcome = activity->outcome;
    command->action_command_id = id_text(saga, index, false, secret, arena);
    if (activity->output)
        command->action_output = payload_message(activity->output, arena);
    return command->action_command_id && (!activity->output || command->action_output);
}

struct status saga_command(const struct saga *saga, uint32_t index,
                           const struct command_secret *secret, struct arena *arena,
                           Sagabase__V1__Command *command)
{
    const struct activity *activity = &saga->activities[index];
    const Sagabase__V1__CommandTarget *target = saga_target(saga, index);
    struct step_limits limits = saga_limits(saga, index);
    bool undoes = activity_undoes(activity);

    sagabase__v1__command__init(command);
    command->command_id = id_text(saga, index, undoes, secret, arena);
    command->saga_type = (char *)saga->type.data;
    command->saga_id = (char *)saga->id.data;
    command->step = activity_node(saga, index)->source->name;
    command->operation = activity->operation;
    command->attempt = activity->attempt;
    command->type = target->type;
    command->queue = target->queue;
    command->check = activity->check;
    command->issued_us = activity->issued_us;
    command->start_to_close_ms = limits.start_to_close_us / 1000;
    command->heartbeat_ms = limits.heartbeat_us / 1000;
    command->traceparent = (char *)saga->traceparent.data;
    command->tracestate = (char *)saga->tracestate.data;
    command->input = saga->input ? payload_message(saga->input, arena) : NULL;
    command->n_attributes = saga->attribute_count;
    command->attributes = saga_attribute_messages(saga, arena);
    if (!command->command_id || !command->attributes || (saga->input && !command->input) ||
        !add_inputs(saga, index, arena, command) ||
        (undoes && !add_action(saga, index, secret, arena, command)))
        return status_make(STATUS_RESOURCE_EXHAUSTED, "command: too large");
    return OK;
}
