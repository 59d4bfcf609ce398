#include "tests/support/saga_recipe.h"

#include <assert.h>
#include <stdio.h>

void recipe_init(struct recipe *recipe, const char *type)
{
    arena_init(&recipe->arena, 16 << 20);
    recipe->definition = (Sagabase__V1__SagaDefinition)SAGABASE__V1__SAGA_DEFINITION__INIT;
    recipe->definition.type = (char *)type;
}

void recipe_destroy(struct recipe *recipe)
{
    arena_destroy(&recipe->arena);
}

static void *make(struct recipe *recipe, const ProtobufCMessageDescriptor *type)
{
    void *message = arena_alloc(&recipe->arena, type->sizeof_message);

    assert(message);
    protobuf_c_message_init(type, message);
    return message;
}

void recipe_append(struct recipe *recipe, void *list, size_t *count, void *element)
{
    void ***elements = list;
    void **longer = arena_alloc(&recipe->arena, (*count + 1) * sizeof *longer);

    assert(longer);
    if (*count > 0)
        memcpy(longer, *elements, *count * sizeof *longer);
    longer[(*count)++] = element;
    *elements = longer;
}

Sagabase__V1__Block *recipe_block(struct recipe *recipe, const char *name)
{
    Sagabase__V1__Block *block = make(recipe, &sagabase__v1__block__descriptor);

    block->name = (char *)name;
    recipe_append(recipe, &recipe->definition.blocks, &recipe->definition.n_blocks, block);
    return block;
}

Sagabase__V1__Node *recipe_node(struct recipe *recipe, Sagabase__V1__Block *block, const char *name)
{
    Sagabase__V1__Node *node = make(recipe, &sagabase__v1__node__descriptor);

    node->name = (char *)name;
    if (block)
        recipe_append(recipe, &block->nodes, &block->n_nodes, node);
    else
        recipe_append(recipe, &recipe->definition.nodes, &recipe->definition.n_nodes, node);
    return node;
}

static Sagabase__V1__CommandTarget *target(struct recipe *recipe, const char *type)
{
    Sagabase__V1__CommandTarget *made = make(recipe, &sagabase__v1__command_target__descriptor);

    made->queue = (char *)"work";
    made->type = (char *)type;
    return made;
}

static Sagabase__V1__Step *bare_step(struct recipe *recipe, Sagabase__V1__Block *block,
                                     const char *name)
{
    Sagabase__V1__Node *node = recipe_node(recipe, block, name);

    node->kind_case = SAGABASE__V1__NODE__KIND_STEP;
    node->step = make(recipe, &sagabase__v1__step__descriptor);
    node->step->action = target(recipe, "Do");
    node->step->timeouts = make(recipe, &sagabase__v1__step_timeouts__descriptor);
    node->step->timeouts->start_to_close_ms = 30000;
    return node->step;
}

Sagabase__V1__Step *recipe_step(struct recipe *recipe, Sagabase__V1__Block *block, const char *name)
{
    Sagabase__V1__Step *step = bare_step(recipe, block, name);

    step->compensation = target(recipe, "Undo");
    return step;
}

Sagabase__V1__Step *recipe_pivot(struct recipe *recipe, const char *name)
{
    Sagabase__V1__Step *step = bare_step(recipe, NULL, name);

    step->kind = SAGABASE__V1__STEP_KIND__STEP_KIND_PIVOT;
    return step;
}

Sagabase__V1__Step *recipe_retriable(struct recipe *recipe, Sagabase__V1__Block *block,
                                     const char *name)
{
    Sagabase__V1__Step *step = bare_step(recipe, block, name);

    step->kind = SAGABASE__V1__STEP_KIND__STEP_KIND_RETRIABLE;
    return step;
}

Sagabase__V1__RetryPolicy *recipe_retry(struct recipe *recipe, uint32_t attempts,
                                        int64_t initial_ms)
{
    Sagabase__V1__RetryPolicy *retry = make(recipe, &sagabase__v1__retry_policy__descriptor);

    retry->maximum_attempts = attempts;
    retry->initial_interval_ms = initial_ms;
    return retry;
}

/* --- nodes that are no steps ------------------------------------------------------------- */

Sagabase__V1__Parallel *recipe_parallel(struct recipe *recipe, Sagabase__V1__Block *block,
                                        const char *name)
{
    Sagabase__V1__Node *node = recipe_node(recipe, block, name);

    node->kind_case = SAGABASE__V1__NODE__KIND_PARALLEL;
    node->parallel = make(recipe, &sagabase__v1__parallel__descriptor);
    return node->parallel;
}

