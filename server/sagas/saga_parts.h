/* What a saga keeps of what it was given. Each part is one piece of malloc'ed memory; free() gives
 * it back. Internal to saga*.c and transition*.c. */
#ifndef SERVER_SAGAS_SAGA_PARTS_H
#define SERVER_SAGAS_SAGA_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "sagabase/v1/sagas.pb-c.h"
#include "server/sagas/saga.h"

struct payload {
    uint32_t size;
    uint8_t text[]; /* the data, then the content type with its NUL */
};

struct saga_error {
    uint32_t message_at;
    char text[]; /* type NUL message NUL */
};

struct saga_attribute {
    uint32_t value_at;
    char text[]; /* name NUL value NUL */
};

struct saga_signal {
    uint32_t packed_at;
    uint32_t packed_size;
    uint32_t payload_bytes;
    char text[]; /* signal_id NUL, then the packed Sagabase__V1__Signal */
};

/* Copies; NULL: out of memory. Each adds to *bytes what it takes. */
struct payload *payload_create(const Sagabase__V1__Payload *source, size_t *bytes);
struct saga_error *saga_error_create(const Sagabase__V1__SagaError *source, size_t *bytes);
struct saga_attribute *saga_attribute_create(const char *name, const char *value, size_t *bytes);
struct saga_signal *saga_signal_create(const Sagabase__V1__Signal *source, size_t *bytes);

/* free() that takes from *bytes what the part took; of NULL: nothing. */
void saga_part_free(void *part, size_t *bytes);

/* What malloc gives for them, with its own overhead. */
size_t saga_memory_bytes(void *memory);

static inline const char *saga_error_type(const struct saga_error *error)
{
    return error->text;
}

static inline const char *saga_error_message(const struct saga_error *error)
{
    return error->text + error->message_at;
}

static inline const char *saga_attribute_name(const struct saga_attribute *attribute)
{
    return attribute->text;
}

static inline const char *saga_attribute_value(const struct saga_attribute *attribute)
{
    return attribute->text + attribute->value_at;
}

/* See saga.input_hash. */
uint64_t saga_start_hash(const struct definition *definition, const Sagabase__V1__Payload *input,
                         Sagabase__V1__Attribute **attributes, size_t attribute_count);

/* "$timeout.start_to_close" of a TimeoutKind. */
const char *timeout_error_type(int kind);

/* NULL: it has none. */
const char *saga_find_attribute(const struct saga *saga, const char *name);

/* --- activities -------------------------------------------------------------------------- */

enum { ACTIVITY_NONE = UINT16_MAX };

/* The activity whose block it is in; ACTIVITY_NONE: the main sequence. */
static inline uint16_t activity_holder(const struct saga *saga, uint32_t index)
{
    uint16_t parent = saga->activities[index].parent;

    return parent == index ? ACTIVITY_NONE : parent;
}

static inline const struct node *activity_node(const struct saga *saga, uint32_t index)
{
    return &saga->definition->nodes[saga->activities[index].node];
}

/* NULL: it is not a step. */
static inline const Sagabase__V1__Step *activity_step(const struct saga *saga, uint32_t index)
{
    const Sagabase__V1__Node *source = activity_node(saga, index)->source;

    return source->kind_case == SAGABASE__V1__NODE__KIND_STEP ? source->step : NULL;
}

static inline bool activity_is_closed(const struct activity *activity)
{
    return activity->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_CLOSED;
}

static inline bool activity_is_parked(const struct activity *activity)
{
    return activity->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_PARKED;
}

static inline bool activity_is_open(const struct activity *activity)
{
    return activity->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_OPEN;
}

static inline bool activity_undoes(const struct activity *activity)
{
    return activity->operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION;
}

/* It counts as done. */
static inline bool outcome_is_good(uint8_t outcome)
{
    return outcome == SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS ||
           outcome == SAGABASE__V1__OUTCOME__OUTCOME_SKIPPED;
}

/* On the way back: its action was issued and may have had an effect. */
bool activity_needs_undo(const struct saga *saga, uint32_t index);

/* The first rule of saga_assert_invariant() that does not hold; NULL: all do. */
const char *saga_broken_invariant(const struct saga *saga);

/* --- as messages ------------------------------------------------------------------------- */

/* Messages that borrow from the part; in the arena, NULL: it is full. */
Sagabase__V1__Payload *payload_message(const struct payload *payload, struct arena *arena);
Sagabase__V1__SagaError *saga_error_message_of(const struct saga_error *error, struct arena *arena);
Sagabase__V1__Attribute **saga_attribute_messages(const struct saga *saga, struct arena *arena);

/* A message of its own in the arena. NULL: the arena is full, or the bytes are damaged. */
Sagabase__V1__Signal *saga_signal_unpack(const struct saga_signal *signal, struct arena *arena);

/* A text copied into the arena; NULL: it is full. */
char *arena_text(struct arena *arena, const char *text);

#endif
