/* EventStore.ListStreams: one page at once, on the queue thread. (listing.h) */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/listing.h"
#include "server/services/methods.h"
#include "server/services/services.h"
#include "server/services/stream_info.h"
#include "storage/log/limits.h"

static struct status list(const struct listing *listing, struct event_log *log, struct arena *arena,
                          Sagabase__V1__ListStreamsResponse *response);

void list_streams(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__ListStreamsRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    Sagabase__V1__ListStreamsResponse response = SAGABASE__V1__LIST_STREAMS_RESPONSE__INIT;
    struct listing listing;
    struct status status = listing_read(&listing, request->prefix, request->page_size,
                                        request->page_token, STREAM_NAME_BYTES_MAX);

    if (status_ok(status))
        status = list(&listing, services->log, call_arena(call), &response);
    if (!status_ok(status))
        return call_fail(call, status);
    call_reply(call, &response.base);
}

static struct status list(const struct listing *listing, struct event_log *log, struct arena *arena,
                          Sagabase__V1__ListStreamsResponse *response)
{
    struct stream_info *infos = arena_alloc(arena, listing->max * sizeof *infos);
    struct bytes last;
    size_t count = 0;

    response->streams = arena_alloc(arena, listing->max * sizeof *response->streams);
    if (!infos || !response->streams)
        return listing_too_large();
    TRY(event_log_list_streams(log, listing->prefix, listing->after, listing->max, arena, infos,
                               &count, &last));
    for (size_t i = 0; i < count; i++)
        TRY(stream_info_answer(&infos[i], arena, &response->streams[i]));
    response->n_streams = count;
    if (last.size > 0)
        response->next_page_token = (char *)last.data; /* a NUL is behind it */
    return OK;
}
