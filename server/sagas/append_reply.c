/* A reply within an ordinary append: an event "$SagaReplyRequested", as participant.proto says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sagas/gateway_state.h"
#include "server/sagas/saga_reply.h"

#define REPLY_EVENT_TYPE "$SagaReplyRequested"
#define ATTRIBUTE_PREFIX "attribute."

struct append_reply {
    struct saga_reply reply;
    struct append *append; /* the caller's */
    Sagabase__V1__Reply message;
};

static bool is_reply(const struct new_event *event)
{
    return event->type.size == sizeof REPLY_EVENT_TYPE - 1 &&
           memcmp(event->type.data, REPLY_EVENT_TYPE, event->type.size) == 0;
}

bool append_has_reply(const struct append *append)
{
    for (size_t i = 0; i < append->stream_count; i++)
        for (size_t j = 0; j < append->streams[i].event_count; j++)
            if (is_reply(&append->streams[i].events[j]))
                return true;
    return false;
}

/* --- reading the event ---------------------------------------------------------------------------
 */

/* Where the event's parts go. */
struct reading {
    const struct new_event *event;
    struct arena *arena;
    bool failed; /* out of memory */
};

static void *take(struct reading *reading, size_t size)
{
    void *memory = arena_alloc(reading->arena, size);

    if (!memory)
        reading->failed = true;
    return memory;
}

static char *text_of(struct reading *reading, struct bytes bytes)
{
    struct bytes copy = arena_copy(reading->arena, bytes);

    if (!copy.data)
        reading->failed = true;
    return (char *)copy.data;
}

/* NULL: not there. */
static const struct metadata_entry *find(const struct reading *reading, const char *key)
{
    for (size_t i = 0; i < reading->event->metadata_count; i++)
        if (bytes_equal(reading->event->metadata[i].key, bytes_of_text(key)))
            return &reading->event->metadata[i];
    return NULL;
}

/* "" if it is not there. */
static char *read_text(struct reading *reading, const char *key)
{
    const struct metadata_entry *entry = find(reading, key);

    return text_of(reading, entry ? entry->value : bytes_of_text(""));
}

static struct status read_number(struct reading *reading, const char *key, uint64_t max,
                                 uint64_t *number)
{
    const struct metadata_entry *entry = find(reading, key);

    *number = 0;
    for (size_t i = 0; entry && i < entry->value.size; i++) {
        uint8_t digit = entry->value.data[i];
        if (digit < '0' || digit > '9' || *number > (max - (digit - '0')) / 10)
            return status_make(STATUS_INVALID_ARGUMENT,
                               REPLY_EVENT_TYPE ".metadata[%s]: a number up to %llu", key,
                               (unsigned long long)max);
        *number = *number * 10 + (digit - '0');
    }
    return OK;
}

static Sagabase__V1__SagaError *read_error(struct reading *reading)
{
    Sagabase__V1__SagaError *error = take(reading, sizeof *error);

    if (!error)
        return NULL;
    sagabase__v1__saga_error__init(error);
    error->type = read_text(reading, "error-type");
    error->message = read_text(reading, "error-message");
    return error;
}

static void read_attributes(struct reading *reading, Sagabase__V1__Success *success)
{
    const struct new_event *event = reading->event;
    struct bytes prefix = bytes_of_text(ATTRIBUTE_PREFIX);

    success->attributes = take(reading, event->metadata_count * sizeof *success->attributes);
    for (size_t i = 0; i < event->metadata_count && !reading->failed; i++) {
        struct bytes key = event->metadata[i].key;
        if (!bytes_have_prefix(key, prefix))
            continue;
        Sagabase__V1__Attribute *attribute = take(reading, sizeof *attribute);
        if (!attribute)
            return;
        sagabase__v1__attribute__init(attribute);
        attribute->name =
            text_of(reading, bytes_of(key.data + prefix.size, key.size - prefix.size));
        attribute->value = text_of(reading, event->metadata[i].value);
        success->attributes[success->n_attributes++] = attribute;
    }
}

static Sagabase__V1__Success *read_success(struct reading *reading)
{
    Sagabase__V1__Success *success = take(reading, sizeof *success);
    Sagabase__V1__Payload *output = take(reading, sizeof *output);

    if (!success || !output)
        return NULL;
    sagabase__v1__success__init(success);
    sagabase__v1__payload__init(output);
    output->data.data = (uint8_t *)reading->event->data.data;
    output->data.len = reading->event->data.size;
    output->content_type = text_of(reading, reading->event->content_type);
    if (reading->event->data.size > 0)
        success->output = output;
    success->code = read_text(reading, "code");
    read_attributes(reading, success);
    return success;
}

static struct status read_failing(struct reading *reading, bool final, Sagabase__V1__Reply *reply)
{
    uint64_t delay_ms;

    TRY(read_number(reading, "delay-ms", INT64_MAX, &delay_ms));
    if (final) {
        reply->failure = take(reading, sizeof *reply->failure);
        if (!reply->failure)
            return OK;
        sagabase__v1__failure__init(reply->failure);
        reply->failure->error = read_error(reading);
        reply->outcome_case = SAGABASE__V1__REPLY__OUTCOME_FAILURE;
        return OK;
    }
    reply->error = take(reading, sizeof *reply->error);
    if (!reply->error)
        return OK;
    sagabase__v1__error__init(reply->error);
    reply->error->error = read_error(reading);
    reply->error->next_retry_delay_ms = (int64_t)delay_ms;
    reply->outcome_case = SAGABASE__V1__REPLY__OUTCOME_ERROR;
    return OK;
}

