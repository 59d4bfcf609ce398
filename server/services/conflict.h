/* What failed an append or a change because a stream was not as expected. */
#ifndef SERVER_SERVICES_CONFLICT_H
#define SERVER_SERVICES_CONFLICT_H

#include "server/rpc/call.h"
#include "storage/log/append.h"

/* Ends a call with `status` and the conflict as its detail. */
void conflict_fail(struct call *call, struct status status, const struct conflict *found);

#endif
