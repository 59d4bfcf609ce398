#include "server/sagas/dispatch_feed.h"

#include <stdlib.h>

#include "server/sagas/dispatch_state.h"

enum { TOLD_AGAIN_AFTER_US = 1000000 };

struct dispatch *dispatch_create(const struct dispatch_options *options)
{
    struct dispatch *dispatch = calloc(1, sizeof *dispatch);
    struct uuid seed = uuid_random();

    if (!dispatch)
        return NULL;
    dispatch->options = *options;
    dispatch->announced_us = INT64_MAX;
    dispatch->token = get_u64_little_endian(seed.bytes); /* no token of an earlier process */
    pthread_mutex_init(&dispatch->lock, NULL);
    return dispatch;
}

void dispatch_free(struct dispatch *dispatch)
{
    for (size_t i = 0; i < dispatch->bucket_count; i++)
        while (dispatch->buckets[i])
            commands_remove(dispatch, dispatch->buckets[i]);
    free(dispatch->buckets);
    due_heap_destroy(&dispatch->heap);
    pthread_mutex_destroy(&dispatch->lock);
    free(dispatch);
}

void dispatch_lock(struct dispatch *dispatch)
{
    pthread_mutex_lock(&dispatch->lock);
}

void dispatch_unlock(struct dispatch *dispatch)
{
    bool earlier = due_heap_first_us(&dispatch->heap) < dispatch->announced_us;

    if (earlier)
        dispatch->announced_us = due_heap_first_us(&dispatch->heap);
    pthread_mutex_unlock(&dispatch->lock);
    if (earlier && dispatch->options.earlier)
        dispatch->options.earlier(dispatch->options.context);
}

int64_t dispatch_due_us(struct dispatch *dispatch)
{
    dispatch_lock(dispatch);
    int64_t due_us = dispatch->announced_us = due_heap_first_us(&dispatch->heap);
    dispatch_unlock(dispatch);
    return due_us;
}

/* Finds the command, or adds it. It is in no list then. */
static struct command *renew(struct dispatch *dispatch, const struct open_command *given)
{
    struct command *command = commands_find(dispatch, &given->id);

    if (command) {
        command_withdraw(dispatch, command, true);
        return command;
    }
    struct queue *queue = queues_acquire(dispatch, given->queue, false);
    if (!queue)
        return NULL;
    command = commands_add(dispatch, &given->id, queue);
    if (!command)
        queues_release(dispatch, queue);
    return command;
}

bool dispatch_open(struct dispatch *dispatch, const struct open_command *given)
{
    dispatch_lock(dispatch);
    struct command *command = renew(dispatch, given);
    if (command) {
        command->position = given->position;
        command->attempt = given->attempt;
        command->compensation = given->compensation;
        command->never_started = given->is_new;
        command->is_cancelled = false;
        command->delivery = 0;
        command->token = 0;
        command->begun_us = dispatch_now(dispatch);
        command_set_trace(dispatch, command, &given->trace);
        command->schedule_to_start_us = given->schedule_to_start_us;
        command->start_to_close_us = given->start_to_close_us;
        command->heartbeat_us = given->heartbeat_us;
        command_make_ready(dispatch, command, PLACE_LAST);
    }
    dispatch_unlock(dispatch);
    return command != NULL;
}

bool dispatch_end_attempt(struct dispatch *dispatch, struct attempt_run *run)
{
    if (atomic_load_explicit(&dispatch->traced_count, memory_order_relaxed) == 0)
        return false;
    dispatch_lock(dispatch);
    struct command *command = commands_find(dispatch, &run->command_id);
    bool is_told = command && command->trace && command->trace->is_spanned;
    if (is_told) {
        command->trace->is_spanned = false;
        *run = (struct attempt_run){
            .command_id = run->command_id,
            .context = command->trace->context,
            .attempt = command->attempt,
            .deliveries = command->delivery,
            .begun_us = command->begun_us,
        };
    }
    dispatch_unlock(dispatch);
    return is_told;
}

