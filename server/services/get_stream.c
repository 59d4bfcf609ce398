/* EventStore.GetStream: at once, on the queue thread. */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/methods.h"
#include "server/services/services.h"
#include "server/services/stream_info.h"
#include "server/services/stream_name.h"

static struct status find(const struct services *services, const char *stream, struct arena *arena,
                          Sagabase__V1__StreamInfo **answer);

void get_stream(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__GetStreamRequest *request = (const void *)message;
    Sagabase__V1__GetStreamResponse response = SAGABASE__V1__GET_STREAM_RESPONSE__INIT;
    struct status status =
        find(call_context(call), request->stream, call_arena(call), &response.stream);

    if (!status_ok(status))
        return call_fail(call, status);
    call_reply(call, &response.base);
}

static struct status find(const struct services *services, const char *stream, struct arena *arena,
                          Sagabase__V1__StreamInfo **answer)
{
    struct stream_info info = {0};
    struct status status;
    struct bytes name;

    TRY(stream_name_read(stream, &name));
    status = event_log_get_stream(services->log, name, arena, &info);
    if (status.code == STATUS_NOT_FOUND)
        return stream_name_not_found(name);
    TRY(status);
    return stream_info_answer(&info, arena, answer);
}
