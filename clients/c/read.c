/* ReadStream, ReadAll and LoadStream: their responses are pages of events. */
#include <assert.h>
#include <stdlib.h>

#include "clients/c/stream.h"

struct sagabase_read {
    struct client_stream stream;
};

static struct sagabase_status open_read(struct sagabase_client *client, const char *path,
                                        const ProtobufCMessageDescriptor *response_type,
                                        const ProtobufCMessage *request,
                                        const struct sagabase_options *options,
                                        struct sagabase_read **read)
{
    struct sagabase_read *opened = malloc(sizeof *opened);

    if (!opened)
        return client_status(SAGABASE_RESOURCE_EXHAUSTED, "out of memory");
    client_stream_open(&opened->stream, client, path, response_type, request, options);
    *read = opened;
    return SAGABASE_STATUS_OK;
}

struct sagabase_status sagabase_read_stream(struct sagabase_client *client,
                                            const Sagabase__V1__ReadStreamRequest *request,
                                            const struct sagabase_options *options,
                                            struct sagabase_read **read)
{
    return open_read(client, "/sagabase.v1.EventStore/ReadStream",
                     &sagabase__v1__read_stream_response__descriptor, &request->base, options,
                     read);
}

struct sagabase_status sagabase_read_all(struct sagabase_client *client,
                                         const Sagabase__V1__ReadAllRequest *request,
                                         const struct sagabase_options *options,
                                         struct sagabase_read **read)
{
    return open_read(client, "/sagabase.v1.EventStore/ReadAll",
                     &sagabase__v1__read_all_response__descriptor, &request->base, options, read);
}

struct sagabase_status sagabase_load_stream(struct sagabase_client *client,
                                            const Sagabase__V1__LoadStreamRequest *request,
                                            const struct sagabase_options *options,
                                            struct sagabase_read **read)
{
    return open_read(client, "/sagabase.v1.Snapshots/LoadStream",
                     &sagabase__v1__load_stream_response__descriptor, &request->base, options,
                     read);
}

/* What a message of such a call says, as a page. */
static struct sagabase_page page_of(const ProtobufCMessage *message)
{
    if (message->descriptor == &sagabase__v1__load_stream_response__descriptor) {
        const Sagabase__V1__LoadStreamResponse *response = (const void *)message;
        return (struct sagabase_page){response->events, response->n_events, response->snapshot,
                                      response->due};
    }
    if (message->descriptor == &sagabase__v1__read_all_response__descriptor) {
        const Sagabase__V1__ReadAllResponse *response = (const void *)message;
        return (struct sagabase_page){.events = response->events, .count = response->n_events};
    }
    const Sagabase__V1__ReadStreamResponse *response = (const void *)message;
    return (struct sagabase_page){.events = response->events, .count = response->n_events};
}

struct sagabase_status sagabase_read_next(struct sagabase_read *read, struct sagabase_page *page)
{
    const ProtobufCMessage *message;
    struct sagabase_status status;
    bool due = false;

    do { /* a page without events would look like the end */
        status = client_stream_receive(&read->stream, &message);
        if (status.code != SAGABASE_OK)
            return status;
        *page = message ? page_of(message) : (struct sagabase_page){0};
        due |= page->due;
    } while (message && page->count == 0 && !page->snapshot);
    page->due = due; /* of a first page that was passed over, too */
    return status;
}

void sagabase_read_cancel(struct sagabase_read *read)
{
    client_stream_cancel(&read->stream);
}

void sagabase_read_close(struct sagabase_read *read)
{
    if (!read)
        return;
    client_stream_close(&read->stream);
    free(read);
}
