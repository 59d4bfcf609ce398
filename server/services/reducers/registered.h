/* All that is registered, as a list in a response has it. */
#ifndef SERVER_SERVICES_REDUCERS_REGISTERED_H
#define SERVER_SERVICES_REDUCERS_REGISTERED_H

#include <stdbool.h>
#include <stddef.h>

#include "server/reducers/registry.h"
#include "server/rpc/call.h"

struct registered {
    size_t count;
    struct registration **entries;
    ProtobufCMessage **infos; /* of the entries */
};

/* In the call's arena. False: the call was failed. */
bool registered_acquire(struct registered *all, struct registry *registry, struct call *call);

/* After the reply was packed. */
void registered_release(struct registered *all);

#endif
