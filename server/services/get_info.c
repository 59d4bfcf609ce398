/* Admin.GetInfo: at once, on the queue thread. */
#include "sagabase/v1/admin.pb-c.h"
#include "server/services/methods.h"
#include "server/services/services.h"
#include "storage/log/event_log.h"

void get_info(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    struct event_log_counts counts = event_log_counts(services->log);
    Sagabase__V1__GetInfoResponse response = SAGABASE__V1__GET_INFO_RESPONSE__INIT;

    (void)message; /* asks for nothing in particular */
    response.version = (char *)services->version;
    response.commit = (char *)services->commit;
    response.engine = (char *)event_log_engine_name(services->log);
    response.format = STORE_FORMAT;
    response.events = counts.events;
    response.streams = counts.streams;
    response.types = counts.types;
    response.started_us = services->started_us;
    if (counts.events > 0) {
        response.newest_case = SAGABASE__V1__GET_INFO_RESPONSE__NEWEST_POSITION;
        response.position = counts.events - 1;
    }
    call_reply(call, &response.base);
}
