/* Sagas as they are on disk: what is committed, by number and by name. Any thread. */
#include <stdlib.h>

#include "server/sagas/gateway_state.h"
#include "server/sagas/saga_keys.h"

/* A row of a saga that took all it may, and what reading it needs. */
enum { ROW_MEMORY_MAX = 16 << 20 };

struct status saga_rows_find(struct gateway *gateway, struct bytes type, struct bytes id,
                             uint64_t *number)
{
    uint8_t key[SAGA_NAME_KEY_BYTES], memory[64];
    struct bytes value;
    struct arena arena;

    *number = 0;
    if (type.size > SAGA_TYPE_BYTES_MAX || id.size > SAGA_ID_BYTES_MAX)
        return OK;
    arena_init_within(&arena, sizeof memory, memory, sizeof memory);
    struct status status =
        engine_get(gateway->engine, FAMILY_SAGA_IDS, saga_name_key(key, type, id), &arena, &value);
    if (status_ok(status) && value.data) {
        if (value.size == SAGA_NAME_VALUE_BYTES && value.data[0] == SAGA_NAME_VERSION)
            *number = get_u64_little_endian(value.data + 1);
        else
            status = status_make(STATUS_DATA_LOSS, "saga_ids: damaged entry");
    }
    arena_destroy(&arena);
    return status;
}

struct status saga_rows_decode(struct gateway *gateway, struct bytes row, struct saga **saga)
{
    struct definition *definition;
    struct bytes type;
    struct arena arena;
    uint32_t version;
    bool is_default;

    arena_init(&arena, ROW_MEMORY_MAX);
    struct status status = saga_row_definition(row, &arena, &type, &version);
    if (status_ok(status)) {
        definition = definitions_get(&gateway->definitions, type, version, &is_default);
        status = definition ? saga_decode(row, definition, saga)
                            : status_make(STATUS_DATA_LOSS, "%.*s: no definition %u",
                                          (int)type.size, (const char *)type.data, version);
        if (definition)
            definition_release(definition);
    }
    arena_destroy(&arena);
    return status;
}

struct status saga_rows_read(struct gateway *gateway, uint64_t number, struct saga **saga)
{
    uint8_t key[SAGA_NUMBER_BYTES];
    struct bytes row;
    struct arena arena;

    arena_init(&arena, ROW_MEMORY_MAX);
    struct status status =
        engine_get(gateway->engine, FAMILY_SAGAS, saga_number_key(key, number), &arena, &row);
    if (status_ok(status))
        status = row.data ? saga_rows_decode(gateway, row, saga)
                          : status_make(STATUS_NOT_FOUND, "saga %llu: there is none",
                                        (unsigned long long)number);
    arena_destroy(&arena);
    return status;
}

struct status gateway_get_saga_numbered(struct gateway *gateway, uint64_t number,
                                        struct saga **saga)
{
    return saga_rows_read(gateway, number, saga);
}

struct status gateway_get_saga(struct gateway *gateway, struct bytes type, struct bytes id,
                               struct saga **saga)
{
    uint64_t number;

    TRY(saga_rows_find(gateway, type, id, &number));
    if (number == 0)
        return status_make(STATUS_NOT_FOUND, "%.*s/%.*s: no such saga",
                           type.size < SAGA_TYPE_BYTES_MAX ? (int)type.size : SAGA_TYPE_BYTES_MAX,
                           (const char *)type.data, id.size < 100 ? (int)id.size : 100,
                           (const char *)id.data);
    return saga_rows_read(gateway, number, saga);
}
