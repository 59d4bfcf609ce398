/* Snapshots.LoadStream: the snapshot, and whether the stream is due for another, with the first
 * page of events (reading.h), all on the queue thread. The snapshot is looked up before the head
 * of the stream, so nothing between the two is missing. */
#include "server/services/reading.h"
#include "server/services/services.h"
#include "server/services/snapshots/methods.h"
#include "server/services/snapshots/snapshot_answer.h"
#include "server/services/stream_name.h"
#include "server/snapshots/due_streams.h"
#include "storage/log/read.h"

/* Whether the events go on behind the snapshot, and nothing that it knows was deleted. */
static bool fits(const struct snapshot *snapshot, const struct stream_head *head)
{
    return snapshot->revision + 1 >= head->first_revision &&
           snapshot->revision >= head->deleted_before;
}

static struct status find_snapshot(struct reading *self, struct bytes stream,
                                   struct snapshot *snapshot)
{
    const struct services *services = call_context(self->call);
    struct status status = snapshot_get(services->snapshots, stream, SNAPSHOT_NEWEST,
                                        call_arena(self->call), snapshot);

    return status.code == STATUS_NOT_FOUND ? OK : status; /* the stream is looked for next */
}

static struct status read_request(struct reading *self,
                                  const Sagabase__V1__LoadStreamRequest *request,
                                  struct snapshot *snapshot, bool *due)
{
    const struct services *services = call_context(self->call);
    struct reading_from from = {.given_index = true};
    struct stream_head head = {0};
    struct bytes stream;

    TRY(stream_name_read(request->stream, &stream));
    TRY(reading_select(self, NULL, request->filter));
    TRY(reading_aim(self, 0, from, request->count, 0, 0));
    if (!request->ignore_snapshot)
        TRY(find_snapshot(self, stream, snapshot));
    TRY(event_log_find_stream(self->log, stream, &head));
    if (!head.exists)
        return stream_name_not_found(stream);
    if (snapshot->entry && !fits(snapshot, &head)) /* the stream was cut off or deleted just now */
        snapshot_release(snapshot);
    *due = due_streams_is_due(services->due, stream, &head,
                              request->ignore_snapshot ? NULL : snapshot);
    self->stream_number = head.number;
    from.index = snapshot->entry ? snapshot->revision + 1 : head.first_revision;
    return reading_aim(self, 0, from, request->count, head.first_revision, head.last_revision + 1);
}

/* A response without events. */
static struct status pack(const struct snapshot *snapshot, bool due, struct arena *arena,
                          struct bytes *packed)
{
    Sagabase__V1__LoadStreamResponse response = SAGABASE__V1__LOAD_STREAM_RESPONSE__INIT;
    Sagabase__V1__Snapshot answer;

    if (snapshot->entry) {
        TRY(snapshot_answer(snapshot, arena, &answer));
        response.snapshot = &answer;
    }
    response.due = due;
    size_t size = protobuf_c_message_get_packed_size(&response.base);
    uint8_t *memory = arena_alloc_raw(arena, size);
    if (!memory)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "snapshot: too large for the call's memory");
    *packed = (struct bytes){memory, protobuf_c_message_pack(&response.base, memory)};
    return OK;
}

static void load(struct reading *self, const Sagabase__V1__LoadStreamRequest *request,
                 struct snapshot *snapshot)
{
    const struct services *services = call_context(self->call);
    bool due = false;
    struct status status = read_request(self, request, snapshot, &due);

    if (status_ok(status) && (snapshot->entry || due))
        status = pack(snapshot, due, call_arena(self->call), &self->beside);
    if (!status_ok(status))
        return call_end(self->call, status);
    if (request->upcast)
        reading_upcast(self, services->reducers);
    reading_start(self);
}

void load_stream(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    struct reading *self = arena_alloc(call_arena(call), sizeof *self);
    struct snapshot snapshot = {0};

    if (!self)
        return call_end(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
    self->call = call;
    self->log = services->log;
    load(self, (const void *)message, &snapshot);
    snapshot_release(&snapshot);
}
