/* Listing sagas: candidates from the narrowest index, newest first, each looked at. Any thread. */
#include <stdlib.h>

#include "server/sagas/gateway_state.h"
#include "server/sagas/saga_keys.h"
#include "server/sagas/saga_parts.h"

enum { LOOKED_AT_MAX = 10000, CANDIDATES = 256 };

/* Numbers of sagas under one prefix of a family's keys, downwards. */
struct candidates {
    enum family family;
    uint8_t from[SAGA_INDEX_KEY_BYTES], to[SAGA_INDEX_KEY_BYTES];
    size_t key_size;
    uint64_t numbers[CANDIDATES];
    size_t count;
};

/* --- does it match? ---------------------------------------------------------------------- */

static bool has_status(const struct saga *saga, const Sagabase__V1__ListSagasRequest *filter)
{
    for (size_t i = 0; i < filter->n_statuses; i++)
        if (filter->statuses[i] == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_UNSPECIFIED ||
            filter->statuses[i] == (Sagabase__V1__SagaStatus)saga->status)
            return true;
    return filter->n_statuses == 0;
}

static bool has_attributes(const struct saga *saga, const Sagabase__V1__ListSagasRequest *filter)
{
    for (size_t i = 0; i < filter->n_attributes; i++) {
        const char *value = saga_find_attribute(saga, filter->attributes[i]->name);
        if (!value || strcmp(value, filter->attributes[i]->value) != 0)
            return false;
    }
    return true;
}

static bool has_queue(const struct saga *saga, const char *queue)
{
    for (uint32_t i = 0; i < saga->activity_count; i++) {
        const struct activity *activity = &saga->activities[i];
        if (activity->attempt > 0 &&
            activity->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_OPEN &&
            strcmp(saga_target(saga, i)->queue, queue) == 0)
            return true;
    }
    return false;
}

static bool has_error(const struct saga *saga, const char *type)
{
    if (saga->cause && strcmp(saga_error_type(saga->cause), type) == 0)
        return true;
    for (uint32_t i = 0; i < saga->activity_count; i++)
        if (saga->activities[i].error &&
            strcmp(saga_error_type(saga->activities[i].error), type) == 0)
            return true;
    return false;
}

static bool matches(const struct saga *saga, const Sagabase__V1__ListSagasRequest *filter)
{
    return (!*filter->type || bytes_equal(saga->type, bytes_of_text(filter->type))) &&
           has_status(saga, filter) && has_attributes(saga, filter) &&
           (filter->started_from_us == 0 || saga->started_us >= filter->started_from_us) &&
           (filter->started_before_us == 0 || saga->started_us < filter->started_before_us) &&
           (!filter->paused || saga->paused) &&
           (!*filter->queue || has_queue(saga, filter->queue)) &&
           (!*filter->error_type || has_error(saga, filter->error_type));
}

/* --- candidates -------------------------------------------------------------------------- */

static void set_range(struct candidates *candidates, struct bytes first)
{
    candidates->key_size = first.size;
    memcpy(candidates->from, first.data, first.size);
    memcpy(candidates->to, first.data, first.size);
}

/* Numbers below `before` are wanted. */
static void choose(const Sagabase__V1__ListSagasRequest *filter, uint64_t before,
                   struct candidates *candidates)
{
    uint8_t key[SAGA_INDEX_KEY_BYTES];

    candidates->family = FAMILY_SAGA_INDEX;
    if (filter->n_attributes > 0) {
        uint64_t hash =
            saga_attribute_hash(filter->attributes[0]->name, filter->attributes[0]->value);
        set_range(candidates, saga_text_key(key, SAGA_INDEX_ATTRIBUTE, hash, 0));
    } else if (filter->n_statuses == 1 &&
               filter->statuses[0] != SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_UNSPECIFIED) {
        set_range(candidates, saga_status_key(key, (uint8_t)filter->statuses[0], 0));
    } else if (*filter->type) {
        uint64_t hash = checksum_bytes(bytes_of_text(filter->type));
        set_range(candidates, saga_text_key(key, SAGA_INDEX_TYPE, hash, 0));
    } else {
        candidates->family = FAMILY_SAGAS;
        set_range(candidates, saga_number_key(key, 0));
    }
    put_u64_big_endian(candidates->to + candidates->key_size - 8, before);
}

static bool take_candidate(void *context, struct bytes key, struct bytes value)
{
    struct candidates *candidates = context;

    (void)value;
    candidates->numbers[candidates->count++] =
        get_u64_big_endian(key.data + candidates->key_size - 8);
    return candidates->count < CANDIDATES;
}

static struct status next_candidates(struct gateway *gateway, struct candidates *candidates)
{
    struct scan scan = {.family = candidates->family,
                        .from = bytes_of(candidates->from, candidates->key_size),
                        .to = bytes_of(candidates->to, candidates->key_size),
                        .backwards = true};

    candidates->count = 0;
    TRY(engine_scan(gateway->engine, &scan, take_candidate, candidates));
    if (candidates->count > 0)
        put_u64_big_endian(candidates->to + candidates->key_size - 8,
                           candidates->numbers[candidates->count - 1]);
    return OK;
}

/* One that was there is gone where an attribute was taken back meanwhile. */
static struct status look(struct gateway *gateway, uint64_t number,
                          const Sagabase__V1__ListSagasRequest *filter, saga_visit *visit,
                          void *context, bool *more)
{
    struct saga *saga;
    struct status status = saga_rows_read(gateway, number, &saga);

    if (status.code == STATUS_NOT_FOUND)
        return OK;
    TRY(status);
    if (matches(saga, filter))
        *more = visit(context, saga);
    saga_free(saga);
    return OK;
}

struct status gateway_list_sagas(struct gateway *gateway,
                                 const Sagabase__V1__ListSagasRequest *filter, uint64_t before,
                                 saga_visit *visit, void *context, uint64_t *next)
{
    struct candidates candidates = {0};
    size_t looked_at = 0;
    bool more = true;

    *next = 0;
    choose(filter, before ? before : UINT64_MAX, &candidates);
    do {
        TRY(next_candidates(gateway, &candidates));
        for (size_t i = 0; i < candidates.count; i++) {
            TRY(look(gateway, candidates.numbers[i], filter, visit, context, &more));
            if (!more || ++looked_at == LOOKED_AT_MAX) {
                *next = candidates.numbers[i];
                return OK;
            }
        }
    } while (candidates.count == CANDIDATES);
    return OK;
}
