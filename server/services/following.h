/* A stream call that follows the log: the machine in server/subscriptions is asked for the next
 * output when the one before has been sent.
 *
 *   queue thread                                          writer thread
 *   open --> advance --> output, send --sent--> advance ... PARKED
 *                                                  ^           |
 *                                                  '- woken - a commit
 *
 * The call is held from the start, because the writer wakes it. `closed` lets it go, unless a
 * wake is on its way: then the woken step does. While parked with something to tell, a time
 * is set, too: `timed`. */
#ifndef SERVER_SERVICES_FOLLOWING_H
#define SERVER_SERVICES_FOLLOWING_H

#include <stdbool.h>

#include "base/status.h"
#include "server/rpc/call.h"
#include "server/subscriptions/subscription.h"

/* In the call's arena, all zero but for what the method sets. */
struct following {
    struct subscription_options options; /* the method's, but for `wake` and `context` */

    /* The method's: sends something and has `sent` run then, or goes on with following_yield(), or
     * ends the call. Of EVENTS, CHECKPOINT, CAUGHT_UP and FELL_BEHIND. */
    void (*output)(struct following *self, struct subscription_output *output);

    /* The method's, when the call is over; NULL: nothing to do then. */
    void (*over)(struct following *self);

    struct call *call;
    struct subscription subscription;
    bool yielding;       /* we have woken ourselves */
    bool woken_too_late; /* the call was over, but not closed */
    bool is_over;        /* closed */
    struct step sent;    /* asks for the next output */
    struct step woken, timed, closed;
};

/* After an error the call is the method's to end; otherwise it may send with `sent`, or call
 * following_advance. */
struct status following_open(struct following *self, struct call *call, struct event_log *log);

/* Asks for the next output. */
void following_advance(struct following *self);

/* The same, after other calls of this thread have had their turn. */
void following_yield(struct following *self);

#endif
