#include "server/sagas/definition_check.h"

#include <stdarg.h>
#include <stdio.h>

#include "server/sagas/limits.h"

void check_report(struct check *check, const struct place *place, const char *format, ...)
{
    va_list arguments;

    if (check->count == DEFINITION_PROBLEMS_MAX)
        return;
    struct definition_problem *problem = &check->problems[check->count++];
    memcpy(problem->path, place->text, sizeof problem->path);
    va_start(arguments, format);
    vsnprintf(problem->message, sizeof problem->message, format, arguments);
    va_end(arguments);
}

struct place place_within(const struct place *place, const char *format, ...)
{
    struct place inner = *place;
    size_t used = strlen(inner.text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(inner.text + used, sizeof inner.text - used, format, arguments);
    va_end(arguments);
    return inner;
}

struct place place_of_node(const struct outline *outline, uint16_t node)
{
    uint16_t block = outline->source_blocks[node];
    struct place place;

    if (block == NODE_NONE)
        snprintf(place.text, sizeof place.text, "nodes[%u]", node);
    else
        snprintf(place.text, sizeof place.text, "blocks[%u].nodes[%u]", block,
                 node - outline->blocks[block].first);
    return place;
}

/* Whether the rest can be looked at at all. */
static bool check_counts(struct check *check, const Sagabase__V1__SagaDefinition *source)
{
    size_t nodes = source->n_nodes;

    for (size_t i = 0; i < source->n_blocks; i++)
        nodes += source->blocks[i]->n_nodes;
    if (source->n_nodes == 0)
        check_report(check, &(struct place){"nodes"}, "required: name what is to be done");
    if (nodes > DEFINITION_NODES_MAX)
        check_report(check, &(struct place){"nodes"},
                     "%zu nodes with those of the blocks; at most %d: split the saga", nodes,
                     DEFINITION_NODES_MAX);
    if (source->n_blocks > DEFINITION_BLOCKS_MAX)
        check_report(check, &(struct place){"blocks"}, "%zu blocks; at most %d: split the saga",
                     source->n_blocks, DEFINITION_BLOCKS_MAX);
    return nodes <= DEFINITION_NODES_MAX && source->n_blocks <= DEFINITION_BLOCKS_MAX;
}

struct status definition_validate(const Sagabase__V1__SagaDefinition *source, struct arena *arena,
                                  const struct definition_problem **problems, size_t *count)
{
    struct check check = {.pivot = NODE_NONE};

    check.problems = arena_alloc_raw(arena, DEFINITION_PROBLEMS_MAX * sizeof *check.problems);
    if (!check.problems)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "definition: too large");
    if (check_counts(&check, source)) {
        TRY(outline_make(source, arena, &check.outline));
        check.order = arena_alloc(arena, DEFINITION_NODES_MAX * sizeof *check.order);
        check.behind = arena_alloc(arena, DEFINITION_NODES_MAX * sizeof *check.behind);
        if (!check.order || !check.behind)
            return status_make(STATUS_RESOURCE_EXHAUSTED, "definition: too large");
        check_fields(&check);
        check_order(&check);
    }
    *problems = check.problems;
    *count = check.count;
    return OK;
}
