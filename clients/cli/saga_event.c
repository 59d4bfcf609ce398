#include "clients/cli/saga_event.h"

#include <string.h>

#include "clients/cli/message_json.h"

const ProtobufCMessage *saga_event_case(const Sagabase__V1__SagaEvent *event)
{
    /* All members of the oneof are pointers to messages, in one place. */
    return event->event_case == SAGABASE__V1__SAGA_EVENT__EVENT__NOT_SET
               ? NULL
               : &event->saga_started->base;
}

static bool put_saga_event(struct buffer *out, const Sagabase__V1__RecordedEvent *event)
{
    Sagabase__V1__SagaEvent *read =
        sagabase__v1__saga_event__unpack(NULL, event->data.len, event->data.data);
    const ProtobufCMessage *what = read ? saga_event_case(read) : NULL;

    if (what)
        message_put_json(out, what);
    if (read)
        sagabase__v1__saga_event__free_unpacked(read, NULL);
    return what != NULL;
}

static bool put_command(struct buffer *out, const Sagabase__V1__RecordedEvent *event)
{
    Sagabase__V1__Command *command =
        sagabase__v1__command__unpack(NULL, event->data.len, event->data.data);

    if (!command)
        return false;
    message_put_json(out, &command->base);
    sagabase__v1__command__free_unpacked(command, NULL);
    return true;
}

bool saga_event_put_json(struct buffer *out, const Sagabase__V1__RecordedEvent *event)
{
    if (strcmp(event->content_type, "application/vnd.sagabase.saga-event+protobuf") == 0)
        return put_saga_event(out, event);
    if (strcmp(event->content_type, "application/vnd.sagabase.command+protobuf") == 0)
        return put_command(out, event);
    return false;
}
