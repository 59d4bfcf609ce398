#include "clients/c/client.h"

#include <assert.h>
#include <grpc/grpc_security.h>
#include <stdlib.h>

#include "base/uuid.h"

static grpc_arg integer(const char *key, int value)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value};
}

static grpc_channel *channel_create(const char *target)
{
    grpc_arg arguments[] = {
        integer(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_TIME_MS),
        integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
        integer(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0), /* no limit: an idle subscription */
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, RECEIVED_BYTES_MAX),
        integer(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, RECONNECT_MS_MIN),
        integer(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_MS_MAX), /* in spite of its name */
        integer(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, RECONNECT_MS_MAX),
        integer(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
        integer(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1), /* one client, one connection */
    };
    grpc_channel_args options = {sizeof arguments / sizeof *arguments, arguments};
    grpc_channel_credentials *plain = grpc_insecure_credentials_create();
    grpc_channel *channel = grpc_channel_create(target, plain, &options);

    grpc_channel_credentials_release(plain);
    return channel;
}

struct sagabase_status sagabase_open(const char *target, struct sagabase_client **client)
{
    if (!target || !*target)
        return client_status(SAGABASE_INVALID_ARGUMENT, "target: must be host:port");

    struct sagabase_client *opened = malloc(sizeof *opened);
    if (!opened)
        return client_status(SAGABASE_RESOURCE_EXHAUSTED, "out of memory");
    grpc_init();
    opened->channel = channel_create(target);
    assert(opened->channel); /* a bad target makes calls fail, not this */
    *client = opened;
    return SAGABASE_STATUS_OK;
}

void sagabase_close(struct sagabase_client *client)
{
    if (!client)
        return;
    grpc_channel_destroy(client->channel);
    grpc_shutdown();
    free(client);
}

void sagabase_uuid(char text[SAGABASE_UUID_BYTES])
{
    struct uuid uuid = uuid_random();

    uuid_format(&uuid, (uint8_t *)text);
    text[UUID_TEXT_BYTES] = 0;
}
