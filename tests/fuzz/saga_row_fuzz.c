/* Any bytes as the row of a saga, with a checksum that fits: it is damaged, or a state that keeps
 * its rules, can be told of and written again. */
#include <stdlib.h>

#include "base/hash.h"
#include "sagabase/storage/saga_row.pb-c.h"
#include "server/sagas/saga.h"
#include "server/sagas/transition.h"
#include "tests/fuzz/input.h"
#include "tests/support/saga_recipe.h"

enum { ARENA_BYTES_MAX = 64 << 20 };

static const struct command_secret secret = {{7}};

/* Made once. One node of each kind; the rows of corpus/saga_row are of this one. */
static struct definition *definition(void)
{
    static struct definition *made;
    struct recipe recipe;

    if (made)
        return made;
    recipe_init(&recipe, "order");
    recipe_step(&recipe, NULL, "a");
    Sagabase__V1__Parallel *parallel = recipe_parallel(&recipe, NULL, "both");
    recipe_branch(&recipe, parallel, "left");
    recipe_branch(&recipe, parallel, "right");
    recipe_step(&recipe, recipe_block(&recipe, "left"), "l");
    recipe_wait(&recipe, recipe_block(&recipe, "right"), "w", "paid");
    recipe_loop(&recipe, NULL, "often", "body", "x.code", "more", 3);
    recipe_step(&recipe, recipe_block(&recipe, "body"), "x");
    recipe_timer(&recipe, NULL, "nap", 1000);
    recipe_pivot(&recipe, "p");
    recipe_retriable(&recipe, NULL, "r");
    made = recipe_definition(&recipe);
    recipe_destroy(&recipe);
    return made;
}

/* The row is written by hand: protobuf-c would write the same. */
static void repack(struct bytes row)
{
    size_t size = row.size - 8;
    Sagabase__Storage__SagaRow *message = sagabase__storage__saga_row__unpack(NULL, size, row.data);
    uint8_t *packed = malloc(size);

    FUZZ_REQUIRE(message && packed);
    FUZZ_REQUIRE(sagabase__storage__saga_row__get_packed_size(message) == size);
    sagabase__storage__saga_row__pack(message, packed);
    FUZZ_REQUIRE(memcmp(packed, row.data, size) == 0);
    free(packed);
    sagabase__storage__saga_row__free_unpacked(message, NULL);
}

static void look_at(struct saga *saga, struct arena *arena)
{
    Sagabase__V1__GetSagaResponse response = SAGABASE__V1__GET_SAGA_RESPONSE__INIT;
    Sagabase__V1__Command command;
    struct bytes row, again;
    struct saga *twin;

    saga_assert_invariant(saga);
    saga_due_us(saga);
    FUZZ_REQUIRE(status_ok(saga_describe(saga, &secret, arena, &response)));
    for (uint32_t i = 0; i < saga->activity_count; i++)
        if (response.activities[i]->queue[0] != 0)
            FUZZ_REQUIRE(status_ok(saga_command(saga, i, &secret, arena, &command)));
    FUZZ_REQUIRE(status_ok(saga_encode(saga, arena, &row)));
    FUZZ_REQUIRE(status_ok(saga_decode(row, definition(), &twin)));
    FUZZ_REQUIRE(status_ok(saga_encode(twin, arena, &again)) && bytes_equal(row, again));
    repack(row);
    saga_free(twin);
}

static void decode(struct bytes row)
{
    struct arena arena;
    struct bytes type;
    struct saga *saga;
    uint32_t version;

    arena_init(&arena, ARENA_BYTES_MAX);
    struct status status = saga_row_definition(row, &arena, &type, &version);
    FUZZ_REQUIRE(status_ok(status) || status.code == STATUS_DATA_LOSS);
    status = saga_decode(row, definition(), &saga);
    FUZZ_REQUIRE(status_ok(status) || status.code == STATUS_DATA_LOSS);
    if (status_ok(status)) {
        look_at(saga, &arena);
        saga_free(saga);
    }
    arena_destroy(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *row = malloc(size + 8);

    FUZZ_REQUIRE(row);
    if (size > 0)
        memcpy(row, data, size);
    decode(bytes_of(row, size));
    put_u64_little_endian(row + size, checksum_bytes(bytes_of(row, size)));
    decode(bytes_of(row, size + 8));
    free(row);
    return 0;
}
