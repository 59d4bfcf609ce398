/* What a participant is asked to do, when its command is handed out. Any thread. */
#include <stdlib.h>

#include "server/sagas/gateway_state.h"
#include "server/sagas/saga_trace.h"
#include "storage/log/event.h"
#include "storage/log/read.h"

enum { COMMAND_MEMORY_MAX = 16 << 20 };

static bool is_of(const struct event *event, const struct uuid *command_id)
{
    uint8_t text[UUID_TEXT_BYTES];
    struct bytes told;

    uuid_format(command_id, text);
    return event_metadata(event, bytes_of_text("command-id"), &told) &&
           bytes_equal(told, bytes_of(text, sizeof text));
}

/* From the event in "$cmd-<queue>"; not found: it is gone, scavenged or erased, or nobody knows any
 * more where it is. */
static struct status read_event(struct gateway *gateway, const struct lease *lease,
                                struct buffer *data, bool *found)
{
    struct read read = {.from = lease->position, .events_max = 1, .bytes_max = 1};
    struct page page = {0};
    struct event event;
    struct status status = event_log_read_all(gateway->log, &read, &page);
    struct bytes frames = buffer_bytes(&page.frames);

    *found = status_ok(status) && event_next(&frames, &event) &&
             event.position == lease->position && is_of(&event, &lease->command_id);
    if (*found)
        buffer_put(data, event.data);
    buffer_destroy(&page.frames);
    return status;
}

static struct status pack_command(struct gateway *gateway, const struct saga *saga,
                                  uint32_t activity, struct buffer *data)
{
    Sagabase__V1__Command command = SAGABASE__V1__COMMAND__INIT;
    uint8_t traceparent[TRACEPARENT_BYTES + 1];
    struct arena arena;

    arena_init(&arena, COMMAND_MEMORY_MAX);
    struct status status = saga_command(saga, activity, &gateway->secret, &arena, &command);
    command.traceparent = (char *)saga_trace_text(gateway, saga, activity, traceparent).data;
    if (status_ok(status)) {
        size_t size = sagabase__v1__command__get_packed_size(&command);
        uint8_t *target = buffer_reserve(data, size);
        if (target)
            data->size += sagabase__v1__command__pack(&command, target);
    }
    arena_destroy(&arena);
    return status;
}

/* From the saga's row. */
static struct status make_command(struct gateway *gateway, const struct uuid *id,
                                  struct buffer *data)
{
    struct command_name name;
    struct saga *saga;
    struct status status = OK;

    if (!command_id_read(&gateway->secret, id, &name))
        return status_make(STATUS_NOT_FOUND, "command: there is none");
    TRY(saga_rows_read(gateway, name.saga, &saga));
    if (name.activity < saga->activity_count &&
        saga_is_out(&saga->activities[name.activity], name.compensation))
        status = pack_command(gateway, saga, name.activity, data);
    else
        status = status_make(STATUS_NOT_FOUND, "command: it is over");
    saga_free(saga);
    return status;
}

struct status gateway_read_command(struct gateway *gateway, const struct lease *lease,
                                   struct buffer *data)
{
    bool found;

    TRY(read_event(gateway, lease, data, &found));
    if (!found)
        TRY(make_command(gateway, &lease->command_id, data));
    return buffer_ok(data) ? OK : status_make(STATUS_RESOURCE_EXHAUSTED, "command: out of memory");
}
