/* Append an order's events, read them back, follow what comes next.
 *
 *   bazel run //examples/c:append_read_subscribe -- 127.0.0.1:2113
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/c/sagabase.h"

static int failed(const char *what, const struct sagabase_status *status)
{
    fprintf(stderr, "%s: %s: %s\n", what, sagabase_code_name(status->code), status->message);
    return 1;
}

/* One event. `expected` is the stream's newest revision, or -1: there is no stream yet. */
static struct sagabase_status append(struct sagabase_client *client, char *stream, char *type,
                                     char *json, int64_t expected)
{
    /* The same id on every try: then a repeated append is stored once. */
    struct sagabase_options options = {.timeout_ms = 10000, .retries = 3};
    char id[SAGABASE_UUID_BYTES];
    sagabase_uuid(id);

    Sagabase__V1__ProposedEvent event = SAGABASE__V1__PROPOSED_EVENT__INIT;
    event.id = id;
    event.type = type;
    event.content_type = "application/json";
    event.data = (ProtobufCBinaryData){strlen(json), (uint8_t *)json};

    Sagabase__V1__ProposedEvent *events[] = {&event};
    Sagabase__V1__AppendToStreamRequest request = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;
    request.stream = stream;
    request.events = events;
    request.n_events = 1;
    if (expected < 0) {
        request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE;
        request.state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM;
    } else {
        request.expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_REVISION;
        request.revision = (uint64_t)expected;
    }

    Sagabase__V1__AppendToStreamResponse *response;
    struct sagabase_status status =
        sagabase_append_to_stream(client, &request, &options, &response);
    if (status.code == SAGABASE_OK) {
        printf("appended %s as revision %" PRIu64 "\n", type, response->last_revision);
        sagabase__v1__append_to_stream_response__free_unpacked(response, NULL);
    }
    return status;
}

static void print(const char *what, const Sagabase__V1__RecordedEvent *event)
{
    printf("%s %" PRIu64 " %s %.*s\n", what, event->revision, event->type, (int)event->data.len,
           (const char *)event->data.data);
}

static struct sagabase_status read_order(struct sagabase_client *client, char *stream)
{
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;
    struct sagabase_read *read;
    struct sagabase_page page;

    request.stream = stream;
    struct sagabase_status status = sagabase_read_stream(client, &request, NULL, &read);
    if (status.code != SAGABASE_OK)
        return status;
    while ((status = sagabase_read_next(read, &page)).code == SAGABASE_OK && page.count > 0)
        for (size_t i = 0; i < page.count; i++)
            print("read", page.events[i]);
    sagabase_read_close(read);
    return status;
}

/* Everything the order holds, until nothing more is stored. */
static struct sagabase_status follow_order(struct sagabase_client *client, char *stream)
{
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;
    const Sagabase__V1__SubscribeResponse *message;
    struct sagabase_subscription *subscription;
    bool caught_up = false;

    request.stream = stream;
    struct sagabase_status status = sagabase_subscribe(client, &request, NULL, &subscription);
    if (status.code != SAGABASE_OK)
        return status;
    while (!caught_up &&
           (status = sagabase_subscription_next(subscription, &message)).code == SAGABASE_OK) {
        if (message->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS)
            for (size_t i = 0; i < message->events->n_events; i++)
                print("told", message->events->events[i]);
        caught_up = message->message_case == SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CAUGHT_UP;
    }
    sagabase_subscription_close(subscription);
    return status;
}

static int run(struct sagabase_client *client)
{
    char stream[64] = "order-";
    sagabase_uuid(stream + strlen(stream));

    struct sagabase_status status =
        append(client, stream, "OrderPlaced", "{\"item\": \"book\", \"total\": 42}", -1);
    if (status.code != SAGABASE_OK)
        return failed("append", &status);
    status = append(client, stream, "OrderPaid", "{}", 0);
    if (status.code != SAGABASE_OK)
        return failed("append", &status);

    /* Someone who has not seen the payment is told so. */
    status = append(client, stream, "OrderCancelled", "{}", 0);
    if (status.code != SAGABASE_ABORTED)
        return failed("append", &status);
    printf("refused: expected revision %" PRIu64 ", but it is at %" PRIu64 "\n",
           status.conflict.expected.revision, status.conflict.actual.revision);

    status = read_order(client, stream);
    if (status.code != SAGABASE_OK)
        return failed("read", &status);
    status = follow_order(client, stream);
    if (status.code != SAGABASE_OK)
        return failed("subscribe", &status);
    return 0;
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "127.0.0.1:2113";
    struct sagabase_client *client;
    struct sagabase_status status = sagabase_open(target, &client);

    if (status.code != SAGABASE_OK)
        return failed("open", &status);
    int code = run(client);
    sagabase_close(client);
    return code;
}
