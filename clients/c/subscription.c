#include <stdlib.h>

#include "clients/c/stream.h"

struct sagabase_subscription {
    struct client_stream stream;
};

struct sagabase_status sagabase_subscribe(struct sagabase_client *client,
                                          const Sagabase__V1__SubscribeRequest *request,
                                          const struct sagabase_options *options,
                                          struct sagabase_subscription **subscription)
{
    struct sagabase_subscription *opened = malloc(sizeof *opened);

    if (!opened)
        return client_status(SAGABASE_RESOURCE_EXHAUSTED, "out of memory");
    client_stream_open(&opened->stream, client, "/sagabase.v1.EventStore/Subscribe",
                       &sagabase__v1__subscribe_response__descriptor, &request->base, options);
    *subscription = opened;
    return SAGABASE_STATUS_OK;
}

struct sagabase_status sagabase_subscription_next(struct sagabase_subscription *subscription,
                                                  const Sagabase__V1__SubscribeResponse **message)
{
    const ProtobufCMessage *received;
    struct sagabase_status status = client_stream_receive(&subscription->stream, &received);

    if (status.code != SAGABASE_OK)
        return status;
    if (!received)
        return client_status(SAGABASE_UNAVAILABLE, "the server ended the subscription");
    *message = (const Sagabase__V1__SubscribeResponse *)received;
    return status;
}

void sagabase_subscription_cancel(struct sagabase_subscription *subscription)
{
    client_stream_cancel(&subscription->stream);
}

void sagabase_subscription_close(struct sagabase_subscription *subscription)
{
    if (!subscription)
        return;
    client_stream_close(&subscription->stream);
    free(subscription);
}