void recipe_branch(struct recipe *recipe, Sagabase__V1__Parallel *parallel, const char *branch)
{
    recipe_append(recipe, &parallel->branches, &parallel->n_branches, (char *)branch);
}

Sagabase__V1__Choice *recipe_choice(struct recipe *recipe, Sagabase__V1__Block *block,
                                    const char *name)
{
    Sagabase__V1__Node *node = recipe_node(recipe, block, name);

    node->kind_case = SAGABASE__V1__NODE__KIND_CHOICE;
    node->choice = make(recipe, &sagabase__v1__choice__descriptor);
    return node->choice;
}

static Sagabase__V1__Condition *condition(struct recipe *recipe, const char *attribute,
                                          Sagabase__V1__Comparison comparison, const char *value)
{
    Sagabase__V1__Condition *made = make(recipe, &sagabase__v1__condition__descriptor);

    made->attribute = (char *)attribute;
    made->comparison = comparison;
    if (value)
        recipe_append(recipe, &made->values, &made->n_values, (char *)value);
    return made;
}

void recipe_case(struct recipe *recipe, Sagabase__V1__Choice *choice, const char *attribute,
                 Sagabase__V1__Comparison comparison, const char *value, const char *taken)
{
    Sagabase__V1__ChoiceCase *one = make(recipe, &sagabase__v1__choice_case__descriptor);

    one->block = (char *)taken;
    recipe_append(recipe, &one->conditions, &one->n_conditions,
                  condition(recipe, attribute, comparison, value));
    recipe_append(recipe, &choice->cases, &choice->n_cases, one);
}

Sagabase__V1__Loop *recipe_loop(struct recipe *recipe, Sagabase__V1__Block *block, const char *name,
                                const char *body, const char *attribute, const char *value,
                                uint32_t iterations)
{
    Sagabase__V1__Node *node = recipe_node(recipe, block, name);

    node->kind_case = SAGABASE__V1__NODE__KIND_LOOP;
    node->loop = make(recipe, &sagabase__v1__loop__descriptor);
    node->loop->block = (char *)body;
    node->loop->maximum_iterations = iterations;
    recipe_append(recipe, &node->loop->repeat_while, &node->loop->n_repeat_while,
                  condition(recipe, attribute, SAGABASE__V1__COMPARISON__COMPARISON_EQUAL, value));
    return node->loop;
}

Sagabase__V1__Timer *recipe_timer(struct recipe *recipe, Sagabase__V1__Block *block,
                                  const char *name, int64_t delay_ms)
{
    Sagabase__V1__Node *node = recipe_node(recipe, block, name);

    node->kind_case = SAGABASE__V1__NODE__KIND_TIMER;
    node->timer = make(recipe, &sagabase__v1__timer__descriptor);
    node->timer->delay_ms = delay_ms;
    return node->timer;
}

Sagabase__V1__WaitEvent *recipe_wait(struct recipe *recipe, Sagabase__V1__Block *block,
                                     const char *name, const char *event)
{
    Sagabase__V1__Node *node = recipe_node(recipe, block, name);

    node->kind_case = SAGABASE__V1__NODE__KIND_WAIT_EVENT;
    node->wait_event = make(recipe, &sagabase__v1__wait_event__descriptor);
    node->wait_event->event = (char *)event;
    return node->wait_event;
}

Sagabase__V1__Approval *recipe_approval(struct recipe *recipe, Sagabase__V1__Block *block,
                                        const char *name)
{
    Sagabase__V1__Node *node = recipe_node(recipe, block, name);

    node->kind_case = SAGABASE__V1__NODE__KIND_APPROVAL;
    node->approval = make(recipe, &sagabase__v1__approval__descriptor);
    return node->approval;
}

/* --- done ------------------------------------------------------------------------------------ */

struct bytes recipe_pack(struct recipe *recipe)
{
    size_t size = sagabase__v1__saga_definition__get_packed_size(&recipe->definition);
    uint8_t *packed = arena_alloc(&recipe->arena, size + 1);

    assert(packed);
    sagabase__v1__saga_definition__pack(&recipe->definition, packed);
    return bytes_of(packed, size);
}

struct definition *recipe_definition(struct recipe *recipe)
{
    struct definition *definition = NULL;
    struct status status = definition_create(recipe_pack(recipe), 1, 1000, &definition);

    if (!status_ok(status))
        fprintf(stderr, "definition: %s\n", status.message);
    assert(status_ok(status));
    return definition;
}
