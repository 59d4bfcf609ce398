/* Sagas.WatchSagas: sagas whose status has changed. It follows the events that change a status;
 * what is sent is read from the sagas' rows, so a saga that changed twice meanwhile is told
 * once, as it is now. (following.h) */
#include <stdio.h>

#include "sagabase/v1/sagas.pb-c.h"
#include "server/sagas/gateway.h"
#include "server/services/following.h"
#include "server/services/sagas/elements.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"
#include "server/services/services.h"
#include "storage/log/event.h"

enum {
    CHANGES_MAX = 100,
    STATUSES_MAX = 10,
    CHECKPOINT_EVENTS = 10000,
    SUMMARIES_BYTES_MAX = 16 << 20
};

struct watch {
    struct following following;
    struct gateway *gateway;
    const Sagabase__V1__WatchSagasRequest *request;
    struct filter_rules rules;
    struct bytes streams; /* their prefix */
    struct buffer frames; /* of events that happened */
    struct bytes rest;    /* of it: not looked at yet */
    struct step sent;
};

/* What one message tells. */
struct changes {
    struct buffer packed;
    struct arena arena;
    uint64_t numbers[CHANGES_MAX]; /* of the sagas in it */
    size_t count;
};

/* "$SagaStarted", "$SagaPaused", "$SagaCompleted" ... */
static const struct bytes status_events[] = {
    {(const uint8_t *)"$Saga", 5},
    {(const uint8_t *)"$CompensationStarted", 20},
};

static struct status open(struct watch *self, struct call *call, struct event_log *log);
static void on_output(struct following *following, struct subscription_output *output);
static void on_over(struct following *following);
static void on_sent(struct step *step, bool ok);
static void send_changes(struct watch *self);

void watch_sagas(struct call *call, const ProtobufCMessage *message)
{
    static const Sagabase__V1__WatchSagasResponse begun = SAGABASE__V1__WATCH_SAGAS_RESPONSE__INIT;
    const struct services *services = call_context(call);
    struct watch *self = arena_alloc(call_arena(call), sizeof *self);
    struct status status = self ? OK : request_too_large();

    if (status_ok(status)) {
        self->gateway = services->gateway;
        self->request = (const void *)message;
        status = open(self, call, services->log);
    }
    if (!status_ok(status))
        return call_end(call, status);
    call_send(call, &begun.base, &self->following.sent);
}

static struct status open(struct watch *self, struct call *call, struct event_log *log)
{
    enum { PREFIX_BYTES = sizeof "$saga--" + SAGA_TYPE_BYTES_MAX };
    char *prefix = arena_alloc(call_arena(call), PREFIX_BYTES);

    if (!prefix)
        return request_too_large();
    TRY(field_text("type", self->request->type, 0, SAGA_TYPE_BYTES_MAX));
    if (self->request->n_statuses > STATUSES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "statuses: at most %d", STATUSES_MAX);
    snprintf(prefix, PREFIX_BYTES, "$saga-%s%s", self->request->type,
             *self->request->type ? "-" : "");
    self->streams = bytes_of_text(prefix);
    self->rules.stream_prefixes = &self->streams;
    self->rules.stream_prefix_count = 1;
    self->rules.type_prefixes = status_events;
    self->rules.type_prefix_count = sizeof status_events / sizeof *status_events;
    self->sent.run = on_sent;
    self->following.output = on_output;
    self->following.over = on_over;
    self->following.options.begin = BEGIN_AT_END;
    self->following.options.rules = &self->rules;
    self->following.options.checkpoint_interval = CHECKPOINT_EVENTS;
    return following_open(&self->following, call, log);
}

static void on_output(struct following *following, struct subscription_output *output)
{
    struct watch *self = container_of(following, struct watch, following);

    if (output->kind != OUTPUT_EVENTS)
        return following_yield(following);
    self->frames = output->frames;
    self->rest = buffer_bytes(&self->frames);
    send_changes(self);
}

static void on_over(struct following *following)
{
    struct watch *self = container_of(following, struct watch, following);

    buffer_destroy(&self->frames);
}

static void on_sent(struct step *step, bool ok)
{
    struct watch *self = container_of(step, struct watch, sent);

    if (ok)
        send_changes(self); /* otherwise the peer is gone, and on_over follows */
}

/* --- from events to sagas ------------------------------------------------------------- */

/* "$saga-<type>-<id>": a type has no "-". */
static bool read_stream(struct bytes stream, struct bytes *type, struct bytes *id)
{
    static const size_t before = sizeof "$saga-" - 1;
    const uint8_t *dash;

    if (stream.size <= before)
        return false;
    stream = bytes_of(stream.data + before, stream.size - before);
    dash = memchr(stream.data, '-', stream.size);
    if (!dash)
        return false;
    *type = bytes_of(stream.data, (size_t)(dash - stream.data));
    *id = bytes_of(dash + 1, stream.size - type->size - 1);
    return true;
}

static bool is_wanted(const struct watch *self, const struct changes *changes,
                      const struct saga *saga)
{
    bool matches = self->request->n_statuses == 0;

    for (size_t i = 0; i < changes->count; i++)
        if (changes->numbers[i] == saga->number)
            return false;
    for (size_t i = 0; i < self->request->n_statuses; i++)
        matches |= (int)self->request->statuses[i] == (int)saga->status ||
                   self->request->statuses[i] ==
                       SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_UNSPECIFIED; /* any */
    return matches;
}

static struct status add_change(struct watch *self, struct changes *changes, struct bytes stream)
{
    Sagabase__V1__SagaSummary summary = SAGABASE__V1__SAGA_SUMMARY__INIT;
    struct bytes type, id;
    struct saga *saga = NULL;
    struct status status;

    if (!read_stream(stream, &type, &id))
        return OK;
    TRY(gateway_get_saga(self->gateway, type, id, &saga));
    status = OK;
    if (is_wanted(self, changes, saga)) {
        status = saga_summarize(saga, &changes->arena, &summary);
        if (status_ok(status))
            elements_put(&changes->packed, 1, &summary.base);
        changes->numbers[changes->count++] = saga->number;
    }
    saga_free(saga);
    return status;
}

static struct status take_changes(struct watch *self, struct changes *changes)
{
    struct event event;

    while (changes->count < CHANGES_MAX && changes->packed.size < ELEMENTS_BYTES_ENOUGH) {
        if (!event_next(&self->rest, &event)) {
            self->rest.size = 0;
            break;
        }
        TRY(add_change(self, changes, event.stream));
    }
    return buffer_ok(&changes->packed) ? OK : request_too_large();
}

static void send_changes(struct watch *self)
{
    struct call *call = self->following.call;
    struct changes changes = {0};

    buffer_init(&changes.packed, ELEMENTS_BYTES_MAX);
    arena_init(&changes.arena, SUMMARIES_BYTES_MAX);
    struct status status = take_changes(self, &changes);
    arena_destroy(&changes.arena);
    if (self->rest.size == 0)
        buffer_destroy(&self->frames);
    if (!status_ok(status))
        call_end(call, status);
    else if (changes.count > 0)
        call_send_packed(call, &changes.packed,
                         self->rest.size > 0 ? &self->sent : &self->following.sent);
    else
        following_yield(&self->following);
    buffer_destroy(&changes.packed);
}
