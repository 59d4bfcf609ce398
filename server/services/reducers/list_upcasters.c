/* Reducers.ListUpcasters: at once, on the queue thread. */
#include "server/reducers/reducers.h"
#include "server/services/reducers/methods.h"
#include "server/services/reducers/registered.h"
#include "server/services/services.h"

void list_upcasters(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    Sagabase__V1__ListUpcastersResponse response = SAGABASE__V1__LIST_UPCASTERS_RESPONSE__INIT;
    struct registered all;

    (void)message;
    if (!registered_acquire(&all, reducers_upcasters(services->reducers), call))
        return;
    response.upcasters = (Sagabase__V1__UpcasterInfo **)all.infos;
    response.n_upcasters = all.count;
    call_reply(call, &response.base);
    registered_release(&all);
}
