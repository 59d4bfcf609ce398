/* Reducers.ListReducers: at once, on the queue thread. */
#include "server/reducers/reducers.h"
#include "server/services/reducers/methods.h"
#include "server/services/reducers/registered.h"
#include "server/services/services.h"

void list_reducers(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    Sagabase__V1__ListReducersResponse response = SAGABASE__V1__LIST_REDUCERS_RESPONSE__INIT;
    struct registered all;

    (void)message;
    if (!registered_acquire(&all, reducers_registry(services->reducers), call))
        return;
    response.reducers = (Sagabase__V1__ReducerInfo **)all.infos;
    response.n_reducers = all.count;
    call_reply(call, &response.base);
    registered_release(&all);
}
