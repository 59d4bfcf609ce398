/* EventStore.EraseEvent: the payload of one event, for good (erase_call.h). */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/erase_call.h"
#include "server/services/methods.h"
#include "server/services/stream_name.h"

static void reply(struct call *call, const struct erasure *erasure)
{
    Sagabase__V1__EraseEventResponse response = SAGABASE__V1__ERASE_EVENT_RESPONSE__INIT;

    if (erasure->event_count > 0) {
        response.notice_case = SAGABASE__V1__ERASE_EVENT_RESPONSE__NOTICE_NOTICE_POSITION;
        response.notice_position = erasure->notice_position;
    }
    call_reply(call, &response.base);
}

void erase_event(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__EraseEventRequest *request = (const void *)message;
    struct erasure erasure = {.revision = request->revision,
                              .reason = bytes_of_text(request->reason),
                              .by = bytes_of_text(request->by)};
    struct status status = stream_name_read(request->stream, &erasure.stream);

    if (status_ok(status))
        status = stream_name_check_owner("", request->stream);
    if (!status_ok(status))
        return call_fail(call, status);
    erase_call(call, &erasure, reply);
}
