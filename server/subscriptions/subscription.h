/* A subscription as a machine that is asked what to send next. It does no I/O to a client and
 * queues nothing: whoever owns it sends one output, waits until that was accepted, and asks
 * again. So a slow reader costs this struct and one page, a sleeping one this struct.
 *
 *             page, more behind it
 *              .--------.
 *              v        |      nothing behind it               said so
 *   start --> READING --+--------------------> CATCHING_UP --------------> LIVE
 *              ^                                                          |  ^
 *              |      fell behind the newest records in memory            |  |
 *              '---------------------------------------------------------'|  |
 *                                                     nothing there: PARKED -' woken, roused
 *
 * READING takes pages from the log, LIVE takes records from the tail. Both look at each
 * event exactly once, in order, because they share one place: `next`. */
#ifndef SERVER_SUBSCRIPTIONS_SUBSCRIPTION_H
#define SERVER_SUBSCRIPTIONS_SUBSCRIPTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "server/subscriptions/census.h"
#include "server/subscriptions/filter.h"
#include "storage/log/query.h"
#include "storage/log/tail.h"

struct event_log;

enum subscription_state {
    SUBSCRIPTION_READING,
    SUBSCRIPTION_CATCHING_UP,
    SUBSCRIPTION_LIVE,
    SUBSCRIPTION_PARKED,
};

enum {
    SUBSCRIPTION_PAGE_BYTES_MAX = 256 << 10, /* passed by at most one event */
    SUBSCRIPTION_SCANNED_MAX = 10000,        /* events looked at for one output */
    SUBSCRIPTION_CANDIDATES_MAX = 1000,      /* of a query: each is looked up by itself */
};

enum subscription_begin { BEGIN_AT_START, BEGIN_AT_END, BEGIN_AFTER, BEGIN_AT_TIME };

struct subscription_options {
    struct bytes stream; /* empty: all streams. Must outlive the subscription */
    enum subscription_begin begin;
    uint64_t after;  /* of BEGIN_AFTER: a revision, or without a stream a position; below
                      * UINT64_MAX */
    int64_t time_us; /* of BEGIN_AT_TIME: the first event taken in at or after it; the next one
                      * if there is none yet */

    /* Both have to match; NULL: every event does. Must outlive the subscription. */
    const struct filter_rules *rules;
    const struct query *query; /* checked; only without a stream */

    /* For a subscription to all streams that does not send every event: checkpoints. A stream
     * alone has none, because looking through its events again costs little. */
    uint32_t checkpoint_interval; /* events that were not sent: at least 1 */
    int64_t checkpoint_period_us; /* while live, once so long after the one before; 0: never */
    const struct clock *clock;    /* with a period */

    struct census *census; /* where it shows itself; NULL: nowhere */

    /* @thread writer. Once for each PARKED output: call subscription_next again soon. Must be
     * short, may not block. */
    void (*wake)(void *context);
    void *context;
};

struct subscription {
    struct event_log *log;
    struct subscription_options options;
    enum subscription_state state;
    uint64_t stream_number; /* 0: all streams, or the stream does not exist yet */
    uint64_t next;          /* revision, or without a stream position, of the next event */
    uint64_t position;      /* everything of ours before it was looked at */
    uint64_t reported;      /* all streams: the client knows that this was reached */
    int64_t checkpoint_us;  /* when the last checkpoint was made */
    struct filter filter;   /* with options.rules */
    struct waiter waiter;
    _Atomic bool woken; /* since it was parked */
    struct census_entry shown;
};

enum subscription_output_kind {
    OUTPUT_EVENTS,
    OUTPUT_CHECKPOINT,
    OUTPUT_CAUGHT_UP,
    OUTPUT_FELL_BEHIND,
    OUTPUT_NOTHING, /* nothing to send yet, but more to look at: ask again, after others */
    OUTPUT_PARKED,  /* options.wake will tell when to ask again, or see wait_us */
    OUTPUT_FAILED,
};

struct subscription_output {
    enum subscription_output_kind kind;
    struct buffer frames; /* of EVENTS, storage/log/event.h: the caller's to destroy */
    bool has_position;    /* of CAUGHT_UP */
    uint64_t position;    /* of CHECKPOINT, CAUGHT_UP, FELL_BEHIND: the last one looked at */
    int64_t wait_us;      /* of PARKED: rouse it after so long; 0: need not */
    struct status status; /* of FAILED */
};

/* INVALID_ARGUMENT: the filter. After an error nothing is left to close. */
struct status subscription_open(struct subscription *subscription, struct event_log *log,
                                const struct subscription_options *options);

/* True: options.wake was called for a PARKED output and the owner has not asked since. It
 * will not be called after this. */
bool subscription_close(struct subscription *subscription);

/* Ends the sleep of a subscription that is PARKED, because its wait_us are over. True: ask it
 * for more. False: it does not sleep, or options.wake was called and says so. */
bool subscription_rouse(struct subscription *subscription);

/* One bounded step of work. Not after FAILED; after PARKED only when woken or roused. */
struct subscription_output subscription_next(struct subscription *subscription);

#endif
