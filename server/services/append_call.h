/* A unary call that appends: read and answered by its method, decided by the log.
 *
 *   queue thread            writer thread            queue thread
 *   submit           --->   commit, wake      --->   settle, reply
 */
#ifndef SERVER_SERVICES_APPEND_CALL_H
#define SERVER_SERVICES_APPEND_CALL_H

#include "server/rpc/call.h"
#include "server/services/submission.h"

struct append_call {
    struct call *call;
    const struct services *services;
    struct submission submission; /* the method fills its append before it submits */
    struct step committed;

    /* Answers an append that has settled with OK. */
    void (*reply)(struct append_call *self);
};

/* In the call's arena. NULL: the call was failed for lack of memory. */
struct append_call *append_call_create(struct call *call, void (*reply)(struct append_call *self));

/* OK: the call will be answered, by `reply` or with what went wrong. Else nothing was submitted,
 * and the call is the method's to fail. */
struct status append_call_submit(struct append_call *self);

#endif
