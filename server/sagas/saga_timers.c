#include "server/sagas/saga_timers.h"

#include "base/deadline.h"
#include "base/log.h"
#include "server/sagas/gateway_state.h"

enum {
    TICK_BYTES = 256 << 10,  /* about what it adds to a commit */
    REFUSED_WAIT_US = 50000, /* the queue was full */
    STUCK_WAIT_US = 1000000, /* doubled each time, up to ... */
    STUCK_DOUBLINGS_MAX = 6, /* ... about a minute */
};

/* --- @thread writer ------------------------------------------------------------------------------
 */

/* A saga whose own time cannot be handled must not keep the others waiting, nor the store busy. */
static void put_off(struct gateway *gateway, struct open_saga *open, int64_t now_us,
                    struct status status)
{
    unsigned doublings = open->stuck < STUCK_DOUBLINGS_MAX ? open->stuck : STUCK_DOUBLINGS_MAX;

    open->stuck++;
    counter_add(&gateway->totals.stuck, 1);
    log_line(LOG_WARN, "sagas", "stuck", "number=%llu times=%u cause=\"%s\"",
             (unsigned long long)open->saga->number, open->stuck, status.message);
    open_sagas_update(&gateway->open, open, now_us + ((int64_t)STUCK_WAIT_US << doublings));
}

static void tick_saga(struct gateway *gateway, struct commit *commit, struct open_saga *open)
{
    int64_t now_us = commit_time_us(commit);
    struct saga_input input = {.kind = INPUT_DUE};
    struct saga_change change;

    saga_change_begin(&change, gateway, commit, open);
    struct status status = saga_change_decide(&change, &input);
    if (status_ok(status) && !saga_change_write(&change))
        status = status_make(STATUS_INTERNAL, "nothing follows from its due time");
    if (status_ok(status)) {
        open->stuck = 0;
        counter_add(&gateway->totals.timers, 1);
    }
    if (!status_ok(status) || open->due.at_us <= now_us)
        put_off(gateway, open, now_us, status);
}

static void tick_command(struct gateway *gateway, struct commit *commit,
                         const struct expired *expired)
{
    struct command_name name;
    struct open_saga *open = command_id_read(&gateway->secret, &expired->id, &name)
                                 ? open_sagas_find(&gateway->open, name.saga)
                                 : NULL;
    bool added = false;

    if (open && !open->has_ended && name.activity < open->saga->activity_count) {
        struct saga_input input = {.kind = INPUT_TIMEOUT,
                                   .timeout = {.activity = name.activity,
                                               .compensation = name.compensation,
                                               .attempt = expired->attempt,
                                               .kind = expired->kind,
                                               .never_started = expired->never_started}};
        struct saga_change change;
        saga_change_begin(&change, gateway, commit, open);
        added = status_ok(saga_change_decide(&change, &input)) && saga_change_write(&change);
        if (added)
            counter_add(&gateway->totals.timeouts, 1);
        else if (saga_is_out(&open->saga->activities[name.activity], name.compensation))
            return; /* told again, unless there is another attempt */
    }
    if (!added)
        gateway_add_effect(gateway, commit,
                           &(struct effect){.kind = EFFECT_CLOSE, .command.id = expired->id});
}

static struct status decide(struct intent *intent, struct commit *commit)
{
    struct tick *tick = container_of(intent, struct tick, intent);
    struct gateway *gateway = tick->part.gateway;

    tick->part.added = true;
    for (size_t i = 0; i < tick->expired_count; i++)
        tick_command(gateway, commit, &tick->expired[i]);
    for (int i = 0; i < TICK_SAGAS_MAX; i++) {
        struct due *due = due_heap_first(&gateway->open.due);
        if (!due || due->at_us > commit_time_us(commit))
            break;
        tick_saga(gateway, commit, container_of(due, struct open_saga, due));
    }
    return OK;
}

static void on_done(struct intent *intent)
{
    struct tick *tick = container_of(intent, struct tick, intent);

    gateway_part_end(&tick->part, intent);
}

/* The tick is over: as its caller. */
static void on_told(struct intent *intent)
{
    struct tick *tick = container_of(intent, struct tick, intent);
    struct saga_timers *timers = container_of(tick, struct saga_timers, tick);

    pthread_mutex_lock(&timers->lock);
    timers->is_underway = false;
    pthread_cond_signal(&timers->changed);
    pthread_mutex_unlock(&timers->lock);
}

