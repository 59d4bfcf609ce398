#include "server/sagas/dispatch.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "server/sagas/dispatch_state.h"
#include "server/sagas/limits.h"

/* --- handing on ---------------------------------------------------------------------------------
 */

static void wake(struct worker_state *worker)
{
    if (worker->is_woken)
        return;
    worker->is_woken = true;
    worker->worker->wake(worker->worker);
}

static void assign(struct dispatch *dispatch, struct command *command,
                   struct subscription *subscription)
{
    struct worker_state *worker = subscription->worker;

    link_remove(&command->link);
    link_add_last(&worker->assigned, &command->link);
    worker->assigned_count++;
    dispatch->ready_count--;
    command->state = COMMAND_ASSIGNED;
    command->worker = worker;
    link_remove(&subscription->link);
    if (--subscription->credit > 0)
        link_add_last(&subscription->queue->workers, &subscription->link);
    wake(worker);
}

/* Commands go to the workers with credit in turn, compensations first. */
static void serve(struct dispatch *dispatch, struct queue *queue)
{
    for (int band = 0; band < BAND_COUNT; band++)
        while (!link_is_empty(&queue->bands[band]) && !link_is_empty(&queue->workers))
            assign(dispatch, container_of(queue->bands[band].next, struct command, link),
                   container_of(queue->workers.next, struct subscription, link));
}

void command_make_ready(struct dispatch *dispatch, struct command *command, enum place place)
{
    struct link *band =
        &command->queue->bands[command->compensation ? BAND_COMPENSATIONS : BAND_ACTIONS];

    command->state = COMMAND_READY;
    command->worker = NULL;
    command->wait_due_us = due_after(dispatch_now(dispatch), command->schedule_to_start_us);
    command_set_due(dispatch, command, command->wait_due_us);
    dispatch->ready_count++;
    if (place == PLACE_FIRST)
        link_add_first(band, &command->link);
    else
        link_add_last(band, &command->link);
    serve(dispatch, command->queue);
}

static struct subscription *find_subscription(struct worker_state *worker, struct bytes name)
{
    for (size_t i = 0; i < worker->subscription_count; i++) {
        struct queue *queue = worker->subscriptions[i].queue;
        if (bytes_equal(bytes_of(queue->name, queue->name_size), name))
            return &worker->subscriptions[i];
    }
    return NULL;
}

static void add_credit(struct dispatch *dispatch, struct subscription *subscription, uint32_t count)
{
    if (count == 0 || subscription->worker->is_draining)
        return;
    subscription->credit += count;
    if (link_is_empty(&subscription->link))
        link_add_last(&subscription->queue->workers, &subscription->link);
    serve(dispatch, subscription->queue);
}

/* --- taking back --------------------------------------------------------------------------------
 */

void command_notify(struct command *command)
{
    struct worker_state *worker = command->worker;
    struct notice *notice = malloc(sizeof *notice);

    if (!notice)
        return; /* the worker learns it from the answer to its reply */
    *notice = (struct notice){.command_id = command->id};
    *worker->notices_last = notice;
    worker->notices_last = &notice->next;
    wake(worker);
}

void command_withdraw(struct dispatch *dispatch, struct command *command, bool tell)
{
    struct worker_state *worker = command->worker;

    link_remove(&command->link);
    if (command->state == COMMAND_READY) {
        dispatch->ready_count--;
    } else if (command->state == COMMAND_ASSIGNED) {
        struct queue *queue = command->queue;
        worker->assigned_count--;
        add_credit(dispatch, find_subscription(worker, bytes_of(queue->name, queue->name_size)), 1);
    } else if (command->state == COMMAND_LEASED) {
        worker->leased_count--;
        dispatch->leased_count--;
        if (tell && !command->is_cancelled)
            command_notify(command);
    } else if (command->state == COMMAND_KEPT || command->state == COMMAND_DETACHED) {
        dispatch->leased_count--;
    }
    command->worker = NULL;
    command->state = COMMAND_RESTING;
    command_set_due(dispatch, command, INT64_MAX);
}

/* --- joining and leaving --------------------------------------------------------------------- */

