/* Handing out commands: queues of commands that are ready, workers with credit, and leases.
 *
 *   ready --a worker has credit--> leased --reply, timeout, nack, stream broken for too long--> ...
 *
 * All of it is memory: which commands are open is on disk, who has them is not. A restart hands
 * them out again; the one accepted reply makes that harmless. One lock, short, a leaf: any thread
 * may call. Commands come from the gateway (dispatch_feed.h). */
#ifndef SERVER_SAGAS_DISPATCH_H
#define SERVER_SAGAS_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/metric.h"
#include "base/status.h"
#include "base/trace.h"
#include "base/uuid.h"

struct dispatch;

enum {
    WORKERS_MAX = 10000,
    QUEUES_MAX = 10000, /* that workers have joined or that hold commands */
    WORKER_QUEUES_MAX = 50,
    WORKER_TAKE_MAX = 100,
    QUEUE_NAME_BYTES_MAX = 100,
    DETAILS_MEMORY_MAX = 64 << 20, /* of all heartbeats: beyond, older details are kept */
};

/* A participant's stream, or a unary poll. The owner keeps it until dispatch_leave has returned. */
struct worker {
    /* Any thread, with the dispatch's lock held: there is something to take. May not call into the
     * dispatch, may not block. Not again before dispatch_take was called. */
    void (*wake)(struct worker *worker);
    size_t commands_max;        /* of one dispatch_take; 0: WORKER_TAKE_MAX */
    struct worker_state *state; /* the dispatch's */
};

/* A command in a worker's hands. */
struct lease {
    struct uuid command_id;
    uint64_t position; /* of its event in "$cmd-<queue>": its data is the packed Command */
    uint64_t token;
    uint32_t delivery;
    int64_t deadline_us;  /* wall clock; 0: none */
    struct bytes details; /* of the last heartbeat of any attempt; in the arena given */
    size_t place;         /* among the worker's queues */
};

/* A command that is out and need not be done any more. */
struct cancelled {
    struct uuid command_id;
};

/* Joins with credit for each of `count` queues: 0 to CREDIT_MAX. INVALID_ARGUMENT: a name, or
 * credit. RESOURCE_EXHAUSTED: WORKERS_MAX or QUEUES_MAX. */
struct status dispatch_join(struct dispatch *dispatch, struct worker *worker,
                            const struct bytes *queues, const uint32_t *credits, size_t count);

/* What becomes of the leases of a worker that leaves. */
enum leave {
    LEAVE_RETURN, /* ready again at once */
    LEAVE_KEEP,   /* kept for dispatch_resume for a while, then ready again */
    LEAVE_DETACH, /* they run on until they time out: of a unary poll */
};

/* No wake comes after it. */
void dispatch_leave(struct dispatch *dispatch, struct worker *worker, enum leave leave);

/* INVALID_ARGUMENT: not one of its queues, or more than CREDIT_MAX together. */
struct status dispatch_credit(struct dispatch *dispatch, struct worker *worker, struct bytes queue,
                              uint32_t count);

/* The lease was taken, but its command was over before it could be handed on: nobody will give
 * credit for it again. */
void dispatch_restore_credit(struct dispatch *dispatch, struct worker *worker,
                             const struct lease *lease);

/* No more commands for it. */
void dispatch_drain(struct dispatch *dispatch, struct worker *worker);

/* How many commands are in its hands. */
size_t dispatch_out(struct dispatch *dispatch, struct worker *worker);

/* What was assigned to it since, at most worker->commands_max; and up to WORKER_TAKE_MAX of the
 * commands in its hands that were cancelled since. *more: call again; no wake will come before.
 * RESOURCE_EXHAUSTED: the arena is full; what is in the arrays is taken all the same. */
struct status dispatch_take(struct dispatch *dispatch, struct worker *worker, struct arena *arena,
                            struct lease *leases, size_t *lease_count, struct cancelled *cancelled,
                            size_t *cancelled_count, bool *more);

/* Adopts a lease of a stream that broke, also where the server has not noticed yet. False: lost. */
bool dispatch_resume(struct dispatch *dispatch, struct worker *worker,
                     const struct uuid *command_id, uint64_t token);

struct heartbeat_answer {
    bool lost;
    bool cancel_requested;
    int64_t deadline_us;
};

/* Moves the lease's heartbeat deadline, and keeps `details` for the next attempt. */
struct heartbeat_answer dispatch_heartbeat(struct dispatch *dispatch, const struct uuid *command_id,
                                           uint64_t token, struct bytes details);

/* Gives a command back; it is ready again after the delay. False: lost. */
bool dispatch_nack(struct dispatch *dispatch, const struct uuid *command_id, uint64_t token,
                   int64_t delay_us);

/* For how long the leases of a worker that left are kept for it. */
int64_t dispatch_resume_within_us(const struct dispatch *dispatch);

/* The trace that an attempt of a command hands on to who works on it. */
struct attempt_trace {
    struct trace_context context;
    bool is_given;   /* there is one */
    bool is_spanned; /* it is the attempt's own span, to be written at the end */
};

/* Of the newest attempt. Cheap where nothing is traced. */
struct attempt_trace dispatch_trace(struct dispatch *dispatch, const struct uuid *command_id);

struct dispatch_counts {
    uint64_t ready;
    uint64_t leased;
    uint64_t workers;
};

struct dispatch_counts dispatch_counts(struct dispatch *dispatch);

/* How often limits were hit. */
void dispatch_limits(struct dispatch *dispatch, metric_visit *visit, void *context);

/* From when an attempt could be handed out until it first was; bounds_duration_us. */
const struct distribution *dispatch_schedule_to_start(const struct dispatch *dispatch);

#endif
