#include "server/services/sagas/beat.h"

#include "server/sagas/limits.h"
#include "server/services/sagas/fields.h"

struct status beat(struct dispatch *dispatch, const Sagabase__V1__CommandHeartbeat *message,
                   Sagabase__V1__CommandHeartbeatAck *ack)
{
    struct uuid id;

    TRY(field_uuid("heartbeat.command_id", message->command_id, &id));
    if (message->details.len > HEARTBEAT_DETAILS_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "heartbeat.details: at most %d bytes",
                           HEARTBEAT_DETAILS_BYTES_MAX);
    struct heartbeat_answer answer = dispatch_heartbeat(
        dispatch, &id, message->lease_token, bytes_of(message->details.data, message->details.len));
    sagabase__v1__command_heartbeat_ack__init(ack);
    ack->command_id = message->command_id;
    ack->lost = answer.lost;
    ack->cancel_requested = answer.cancel_requested;
    ack->deadline_us = answer.deadline_us;
    return OK;
}