void dispatch_close(struct dispatch *dispatch, const struct uuid *id, bool tell)
{
    dispatch_lock(dispatch);
    struct command *command = commands_find(dispatch, id);
    if (command) {
        command_withdraw(dispatch, command, tell);
        commands_remove(dispatch, command);
    }
    dispatch_unlock(dispatch);
}

void dispatch_rest(struct dispatch *dispatch, const struct uuid *id, bool tell)
{
    dispatch_lock(dispatch);
    struct command *command = commands_find(dispatch, id);
    if (command) {
        command_withdraw(dispatch, command, tell);
        if (!command->details)
            commands_remove(dispatch, command);
    }
    dispatch_unlock(dispatch);
}

void dispatch_cancel(struct dispatch *dispatch, const struct uuid *id)
{
    dispatch_lock(dispatch);
    struct command *command = commands_find(dispatch, id);
    if (command && !command->is_cancelled) {
        switch ((enum command_state)command->state) {
        case COMMAND_LEASED:
            command_notify(command);
            break;
        case COMMAND_KEPT:
        case COMMAND_DETACHED:
            break; /* told with the next heartbeat */
        case COMMAND_READY:
        case COMMAND_ASSIGNED:
        case COMMAND_DELAYED:
        case COMMAND_RESTING:
            command_withdraw(dispatch, command, false);
            if (command->never_started) { /* no answer will come, so nobody waits for one */
                command->expired_kind = SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_SCHEDULE_TO_START;
                command_set_due(dispatch, command, dispatch_now(dispatch));
            }
            break;
        }
        command->is_cancelled = true;
    }
    dispatch_unlock(dispatch);
}

/* --- what is overdue ----------------------------------------------------------------------------
 */

/* Who has it has had his time. */
static bool expire_lease(struct dispatch *dispatch, struct command *command, int64_t now_us,
                         struct expired *expired)
{
    bool closed = command->close_due_us <= now_us;

    if (!closed && command->heartbeat_due_us > now_us) {
        /* KEPT, and nobody has resumed it. */
        command_withdraw(dispatch, command, false);
        if (!command->is_cancelled)
            command_make_ready(dispatch, command, PLACE_FIRST);
        return false;
    }
    *expired = (struct expired){
        .id = command->id,
        .attempt = command->attempt,
        .kind = closed ? SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_START_TO_CLOSE
                       : SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_HEARTBEAT,
    };
    return true;
}

/* False: nothing to tell of. */
static bool expire(struct dispatch *dispatch, struct command *command, int64_t now_us,
                   struct expired *expired)
{
    switch ((enum command_state)command->state) {
    case COMMAND_READY:
    case COMMAND_ASSIGNED:
        *expired = (struct expired){
            .id = command->id,
            .attempt = command->attempt,
            .kind = SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_SCHEDULE_TO_START,
            .never_started = command->never_started,
        };
        command->expired_kind = (uint8_t)expired->kind;
        return true;
    case COMMAND_LEASED:
    case COMMAND_KEPT:
    case COMMAND_DETACHED:
        if (!expire_lease(dispatch, command, now_us, expired))
            return false;
        command->expired_kind = (uint8_t)expired->kind;
        return true;
    case COMMAND_DELAYED:
        command_make_ready(dispatch, command, PLACE_LAST);
        return false;
    case COMMAND_RESTING: /* told of before */
        *expired = (struct expired){.id = command->id,
                                    .attempt = command->attempt,
                                    .kind = (Sagabase__V1__TimeoutKind)command->expired_kind,
                                    .never_started = command->never_started};
        return true;
    }
    return false;
}

size_t dispatch_expire(struct dispatch *dispatch, struct expired *expired, size_t max)
{
    size_t count = 0;

    dispatch_lock(dispatch);
    int64_t now_us = dispatch_now(dispatch);
    while (count < max && due_heap_first_us(&dispatch->heap) <= now_us) {
        struct command *command =
            container_of(due_heap_first(&dispatch->heap), struct command, due);
        if (!expire(dispatch, command, now_us, &expired[count]))
            continue;
        count++;
        command_withdraw(dispatch, command, true);
        command_set_due(dispatch, command, due_after(now_us, TOLD_AGAIN_AFTER_US));
    }
    dispatch_unlock(dispatch);
    return count;
}
