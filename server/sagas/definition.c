#include "server/sagas/definition.h"

#include <assert.h>
#include <sodium/crypto_hash_sha256.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "server/sagas/definition_check.h"
#include "server/sagas/limits.h"
#include "server/wire/unpack.h"

enum { DEFINITION_MEMORY_MAX = 64 << 20 };

_Static_assert(DEFINITION_HASH_BYTES == crypto_hash_sha256_BYTES, "the hash is SHA-256");

struct kept_definition {
    struct definition definition;
    struct arena arena;
    atomic_uint references;
};

size_t node_references(const Sagabase__V1__Node *node, const char *names[REFERENCES_MAX + 1])
{
    size_t count = 0;

    switch (node->kind_case) {
    case SAGABASE__V1__NODE__KIND_PARALLEL:
        for (; count < node->parallel->n_branches && count < REFERENCES_MAX; count++)
            names[count] = node->parallel->branches[count];
        return count;
    case SAGABASE__V1__NODE__KIND_CHOICE:
        for (; count < node->choice->n_cases && count < REFERENCES_MAX; count++)
            names[count] = node->choice->cases[count]->block;
        names[count++] = node->choice->otherwise;
        return count;
    case SAGABASE__V1__NODE__KIND_LOOP:
        names[0] = node->loop->block;
        return 1;
    default:
        return 0;
    }
}

static uint16_t find_block(const Sagabase__V1__SagaDefinition *source, const char *name)
{
    for (uint16_t i = 0; i < source->n_blocks && name[0] != 0; i++)
        if (strcmp(source->blocks[i]->name, name) == 0)
            return i;
    return NODE_NONE;
}

uint16_t outline_find(const struct outline *outline, const char *name)
{
    for (uint16_t i = 0; i < outline->node_count; i++)
        if (strcmp(outline->nodes[i].source->name, name) == 0)
            return i;
    return NODE_NONE;
}

static void add_sequence(struct outline *outline, Sagabase__V1__Node **nodes, size_t count,
                         uint16_t source_block)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t index = outline->node_count++;
        outline->source_blocks[index] = source_block;
        outline->nodes[index] = (struct node){
            .name = bytes_of_text(nodes[i]->name),
            .source = nodes[i],
            .parent = NODE_NONE,
            .next = i + 1 < count ? index + 1 : NODE_NONE,
        };
    }
}

/* Gives the node its blocks; those nobody has named before belong to it. */
static struct status resolve(struct outline *outline, uint16_t index, struct arena *arena)
{
    struct node *node = &outline->nodes[index];
    const char *names[REFERENCES_MAX + 1];
    size_t count = node_references(node->source, names);

    if (count == 0)
        return OK;
    uint16_t *blocks = arena_alloc(arena, count * sizeof *blocks);
    const char **kept_names = arena_alloc(arena, count * sizeof *kept_names);
    if (!blocks || !kept_names)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "definition: too large");
    for (uint16_t i = 0; i < count; i++) {
        uint16_t block = find_block(outline->source, names[i]);
        kept_names[i] = names[i];
        blocks[i] = NODE_NONE;
        if (block == NODE_NONE)
            continue;
        blocks[i] = outline->blocks[block].first;
        if (outline->blocks[block].owner == NODE_NONE) {
            outline->blocks[block].owner = index;
            outline->blocks[block].ordinal = i;
        }
    }
    node->blocks = blocks;
    node->block_names = kept_names;
    node->block_count = (uint16_t)count;
    return OK;
}

struct status outline_make(const Sagabase__V1__SagaDefinition *source, struct arena *arena,
                           struct outline *outline)
{
    size_t count = source->n_nodes;

