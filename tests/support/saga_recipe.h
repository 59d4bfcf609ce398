/* Definitions of sagas for tests, made by a few calls. */
#ifndef TESTS_SUPPORT_SAGA_RECIPE_H
#define TESTS_SUPPORT_SAGA_RECIPE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "sagabase/v1/saga_definition.pb-c.h"
#include "server/sagas/definition.h"

/* Everything is in the arena; names are borrowed. */
struct recipe {
    struct arena arena;
    Sagabase__V1__SagaDefinition definition;
};

void recipe_init(struct recipe *recipe, const char *type);
void recipe_destroy(struct recipe *recipe);

/* Each adds to the end of a block, or of the main sequence if it is NULL. */
Sagabase__V1__Block *recipe_block(struct recipe *recipe, const char *name);
Sagabase__V1__Node *recipe_node(struct recipe *recipe, Sagabase__V1__Block *block,
                                const char *name);

/* A compensatable step with commands "Do" and "Undo" for the queue "work", and 30 s for each
 * attempt. */
Sagabase__V1__Step *recipe_step(struct recipe *recipe, Sagabase__V1__Block *block,
                                const char *name);
Sagabase__V1__Step *recipe_pivot(struct recipe *recipe, const char *name);
Sagabase__V1__Step *recipe_retriable(struct recipe *recipe, Sagabase__V1__Block *block,
                                     const char *name);

/* Retries: so many attempts, the next after initial_ms, then twice as long each. */
Sagabase__V1__RetryPolicy *recipe_retry(struct recipe *recipe, uint32_t attempts,
                                        int64_t initial_ms);

/* Branches, cases and blocks are added by name. */
Sagabase__V1__Parallel *recipe_parallel(struct recipe *recipe, Sagabase__V1__Block *block,
                                        const char *name);
void recipe_branch(struct recipe *recipe, Sagabase__V1__Parallel *parallel, const char *branch);
Sagabase__V1__Choice *recipe_choice(struct recipe *recipe, Sagabase__V1__Block *block,
                                    const char *name);
/* A case with one condition. */
void recipe_case(struct recipe *recipe, Sagabase__V1__Choice *choice, const char *attribute,
                 Sagabase__V1__Comparison comparison, const char *value, const char *taken);
Sagabase__V1__Loop *recipe_loop(struct recipe *recipe, Sagabase__V1__Block *block, const char *name,
                                const char *body, const char *attribute, const char *value,
                                uint32_t iterations);
Sagabase__V1__Timer *recipe_timer(struct recipe *recipe, Sagabase__V1__Block *block,
                                  const char *name, int64_t delay_ms);
Sagabase__V1__WaitEvent *recipe_wait(struct recipe *recipe, Sagabase__V1__Block *block,
                                     const char *name, const char *event);
Sagabase__V1__Approval *recipe_approval(struct recipe *recipe, Sagabase__V1__Block *block,
                                        const char *name);

/* Appends to a list of pointers in the arena. */
void recipe_append(struct recipe *recipe, void *list, size_t *count, void *element);

/* As it is stored; in the arena. */
struct bytes recipe_pack(struct recipe *recipe);

/* Version 1 of it. The caller releases it. Fails the test if it is not valid. */
struct definition *recipe_definition(struct recipe *recipe);

#endif
