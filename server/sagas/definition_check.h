/* Checking definitions: what its files share. Internal to definition*.c. */
#ifndef SERVER_SAGAS_DEFINITION_CHECK_H
#define SERVER_SAGAS_DEFINITION_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "server/sagas/definition.h"

enum { DEFINITION_BLOCKS_MAX = 200, REFERENCES_MAX = 50 };

/* Who names a block: the first that does owns it. */
struct block_use {
    uint16_t first; /* node of the block; NODE_NONE: it has none */
    uint16_t owner; /* NODE_NONE: nobody names it */
    uint16_t ordinal;
};

/* A definition as an array of nodes, be it right or wrong: the main sequence, then block after
 * block. */
struct outline {
    const Sagabase__V1__SagaDefinition *source;
    struct node *nodes;
    uint16_t *source_blocks; /* of each node: index in source->blocks; NODE_NONE: main sequence */
    struct block_use *blocks;
    uint16_t node_count;
};

/* Where something is wrong. */
struct place {
    char text[256];
};

struct check {
    struct outline outline;
    struct definition_problem *problems;
    size_t count;

    /* By definition_order.c: of each node. */
    uint16_t *order; /* its turn in a walk through all blocks; NODE_NONE: never reached */
    bool *behind;    /* it comes behind the pivot */
    uint16_t pivot;
};

/* Resolves names. RESOURCE_EXHAUSTED: the arena is full. The source has at most
 * DEFINITION_NODES_MAX nodes and DEFINITION_BLOCKS_MAX blocks. */
struct status outline_make(const Sagabase__V1__SagaDefinition *source, struct arena *arena,
                           struct outline *outline);

uint16_t outline_find(const struct outline *outline, const char *name);

/* The names of blocks a node refers to, in order; at most REFERENCES_MAX + 1 of them. Of a choice:
 * its cases' blocks, then `otherwise`. An empty name: none. */
size_t node_references(const Sagabase__V1__Node *node, const char *names[REFERENCES_MAX + 1]);

void check_report(struct check *check, const struct place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "nodes[2]", or "blocks[1].nodes[2]". */
struct place place_of_node(const struct outline *outline, uint16_t node);
struct place place_within(const struct place *place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Each looks at one side of a definition and reports. */
void check_fields(struct check *check); /* definition_fields.c: every value by itself */
void check_order(struct check *check);  /* definition_order.c: what may come where */

#endif