static struct status check_join(const struct bytes *queues, const uint32_t *credits, size_t count)
{
    if (count == 0 || count > WORKER_QUEUES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "queues: 1 to %d", WORKER_QUEUES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (queues[i].size == 0 || queues[i].size > QUEUE_NAME_BYTES_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "queues[%zu].queue: 1 to %d bytes", i,
                               QUEUE_NAME_BYTES_MAX);
        if (credits[i] > CREDIT_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "queues[%zu].credit: at most %d", i,
                               CREDIT_MAX);
        for (size_t j = 0; j < i; j++)
            if (bytes_equal(queues[i], queues[j]))
                return status_make(STATUS_INVALID_ARGUMENT, "queues[%zu].queue: named twice", i);
    }
    return OK;
}

static struct worker_state *create_worker(struct worker *worker, size_t count)
{
    struct worker_state *state = calloc(1, sizeof *state + count * sizeof *state->subscriptions);

    if (!state)
        return NULL;
    state->worker = worker;
    link_init(&state->assigned);
    link_init(&state->leased);
    state->notices_last = &state->notices;
    return state;
}

static struct status subscribe(struct dispatch *dispatch, struct worker_state *worker,
                               const struct bytes *queues, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct subscription *subscription = &worker->subscriptions[i];
        subscription->queue = queues_acquire(dispatch, queues[i], true);
        if (!subscription->queue) {
            counter_add(&dispatch->queues_full, 1);
            return status_make(STATUS_RESOURCE_EXHAUSTED, "queues: at most %d in use", QUEUES_MAX);
        }
        subscription->worker = worker;
        link_init(&subscription->link);
        subscription->queue->subscription_count++;
        worker->subscription_count++;
    }
    return OK;
}

static void unsubscribe(struct dispatch *dispatch, struct worker_state *worker)
{
    for (size_t i = 0; i < worker->subscription_count; i++) {
        struct subscription *subscription = &worker->subscriptions[i];
        link_remove(&subscription->link);
        subscription->queue->subscription_count--;
        queues_release(dispatch, subscription->queue);
    }
    worker->subscription_count = 0;
}

/* Who takes one command only gets it from the first queue that has any, so which is the first
 * changes, and not in a rhythm that workers could have, too. */
static void begin_serving(struct dispatch *dispatch, struct worker_state *worker,
                          const uint32_t *credits)
{
    uint64_t join = dispatch->join_count++;
    size_t first = hash_bytes(bytes_of(&join, sizeof join)) % worker->subscription_count;

    for (size_t i = 0; i < worker->subscription_count; i++) {
        size_t place = (first + i) % worker->subscription_count;
        add_credit(dispatch, &worker->subscriptions[place], credits[place]);
    }
}

struct status dispatch_join(struct dispatch *dispatch, struct worker *worker,
                            const struct bytes *queues, const uint32_t *credits, size_t count)
{
    struct status status = OK;

    TRY(check_join(queues, credits, count));
    struct worker_state *state = create_worker(worker, count);
    if (!state)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "workers: out of memory");
    dispatch_lock(dispatch);
    bool is_full = dispatch->worker_count >= WORKERS_MAX;
    counter_add(&dispatch->workers_full, is_full);
    if (is_full)
        status = status_make(STATUS_RESOURCE_EXHAUSTED, "workers: at most %d", WORKERS_MAX);
    else
        status = subscribe(dispatch, state, queues, count);
    if (status_ok(status)) {
        worker->state = state;
        dispatch->worker_count++;
        begin_serving(dispatch, state, credits);
    } else {
        unsubscribe(dispatch, state);
    }
    dispatch_unlock(dispatch);
    if (!status_ok(status))
        free(state);
    return status;
}

/* Takes no more from its queues; what it did not take yet goes to others, in its old order. */
static void stop_serving(struct dispatch *dispatch, struct worker_state *worker)
{
    worker->is_draining = true;
    for (size_t i = 0; i < worker->subscription_count; i++) {
        worker->subscriptions[i].credit = 0;
        link_remove(&worker->subscriptions[i].link);
    }
    while (!link_is_empty(&worker->assigned)) {
        struct command *command = container_of(worker->assigned.previous, struct command, link);
        int64_t wait_due_us = command->wait_due_us; /* being offered is not being taken */
        command_withdraw(dispatch, command, false);
        command_make_ready(dispatch, command, PLACE_FIRST);
        command->wait_due_us = wait_due_us;
        command_set_due(dispatch, command, wait_due_us);
    }
}