/* --- its own thread ---------------------------------------------------------------------- */

static bool saga_is_due(struct gateway *gateway)
{
    return atomic_load(&gateway->open.counts.due_us) <= clock_wall_us(gateway->clock);
}

/* Lets happen what is due. False: nothing is, or it was refused. */
static bool submit(struct saga_timers *timers)
{
    struct gateway *gateway = timers->gateway;
    struct tick *tick = &timers->tick;

    tick->expired_count = dispatch_expire(gateway->dispatch, tick->expired, TICK_COMMANDS_MAX);
    if (tick->expired_count == 0 && !saga_is_due(gateway))
        return false;
    tick->intent.done = on_told;
    tick->intent.decide = decide;
    tick->intent.bytes = TICK_BYTES;
    gateway_part_begin(&tick->part, gateway, &tick->intent, on_done);
    pthread_mutex_lock(&timers->lock);
    timers->is_underway = true;
    pthread_mutex_unlock(&timers->lock);
    if (status_ok(event_log_submit(gateway->log, &tick->intent)))
        return true;
    pthread_mutex_lock(&timers->lock);
    timers->is_underway = false;
    pthread_mutex_unlock(&timers->lock);
    return false;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How long there is nothing to do; INT64_MAX: for ever. Wall clocks jump, so they are looked at now
 * and then. */
static int64_t wait_us(struct saga_timers *timers)
{
    struct gateway *gateway = timers->gateway;
    int64_t saga_due_at_us = atomic_load(&gateway->open.counts.due_us);
    int64_t lease_due_us = dispatch_due_us(gateway->dispatch);
    int64_t wait = INT64_MAX;

    if (saga_due_at_us != INT64_MAX)
        wait = saga_due_at_us - clock_wall_us(gateway->clock);
    if (lease_due_us != INT64_MAX)
        wait = smaller(wait, lease_due_us - clock_monotonic_us(gateway->clock));
    if (wait == INT64_MAX)
        return INT64_MAX;
    return wait <= 0 ? REFUSED_WAIT_US : smaller(wait, CLOCK_LOOK_US);
}

/* Until something has changed, or so long. */
static void sleep_for(struct saga_timers *timers, int64_t interval_us)
{
    struct timespec until = deadline_after_us(interval_us);
    int result = 0;

    while (result == 0 && !timers->is_looking && !timers->is_stopping)
        result = pthread_cond_timedwait(&timers->changed, &timers->lock, &until);
}

static void *run(void *argument)
{
    struct saga_timers *timers = argument;

    pthread_mutex_lock(&timers->lock);
    while (!timers->is_stopping) {
        timers->is_looking = false;
        pthread_mutex_unlock(&timers->lock);
        bool submitted = submit(timers);
        int64_t wait = submitted ? INT64_MAX : wait_us(timers);
        pthread_mutex_lock(&timers->lock);
        while (timers->is_underway)
            pthread_cond_wait(&timers->changed, &timers->lock);
        if (submitted)
            continue;
        if (wait != INT64_MAX)
            sleep_for(timers, wait);
        else
            while (!timers->is_looking && !timers->is_stopping)
                pthread_cond_wait(&timers->changed, &timers->lock);
    }
    pthread_mutex_unlock(&timers->lock);
    return NULL;
}

void saga_timers_look(struct saga_timers *timers)
{
    pthread_mutex_lock(&timers->lock);
    timers->is_looking = true;
    pthread_cond_signal(&timers->changed);
    pthread_mutex_unlock(&timers->lock);
}

void saga_timers_init(struct saga_timers *timers, struct gateway *gateway)
{
    timers->gateway = gateway;
    pthread_mutex_init(&timers->lock, NULL);
    deadline_cond_init(&timers->changed);
}

void saga_timers_destroy(struct saga_timers *timers)
{
    pthread_cond_destroy(&timers->changed);
    pthread_mutex_destroy(&timers->lock);
}

struct status saga_timers_start(struct saga_timers *timers)
{
    if (pthread_create(&timers->thread, NULL, run, timers) != 0)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: cannot start the timer thread");
    return OK;
}

void saga_timers_stop(struct saga_timers *timers)
{
    pthread_mutex_lock(&timers->lock);
    timers->is_stopping = true;
    pthread_cond_signal(&timers->changed);
    pthread_mutex_unlock(&timers->lock);
    pthread_join(timers->thread, NULL);
}
