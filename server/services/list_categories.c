/* EventStore.ListCategories: one page at once, on the queue thread (listing.h). */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/listing.h"
#include "server/services/methods.h"
#include "server/services/services.h"
#include "storage/log/limits.h"
#include "storage/log/read.h"

static struct status list(const struct listing *listing, struct event_log *log, struct arena *arena,
                          Sagabase__V1__ListCategoriesResponse *response);

void list_categories(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__ListCategoriesRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    Sagabase__V1__ListCategoriesResponse response = SAGABASE__V1__LIST_CATEGORIES_RESPONSE__INIT;
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
                          Sagabase__V1__ListCategoriesResponse *response)
{
    struct bytes *categories = arena_alloc(arena, listing->max * sizeof *categories);
    size_t count = 0;
    bool more = false;

    if (!categories)
        return listing_too_large();
    TRY(event_log_list_categories(log, listing->prefix, listing->after, listing->max, arena,
                                  categories, &count, &more));
    TRY(listing_texts(categories, count, arena, &response->categories));
    response->n_categories = count;
    if (more)
        response->next_page_token = response->categories[count - 1];
    return OK;
}
