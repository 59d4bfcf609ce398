#include "server/sagas/saga_events.h"

#include <inttypes.h>
#include <stdio.h>

#include "server/sagas/saga_keys.h"
#include "server/sagas/saga_trace.h"

#define SAGA_EVENT_CONTENT_TYPE "application/vnd.sagabase.saga-event+protobuf"
#define COMMAND_CONTENT_TYPE    "application/vnd.sagabase.command+protobuf"
#define QUEUE_STREAM_PREFIX     "$cmd-"

enum {
    RECORD_BYTES_MAX = 2 << 20, /* what is beyond it goes into another record */
    EVENT_BYTES = 512,          /* at most: id, stream, content type, numbers */
    SHARED_METADATA_MAX = 3,
    TRACEPARENT_AT = 1, /* among the shared metadata, if it is there */
    COMMAND_METADATA_MAX = SHARED_METADATA_MAX + 6,
};

/* What is added in the making. */
struct making {
    struct gateway *gateway;
    struct commit *commit;
    struct arena *arena;
    struct saga *saga;
    struct metadata_entry shared[SHARED_METADATA_MAX]; /* of every event */
    size_t shared_count;
    bool failed; /* out of memory */
};

/* A command that was issued. */
struct issued {
    uint32_t activity;
    struct bytes queue;
    struct new_event event;
    bool is_placed; /* in the record at hand, as its ... */
    size_t offset;  /* ... command, from 0 */
};

bool saga_is_issued_last(const struct saga *saga, const Sagabase__V1__CommandIssued *issued)
{
    const struct activity *activity = &saga->activities[issued->activity];

    return activity->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_OPEN &&
           activity->operation == issued->operation && activity->attempt == issued->attempt;
}

static void *make(struct making *self, size_t size)
{
    void *memory = arena_alloc_raw(self->arena, size);

    if (!memory)
        self->failed = true;
    return memory;
}

static struct bytes pack(struct making *self, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = make(self, size + 1);

    if (!bytes)
        return (struct bytes){0};
    return (struct bytes){bytes, protobuf_c_message_pack(message, bytes)};
}

static struct bytes join(struct making *self, struct bytes a, const char *between, struct bytes b)
{
    size_t between_size = strlen(between), size = a.size + between_size + b.size;
    uint8_t *bytes = make(self, size + 1);

    if (!bytes)
        return (struct bytes){0};
    if (a.size)
        memcpy(bytes, a.data, a.size);
    memcpy(bytes + a.size, between, between_size);
    memcpy(bytes + a.size + between_size, b.data, b.size);
    return (struct bytes){bytes, size};
}

static void make_shared_metadata(struct making *self)
{
    const struct saga *saga = self->saga;

    self->shared[self->shared_count++] = (struct metadata_entry){
        bytes_of_text("$correlationId"), join(self, saga->type, "/", saga->id)};
    if (saga->traceparent.size > 0)
        self->shared[self->shared_count++] =
            (struct metadata_entry){bytes_of_text("traceparent"), saga->traceparent};
    if (saga->tracestate.size > 0)
        self->shared[self->shared_count++] =
            (struct metadata_entry){bytes_of_text("tracestate"), saga->tracestate};
}

/* --- the saga's own events --------------------------------------------------------------- */

static struct new_event *make_saga_events(struct making *self, const struct saga_decision *decision)
{
    struct new_event *events = make(self, decision->event_count * sizeof *events);
    uint64_t first = self->saga->event_count - decision->event_count;

    for (size_t i = 0; events && i < decision->event_count; i++)
        events[i] = (struct new_event){
            .id = saga_event_id(&self->gateway->secret, self->saga->number, first + i),
            .type = bytes_of_text(saga_event_type(decision->events[i])),
            .content_type = bytes_of_text(SAGA_EVENT_CONTENT_TYPE),
            .data = pack(self, &decision->events[i]->base),
            .metadata = self->shared,
            .metadata_count = self->shared_count,
        };
    return events;
}

