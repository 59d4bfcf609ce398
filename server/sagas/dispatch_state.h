/* What the parts of the dispatch share. Only for dispatch*.c; all of it under the lock. */
#ifndef SERVER_SAGAS_DISPATCH_STATE_H
#define SERVER_SAGAS_DISPATCH_STATE_H

#include <pthread.h>

#include "base/due_heap.h"
#include "server/sagas/dispatch.h"
#include "server/sagas/dispatch_feed.h"

/* --- lists: circular, with a head that is no member --------------------------------------------
 */

struct link {
    struct link *next, *previous;
};

static inline void link_init(struct link *head)
{
    head->next = head->previous = head;
}

static inline bool link_is_empty(const struct link *head)
{
    return head->next == head;
}

static inline void link_add_last(struct link *head, struct link *link)
{
    link->previous = head->previous;
    link->next = head;
    head->previous->next = link;
    head->previous = link;
}

static inline void link_add_first(struct link *head, struct link *link)
{
    link_add_last(head->next, link);
}

/* A link that is removed is a list of its own, so that removing it again does nothing. */
static inline void link_remove(struct link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link_init(link);
}

/* --- commands ------------------------------------------------------------------------------------
 */

enum command_state {
    COMMAND_READY,    /* in its queue */
    COMMAND_ASSIGNED, /* a worker will take it */
    COMMAND_LEASED,   /* in a worker's hands */
    COMMAND_KEPT,     /* leased to a worker that is gone and may resume */
    COMMAND_DETACHED, /* leased to a worker that is gone */
    COMMAND_DELAYED,  /* given back, not ready yet */
    COMMAND_RESTING,  /* not handed out: told as overdue, or between attempts */
};

struct details {
    size_t size;
    uint8_t bytes[];
};

struct command {
    struct uuid id;
    struct command *next_in_bucket;
    struct link link; /* of its queue's band, or of the worker's assigned or leased ones */
    struct queue *queue;
    struct worker_state *worker; /* ASSIGNED, LEASED */
    struct details *details;     /* NULL: none */
    struct attempt_trace *trace; /* NULL: none */
    uint64_t position;
    uint64_t token;       /* of the newest lease; 0: none */
    struct due due;       /* monotonic, as all below */
    int64_t begun_us;     /* the attempt: when it was first handed out, until then ready to be */
    int64_t wait_due_us;  /* READY, ASSIGNED: schedule_to_start; DELAYED, KEPT: their end */
    int64_t close_due_us; /* start_to_close of the lease; INT64_MAX: none */
    int64_t heartbeat_due_us; /* of the lease; INT64_MAX: none */
    int64_t schedule_to_start_us;
    int64_t start_to_close_us;
    int64_t heartbeat_us;
    uint32_t attempt;
    uint32_t delivery;
    uint8_t state;        /* enum command_state */
    uint8_t expired_kind; /* RESTING and timed: what it is told of with */
    bool compensation;
    bool never_started;
    bool is_cancelled;
};

/* --- queues and workers -------------------------------------------------------------------------
 */

enum { BAND_COMPENSATIONS, BAND_ACTIONS, BAND_COUNT };

struct queue {
    struct queue *next_in_bucket;
    struct link bands[BAND_COUNT]; /* commands that are READY, the next one first */
    struct link workers;           /* subscriptions with credit, the next to be served first */
    size_t command_count;          /* in any state */
    size_t subscription_count;
    uint64_t hash;
    size_t name_size;
    uint8_t name[];
};

struct subscription {
    struct link link; /* of queue->workers while it has credit */
    struct queue *queue;
    struct worker_state *worker;
    uint32_t credit;
};

/* Tells a worker that a command is not wanted any more. */
struct notice {
    struct notice *next;
    struct uuid command_id;
};

struct worker_state {
    struct worker *worker;
    struct link assigned, leased;
    size_t assigned_count, leased_count;
    struct notice *notices, **notices_last;
    bool is_woken; /* and has not taken since */
    bool is_draining;
    size_t subscription_count;
    struct subscription subscriptions[];
};

enum { QUEUE_BUCKETS = 1 << 12 };

struct dispatch {
    struct dispatch_options options;
    pthread_mutex_t lock;

    struct command **buckets; /* by id; a power of two of them */
    size_t bucket_count;
    size_t command_count;

    struct due_heap heap; /* of commands */
    int64_t announced_us; /* what dispatch_due_us or `earlier` told last */

    struct queue *queues[QUEUE_BUCKETS];
    size_t queue_count;

    uint64_t token; /* of the newest lease */
    uint64_t join_count;
    uint64_t ready_count, leased_count, worker_count;
    size_t details_bytes;
    struct distribution schedule_to_start_us;
    struct counter workers_full, queues_full, credit_full, details_full; /* refused */
    _Atomic(uint64_t) traced_count;                                      /* commands with a trace */
};

static inline int64_t dispatch_now(const struct dispatch *dispatch)
{
    return clock_monotonic_us(dispatch->options.clock);
}

void dispatch_lock(struct dispatch *dispatch);
void dispatch_unlock(struct dispatch *dispatch); /* and tells of an earlier due time */

/* --- dispatch_commands.c -------------------------------------------------------------------------
 */

struct command *commands_find(const struct dispatch *dispatch, const struct uuid *id);

/* A new one, in no list. NULL: out of memory. */
struct command *commands_add(struct dispatch *dispatch, const struct uuid *id, struct queue *queue);

/* It is in no list any more. */
void commands_remove(struct dispatch *dispatch, struct command *command);

/* INT64_MAX: never. */
void command_set_due(struct dispatch *dispatch, struct command *command, int64_t due_us);

/* The later moment, or INT64_MAX if there is no limit (0). */
int64_t due_after(int64_t now_us, int64_t interval_us);

void command_set_details(struct dispatch *dispatch, struct command *command, struct bytes details);

/* Without memory for it there is none. */
void command_set_trace(struct dispatch *dispatch, struct command *command,
                       const struct attempt_trace *trace);

/* NULL: out of memory, or with `limited` QUEUES_MAX. */
struct queue *queues_acquire(struct dispatch *dispatch, struct bytes name, bool limited);
void queues_release(struct dispatch *dispatch, struct queue *queue); /* if nobody uses it */

/* --- dispatch.c ----------------------------------------------------------------------------------
 */

/* Takes it out of whatever list it is in; who has it is told if `tell`. */
void command_withdraw(struct dispatch *dispatch, struct command *command, bool tell);

/* Tells the worker that has it that it is not wanted any more. */
void command_notify(struct command *command);

enum place { PLACE_FIRST, PLACE_LAST };

/* READY, at one end of its queue, and on to a worker if one has credit. */
void command_make_ready(struct dispatch *dispatch, struct command *command, enum place place);

#endif
