/* What a reply does, for whatever brings it. Only for files of this folder. */
#ifndef SERVER_SAGAS_SAGA_REPLY_H
#define SERVER_SAGAS_SAGA_REPLY_H

#include "server/sagas/gateway.h"

/* @thread writer, in decide. OK; the outcome is in the reply. */
struct status saga_reply_decide(struct saga_reply *reply, struct commit *commit);

#endif