/* --- commands ---------------------------------------------------------------------------- */

static struct metadata_entry text_entry(const char *key, const char *value)
{
    return (struct metadata_entry){bytes_of_text(key), bytes_of_text(value)};
}

static struct metadata_entry *make_command_metadata(struct making *self,
                                                    const Sagabase__V1__Command *command,
                                                    size_t *count)
{
    struct metadata_entry *entries = make(self, COMMAND_METADATA_MAX * sizeof *entries);
    char *attempt = make(self, 11);

    if (!entries || !attempt)
        return NULL;
    snprintf(attempt, 11, "%" PRIu32, command->attempt);
    memcpy(entries, self->shared, self->shared_count * sizeof *entries);
    *count = self->shared_count;
    if (command->traceparent[0])
        entries[TRACEPARENT_AT] = text_entry("traceparent", command->traceparent);
    entries[(*count)++] = text_entry("command-id", command->command_id);
    entries[(*count)++] = text_entry("saga-type", command->saga_type);
    entries[(*count)++] = text_entry("saga-id", command->saga_id);
    entries[(*count)++] = text_entry("step", command->step);
    entries[(*count)++] = text_entry(
        "operation", command->operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION
                         ? "COMPENSATION"
                         : "ACTION");
    entries[(*count)++] = text_entry("attempt", attempt);
    return entries;
}

static void make_command(struct making *self, const Sagabase__V1__CommandIssued *from,
                         struct issued *issued)
{
    Sagabase__V1__Command command = SAGABASE__V1__COMMAND__INIT;
    struct command_name name = {self->saga->number, from->activity,
                                from->operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION};

    *issued = (struct issued){.activity = from->activity, .queue = bytes_of_text(from->queue)};
    if (!status_ok(saga_command(self->saga, from->activity, &self->gateway->secret, self->arena,
                                &command))) {
        self->failed = true;
        return;
    }
    uint8_t *traceparent = make(self, TRACEPARENT_BYTES + 1);
    if (!traceparent)
        return;
    command.traceparent =
        (char *)saga_trace_text(self->gateway, self->saga, from->activity, traceparent).data;
    issued->event = (struct new_event){
        .id = command_event_id(&self->gateway->secret, name, from->attempt),
        .type = bytes_of_text(from->type),
        .content_type = bytes_of_text(COMMAND_CONTENT_TYPE),
        .data = pack(self, &command.base),
    };
    issued->event.metadata = make_command_metadata(self, &command, &issued->event.metadata_count);
}

static struct issued *make_commands(struct making *self, const struct saga_decision *decision,
                                    size_t *count)
{
    struct issued *issued = NULL;

    *count = 0;
    for (size_t i = 0; i < decision->event_count && !self->failed; i++) {
        const Sagabase__V1__SagaEvent *event = decision->events[i];
        if (event->event_case != SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED ||
            !saga_is_issued_last(self->saga, event->command_issued))
            continue;
        if (!issued)
            issued = make(self, (decision->event_count - i) * sizeof *issued);
        if (issued)
            make_command(self, event->command_issued, &issued[(*count)++]);
    }
    return issued;
}

/* --- records ----------------------------------------------------------------------------- */

/* One stream for all commands of `issued[0 .. count - 1]` that go to the queue of the first. */
static struct stream_append make_queue_stream(struct making *self, struct issued *issued,
                                              size_t count, size_t *offset)
{
    struct new_event *events = make(self, count * sizeof *events);
    struct stream_append stream = {
        .stream = join(self, (struct bytes){0}, QUEUE_STREAM_PREFIX, issued->queue),
        .events = events};

    for (size_t i = 0; events && i < count; i++) {
        if (issued[i].is_placed || !bytes_equal(issued[i].queue, issued->queue))
            continue;
        events[stream.event_count++] = issued[i].event;
        issued[i].is_placed = true;
        issued[i].offset = (*offset)++;
    }
    return stream;
}

