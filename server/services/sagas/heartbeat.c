/* Participant.Heartbeat: a command is being worked on. */
#include "sagabase/v1/participant.pb-c.h"
#include "server/sagas/gateway.h"
#include "server/services/sagas/beat.h"
#include "server/services/sagas/methods.h"
#include "server/services/services.h"

void heartbeat(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__HeartbeatRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    Sagabase__V1__HeartbeatResponse response = SAGABASE__V1__HEARTBEAT_RESPONSE__INIT;
    Sagabase__V1__CommandHeartbeatAck ack;
    struct status status;

    if (!request->heartbeat)
        return call_fail(call, status_make(STATUS_INVALID_ARGUMENT, "heartbeat: required"));
    status = beat(gateway_dispatch(services->gateway), request->heartbeat, &ack);
    if (status_ok(status) && ack.lost)
        status = status_make(STATUS_NOT_FOUND,
                             "heartbeat: command %s is not leased to this token any more",
                             request->heartbeat->command_id);
    if (!status_ok(status))
        return call_fail(call, status);
    response.ack = &ack;
    call_reply(call, &response.base);
}
