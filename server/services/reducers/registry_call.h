/* A call that changes what is registered.
 *
 *   queue thread          writer thread            queue thread
 *   submit  --->          decide, commit  --->     reply
 */
#ifndef SERVER_SERVICES_REDUCERS_REGISTRY_CALL_H
#define SERVER_SERVICES_REDUCERS_REGISTRY_CALL_H

#include "server/reducers/registry.h"
#include "server/rpc/call.h"

struct registry_call {
    struct call *call;
    struct registry_change change; /* for registry_put_reducer() and the like */
    void (*reply)(struct call *call, const struct registry_change *change);
    struct step committed;
};

/* In the call's arena, which it holds until it is over. NULL: the call was failed. */
struct registry_call *registry_call_begin(struct call *call,
                                          void (*reply)(struct call *call,
                                                        const struct registry_change *change));

/* Behind what has submitted the change: if that did not work, fails the call. */
void registry_call_submitted(struct registry_call *self, struct status status);

#endif
