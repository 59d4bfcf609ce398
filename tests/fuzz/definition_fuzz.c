/* Any bytes as a definition: it is refused with a reason, or a saga of it can be started and,
 * answered honestly, goes on without breaking a rule. */
#include <stdlib.h>

#include "server/sagas/limits.h"
#include "tests/fuzz/input.h"
#include "tests/support/saga_run.h"

enum { REPLIES_MAX = 40, VALIDATION_BYTES_MAX = 64 << 20 };

/* What validation says is the same whoever asks. */
static void validate(struct bytes stored, bool made)
{
    const struct definition_problem *problems;
    size_t count = 0;
    struct arena arena;
    Sagabase__V1__SagaDefinition *source =
        sagabase__v1__saga_definition__unpack(NULL, stored.size, stored.data);

    if (!source) {
        FUZZ_REQUIRE(!made);
        return;
    }
    arena_init(&arena, VALIDATION_BYTES_MAX);
    FUZZ_REQUIRE(status_ok(definition_validate(source, &arena, &problems, &count)));
    FUZZ_REQUIRE(count <= DEFINITION_PROBLEMS_MAX);
    FUZZ_REQUIRE(made == (count == 0));
    for (size_t i = 0; i < count; i++)
        FUZZ_REQUIRE(problems[i].path[0] != 0 && problems[i].message[0] != 0);
    arena_destroy(&arena);
    sagabase__v1__saga_definition__free_unpacked(source, NULL);
}

static void answer_all(struct saga_run *run)
{
    for (unsigned turn = 0; turn < REPLIES_MAX && !saga_has_ended(run->saga); turn++) {
        for (uint32_t i = 0; i < run->saga->activity_count; i++) {
            const struct activity *at = &run->saga->activities[i];
            const Sagabase__V1__Node *node = run->definition->nodes[at->node].source;
            if (at->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_OPEN &&
                node->kind_case == SAGABASE__V1__NODE__KIND_STEP) {
                saga_run_succeed(run, node->name);
                break;
            }
        }
        if (saga_due_us(run->saga) != INT64_MAX)
            saga_run_wait(run, (saga_due_us(run->saga) - run->now_us) / 1000);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct definition *definition = NULL;
    struct saga_run run;
    struct status status = definition_create(bytes_of(data, size), 1, 0, &definition);

    if (size <= DEFINITION_BYTES_MAX && size > 0)
        validate(bytes_of(data, size), status_ok(status));
    if (!status_ok(status)) {
        FUZZ_REQUIRE(status.code == STATUS_INVALID_ARGUMENT && status.message[0] != 0);
        return 0;
    }
    saga_run_init(&run, definition);
    FUZZ_REQUIRE(status_ok(saga_run_start(&run)));
    answer_all(&run);
    saga_run_destroy(&run);
    return 0;
}