static void release_lease(struct dispatch *dispatch, struct command *command, enum leave leave)
{
    int64_t timed_out_us = command->due.at_us;

    command->worker->leased_count--;
    command->worker = NULL;
    link_remove(&command->link);
    if (leave == LEAVE_DETACH) {
        command->state = COMMAND_DETACHED;
        return;
    }
    if (leave == LEAVE_KEEP) {
        command->state = COMMAND_KEPT;
        command->wait_due_us =
            due_after(dispatch_now(dispatch), dispatch->options.resume_within_us);
        command_set_due(dispatch, command,
                        timed_out_us < command->wait_due_us ? timed_out_us : command->wait_due_us);
        return;
    }
    dispatch->leased_count--;
    if (command->is_cancelled) {
        command->state = COMMAND_RESTING;
        command_set_due(dispatch, command, INT64_MAX);
    } else {
        command_make_ready(dispatch, command, PLACE_FIRST);
    }
}

void dispatch_leave(struct dispatch *dispatch, struct worker *worker, enum leave leave)
{
    struct worker_state *state = worker->state;

    dispatch_lock(dispatch);
    state->is_woken = true; /* not any more */
    stop_serving(dispatch, state);
    while (!link_is_empty(&state->leased))
        release_lease(dispatch, container_of(state->leased.previous, struct command, link), leave);
    unsubscribe(dispatch, state);
    dispatch->worker_count--;
    dispatch_unlock(dispatch);
    while (state->notices) {
        struct notice *notice = state->notices;
        state->notices = notice->next;
        free(notice);
    }
    free(state);
    worker->state = NULL;
}

struct status dispatch_credit(struct dispatch *dispatch, struct worker *worker, struct bytes queue,
                              uint32_t count)
{
    struct status status = OK;

    dispatch_lock(dispatch);
    struct subscription *subscription = find_subscription(worker->state, queue);
    if (!subscription)
        status =
            status_make(STATUS_INVALID_ARGUMENT, "credit.queue: %.*s is not of this stream",
                        queue.size < QUEUE_NAME_BYTES_MAX ? (int)queue.size : QUEUE_NAME_BYTES_MAX,
                        (const char *)queue.data);
    else if (count == 0 || count > CREDIT_MAX - subscription->credit) {
        counter_add(&dispatch->credit_full, count > 0);
        status =
            status_make(STATUS_INVALID_ARGUMENT, "credit.count: 1 to %d, all together", CREDIT_MAX);
    } else
        add_credit(dispatch, subscription, count);
    dispatch_unlock(dispatch);
    return status;
}

void dispatch_drain(struct dispatch *dispatch, struct worker *worker)
{
    dispatch_lock(dispatch);
    stop_serving(dispatch, worker->state);
    dispatch_unlock(dispatch);
}

size_t dispatch_out(struct dispatch *dispatch, struct worker *worker)
{
    dispatch_lock(dispatch);
    size_t count = worker->state->leased_count;
    dispatch_unlock(dispatch);
    return count;
}

struct dispatch_counts dispatch_counts(struct dispatch *dispatch)
{
    dispatch_lock(dispatch);
    struct dispatch_counts counts = {.ready = dispatch->ready_count,
                                     .leased = dispatch->leased_count,
                                     .workers = dispatch->worker_count};
    dispatch_unlock(dispatch);
    return counts;
}

void dispatch_limits(struct dispatch *dispatch, metric_visit *visit, void *context)
{
    metric_limit(visit, context, "participants", counter_get(&dispatch->workers_full));
    metric_limit(visit, context, "queues", counter_get(&dispatch->queues_full));
    metric_limit(visit, context, "credit", counter_get(&dispatch->credit_full));
    metric_limit(visit, context, "heartbeat_details", counter_get(&dispatch->details_full));
}

const struct distribution *dispatch_schedule_to_start(const struct dispatch *dispatch)
{
    return &dispatch->schedule_to_start_us;
}

int64_t dispatch_resume_within_us(const struct dispatch *dispatch)
{
    return dispatch->options.resume_within_us;
}
