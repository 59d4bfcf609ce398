/* EventStore.ListStreams: one page at once, on the queue thread. A page's token is the name
 * of its last stream. */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/methods.h"
#include "server/services/services.h"
#include "server/services/stream_info.h"
#include "storage/log/limits.h"

enum { STREAMS_PER_PAGE_MAX = 1000, STREAMS_PER_PAGE_DEFAULT = 100 };

struct list_streams {
    struct bytes prefix;
    struct bytes after;
    size_t max;
};

static struct status read_request(struct list_streams *self,
                                  const Sagabase__V1__ListStreamsRequest *request);
static struct status list(const struct list_streams *self, struct event_log *log,
                          struct arena *arena, Sagabase__V1__ListStreamsResponse *response);

void list_streams(struct call *call, const ProtobufCMessage *message)
{
    const Sagabase__V1__ListStreamsRequest *request = (const void *)message;
    const struct services *services = call_context(call);
    Sagabase__V1__ListStreamsResponse response = SAGABASE__V1__LIST_STREAMS_RESPONSE__INIT;
    struct list_streams self = {0};
    struct status status = read_request(&self, request);

    if (status_ok(status))
        status = list(&self, services->log, call_arena(call), &response);
    if (!status_ok(status))
        return call_fail(call, status);
    call_reply(call, &response.base);
}

static struct status read_request(struct list_streams *self,
                                  const Sagabase__V1__ListStreamsRequest *request)
{
    self->prefix = bytes_of_text(request->prefix);
    if (self->prefix.size > STREAM_NAME_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "prefix: at most %d bytes",
                           STREAM_NAME_BYTES_MAX);
    if (request->page_size > STREAMS_PER_PAGE_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "page_size: 1 to %d, or 0 for %d",
                           STREAMS_PER_PAGE_MAX, STREAMS_PER_PAGE_DEFAULT);
    self->max = request->page_size > 0 ? request->page_size : STREAMS_PER_PAGE_DEFAULT;
    self->after = bytes_of_text(request->page_token);
    if (self->after.size > STREAM_NAME_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "page_token: at most %d bytes",
                           STREAM_NAME_BYTES_MAX);
    if (self->after.size > 0 && !bytes_have_prefix(self->after, self->prefix))
        return status_make(STATUS_INVALID_ARGUMENT,
                           "page_token: belongs to a list with another prefix");
    return OK;
}

static struct status list(const struct list_streams *self, struct event_log *log,
                          struct arena *arena, Sagabase__V1__ListStreamsResponse *response)
{
    struct stream_info *infos = arena_alloc(arena, self->max * sizeof *infos);
    size_t count = 0;
    bool more = false;

    response->streams = arena_alloc(arena, self->max * sizeof *response->streams);
    if (!infos || !response->streams)
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "page_size: takes more memory than one call may use");
    TRY(event_log_list_streams(log, self->prefix, self->after, self->max, arena, infos, &count,
                               &more));
    for (size_t i = 0; i < count; i++)
        TRY(stream_info_answer(&infos[i], arena, &response->streams[i]));
    response->n_streams = count;
    if (more)
        response->next_page_token = response->streams[count - 1]->name;
    return OK;
}
