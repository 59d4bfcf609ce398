/* Reading a saga's row, which may be damaged. */
#include <stdlib.h>

#include "base/hash.h"
#include "sagabase/storage/saga_row.pb-c.h"
#include "server/sagas/saga_apply.h"
#include "server/sagas/saga_row.h"
#include "server/wire/unpack.h"

enum { ROW_MEMORY_MAX = 64 << 20 };

static struct status full(void)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED, "saga row: too large");
}

/* --- reading
 * --------------------------------------------------------------------------------------- */

static struct status damaged(const char *what)
{
    return status_make(STATUS_DATA_LOSS, "saga row: %s", what);
}

struct status saga_row_definition(struct bytes row, struct arena *arena, struct bytes *type,
                                  uint32_t *version)
{
    size_t size = row.size > 1 ? row.data[1] : 0; /* below 128, so it is one byte */
    size_t at = 2 + size;
    uint64_t number = 0;
    unsigned shift = 0;
    uint8_t byte;

    if (row.size < 2 || row.data[0] != (1 << 3 | 2) || size == 0 || size > SAGA_TYPE_BYTES_MAX ||
        at + 1 > row.size || row.data[at++] != 2 << 3)
        return damaged("it does not begin with type and version");
    do {
        if (at >= row.size || shift > 28)
            return damaged("it does not begin with type and version");
        byte = row.data[at++];
        number |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    *type = arena_copy(arena, bytes_of(row.data + 2, size));
    *version = (uint32_t)number;
    return type->data ? OK : full();
}

static bool is_within_enum(const ProtobufCEnumDescriptor *type, int value, int lowest)
{
    return value >= lowest && value <= UINT8_MAX &&
           protobuf_c_enum_descriptor_get_value(type, value);
}

static bool get_activity(struct saga *saga, uint32_t index,
                         const Sagabase__Storage__ActivityRow *row)
{
    struct activity *activity = &saga->activities[index];
    const struct node *nodes = saga->definition->nodes;

    if (row->node >= saga->definition->node_count || row->parent > index)
        return false;
    if (nodes[row->node].parent !=
        (row->parent == index ? NODE_NONE : saga->activities[row->parent].node))
        return false;
    if (!is_within_enum(&sagabase__v1__operation__descriptor, (int)row->operation, 1) ||
        !is_within_enum(&sagabase__v1__activity_state__descriptor, (int)row->state, 1) ||
        row->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_HELD ||
        !is_within_enum(&sagabase__v1__outcome__descriptor, (int)row->outcome, 0) ||
        !is_within_enum(&sagabase__v1__outcome__descriptor, (int)row->compensation_outcome, 0))
        return false;
    if (row->flags > FLAGS || row->count > UINT16_MAX || row->late_replies > SAGA_LATE_REPLIES_MAX)
        return false;
    *activity = (struct activity){
        .node = (uint16_t)row->node,
        .parent = (uint16_t)row->parent,
        .operation = (uint8_t)row->operation,
        .state = (uint8_t)row->state,
        .outcome = (uint8_t)row->outcome,
        .compensation_outcome = (uint8_t)row->compensation_outcome,
        .doubtful = row->flags & FLAG_DOUBTFUL,
        .check = row->flags & FLAG_CHECK,
        .followed = row->flags & FLAG_FOLLOWED,
        .given_up = row->flags & FLAG_GIVEN_UP,
        .compensation_given_up = row->flags & FLAG_COMPENSATION_GIVEN_UP,
        .late_replies = (uint8_t)row->late_replies,
        .count = (uint16_t)row->count,
        .attempt = row->attempt,
        .attempts_base = row->attempts_base,
        .started_us = row->started_us,
        .closed_us = row->closed_us,
        .issued_us = row->issued_us,
        .due_us = row->due_us,
        .close_due_us = row->close_due_us,
        .command_position = row->command_position,
    };
    return true;
}

static struct status get_activities(struct saga *saga, const Sagabase__Storage__SagaRow *row)
{
    if (row->n_activities > SAGA_ACTIVITIES_MAX)
        return damaged("too many activities");
    if (row->n_activities == 0)
        return OK;
    saga->activities = calloc(row->n_activities, sizeof *saga->activities);
    if (!saga->activities)
        return full();
    saga->bytes += saga_memory_bytes(saga->activities);
    saga->activity_capacity = (uint32_t)row->n_activities;
    for (uint32_t i = 0; i < row->n_activities; i++) {
        struct activity *activity = &saga->activities[i];
        if (!get_activity(saga, i, row->activities[i]))
            return damaged("an activity that cannot be");
        saga->activity_count++;
        if (row->activities[i]->output)
            activity->output = payload_create(row->activities[i]->output, &saga->bytes);
        if (row->activities[i]->error)
            activity->error = saga_error_create(row->activities[i]->error, &saga->bytes);
        if ((row->activities[i]->output && !activity->output) ||
            (row->activities[i]->error && !activity->error))
            return full();
        saga->payload_bytes += activity->output ? activity->output->size : 0;
    }
    return OK;
}

static struct status get_attributes(struct saga *saga, const Sagabase__Storage__SagaRow *row)
{
    if (row->n_attributes > SAGA_ATTRIBUTES_MAX)
        return damaged("too many attributes");
    if (row->n_attributes == 0)
        return OK;
    saga->attributes = malloc(row->n_attributes * sizeof *saga->attributes);
    if (!saga->attributes)
        return full();
    saga->bytes += saga_memory_bytes(saga->attributes);
    for (size_t i = 0; i < row->n_attributes; i++) {
        saga->attributes[i] = saga_attribute_create(row->attributes[i]->name,
                                                    row->attributes[i]->value, &saga->bytes);
        if (!saga->attributes[i])
            return full();
        saga->attribute_count++;
    }
    return OK;
}

static struct status get_signals(struct saga *saga, const Sagabase__Storage__SagaRow *row)
{
    if (row->n_signals > SAGA_SIGNALS_MAX || row->n_signal_ids > SAGA_SIGNAL_IDS_MAX)
        return damaged("too many signals");
    if (row->n_signals > 0) {
        saga->signals = malloc(row->n_signals * sizeof *saga->signals);
        if (!saga->signals)
            return full();
        saga->bytes += saga_memory_bytes(saga->signals);
    }
    for (size_t i = 0; i < row->n_signals; i++) {
        saga->signals[i] = saga_signal_create(row->signals[i], &saga->bytes);
        if (!saga->signals[i])
            return full();
        saga->signal_count++;
        saga->payload_bytes += saga->signals[i]->payload_bytes;
    }
    if (row->n_signal_ids > 0) {
        saga->signal_ids = malloc(row->n_signal_ids * sizeof *saga->signal_ids);
        if (!saga->signal_ids)
            return full();
        saga->bytes += saga_memory_bytes(saga->signal_ids);
        memcpy(saga->signal_ids, row->signal_ids, row->n_signal_ids * sizeof *saga->signal_ids);
        saga->signal_id_count = (uint32_t)row->n_signal_ids;
    }
    return OK;
}

static struct status get_saga(struct saga *saga, const Sagabase__Storage__SagaRow *row)
{
    size_t id_size = strlen(row->id);

    if (strcmp(row->type, saga->definition->source->type) != 0 ||
        row->version != saga->definition->version)
        return damaged("it is of another definition");
    if (row->number == 0 || row->number >> 48 != 0 || row->run == 0 || id_size == 0 ||
        id_size > SAGA_ID_BYTES_MAX ||
        !is_within_enum(&sagabase__v1__saga_status__descriptor, (int)row->status, 1))
        return damaged("without number, id, run or status");
    saga->number = row->number;
    saga->run = row->run;
    saga->status = (uint8_t)row->status;
    saga->paused = row->paused;
    saga->past_pivot = row->past_pivot;
    saga->cancel_requested = row->cancel_requested;
    saga->started_us = row->started_us;
    saga->ended_us = row->ended_us;
    saga->run_due_us = row->run_due_us;
    saga->withdraw_us = row->withdraw_us;
    saga->changed_us = row->changed_us;
    saga->event_count = row->event_count;
    saga->position = row->position;
    saga->input_hash = row->input_hash;
    if (!saga_set_texts(saga, row->id, row->request_id, row->traceparent, row->tracestate))
        return full();
    if (row->input && !(saga->input = payload_create(row->input, &saga->bytes)))
        return full();
    if (row->cause && !(saga->cause = saga_error_create(row->cause, &saga->bytes)))
        return full();
    TRY(get_activities(saga, row));
    TRY(get_attributes(saga, row));
    TRY(get_signals(saga, row));
    const char *broken = saga_broken_invariant(saga);
    return broken ? damaged(broken) : OK;
}

struct status saga_decode(struct bytes row, struct definition *definition, struct saga **saga)
{
    struct arena arena;

    if (row.size < CHECKSUM_BYTES)
        return damaged("cut off");
    struct bytes packed = bytes_of(row.data, row.size - CHECKSUM_BYTES);
    if (get_u64_little_endian(row.data + packed.size) != checksum_bytes(packed))
        return damaged("its checksum does not fit");
    struct saga *made = saga_create(definition);
    if (!made)
        return full();
    arena_init(&arena, ROW_MEMORY_MAX);
    const Sagabase__Storage__SagaRow *message = (const Sagabase__Storage__SagaRow *)unpack_within(
        &sagabase__storage__saga_row__descriptor, packed, &arena, NULL);
    struct status status = message ? get_saga(made, message) : damaged("malformed");
    arena_destroy(&arena);
    if (!status_ok(status)) {
        saga_free(made);
        return status;
    }
    *saga = made;
    return OK;
}
