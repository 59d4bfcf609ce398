/* The gateway's side of the dispatch: which commands can be handed out, and which cannot any more.
 * Any thread. */
#ifndef SERVER_SAGAS_DISPATCH_FEED_H
#define SERVER_SAGAS_DISPATCH_FEED_H

#include "base/clock.h"
#include "sagabase/v1/sagas.pb-c.h"
#include "server/sagas/dispatch.h"

struct dispatch_options {
    const struct clock *clock;
    int64_t resume_within_us; /* leases of a worker that left are kept so long */

    /* dispatch_due_us() is earlier than it was. Any thread, without the lock. */
    void (*earlier)(void *context);
    void *context;
};

/* NULL: out of memory. */
struct dispatch *dispatch_create(const struct dispatch_options *options);

/* Every worker has left. */
void dispatch_free(struct dispatch *dispatch);

/* A command's newest attempt. */
struct open_command {
    struct uuid id;
    struct bytes queue;
    uint64_t position; /* of its event */
    uint32_t attempt;
    bool compensation; /* those go before actions */
    bool is_new;       /* certainly nobody has ever had it */
    struct attempt_trace trace;
    /* 0: no limit. */
    int64_t schedule_to_start_us;
    int64_t start_to_close_us;
    int64_t heartbeat_us;
};

/* It can be handed out now; an older attempt cannot any more. False: out of memory. */
bool dispatch_open(struct dispatch *dispatch, const struct open_command *command);

/* How the newest attempt of a command went. */
struct attempt_run {
    struct uuid command_id; /* the caller's */
    struct trace_context context;
    uint32_t attempt;
    uint32_t deliveries;
    int64_t begun_us; /* monotonic: first handed out; without deliveries: ready to be */
};

/* Before it is closed or rests. False: it has no span, or that was told before. */
bool dispatch_end_attempt(struct dispatch *dispatch, struct attempt_run *run);

/* It cannot be handed out any more. `tell`: who has it is told; else he knows. */
void dispatch_close(struct dispatch *dispatch, const struct uuid *id, bool tell);

/* The same for this attempt only: another will come, and gets the details of the last heartbeat. */
void dispatch_rest(struct dispatch *dispatch, const struct uuid *id, bool tell);

/* Its answer is not wanted any more, but would be taken: who has it is told, and it is handed out
 * no more. What nobody ever had expires at once. */
void dispatch_cancel(struct dispatch *dispatch, const struct uuid *id);

/* An attempt that took too long. */
struct expired {
    struct uuid id;
    uint32_t attempt;
    Sagabase__V1__TimeoutKind kind;
    bool never_started; /* certainly nobody has ever had it */
};

/* Takes from the workers what is overdue, at most `max`, and tells of it; what is not closed then
 * is told of again after a second. Also makes ready what was delayed, or kept for resuming. */
size_t dispatch_expire(struct dispatch *dispatch, struct expired *expired, size_t max);

/* When dispatch_expire will find something: monotonic clock; INT64_MAX: nothing is timed. */
int64_t dispatch_due_us(struct dispatch *dispatch);

#endif
