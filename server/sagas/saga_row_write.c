/* Writing a saga's row, by hand: it is done for each change, on the thread that all changes wait
 * for, and protobuf-c takes five times as long. What it writes is what protobuf-c would, byte for
 * byte: fields in their order, and nothing for what is zero or empty. So equal states have equal
 * rows. */
#include <assert.h>

#include "base/hash.h"
#include "base/varint.h"
#include "server/sagas/saga_parts.h"
#include "server/sagas/saga_row.h"

enum { WIRE_VARINT = 0, WIRE_64BIT = 1, WIRE_BYTES = 2 };

/* More than the fields of a fixed size take, with tags and lengths. */
enum { SAGA_BYTES = 400, ACTIVITY_BYTES = 300, PART_BYTES = 32 };

static uint8_t *put_tag(uint8_t *at, unsigned field, unsigned wire)
{
    return put_varint(at, field << 3 | wire);
}

static uint8_t *put_number(uint8_t *at, unsigned field, uint64_t value)
{
    return value ? put_varint(put_tag(at, field, WIRE_VARINT), value) : at;
}

static uint8_t *put_fixed(uint8_t *at, unsigned field, uint64_t value)
{
    if (value == 0)
        return at;
    at = put_tag(at, field, WIRE_64BIT);
    put_u64_little_endian(at, value);
    return at + 8;
}

/* A message that is there, though it may be empty. */
static uint8_t *put_message(uint8_t *at, unsigned field, struct bytes bytes)
{
    at = put_varint(put_tag(at, field, WIRE_BYTES), bytes.size);
    if (bytes.size > 0)
        memcpy(at, bytes.data, bytes.size);
    return at + bytes.size;
}

static uint8_t *put_bytes(uint8_t *at, unsigned field, struct bytes bytes)
{
    return bytes.size ? put_message(at, field, bytes) : at;
}

static uint8_t *put_text(uint8_t *at, unsigned field, const char *text)
{
    return put_bytes(at, field, bytes_of_text(text));
}

/* The message from `begin` to `at` was written one byte behind its tag, where its length belongs.
 */
static uint8_t *end_message(uint8_t *begin, uint8_t *at)
{
    size_t size = (size_t)(at - begin), more = varint_bytes(size) - 1;

    if (more > 0)
        memmove(begin + more, begin, size);
    put_varint(begin - 1, size);
    return at + more;
}

/* --- parts -------------------------------------------------------------------------------------
 */

static uint8_t *put_payload(uint8_t *at, unsigned field, const struct payload *payload)
{
    if (!payload)
        return at;
    uint8_t *begin = put_tag(at, field, WIRE_BYTES) + 1;
    at = put_bytes(begin, 1, bytes_of(payload->text, payload->size));
    at = put_text(at, 2, (const char *)payload->text + payload->size);
    return end_message(begin, at);
}

static uint8_t *put_pair(uint8_t *at, unsigned field, const char *first, const char *second)
{
    uint8_t *begin = put_tag(at, field, WIRE_BYTES) + 1;

    return end_message(begin, put_text(put_text(begin, 1, first), 2, second));
}

static uint8_t *put_error(uint8_t *at, unsigned field, const struct saga_error *error)
{
    return error ? put_pair(at, field, saga_error_type(error), saga_error_message(error)) : at;
}

static uint8_t *put_activity(uint8_t *at, unsigned field, const struct activity *activity)
{
    uint8_t *begin = put_tag(at, field, WIRE_BYTES) + 1;
    unsigned flags = (activity->doubtful ? FLAG_DOUBTFUL : 0) | (activity->check ? FLAG_CHECK : 0) |
                     (activity->followed ? FLAG_FOLLOWED : 0) |
                     (activity->given_up ? FLAG_GIVEN_UP : 0) |
                     (activity->compensation_given_up ? FLAG_COMPENSATION_GIVEN_UP : 0);

    at = put_number(begin, 1, activity->node);
    at = put_number(at, 2, activity->parent);
    at = put_number(at, 3, activity->operation);
    at = put_number(at, 4, activity->state);
    at = put_number(at, 5, activity->outcome);
    at = put_number(at, 6, activity->compensation_outcome);
    at = put_number(at, 7, flags);
    at = put_number(at, 8, activity->count);
    at = put_number(at, 9, activity->attempt);
    at = put_number(at, 10, activity->attempts_base);
    at = put_number(at, 11, activity->late_replies);
    at = put_number(at, 12, (uint64_t)activity->started_us);
    at = put_number(at, 13, (uint64_t)activity->closed_us);
    at = put_number(at, 14, (uint64_t)activity->issued_us);
    at = put_number(at, 15, (uint64_t)activity->due_us);
    at = put_number(at, 16, (uint64_t)activity->close_due_us);
    at = put_number(at, 17, activity->command_position);
    at = put_payload(at, 18, activity->output);
    at = put_error(at, 19, activity->error);
    return end_message(begin, at);
}

