/* EventStore.TombstoneStream: ends a stream for ever
 * (stream_change_call.h). */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/methods.h"
#include "server/services/proposal.h"
#include "server/services/stream_change_call.h"
#include "server/services/stream_name.h"

_Static_assert((int)SAGABASE__V1__TOMBSTONE_STREAM_REQUEST__EXPECTED_STATE ==
                   (int)SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE,
               "one reader for all");

static struct status read_request(const Sagabase__V1__TombstoneStreamRequest *request,
                                  struct stream_change *change)
{
    bool by_revision =
        request->expected_case == SAGABASE__V1__TOMBSTONE_STREAM_REQUEST__EXPECTED_REVISION;

    change->kind = CHANGE_TOMBSTONE;
    TRY(stream_name_read(request->stream, &change->name));
    TRY(stream_name_check_owner("", request->stream));
    return proposal_expectation("", (int)request->expected_case,
                                by_revision ? request->revision : 0,
                                by_revision ? 0 : (int)request->state, &change->expected);
}

void tombstone_stream(struct call *call, const ProtobufCMessage *message)
{
    static const Sagabase__V1__TombstoneStreamResponse response =
        SAGABASE__V1__TOMBSTONE_STREAM_RESPONSE__INIT;
    struct stream_change change = {0};
    struct status status = read_request((const void *)message, &change);

    if (!status_ok(status))
        return call_fail(call, status);
    stream_change_call(call, &change, &response.base);
}
