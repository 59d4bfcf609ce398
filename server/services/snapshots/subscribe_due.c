/* Snapshots.SubscribeDue: one stream in each message, the next when the one before was sent.
 *
 *   queue thread                                   the thread of server/snapshots
 *   subscribe --> next, send --sent--> next ... PARKED
 *                                       ^          |
 *                                       '- woken --'  a stream is due
 *
 * The call is held from the start, because that thread wakes it. `closed` lets it go, unless a
 * wake is on its way: then the woken step does. */
#include "sagabase/v1/snapshots.pb-c.h"
#include "server/services/services.h"
#include "server/services/snapshots/methods.h"
#include "server/snapshots/due_streams.h"

struct due_call {
    struct call *call;
    struct due_streams *due;
    struct due_subscriber subscriber;
    struct due_told told;
    bool is_waking; /* we have woken ourselves */
    bool is_over;   /* closed */
    bool woken_too_late;
    struct step sent, woken, closed;
};

static void advance(struct due_call *self);
static void on_due(struct due_subscriber *subscriber);
static void on_sent(struct step *step, bool ok);
static void on_woken(struct step *step, bool ok);
static void on_closed(struct step *step, bool ok);

static struct status open(struct due_call *self, const Sagabase__V1__SubscribeDueRequest *request)
{
    self->subscriber.category = bytes_of_text(request->category);
    self->subscriber.wake = on_due;
    self->sent.run = on_sent;
    self->woken.run = on_woken;
    self->closed.run = on_closed;
    if (self->subscriber.category.size > STREAM_NAME_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "category: at most %d bytes",
                           STREAM_NAME_BYTES_MAX);
    TRY(due_streams_subscribe(self->due, &self->subscriber));
    call_hold(self->call);
    call_on_closed(self->call, &self->closed);
    return OK;
}

void subscribe_due(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    struct due_call *self = arena_alloc(call_arena(call), sizeof *self);

    if (!self)
        return call_end(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
    self->call = call;
    self->due = services->due;
    struct status status = open(self, (const void *)message);
    if (!status_ok(status))
        return call_end(call, status);
    advance(self);
}

static void send_told(struct due_call *self)
{
    Sagabase__V1__SubscribeDueResponse response = SAGABASE__V1__SUBSCRIBE_DUE_RESPONSE__INIT;
    char stream[STREAM_NAME_BYTES_MAX + 1];

    memcpy(stream, self->told.name, self->told.name_size);
    stream[self->told.name_size] = 0;
    response.stream = stream;
    response.revision = self->told.revision;
    if (self->told.has_snapshot) {
        response.newest_case = SAGABASE__V1__SUBSCRIBE_DUE_RESPONSE__NEWEST_SNAPSHOT_REVISION;
        response.snapshot_revision = self->told.snapshot_revision;
    }
    call_send(self->call, &response.base, &self->sent);
}

static void advance(struct due_call *self)
{
    if (call_cancelled(self->call))
        return call_end(self->call, status_make(STATUS_CANCELLED, "the client is gone"));
    switch (due_streams_next(self->due, &self->subscriber, &self->told)) {
    case DUE_TOLD:
        return send_told(self);
    case DUE_AGAIN:
        self->is_waking = true;
        return call_wake(self->call, &self->woken);
    case DUE_PARKED:
        return;
    }
}

static void on_sent(struct step *step, bool ok)
{
    if (ok)
        advance(container_of(step, struct due_call, sent));
}

/* On the thread of server/snapshots: back to the thread that owns the call. */
static void on_due(struct due_subscriber *subscriber)
{
    struct due_call *self = container_of(subscriber, struct due_call, subscriber);

    call_wake(self->call, &self->woken);
}

static void on_woken(struct step *step, bool ok)
{
    struct due_call *self = container_of(step, struct due_call, woken);

    self->is_waking = false;
    if (self->is_over)
        return call_release(self->call); /* `closed` left it to us */
    if (!ok)
        self->woken_too_late = true; /* `closed` follows */
    else
        advance(self);
}

static void on_closed(struct step *step, bool ok)
{
    struct due_call *self = container_of(step, struct due_call, closed);
    bool is_woken = due_streams_unsubscribe(self->due, &self->subscriber) && !self->woken_too_late;

    (void)ok;
    self->is_over = true;
    if (!is_woken && !self->is_waking)
        call_release(self->call);
}
