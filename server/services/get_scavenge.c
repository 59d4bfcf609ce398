/* Admin.GetScavenge: how far it is (storage/log/scavenge.h). */
#include "sagabase/v1/admin.pb-c.h"
#include "server/services/methods.h"
#include "server/services/services.h"
#include "storage/log/scavenge.h"

void get_scavenge(struct call *call, const ProtobufCMessage *message)
{
    static const Sagabase__V1__ScavengeState states[] = {
        [SCAVENGE_NONE] = SAGABASE__V1__SCAVENGE_STATE__SCAVENGE_STATE_NONE,
        [SCAVENGE_RUNNING] = SAGABASE__V1__SCAVENGE_STATE__SCAVENGE_STATE_RUNNING,
        [SCAVENGE_DONE] = SAGABASE__V1__SCAVENGE_STATE__SCAVENGE_STATE_DONE,
        [SCAVENGE_CANCELLED] = SAGABASE__V1__SCAVENGE_STATE__SCAVENGE_STATE_CANCELLED,
        [SCAVENGE_FAILED] = SAGABASE__V1__SCAVENGE_STATE__SCAVENGE_STATE_FAILED,
    };
    const struct services *services = call_context(call);
    struct scavenge_progress progress = event_log_scavenge_progress(services->log);
    Sagabase__V1__GetScavengeResponse response = SAGABASE__V1__GET_SCAVENGE_RESPONSE__INIT;

    (void)message;
    response.state = states[progress.state];
    if (progress.state == SCAVENGE_FAILED)
        response.failure = progress.status.message;
    response.position = progress.position;
    response.end = progress.end;
    response.removed_events = progress.events_removed;
    response.removed_bytes = progress.bytes_removed;
    response.started_us = progress.started_us;
    response.ended_us = progress.ended_us;
    call_reply(call, &response.base);
}
