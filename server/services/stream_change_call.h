/* A unary call that changes a stream: read by its method, decided by the log.
 *
 *   queue thread            writer thread            queue thread
 *   submit           --->   commit, wake      --->   reply
 */
#ifndef SERVER_SERVICES_STREAM_CHANGE_CALL_H
#define SERVER_SERVICES_STREAM_CHANGE_CALL_H

#include "server/rpc/call.h"
#include "storage/log/stream_change.h"

/* Ends the call, sooner or later: with `response`, which is static, or with the error. `change`
 * says what to do; what it points to lives as long as the call. */
void stream_change_call(struct call *call, const struct stream_change *change,
                        const ProtobufCMessage *response);

#endif
