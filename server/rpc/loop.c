#include "server/rpc/loop.h"

#include <assert.h>
#include <grpc/support/time.h>
#include <sched.h>
#include <stdlib.h>

#include "base/clock.h"
#include "server/rpc/call_internal.h"
#include "server/rpc/server_internal.h"

static void on_woken(struct step *step, bool ok);
static void on_stopped(struct step *step, bool ok);
static void on_ending(struct step *step, bool ok);

void loop_init(struct loop *loop, struct rpc_server *server)
{
    *loop = (struct loop){.server = server,
                          .woken.run = on_woken,
                          .stopped.run = on_stopped,
                          .ending.run = on_ending};
    busy_poll_init(&loop->poll, server->options.busy_poll_us);
    loop->queue = grpc_completion_queue_create_for_next(NULL);
    loop->doorbell = grpc_channel_create_call(server->nowhere, NULL, GRPC_PROPAGATE_DEFAULTS,
                                              loop->queue, grpc_slice_from_static_string("/"), NULL,
                                              gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
}

void loop_destroy(struct loop *loop)
{
    assert(!loop->streams);
    while (loop->idle) {
        struct call *call = loop->idle;
        loop->idle = call->next;
        free(call);
    }
    timers_destroy(&loop->timers);
    timers_destroy(&loop->stalls);
    loop_counts_destroy(&loop->counts);
    grpc_call_unref(loop->doorbell);
    grpc_completion_queue_destroy(loop->queue);
}

static int64_t next_due_us(const struct loop *loop)
{
    int64_t timer_us = timers_due_us(&loop->timers);
    int64_t stall_us = timers_due_us(&loop->stalls);

    return timer_us < stall_us ? timer_us : stall_us;
}

/* When the loop has something to do even if nothing happens. gRPC's monotonic clock is ours. */
static gpr_timespec next_time(const struct loop *loop)
{
    int64_t due_us = next_due_us(loop);

    if (due_us == INT64_MAX)
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    return (gpr_timespec){.tv_sec = due_us / 1000000,
                          .tv_nsec = (int32_t)(due_us % 1000000 * 1000),
                          .clock_type = GPR_CLOCK_MONOTONIC};
}

/* Those due when it begins: a step may set its time anew. */
static void run_timers(struct loop *loop)
{
    int64_t now_us;
    struct timer *timer;

    if (next_due_us(loop) == INT64_MAX)
        return;
    now_us = clock_monotonic_us(system_clock());
    while ((timer = timers_take(&loop->timers, now_us))) {
        struct call *call = container_of(timer, struct call, timer);

        if (!call->ended)
            call->on_time->run(call->on_time, true);
    }
    while ((timer = timers_take(&loop->stalls, now_us)))
        stream_give_up(container_of(timer, struct call, stall));
}

static grpc_event look(struct loop *loop)
{
    return grpc_completion_queue_next(loop->queue, gpr_inf_past(GPR_CLOCK_MONOTONIC), NULL);
}

/* Awake only where the next thing can be nothing but a request: open calls wait for other threads,
 * which need the processor. */
static grpc_event next_event(struct loop *loop)
{
    grpc_event event = {.type = GRPC_QUEUE_TIMEOUT};
    const struct clock *clock = system_clock();

    if (loop->open_calls > 0)
        return grpc_completion_queue_next(loop->queue, next_time(loop), NULL);
    busy_poll_begin(&loop->poll, clock_monotonic_us(clock));
    while (event.type == GRPC_QUEUE_TIMEOUT &&
           busy_poll_again(&loop->poll, clock_monotonic_us(clock)))
        event = look(loop);
    if (event.type == GRPC_QUEUE_TIMEOUT)
        event = grpc_completion_queue_next(loop->queue, next_time(loop), NULL);
    busy_poll_end(&loop->poll, clock_monotonic_us(clock));
    return event;
}

static void *run(void *argument)
{
    struct loop *loop = argument;

    method_table_arm(&loop->server->methods, loop);
    for (;;) {
        grpc_event event = next_event(loop);
        if (event.type == GRPC_QUEUE_SHUTDOWN)
            return NULL;
        if (event.type == GRPC_OP_COMPLETE) {
            struct step *step = event.tag;
            step->run(step, event.success != 0);
        }
        run_timers(loop);
    }
}

bool loop_start(struct loop *loop)
{
    loop->has_thread = pthread_create(&loop->thread, NULL, run, loop) == 0;
    return loop->has_thread;
}

void loop_join(struct loop *loop)
{
    if (loop->has_thread)
        pthread_join(loop->thread, NULL);
    else
        run(loop); /* it could not be started: its queue still has to be emptied */
    while (atomic_load(&loop->wakers) > 0)
        sched_yield(); /* a few instructions away from done */
}

/* Only the sender that finds the inbox empty wakes the loop, so at most one
 * `woken` is underway, and until it is, nobody takes the inbox: this call lives. From
 * then on the loop may free it while gRPC is still busy with it here, hence
 * a reference of our own. */
void loop_send(struct loop *loop, struct call *call, struct step *step)
{
    grpc_call *grpc = call->grpc;

    if (!inbox_put(&loop->inbox, &step->link))
        return;
    atomic_fetch_add(&loop->wakers, 1);
    grpc_call_ref(grpc);
    grpc_call_error error = grpc_call_start_batch(grpc, NULL, 0, &loop->woken, NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
    grpc_call_unref(grpc);
    atomic_fetch_sub(&loop->wakers, 1);
}

static void on_woken(struct step *step, bool ok)
{
    struct loop *loop = container_of(step, struct loop, woken);
    struct inbox_link *link = inbox_take(&loop->inbox);

    (void)ok; /* an empty batch cannot fail */
    while (link) {
        struct step *woken = container_of(link, struct step, link);
        struct call *call = woken->call;
        link = link->next; /* from here on the step may be sent again */
        woken->run(woken, !call->ended);
        call_release(call);
    }
}

void loop_end_calls(struct loop *loop)
{
    grpc_call_error error = grpc_call_start_batch(loop->doorbell, NULL, 0, &loop->ending, NULL);

    assert(error == GRPC_CALL_OK);
    (void)error;
}

/* Calls that still come are refused at once, so it is enough to have been quiet once. */
static void look_if_quiet(struct loop *loop)
{
    if (!loop->stopping || loop->is_quiet || loop->open_calls > 0)
        return;
    loop->is_quiet = true;
    rpc_server_count(loop->server, &loop->server->loops_quiet);
}

static void on_ending(struct step *step, bool ok)
{
    struct loop *loop = container_of(step, struct loop, ending);

    (void)ok; /* an empty batch cannot fail */
    streams_end(loop);
    look_if_quiet(loop);
}

void loop_call_over(struct loop *loop)
{
    loop->open_calls--;
    look_if_quiet(loop);
}

/* gRPC says "stopped" when the last connection is closed, but calls may live on: a call that
 * was cancelled while another thread works for it will still be woken and answered, and
 * both need the queue. So nothing can start on it only after both. */
static void shut_queue(struct loop *loop)
{
    assert(!loop->streams);
    grpc_completion_queue_shutdown(loop->queue);
    rpc_server_count(loop->server, &loop->server->loops_stopped);
}

void loop_rest(struct loop *loop)
{
    rpc_server_count(loop->server, &loop->server->loops_at_rest);
    if (loop->has_stopped)
        shut_queue(loop);
}

static void on_stopped(struct step *step, bool ok)
{
    struct loop *loop = container_of(step, struct loop, stopped);

    (void)ok;
    loop->has_stopped = true;
    if (loop->calls == 0)
        shut_queue(loop);
}
