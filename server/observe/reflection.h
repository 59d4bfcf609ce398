/* gRPC server reflection, v1 and v1alpha: what grpcurl asks before it calls. */
#ifndef SERVER_OBSERVE_REFLECTION_H
#define SERVER_OBSERVE_REFLECTION_H

#include "base/status.h"
#include "server/rpc/call.h"

/* Splits the embedded descriptor set into files and indexes their symbols. Once,
 * before the first call. */
struct status reflection_start(void);
void reflection_stop(void);

extern const struct method reflection_methods[];

#endif
