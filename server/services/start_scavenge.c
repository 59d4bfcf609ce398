/* Admin.StartScavenge: the log runs it in a thread of its own (storage/log/scavenge.h). */
#include "sagabase/v1/admin.pb-c.h"
#include "server/services/methods.h"
#include "server/services/services.h"
#include "storage/log/scavenge.h"

void start_scavenge(struct call *call, const ProtobufCMessage *message)
{
    static const Sagabase__V1__StartScavengeResponse response =
        SAGABASE__V1__START_SCAVENGE_RESPONSE__INIT;
    const struct services *services = call_context(call);
    struct status status = event_log_scavenge(services->log);

    (void)message;
    if (!status_ok(status))
        return call_fail(call, status);
    call_reply(call, &response.base);
}
