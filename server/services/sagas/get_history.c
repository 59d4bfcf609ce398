/* Sagas.GetHistory: the events of a saga's stream. Their data are packed SagaEvents, so an entry is
 * put around them and nothing is unpacked. A page is read when the one before was sent. */
#include "sagabase/v1/sagas.pb-c.h"
#include "server/sagas/saga.h"
#include "server/services/sagas/elements.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"
#include "server/services/services.h"
#include "storage/log/limits.h"
#include "storage/log/read.h"

enum {
    HISTORY_PAGE_BYTES_MAX = 256 << 10,
    ENTRIES_FIELD = 1,
    ENTRY_REVISION_FIELD = 1,
    ENTRY_POSITION_FIELD = 2,
    ENTRY_CREATED_FIELD = 3,
    ENTRY_EVENT_FIELD = 4,
};

struct history {
    struct call *call;
    struct event_log *log;
    uint64_t stream_number;
    uint64_t next; /* revision */
    uint64_t last; /* of the newest event when the call began */
    struct step sent;
};

static void send_page(struct history *self);
static void on_sent(struct step *step, bool ok);

static struct status open(struct history *self, const Sagabase__V1__GetHistoryRequest *request)
{
    uint8_t text[SAGA_STREAM_BYTES_MAX];
    struct bytes type = {0}, id = {0};
    struct stream_head head = {0};

    TRY(field_saga(request->saga, &type, &id));
    TRY(event_log_find_stream(self->log, saga_stream(text, type, id), &head));
    if (!head.exists)
        return status_make(STATUS_NOT_FOUND, "saga: there is no \"%s\" of type \"%s\"",
                           request->saga->id, request->saga->type);
    self->stream_number = head.number;
    self->next = head.first_revision;
    self->last = head.last_revision;
    return OK;
}

void get_history(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    struct history *self = arena_alloc(call_arena(call), sizeof *self);
    struct status status = self ? OK : request_too_large();

    if (status_ok(status)) {
        self->call = call;
        self->log = services->log;
        self->sent.run = on_sent;
        status = open(self, (const void *)message);
    }
    if (!status_ok(status))
        return call_end(call, status);
    send_page(self);
}

static void put_entry(struct buffer *packed, struct buffer *entry, const struct event *event)
{
    entry->size = 0;
    elements_put_number(entry, ENTRY_REVISION_FIELD, event->revision);
    elements_put_number(entry, ENTRY_POSITION_FIELD, event->position);
    elements_put_number(entry, ENTRY_CREATED_FIELD, (uint64_t)event->created_us);
    elements_put_bytes(entry, ENTRY_EVENT_FIELD, event->data);
    elements_put_bytes(packed, ENTRIES_FIELD, buffer_bytes(entry));
}

static struct status read_page(struct history *self, struct buffer *packed)
{
    struct read read = {
        .from = self->next,
        .events_max = PAGE_EVENTS_MAX,
        .bytes_max = HISTORY_PAGE_BYTES_MAX,
        .retained_only = true,
    };
    struct page page = {0};
    struct buffer entry;
    struct event event;
    struct status status = event_log_read_stream(self->log, self->stream_number, &read, &page);
    struct bytes frames = buffer_bytes(&page.frames);

    buffer_init(&entry, ELEMENTS_BYTES_MAX);
    while (status_ok(status) && event_next(&frames, &event) && event.revision <= self->last)
        put_entry(packed, &entry, &event);
    self->next = page.end ? self->last + 1 : page.next;
    if (status_ok(status) && (!buffer_ok(packed) || !buffer_ok(&entry)))
        status = request_too_large();
    buffer_destroy(&entry);
    buffer_destroy(&page.frames);
    return status;
}

static void send_page(struct history *self)
{
    struct buffer packed;
    struct status status;

    if (call_cancelled(self->call))
        return call_end(self->call, status_make(STATUS_CANCELLED, "the client is gone"));
    if (self->next > self->last)
        return call_end(self->call, OK);
    buffer_init(&packed, ELEMENTS_BYTES_MAX);
    status = read_page(self, &packed);
    if (!status_ok(status)) {
        buffer_destroy(&packed);
        return call_end(self->call, status);
    }
    call_send_packed(self->call, &packed, &self->sent);
}

static void on_sent(struct step *step, bool ok)
{
    struct history *self = container_of(step, struct history, sent);

    if (ok)
        send_page(self); /* otherwise the peer is gone */
}