static uint8_t *put_signals(uint8_t *at, const struct saga *saga)
{
    for (uint32_t i = 0; i < saga->signal_count; i++) {
        const struct saga_signal *signal = saga->signals[i];
        at = put_message(at, 24, bytes_of(signal->text + signal->packed_at, signal->packed_size));
    }
    return put_bytes(at, 25,
                     bytes_of(saga->signal_ids, saga->signal_id_count * sizeof *saga->signal_ids));
}

/* --- the whole ----------------------------------------------------------------------------------
 */

static size_t payload_bytes(const struct payload *payload)
{
    return payload
               ? payload->size + strlen((const char *)payload->text + payload->size) + PART_BYTES
               : 0;
}

static size_t error_bytes(const struct saga_error *error)
{
    return error ? error->message_at + strlen(saga_error_message(error)) + PART_BYTES : 0;
}

/* No row is larger. */
static size_t bytes_at_most(const struct saga *saga)
{
    size_t bytes = SAGA_BYTES + saga->type.size + saga->id.size + saga->request_id.size +
                   saga->traceparent.size + saga->tracestate.size + payload_bytes(saga->input) +
                   error_bytes(saga->cause) + saga->signal_id_count * sizeof *saga->signal_ids;

    for (uint32_t i = 0; i < saga->activity_count; i++)
        bytes += ACTIVITY_BYTES + payload_bytes(saga->activities[i].output) +
                 error_bytes(saga->activities[i].error);
    for (uint32_t i = 0; i < saga->attribute_count; i++)
        bytes += PART_BYTES + saga->attributes[i]->value_at +
                 strlen(saga_attribute_value(saga->attributes[i]));
    for (uint32_t i = 0; i < saga->signal_count; i++)
        bytes += PART_BYTES + saga->signals[i]->packed_size;
    return bytes;
}

static uint8_t *put_saga(uint8_t *at, const struct saga *saga)
{
    at = put_bytes(at, 1, saga->type);
    at = put_number(at, 2, saga->definition->version);
    at = put_number(at, 3, saga->number);
    at = put_bytes(at, 4, saga->id);
    at = put_number(at, 5, saga->run);
    at = put_number(at, 6, saga->status);
    at = put_number(at, 7, saga->paused);
    at = put_number(at, 8, saga->past_pivot);
    at = put_number(at, 9, saga->cancel_requested);
    at = put_number(at, 10, (uint64_t)saga->started_us);
    at = put_number(at, 11, (uint64_t)saga->ended_us);
    at = put_number(at, 12, (uint64_t)saga->run_due_us);
    at = put_number(at, 13, (uint64_t)saga->withdraw_us);
    at = put_number(at, 14, (uint64_t)saga->changed_us);
    at = put_number(at, 15, saga->event_count);
    at = put_number(at, 16, saga->position);
    at = put_fixed(at, 17, saga->input_hash);
    at = put_bytes(at, 18, saga->request_id);
    at = put_bytes(at, 19, saga->traceparent);
    at = put_payload(at, 20, saga->input);
    at = put_error(at, 21, saga->cause);
    for (uint32_t i = 0; i < saga->activity_count; i++)
        at = put_activity(at, 22, &saga->activities[i]);
    for (uint32_t i = 0; i < saga->attribute_count; i++)
        at = put_pair(at, 23, saga_attribute_name(saga->attributes[i]),
                      saga_attribute_value(saga->attributes[i]));
    return put_bytes(put_signals(at, saga), 26, saga->tracestate);
}

struct status saga_encode(const struct saga *saga, struct arena *arena, struct bytes *row)
{
    size_t bytes_max = bytes_at_most(saga) + CHECKSUM_BYTES;
    uint8_t *begin = arena_alloc_raw(arena, bytes_max);

    if (!begin)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "saga row: too large");
    uint8_t *at = put_saga(begin, saga);
    put_u64_little_endian(at, checksum_bytes(bytes_of(begin, (size_t)(at - begin))));
    at += CHECKSUM_BYTES;
    assert((size_t)(at - begin) <= bytes_max);
    *row = bytes_of(begin, (size_t)(at - begin));
    return OK;
}