/* Appends the saga's own events, if there are any, and so many commands, as one record. */
static uint64_t append_record(struct making *self, struct stream_append *own, struct issued *issued,
                              size_t count)
{
    struct stream_append *streams = make(self, (count + 1) * sizeof *streams);
    struct append append = {.streams = streams};
    size_t own_count = own ? own->event_count : 0, offset = 0;

    if (!streams)
        return 0;
    if (own)
        streams[append.stream_count++] = *own;
    for (size_t i = 0; i < count; i++)
        if (!issued[i].is_placed)
            streams[append.stream_count++] =
                make_queue_stream(self, &issued[i], count - i, &offset);
    if (self->failed)
        return 0;
    append_now(self->commit, &append);
    uint64_t first = append.position + 1 - own_count - count;
    if (own)
        self->saga->position = first + own_count - 1;
    for (size_t i = 0; i < count; i++)
        self->saga->activities[issued[i].activity].command_position =
            first + own_count + issued[i].offset;
    return append.position;
}

/* At most what it takes of a record. */
static size_t event_bytes(const struct new_event *event)
{
    size_t bytes = EVENT_BYTES + event->type.size + event->data.size;

    for (size_t i = 0; i < event->metadata_count; i++)
        bytes += 16 + event->metadata[i].key.size + event->metadata[i].value.size;
    return bytes;
}

/* How many of the saga's own events fit into a record, at least one; then *bytes are in it. */
static size_t fitting_events(const struct new_event *events, size_t count, size_t *bytes)
{
    size_t fit = 0;

    *bytes = 0;
    while (fit < count && (fit == 0 || *bytes + event_bytes(&events[fit]) <= RECORD_BYTES_MAX))
        *bytes += event_bytes(&events[fit++]);
    return fit;
}

/* How many commands fit behind so many bytes; at least one if there are none. */
static size_t fitting_commands(const struct issued *issued, size_t count, size_t bytes)
{
    size_t fit = 0;

    while (fit < count &&
           (bytes == 0 || bytes + event_bytes(&issued[fit].event) <= RECORD_BYTES_MAX))
        bytes += event_bytes(&issued[fit++].event);
    return fit;
}

/* Appends all of it, in as many records as it takes: the saga's own events, then the commands. */
static uint64_t append_records(struct making *self, struct stream_append own, struct issued *issued,
                               size_t count)
{
    size_t own_left = own.event_count, bytes, more;
    uint64_t position = 0;

    while ((own_left > 0 || count > 0) && !self->failed) {
        own.event_count = fitting_events(own.events, own_left, &bytes);
        own_left -= own.event_count;
        more = own_left > 0 ? 0 : fitting_commands(issued, count, bytes);
        position = append_record(self, own.event_count > 0 ? &own : NULL, issued, more);
        own.events += own.event_count;
        issued = more > 0 ? issued + more : issued;
        count -= more;
    }
    return position;
}

uint64_t saga_events_append(struct gateway *gateway, struct commit *commit, struct saga *saga,
                            const struct saga_decision *decision)
{
    struct making self = {
        .gateway = gateway, .commit = commit, .arena = commit_arena(commit), .saga = saga};
    uint8_t *name = make(&self, SAGA_STREAM_BYTES_MAX);
    uint64_t position = 0;
    size_t count;

    if (!name) {
        commit_fail(commit, status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory"));
        return 0;
    }
    make_shared_metadata(&self);
    struct stream_append own = {.stream = saga_stream(name, saga->type, saga->id),
                                .events = make_saga_events(&self, decision),
                                .event_count = decision->event_count};
    struct issued *issued = make_commands(&self, decision, &count);
    if (!self.failed)
        position = append_records(&self, own, issued, count);
    if (self.failed)
        commit_fail(commit, status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory"));
    return position;
}
