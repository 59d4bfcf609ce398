#include <stdlib.h>

#include "clients/c/stream.h"

struct sagabase_session {
    struct client_stream stream;
};

static struct sagabase_status over(void)
{
    return client_status(SAGABASE_CANCELLED, "the session is over");
}

struct sagabase_status sagabase_session_open(struct sagabase_client *client,
                                             const struct sagabase_options *options,
                                             struct sagabase_session **session)
{
    struct sagabase_session *opened = malloc(sizeof *opened);

    if (!opened)
        return client_status(SAGABASE_RESOURCE_EXHAUSTED, "out of memory");
    client_stream_open(&opened->stream, client, "/sagabase.v1.EventStore/AppendSession",
                       &sagabase__v1__append_session_response__descriptor, NULL, options);
    *session = opened;
    return SAGABASE_STATUS_OK;
}

struct sagabase_status sagabase_session_send(struct sagabase_session *session,
                                             const Sagabase__V1__AppendSessionRequest *request)
{
    return client_stream_send(&session->stream, &request->base) ? SAGABASE_STATUS_OK : over();
}

struct sagabase_status sagabase_session_finish(struct sagabase_session *session)
{
    return client_stream_finish_sending(&session->stream) ? SAGABASE_STATUS_OK : over();
}

struct sagabase_status sagabase_session_receive(
    struct sagabase_session *session, const Sagabase__V1__AppendSessionResponse **response)
{
    const ProtobufCMessage *received;
    struct sagabase_status status = client_stream_receive(&session->stream, &received);

    if (status.code == SAGABASE_OK)
        *response = (const Sagabase__V1__AppendSessionResponse *)received;
    return status;
}

void sagabase_session_cancel(struct sagabase_session *session)
{
    client_stream_cancel(&session->stream);
}

void sagabase_session_close(struct sagabase_session *session)
{
    if (!session)
        return;
    client_stream_close(&session->stream);
    free(session);
}
