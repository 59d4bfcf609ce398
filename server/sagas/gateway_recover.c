/* Opening: the secret, definitions and all open sagas; their commands can be handed out again. */
#include <stdlib.h>

#include "base/log.h"
#include "base/uuid.h"
#include "server/sagas/gateway_state.h"
#include "server/sagas/saga_keys.h"

enum { ROWS_AT_ONCE = 256, ROWS_MEMORY_MAX = 1 << 30 };

/* --- the secret -------------------------------------------------------------------------- */

static void make_secret(struct command_secret *secret)
{
    for (size_t i = 0; i < COMMAND_SECRET_BYTES; i += UUID_BYTES) {
        struct uuid random = uuid_random();
        memcpy(secret->bytes + i, random.bytes, UUID_BYTES);
    }
}

/* Made once for each store: command ids must be the same after a restart. A new one goes to disk
 * with the first saga. */
static struct status find_secret(struct gateway *gateway)
{
    uint8_t memory[128];
    struct bytes value;
    struct arena arena;

    arena_init_within(&arena, sizeof memory, memory, sizeof memory);
    struct status status =
        engine_get(gateway->engine, FAMILY_META, bytes_of_text(COMMAND_SECRET_KEY), &arena, &value);
    if (status_ok(status) && value.data && value.size != COMMAND_SECRET_BYTES)
        status = status_make(STATUS_DATA_LOSS, "meta: damaged entry \"" COMMAND_SECRET_KEY "\"");
    if (status_ok(status) && value.data)
        memcpy(gateway->secret.bytes, value.data, COMMAND_SECRET_BYTES);
    gateway->secret_is_new = status_ok(status) && !value.data;
    arena_destroy(&arena);
    TRY(status);
    if (gateway->secret_is_new)
        make_secret(&gateway->secret);
    return OK;
}

/* --- open sagas -------------------------------------------------------------------------- */

/* Answers of a saga that turns backward are still taken, but nothing is handed out any more. What
 * is out beside a parked loop, behind the pivot, has to be done all the same. */
static bool is_wanted(const struct saga *saga, const struct activity *activity)
{
    return activity->attempt > 0 &&
           activity->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_OPEN &&
           (saga->status != SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATING ||
            activity->operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION);
}

static struct status open_commands(struct gateway *gateway, const struct saga *saga)
{
    for (uint32_t i = 0; i < saga->activity_count; i++) {
        if (!is_wanted(saga, &saga->activities[i]))
            continue;
        struct open_command command = saga_open_command(gateway, saga, i, false);
        if (!dispatch_open(gateway->dispatch, &command))
            return status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory");
    }
    return OK;
}

static struct status add_open(struct gateway *gateway, struct saga *saga)
{
    struct open_saga *open = open_sagas_create(&gateway->open, saga);

    if (!open) {
        saga_free(saga);
        return status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory");
    }
    open->name_hash = saga_name_hash(saga->type, saga->id);
    open_sagas_add(&gateway->open, open);
    open_sagas_update(&gateway->open, open, saga_due_us(saga));
    return open_commands(gateway, saga);
}

/* Some entries of a status's index, and the key behind them. */
struct batch {
    uint8_t from[SAGA_INDEX_KEY_BYTES], to[SAGA_INDEX_KEY_BYTES];
    uint8_t keys[ROWS_AT_ONCE][SAGA_NUMBER_BYTES];
    struct bytes key[ROWS_AT_ONCE], row[ROWS_AT_ONCE];
    size_t count;
};

static bool take_key(void *context, struct bytes key, struct bytes value)
{
    struct batch *batch = context;
    uint64_t number = get_u64_big_endian(key.data + key.size - SAGA_NUMBER_BYTES);

    (void)value;
    batch->key[batch->count] = saga_number_key(batch->keys[batch->count], number);
    batch->count++;
    return batch->count < ROWS_AT_ONCE;
}

static struct status add_batch(struct gateway *gateway, struct batch *batch, uint8_t status)
{
    struct arena arena;
    struct saga *saga;

    arena_init(&arena, ROWS_MEMORY_MAX);
    struct status result = engine_multi_get(gateway->engine, FAMILY_SAGAS, batch->key, batch->count,
                                            &arena, batch->row);
    for (size_t i = 0; i < batch->count && status_ok(result); i++) {
        uint64_t number = get_u64_big_endian(batch->keys[i]);
        result = batch->row[i].data ? saga_rows_decode(gateway, batch->row[i], &saga)
                                    : status_make(STATUS_DATA_LOSS, "there is none");
        if (status_ok(result) && (saga->number != number || saga->status != status)) {
            saga_free(saga);
            result = status_make(STATUS_DATA_LOSS, "it is not what the index says");
        }
        if (!status_ok(result))
            result = status_make(result.code, "sagas: saga %llu: %s", (unsigned long long)number,
                                 result.message);
        else
            result = add_open(gateway, saga);
    }
    arena_destroy(&arena);
    return result;
}

static struct status add_status(struct gateway *gateway, struct batch *batch, uint8_t status)
{
    struct bytes to = saga_status_key(batch->to, status + 1, 0);
    uint64_t next = 0;

    do {
        struct scan scan = {.family = FAMILY_SAGA_INDEX,
                            .from = saga_status_key(batch->from, status, next),
                            .to = to,
                            .bulk = true};
        batch->count = 0;
        TRY(engine_scan(gateway->engine, &scan, take_key, batch));
        TRY(add_batch(gateway, batch, status));
        if (batch->count > 0)
            next = get_u64_big_endian(batch->keys[batch->count - 1]) + 1;
    } while (batch->count == ROWS_AT_ONCE);
    return OK;
}

static bool take_newest(void *context, struct bytes key, struct bytes value)
{
    (void)value;
    *(uint64_t *)context = get_u64_big_endian(key.data);
    return false;
}

static struct status add_all(struct gateway *gateway)
{
    static const Sagabase__V1__SagaStatus open[] = {
        SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING,
        SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATING,
        SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED,
    };
    struct batch *batch = calloc(1, sizeof *batch);
    struct status status =
        batch ? OK : status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory");

    for (size_t i = 0; i < sizeof open / sizeof *open && status_ok(status); i++)
        status = add_status(gateway, batch, (uint8_t)open[i]);
    free(batch);
    return status;
}

struct status gateway_recover(struct gateway *gateway)
{
    struct scan newest = {.family = FAMILY_SAGAS, .backwards = true};
    uint64_t number = 0;

    TRY(find_secret(gateway));
    TRY(definitions_load(&gateway->definitions, gateway->engine));
    TRY(engine_scan(gateway->engine, &newest, take_newest, &number));
    gateway->next_number = number + 1;
    TRY(add_all(gateway));
    atomic_store(&gateway->open.counts.due_us, due_heap_first_us(&gateway->open.due));
    if (number > 0)
        log_line(LOG_INFO, "sagas", "recovered", "open=%llu started=%llu memory=%zu",
                 (unsigned long long)atomic_load(&gateway->open.counts.open),
                 (unsigned long long)number, atomic_load(&gateway->open.counts.bytes));
    return OK;
}
