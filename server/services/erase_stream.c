/* EventStore.EraseStream: every payload that a stream holds, for good (erase_call.h). */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/erase_call.h"
#include "server/services/methods.h"
#include "server/services/stream_name.h"

static void reply(struct call *call, const struct erasure *erasure)
{
    Sagabase__V1__EraseStreamResponse response = SAGABASE__V1__ERASE_STREAM_RESPONSE__INIT;

    response.erased_events = erasure->event_count;
    response.notice_position = erasure->notice_position;
    call_reply(call, &response.base);
}

void erase_stream(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__EraseStreamRequest *request = (const void *)message;
    struct erasure erasure = {
        .whole = true, .reason = bytes_of_text(request->reason), .by = bytes_of_text(request->by)};
    struct status status = stream_name_read(request->stream, &erasure.stream);

    if (status_ok(status))
        status = stream_name_check_owner("", request->stream);
    if (!status_ok(status))
        return call_fail(call, status);
    erase_call(call, &erasure, reply);
}
