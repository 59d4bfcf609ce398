/* Leases: from taking a command until its answer, its timeout, or giving it back. */
#include <stdlib.h>

#include "server/sagas/dispatch_state.h"

/* A lease ends at the earlier of its limits. */
static void time_lease(struct dispatch *dispatch, struct command *command)
{
    command_set_due(dispatch, command,
                    command->close_due_us < command->heartbeat_due_us ? command->close_due_us
                                                                      : command->heartbeat_due_us);
}

/* As told to participants. */
static int64_t wall_due_us(const struct dispatch *dispatch, const struct command *command,
                           int64_t now_us)
{
    if (command->due.at_us == INT64_MAX)
        return 0;
    return clock_wall_us(dispatch->options.clock) + (command->due.at_us - now_us);
}

static void hand_out(struct dispatch *dispatch, struct command *command, int64_t now_us)
{
    link_remove(&command->link);
    link_add_last(&command->worker->leased, &command->link);
    command->worker->assigned_count--;
    command->worker->leased_count++;
    dispatch->leased_count++;
    command->state = COMMAND_LEASED;
    command->never_started = false;
    if (command->delivery++ == 0) {
        distribution_add_alone(&dispatch->schedule_to_start_us, &bounds_duration_us,
                               now_us - command->begun_us);
        command->begun_us = now_us;
    }
    if (++dispatch->token == 0)
        dispatch->token++;
    command->token = dispatch->token;
    command->close_due_us = due_after(now_us, command->start_to_close_us);
    command->heartbeat_due_us = due_after(now_us, command->heartbeat_us);
    time_lease(dispatch, command);
}

static struct status take_commands(struct dispatch *dispatch, struct worker_state *worker,
                                   struct arena *arena, struct lease *leases, size_t *count)
{
    size_t max = worker->worker->commands_max > 0 ? worker->worker->commands_max : WORKER_TAKE_MAX;
    int64_t now_us = dispatch_now(dispatch);

    while (!link_is_empty(&worker->assigned) && *count < max) {
        struct command *command = container_of(worker->assigned.next, struct command, link);
        struct bytes details = {0};
        if (command->details) {
            details = arena_copy(arena, bytes_of(command->details->bytes, command->details->size));
            if (!details.data)
                return status_make(STATUS_RESOURCE_EXHAUSTED, "commands: out of memory");
        }
        hand_out(dispatch, command, now_us);
        leases[(*count)++] = (struct lease){
            .command_id = command->id,
            .position = command->position,
            .token = command->token,
            .delivery = command->delivery,
            .deadline_us = wall_due_us(dispatch, command, now_us),
            .details = details,
        };
    }
    return OK;
}

static void take_notices(struct worker_state *worker, struct cancelled *cancelled, size_t *count)
{
    while (worker->notices && *count < WORKER_TAKE_MAX) {
        struct notice *notice = worker->notices;
        cancelled[(*count)++] = (struct cancelled){.command_id = notice->command_id};
        worker->notices = notice->next;
        free(notice);
    }
    if (!worker->notices)
        worker->notices_last = &worker->notices;
}

struct status dispatch_take(struct dispatch *dispatch, struct worker *worker, struct arena *arena,
                            struct lease *leases, size_t *lease_count, struct cancelled *cancelled,
                            size_t *cancelled_count, bool *more)
{
    struct worker_state *state = worker->state;

    *lease_count = *cancelled_count = 0;
    dispatch_lock(dispatch);
    struct status status = take_commands(dispatch, state, arena, leases, lease_count);
    take_notices(state, cancelled, cancelled_count);
    *more = !link_is_empty(&state->assigned) || state->notices;
    state->is_woken = *more;
    dispatch_unlock(dispatch);
    return status;
}

/* A command that is leased with this token. */
static struct command *find_lease(const struct dispatch *dispatch, const struct uuid *command_id,
                                  uint64_t token)
{
    struct command *command = commands_find(dispatch, command_id);

    if (!command || command->token != token || token == 0)
        return NULL;
    switch ((enum command_state)command->state) {
    case COMMAND_LEASED:
    case COMMAND_KEPT:
    case COMMAND_DETACHED:
        return command;
    case COMMAND_READY:
    case COMMAND_ASSIGNED:
    case COMMAND_DELAYED:
    case COMMAND_RESTING:
        return NULL;
    }
    return NULL;
}

bool dispatch_resume(struct dispatch *dispatch, struct worker *worker,
                     const struct uuid *command_id, uint64_t token)
{
    dispatch_lock(dispatch);
    struct command *command = find_lease(dispatch, command_id, token);
    if (command) {
        if (command->worker)
            command->worker->leased_count--;
        link_remove(&command->link);
        link_add_last(&worker->state->leased, &command->link);
        worker->state->leased_count++;
        command->worker = worker->state;
        command->state = COMMAND_LEASED;
        time_lease(dispatch, command);
        if (command->is_cancelled) /* the stream that broke may not have told of it */
            command_notify(command);
    }
    dispatch_unlock(dispatch);
    return command != NULL;
}

struct heartbeat_answer dispatch_heartbeat(struct dispatch *dispatch, const struct uuid *command_id,
                                           uint64_t token, struct bytes details)
{
    struct heartbeat_answer answer = {.lost = true};

    dispatch_lock(dispatch);
    int64_t now_us = dispatch_now(dispatch);
    struct command *command = find_lease(dispatch, command_id, token);
    if (command) {
        command->heartbeat_due_us = due_after(now_us, command->heartbeat_us);
        if (command->state == COMMAND_KEPT) /* its worker is there, by another way */
            command->state = COMMAND_DETACHED;
        time_lease(dispatch, command);
        command_set_details(dispatch, command, details);
        answer = (struct heartbeat_answer){
            .cancel_requested = command->is_cancelled,
            .deadline_us = wall_due_us(dispatch, command, now_us),
        };
    }
    dispatch_unlock(dispatch);
    return answer;
}

struct attempt_trace dispatch_trace(struct dispatch *dispatch, const struct uuid *command_id)
{
    struct attempt_trace trace = {.is_given = false};

    if (atomic_load_explicit(&dispatch->traced_count, memory_order_relaxed) == 0)
        return trace;
    dispatch_lock(dispatch);
    struct command *command = commands_find(dispatch, command_id);
    if (command && command->trace)
        trace = *command->trace;
    dispatch_unlock(dispatch);
    return trace;
}

bool dispatch_nack(struct dispatch *dispatch, const struct uuid *command_id, uint64_t token,
                   int64_t delay_us)
{
    dispatch_lock(dispatch);
    struct command *command = find_lease(dispatch, command_id, token);
    if (command) {
        command_withdraw(dispatch, command, false);
        if (command->is_cancelled) {
            /* It rests until it is closed. */
        } else if (delay_us > 0) {
            command->state = COMMAND_DELAYED;
            command->wait_due_us = due_after(dispatch_now(dispatch), delay_us);
            command_set_due(dispatch, command, command->wait_due_us);
        } else {
            command_make_ready(dispatch, command, PLACE_LAST);
        }
    }
    dispatch_unlock(dispatch);
    return command != NULL;
}