static struct status read_ongoing(struct reading *reading, Sagabase__V1__Reply *reply)
{
    uint64_t delay_ms;

    TRY(read_number(reading, "delay-ms", INT64_MAX, &delay_ms));
    reply->ongoing = take(reading, sizeof *reply->ongoing);
    if (!reply->ongoing)
        return OK;
    sagabase__v1__ongoing__init(reply->ongoing);
    reply->ongoing->check_after_ms = (int64_t)delay_ms;
    reply->outcome_case = SAGABASE__V1__REPLY__OUTCOME_ONGOING;
    return OK;
}

static struct status read_outcome(struct reading *reading, Sagabase__V1__Reply *reply)
{
    const struct metadata_entry *outcome = find(reading, "outcome");
    struct bytes name = outcome ? outcome->value : bytes_of_text("");

    if (bytes_equal(name, bytes_of_text("SUCCESS"))) {
        reply->success = read_success(reading);
        reply->outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
        return OK;
    }
    if (bytes_equal(name, bytes_of_text("FAILURE")))
        return read_failing(reading, true, reply);
    if (bytes_equal(name, bytes_of_text("ERROR")))
        return read_failing(reading, false, reply);
    if (bytes_equal(name, bytes_of_text("ONGOING")))
        return read_ongoing(reading, reply);
    return status_make(STATUS_INVALID_ARGUMENT,
                       REPLY_EVENT_TYPE ".metadata[outcome]: SUCCESS, FAILURE, ERROR or ONGOING");
}

static struct status read_reply(const struct new_event *event, struct arena *arena,
                                Sagabase__V1__Reply *reply)
{
    struct reading reading = {.event = event, .arena = arena};
    uint64_t attempt;

    sagabase__v1__reply__init(reply);
    TRY(read_number(&reading, "attempt", UINT32_MAX, &attempt));
    reply->attempt = (uint32_t)attempt;
    reply->command_id = read_text(&reading, "command-id");
    TRY(read_outcome(&reading, reply));
    if (reading.failed)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "events: too large for the call's memory");
    return OK;
}

static struct status find_reply(const struct append *append, const struct new_event **found)
{
    *found = NULL;
    for (size_t i = 0; i < append->stream_count; i++)
        for (size_t j = 0; j < append->streams[i].event_count; j++) {
            if (!is_reply(&append->streams[i].events[j]))
                continue;
            if (*found)
                return status_make(STATUS_INVALID_ARGUMENT,
                                   "events: at most one " REPLY_EVENT_TYPE " in one append");
            *found = &append->streams[i].events[j];
        }
    return OK;
}

/* --- the append's own way ---------------------------------------------------------------- */

/* @thread writer */
static void on_done(struct intent *intent)
{
    struct append_reply *self = container_of(intent, struct append_reply, reply.intent);

    self->append->intent.done(&self->append->intent);
}

struct status append_reply_submit(struct gateway *gateway, struct append *append,
                                  struct arena *arena, struct append_reply **reply)
{
    struct append_reply *self = arena_alloc(arena, sizeof *self);
    const struct new_event *event;

    if (!self)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "events: too large for the call's memory");
    TRY(find_reply(append, &event));
    TRY(read_reply(event, arena, &self->message));
    self->append = append;
    self->reply.reply = &self->message;
    self->reply.append = append;
    self->reply.intent.done = on_done;
    self->reply.intent.trace = append->intent.trace;
    *reply = self;
    return saga_reply_submit(gateway, &self->reply, arena);
}

static struct status command_is_over(const struct append_reply *self)
{
    static const char *const outcomes[] = {"", "SUCCESS", "FAILURE", "UNKNOWN", "SKIPPED"};
    unsigned recorded = (unsigned)self->reply.recorded;

    return status_make(STATUS_FAILED_PRECONDITION,
                       "command %s: it is over, with the outcome %s; nothing was stored",
                       self->message.command_id,
                       recorded < sizeof outcomes / sizeof *outcomes ? outcomes[recorded] : "");
}

/* What the append is told, if it was not accepted. */
static struct status refusal(struct append_reply *self)
{
    switch (self->reply.outcome) {
    case SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNKNOWN_COMMAND:
        return status_make(STATUS_INVALID_ARGUMENT,
                           REPLY_EVENT_TYPE ".metadata[command-id]: %s is no command",
                           self->message.command_id);
    case SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_WRONG_EXPECTED_REVISION:
    case SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_INVALID:
        if (!status_ok(self->append->intent.status))
            return self->append->intent.status;
        return status_make(STATUS_FAILED_PRECONDITION, "%s", self->reply.message);
    default:
        return command_is_over(self);
    }
}

struct status append_reply_settle(struct append_reply *self, struct arena *arena)
{
    struct append *append = self->append;
    struct gateway *gateway = self->reply.part.gateway;
    struct status status = saga_reply_settle(&self->reply, arena);

    if (!status_ok(status))
        return append->intent.status = status;
    if (self->reply.outcome == SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED) {
        append->position = self->reply.position;
        return append->intent.status = OK;
    }
    struct status refused = refusal(self);
    if (self->reply.outcome == SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNKNOWN_COMMAND)
        return append->intent.status = refused;
    /* This very append may be what has answered the command: then it gets its first answer. */
    append->intent.status.code = STATUS_ALREADY_EXISTS;
    status = append_settle(gateway->log, append, arena);
    return append->intent.status = status.code == STATUS_ALREADY_EXISTS ? refused : status;
}
