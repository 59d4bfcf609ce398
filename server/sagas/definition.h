/* A definition, checked and made ready to be walked: a tree of nodes in one array.
 *
 * Immutable once it is made, so any thread may look at it; whoever keeps it holds a reference. */
#ifndef SERVER_SAGAS_DEFINITION_H
#define SERVER_SAGAS_DEFINITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"
#include "sagabase/v1/saga_definition.pb-c.h"

enum { DEFINITION_HASH_BYTES = 32, NODE_NONE = UINT16_MAX };

struct node {
    struct bytes name;
    const Sagabase__V1__Node *source; /* its kind and what belongs to it */
    uint16_t parent;                  /* the node whose block it is in; NODE_NONE: main sequence */
    uint16_t block;                   /* which of the parent's blocks */
    uint16_t next;                    /* behind it in its sequence; NODE_NONE: it is the last */

    /* Of parallel, choice and loop: the first node of each block. Of a choice: of each case,
     * then of `otherwise`, NODE_NONE if there is none. */
    const uint16_t *blocks;
    const char *const *block_names; /* of each */
    uint16_t block_count;
};

struct definition {
    const Sagabase__V1__SagaDefinition *source;
    struct bytes stored; /* its packed form */
    uint8_t hash[DEFINITION_HASH_BYTES];
    uint32_t version;
    int64_t created_us;
    const struct node *nodes; /* nodes[0] is the first of the main sequence */
    uint16_t node_count;
    uint16_t timeout_codes; /* nodes that may set the attribute "<node>.code" by themselves */
};

/* Whether it is one of these. */
bool node_may_set_code(const struct node *node);

struct definition_problem {
    char path[256];
    char message[512];
};

enum { DEFINITION_PROBLEMS_MAX = 100 };

/* Everything that is wrong with it, in the order of its fields; *count is at most
 * DEFINITION_PROBLEMS_MAX. The list is in `arena`. RESOURCE_EXHAUSTED: the arena is full. */
struct status definition_validate(const Sagabase__V1__SagaDefinition *source, struct arena *arena,
                                  const struct definition_problem **problems, size_t *count);

/* From the packed form, which is copied, with one reference. INVALID_ARGUMENT with the first
 * problem as "path: message". */
struct status definition_create(struct bytes stored, uint32_t version, int64_t created_us,
                                struct definition **definition);

struct definition *definition_acquire(struct definition *definition);
void definition_release(struct definition *definition);

/* Index of the node, or NODE_NONE. */
uint16_t definition_find(const struct definition *definition, struct bytes name);

#endif
