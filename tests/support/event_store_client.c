#include "tests/support/event_store_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"

struct proposals proposals_create(size_t count)
{
    struct proposals made = {
        .events = calloc(count, sizeof *made.events),
        .pointers = calloc(count, sizeof *made.pointers),
        .ids = calloc(count, sizeof *made.ids),
        .data = calloc(count, sizeof *made.data),
        .count = count,
    };

    for (size_t i = 0; i < count; i++) {
        struct uuid id = uuid_random();
        Sagabase__V1__ProposedEvent *event = &made.events[i];

        sagabase__v1__proposed_event__init(event);
        uuid_format(&id, (uint8_t *)made.ids[i]);
        snprintf(made.data[i], sizeof made.data[i], "%zu", i);
        event->id = made.ids[i];
        event->type = (char *)"Tested";
        event->data.data = (uint8_t *)made.data[i];
        event->data.len = strlen(made.data[i]);
        made.pointers[i] = event;
    }
    return made;
}

void proposals_free(struct proposals *proposals)
{
    free(proposals->events);
    free(proposals->pointers);
    free(proposals->ids);
    free(proposals->data);
}

Sagabase__V1__AppendToStreamRequest append_any(const char *stream,
                                               const struct proposals *proposals)
{
    Sagabase__V1__AppendToStreamRequest request = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;

    request.stream = (char *)stream;
    request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE;
    request.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    request.events = proposals->pointers;
    request.n_events = proposals->count;
    return request;
}

Sagabase__V1__StreamAppend append_part(const char *stream, const struct proposals *proposals)
{
    Sagabase__V1__StreamAppend part = SAGABASE__V1__STREAM_APPEND__INIT;

    part.stream = (char *)stream;
    part.expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE;
    part.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY;
    part.events = proposals->pointers;
    part.n_events = proposals->count;
    return part;
}

static struct status append_proposals(struct rpc_client *client, const char *stream,
                                      struct proposals *proposals)
{
    Sagabase__V1__AppendToStreamRequest request = append_any(stream, proposals);
    struct status status =
        rpc_client_ask(client, EVENT_STORE("AppendToStream"), &request.base,
                       &sagabase__v1__append_to_stream_response__descriptor, NULL);

    proposals_free(proposals);
    return status;
}

struct status append_new(struct rpc_client *client, const char *stream, size_t count)
{
    struct proposals proposals = proposals_create(count);

    return append_proposals(client, stream, &proposals);
}

struct status append_typed(struct rpc_client *client, const char *stream, const char *type)
{
    struct proposals proposals = proposals_create(1);

    proposals.events[0].type = (char *)type;
    return append_proposals(client, stream, &proposals);
}

struct status append_json(struct rpc_client *client, const char *stream, const char *type,
                          const char *data)
{
    struct proposals proposals = proposals_create(1);
    Sagabase__V1__ProposedEvent *event = &proposals.events[0];

    event->type = (char *)type;
    event->content_type = "application/json";
    event->data.data = (uint8_t *)data;
    event->data.len = strlen(data);
    return append_proposals(client, stream, &proposals);
}

struct rpc_call *open_with(struct rpc_client *client, const char *path,
                           const ProtobufCMessage *request)
{
    struct rpc_call *call = rpc_call_open(client, path, 0);

    rpc_call_send(call, request);
    rpc_call_half_close(call);
    return call;
}

void forget(void *message)
{
    if (message)
        protobuf_c_message_free_unpacked(message, NULL);
}
