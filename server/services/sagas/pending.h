/* A unary call whose answer the writer decides.
 *
 *   queue thread              writer thread             queue thread
 *   pending_begin, submit --> commit, pending_done ---> answer: settle, reply
 */
#ifndef SERVER_SERVICES_SAGAS_PENDING_H
#define SERVER_SERVICES_SAGAS_PENDING_H

#include "base/status.h"
#include "server/rpc/call.h"

/* In the call's arena, within what is submitted. */
struct pending {
    struct call *call;

    /* Ends the call. */
    void (*answer)(struct pending *self);

    struct step decided;
};

/* Keeps the call for the writer. */
void pending_begin(struct pending *self, struct call *call, void (*answer)(struct pending *self));

/* In place of pending_done: nothing was submitted, the call fails. */
void pending_refuse(struct pending *self, struct status status);

/* @thread writer */
void pending_done(struct pending *self);

#endif
