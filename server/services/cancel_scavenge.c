/* Admin.CancelScavenge: asks it to end (storage/log/scavenge.h). */
#include "sagabase/v1/admin.pb-c.h"
#include "server/services/methods.h"
#include "server/services/services.h"
#include "storage/log/scavenge.h"

void cancel_scavenge(struct call *call, const ProtobufCMessage *message)
{
    static const Sagabase__V1__CancelScavengeResponse response =
        SAGABASE__V1__CANCEL_SCAVENGE_RESPONSE__INIT;
    const struct services *services = call_context(call);
    struct status status = event_log_cancel_scavenge(services->log);

    (void)message;
    if (!status_ok(status))
        return call_fail(call, status);
    call_reply(call, &response.base);
}
