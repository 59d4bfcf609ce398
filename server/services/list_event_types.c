/* EventStore.ListEventTypes: one page at once, on the queue thread (listing.h). */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/listing.h"
#include "server/services/methods.h"
#include "server/services/services.h"
#include "storage/log/limits.h"
#include "storage/log/read.h"

static struct status list(const struct listing *listing, struct event_log *log, struct arena *arena,
                          Sagabase__V1__ListEventTypesResponse *response);

void list_event_types(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__ListEventTypesRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    Sagabase__V1__ListEventTypesResponse response = SAGABASE__V1__LIST_EVENT_TYPES_RESPONSE__INIT;
    struct listing listing;
    struct status status = listing_read(&listing, request->prefix, request->page_size,
                                        request->page_token, EVENT_TYPE_BYTES_MAX);

    if (status_ok(status))
        status = list(&listing, services->log, call_arena(call), &response);
    if (!status_ok(status))
        return call_fail(call, status);
    call_reply(call, &response.base);
}

static struct status list(const struct listing *listing, struct event_log *log, struct arena *arena,
                          Sagabase__V1__ListEventTypesResponse *response)
{
    struct bytes *types = arena_alloc(arena, listing->max * sizeof *types);
    size_t count = 0;
    bool more = false;

    if (!types)
        return listing_too_large();
    TRY(event_log_list_types(log, listing->prefix, listing->after, listing->max, arena, types,
                             &count, &more));
    TRY(listing_texts(types, count, arena, &response->types));
    response->n_types = count;
    if (more)
        response->next_page_token = response->types[count - 1];
    return OK;
}
