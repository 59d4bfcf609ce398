/* A queue thread: one completion queue, the calls that live on it, and the inbox
 * through which other threads reach them. Everything here runs on the loop's own
 * thread unless it says "any thread". */
#ifndef SERVER_RPC_LOOP_H
#define SERVER_RPC_LOOP_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/busy_poll.h"
#include "base/inbox.h"
#include "server/rpc/call.h"
#include "server/rpc/statistics.h"
#include "server/rpc/timers.h"

struct rpc_server;

struct loop {
    struct rpc_server *server;
    grpc_completion_queue *queue;
    pthread_t thread;
    bool has_thread;
    struct busy_poll poll;

    struct inbox inbox;  /* steps that call_wake() has sent */
    struct step woken;   /* the tag that says the inbox is not empty */
    atomic_uint wakers;  /* threads that are waking us at this moment */
    struct step stopped; /* the tag that says the server has no connection left */

    grpc_call *doorbell; /* never begins: an empty batch of it reaches the loop from outside */
    struct step ending;  /* the tag that says calls have to end */

    bool stopping;        /* streams were told to end */
    bool is_quiet;        /* then the last open call has ended */
    unsigned open_calls;  /* handed to us, and not over */
    bool has_stopped;     /* `stopped` has run */
    unsigned calls;       /* alive; slots that wait for one, too */
    struct timers timers; /* of calls that want to be woken in time */
    struct timers stalls; /* of streams that are sending */
    struct call *streams; /* open ones */
    struct call *idle;    /* memory of calls that are gone, for the next ones */
    int idle_count;
    struct loop_counts counts;
};

void loop_init(struct loop *loop, struct rpc_server *server);

/* After the thread has ended, or before it was started. */
void loop_destroy(struct loop *loop);

/* Starts the thread. */
bool loop_start(struct loop *loop);

/* Any thread, once: new calls are refused from now on, streams end. */
void loop_end_calls(struct loop *loop);

/* An open call is over. */
void loop_call_over(struct loop *loop);

/* Any thread: waits for the end, which comes when the server has stopped and the loop's last
 * call is gone. */
void loop_join(struct loop *loop);

/* The last call is gone; that happens once, when the server stops. */
void loop_rest(struct loop *loop);

/* Any thread. Runs `step` on the loop; `call` is alive and keeps it so. */
void loop_send(struct loop *loop, struct call *call, struct step *step);

#endif
