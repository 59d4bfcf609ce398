/* Changing what a state consists of. */
#include "server/sagas/saga_apply.h"

#include <stdlib.h>

#include "base/hash.h"

struct status apply_damaged(const char *what)
{
    return status_make(STATUS_DATA_LOSS, "saga: event does not follow: %s", what);
}

struct status apply_no_memory(void)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED, "saga: out of memory");
}

bool saga_grow(void **array, uint32_t count, uint32_t capacity, size_t element, size_t *bytes)
{
    if (count < capacity)
        return true;
    size_t before = saga_memory_bytes(*array);
    void *grown = realloc(*array, element * (count + count / 2 + 1));
    if (!grown)
        return false;
    *array = grown;
    *bytes += saga_memory_bytes(grown) - before;
    return true;
}

bool saga_grow_by_one(void **array, uint32_t count, size_t element, size_t *bytes)
{
    size_t before = saga_memory_bytes(*array);
    void *grown = realloc(*array, element * (count + 1));

    if (!grown)
        return false;
    *array = grown;
    *bytes += saga_memory_bytes(grown) - before;
    return true;
}

/* --- parts ------------------------------------------------------------------------------------ */

bool saga_set_error(struct saga *saga, struct saga_error **error,
                    const Sagabase__V1__SagaError *source)
{
    saga_part_free(*error, &saga->bytes);
    *error = source ? saga_error_create(source, &saga->bytes) : NULL;
    return *error || !source;
}

bool saga_set_output(struct saga *saga, struct activity *activity,
                     const Sagabase__V1__Payload *source)
{
    if (activity->output)
        saga->payload_bytes -= activity->output->size;
    saga_part_free(activity->output, &saga->bytes);
    activity->output = source ? payload_create(source, &saga->bytes) : NULL;
    if (activity->output)
        saga->payload_bytes += activity->output->size;
    return activity->output || !source;
}

static struct status set_attribute(struct saga *saga, const char *name, const char *value)
{
    struct saga_attribute *made = saga_attribute_create(name, value, &saga->bytes);

    if (!made)
        return apply_no_memory();
    for (uint32_t i = 0; i < saga->attribute_count; i++)
        if (strcmp(saga_attribute_name(saga->attributes[i]), name) == 0) {
            saga_part_free(saga->attributes[i], &saga->bytes);
            saga->attributes[i] = made;
            return OK;
        }
    if (saga->attribute_count == SAGA_ATTRIBUTES_MAX ||
        !saga_grow_by_one((void **)&saga->attributes, saga->attribute_count,
                          sizeof *saga->attributes, &saga->bytes)) {
        saga_part_free(made, &saga->bytes);
        return saga->attribute_count == SAGA_ATTRIBUTES_MAX ? apply_damaged("too many attributes")
                                                            : apply_no_memory();
    }
    saga->attributes[saga->attribute_count++] = made;
    return OK;
}

struct status saga_set_attributes(struct saga *saga, Sagabase__V1__Attribute **attributes,
                                  size_t count)
{
    for (size_t i = 0; i < count; i++)
        TRY(set_attribute(saga, attributes[i]->name, attributes[i]->value));
    return OK;
}

bool saga_set_texts(struct saga *saga, const char *id, const char *request_id,
                    const char *traceparent, const char *tracestate)
{
    enum { TEXTS = 4 };
    const char *texts[TEXTS] = {id, request_id, traceparent, tracestate};
    struct bytes *kept[TEXTS] = {&saga->id, &saga->request_id, &saga->traceparent,
                                 &saga->tracestate};
    size_t sizes[TEXTS], all = 0;

    for (unsigned i = 0; i < TEXTS; i++) {
        sizes[i] = strlen(texts[i]);
        all += sizes[i] + 1;
    }
    uint8_t *at = malloc(all);
    if (!at)
        return false;
    saga->bytes += saga_memory_bytes(at);
    for (unsigned i = 0; i < TEXTS; i++) {
        memcpy(at, texts[i], sizes[i] + 1);
        *kept[i] = bytes_of(at, sizes[i]);
        at += sizes[i] + 1;
    }
    return true;
}
