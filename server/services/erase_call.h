/* Unary methods that erase (storage/log/erasure.h): a thread of its own, since it waits for the
 * disk.
 *
 *   queue thread            thread                  queue thread
 *   read, start      --->   erase, wake      --->   reply
 */
#ifndef SERVER_SERVICES_ERASE_CALL_H
#define SERVER_SERVICES_ERASE_CALL_H

#include "server/rpc/call.h"
#include "storage/log/erasure.h"

/* On the queue thread, when it is done. */
typedef void erase_reply(struct call *call, const struct erasure *erasure);

/* Copies `erasure`, whose texts belong to the request. `reply` answers, unless it failed. */
void erase_call(struct call *call, const struct erasure *erasure, erase_reply *reply);

#endif
