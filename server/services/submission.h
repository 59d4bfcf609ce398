/* An append on its way to the writer and back: through the log alone, or, where it answers a saga's
 * command ("$SagaReplyRequested"), through the gateway. */
#ifndef SERVER_SERVICES_SUBMISSION_H
#define SERVER_SERVICES_SUBMISSION_H

#include "base/arena.h"
#include "base/status.h"
#include "storage/log/append.h"

struct services;
struct append_reply; /* server/sagas/gateway.h */

struct submission {
    struct append append;        /* the owner fills it, and sets intent.done */
    struct append_reply *answer; /* NULL: it answers no command */
};

/* As append_submit and append_settle. */
struct status submission_submit(const struct services *services, struct submission *submission,
                                struct arena *arena);
struct status submission_settle(const struct services *services, struct submission *submission,
                                struct arena *arena);

#endif