    for (size_t i = 0; i < source->n_blocks; i++)
        count += source->blocks[i]->n_nodes;
    assert(count <= DEFINITION_NODES_MAX && source->n_blocks <= DEFINITION_BLOCKS_MAX);
    *outline = (struct outline){
        .source = source,
        .nodes = arena_alloc(arena, (count + 1) * sizeof *outline->nodes),
        .source_blocks = arena_alloc(arena, (count + 1) * sizeof *outline->source_blocks),
        .blocks = arena_alloc(arena, (source->n_blocks + 1) * sizeof *outline->blocks),
    };
    if (!outline->nodes || !outline->source_blocks || !outline->blocks)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "definition: too large");
    add_sequence(outline, source->nodes, source->n_nodes, NODE_NONE);
    for (uint16_t i = 0; i < source->n_blocks; i++) {
        const Sagabase__V1__Block *block = source->blocks[i];
        uint16_t first = block->n_nodes ? outline->node_count : NODE_NONE;
        outline->blocks[i] = (struct block_use){first, NODE_NONE, 0};
        add_sequence(outline, block->nodes, block->n_nodes, i);
    }
    for (uint16_t i = 0; i < outline->node_count; i++)
        TRY(resolve(outline, i, arena));
    for (uint16_t i = 0; i < outline->node_count; i++)
        if (outline->source_blocks[i] != NODE_NONE) {
            outline->nodes[i].parent = outline->blocks[outline->source_blocks[i]].owner;
            outline->nodes[i].block = outline->blocks[outline->source_blocks[i]].ordinal;
        }
    return OK;
}

/* --- a definition that is kept ----------------------------------------------------------- */

bool node_may_set_code(const struct node *node)
{
    return node->source->kind_case == SAGABASE__V1__NODE__KIND_WAIT_EVENT &&
           node->source->wait_event->on_timeout == SAGABASE__V1__ON_TIMEOUT__ON_TIMEOUT_CONTINUE;
}

static uint16_t count_timeout_codes(const struct outline *outline)
{
    uint16_t count = 0;

    for (uint16_t i = 0; i < outline->node_count; i++)
        count += node_may_set_code(&outline->nodes[i]);
    return count;
}

static struct status fill(struct kept_definition *kept, struct bytes stored)
{
    struct definition *definition = &kept->definition;
    const struct definition_problem *problems;
    struct outline outline;
    size_t count;

    definition->stored = arena_copy(&kept->arena, stored);
    Sagabase__V1__SagaDefinition *source = NULL;
    if (definition->stored.data)
        source = (Sagabase__V1__SagaDefinition *)unpack_within(
            &sagabase__v1__saga_definition__descriptor, stored, &kept->arena, NULL);
    if (!source)
        return status_make(STATUS_INVALID_ARGUMENT, "definition: malformed, or too large");
    TRY(definition_validate(source, &kept->arena, &problems, &count));
    if (count > 0)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: %s", problems[0].path,
                           problems[0].message);
    TRY(outline_make(source, &kept->arena, &outline));
    definition->source = source;
    definition->nodes = outline.nodes;
    definition->node_count = outline.node_count;
    definition->timeout_codes = count_timeout_codes(&outline);
    crypto_hash_sha256(definition->hash, stored.data, stored.size);
    return OK;
}

struct status definition_create(struct bytes stored, uint32_t version, int64_t created_us,
                                struct definition **definition)
{
    if (stored.size == 0 || stored.size > DEFINITION_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "definition: 1 to %d bytes",
                           DEFINITION_BYTES_MAX);
    struct kept_definition *kept = calloc(1, sizeof *kept);
    if (!kept)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "definition: out of memory");
    arena_init(&kept->arena, DEFINITION_MEMORY_MAX);
    atomic_init(&kept->references, 1);
    kept->definition.version = version;
    kept->definition.created_us = created_us;
    struct status status = fill(kept, stored);
    if (!status_ok(status)) {
        definition_release(&kept->definition);
        return status;
    }
    *definition = &kept->definition;
    return OK;
}

struct definition *definition_acquire(struct definition *definition)
{
    struct kept_definition *kept = container_of(definition, struct kept_definition, definition);

    atomic_fetch_add_explicit(&kept->references, 1, memory_order_relaxed);
    return definition;
}

void definition_release(struct definition *definition)
{
    struct kept_definition *kept = container_of(definition, struct kept_definition, definition);
    unsigned references = atomic_fetch_sub_explicit(&kept->references, 1, memory_order_acq_rel);

    assert(references > 0);
    if (references > 1)
        return;
    arena_destroy(&kept->arena);
    free(kept);
}

uint16_t definition_find(const struct definition *definition, struct bytes name)
{
    for (uint16_t i = 0; i < definition->node_count; i++)
        if (bytes_equal(definition->nodes[i].name, name))
            return i;
    return NODE_NONE;
}
