#include "tests/sagas/plays.h"

#include <assert.h>
#include <string.h>

const char *const play_types[PLAYS] = {"line", "pivot", "fork", "race"};
const char *const play_queues[QUEUES] = {"north", "south", "east"};

enum { NODES_MAX = 8 };

static void *make(struct arena *arena, const ProtobufCMessageDescriptor *type)
{
    void *message = arena_alloc(arena, type->sizeof_message);

    assert(message);
    type->message_init(message);
    return message;
}

static Sagabase__V1__CommandTarget *target(struct arena *arena, const char *name, char *type)
{
    Sagabase__V1__CommandTarget *made = make(arena, &sagabase__v1__command_target__descriptor);

    made->queue = (char *)play_queues[(size_t)name[0] % QUEUES];
    made->type = type;
    return made;
}

static Sagabase__V1__RetryPolicy *retry(struct arena *arena, uint32_t attempts)
{
    Sagabase__V1__RetryPolicy *made = make(arena, &sagabase__v1__retry_policy__descriptor);

    made->initial_interval_ms = 10;
    made->maximum_interval_ms = 100;
    made->maximum_attempts = attempts;
    made->jitter = SAGABASE__V1__JITTER__JITTER_FULL;
    return made;
}

static Sagabase__V1__Node *node(struct arena *arena, const char *name)
{
    Sagabase__V1__Node *made = make(arena, &sagabase__v1__node__descriptor);

    made->name = (char *)name;
    return made;
}

/* What it is follows from its name: see oracle.h. */
static Sagabase__V1__Node *step(struct arena *arena, const char *name)
{
    Sagabase__V1__Node *made = node(arena, name);
    Sagabase__V1__Step *step = make(arena, &sagabase__v1__step__descriptor);

    made->kind_case = SAGABASE__V1__NODE__KIND_STEP;
    made->step = step;
    step->action = target(arena, name, "Do");
    step->retry = retry(arena, name[0] == 'r' ? 0 : 4);
    step->timeouts = make(arena, &sagabase__v1__step_timeouts__descriptor);
    step->timeouts->start_to_close_ms = START_TO_CLOSE_MS;
    if (name[0] == 'p') {
        step->kind = SAGABASE__V1__STEP_KIND__STEP_KIND_PIVOT;
    } else if (name[0] == 'r') {
        step->kind = SAGABASE__V1__STEP_KIND__STEP_KIND_RETRIABLE;
    } else if (name[0] == 'q') {
        step->nothing_to_undo = true;
    } else {
        step->compensation = target(arena, name, "Undo");
        step->compensation_retry = retry(arena, 0);
    }
    return made;
}

static Sagabase__V1__Node **list(struct arena *arena, size_t *count,
                                 Sagabase__V1__Node *const *nodes)
{
    Sagabase__V1__Node **made = arena_alloc(arena, NODES_MAX * sizeof *made);

    assert(made);
    for (*count = 0; nodes[*count]; ++*count)
        made[*count] = nodes[*count];
    return made;
}

static Sagabase__V1__Block *block(struct arena *arena, const char *name,
                                  Sagabase__V1__Node *const *nodes)
{
    Sagabase__V1__Block *made = make(arena, &sagabase__v1__block__descriptor);

    made->name = (char *)name;
    made->nodes = list(arena, &made->n_nodes, nodes);
    return made;
}

static Sagabase__V1__Node *parallel(struct arena *arena, const char *name, Sagabase__V1__Join join,
                                    Sagabase__V1__OnFailure on_failure)
{
    static char *branches[] = {"left", "right"};
    Sagabase__V1__Node *made = node(arena, name);

    made->kind_case = SAGABASE__V1__NODE__KIND_PARALLEL;
    made->parallel = make(arena, &sagabase__v1__parallel__descriptor);
    made->parallel->n_branches = 2;
    made->parallel->branches = branches;
    made->parallel->join = join;
    made->parallel->on_failure = on_failure;
    return made;
}

/* A wait that ends by itself, and a loop that mostly ends before its limit. */
static Sagabase__V1__Node *wait(struct arena *arena, const char *name)
{
    Sagabase__V1__Node *made = node(arena, name);

    made->kind_case = SAGABASE__V1__NODE__KIND_WAIT_EVENT;
    made->wait_event = make(arena, &sagabase__v1__wait_event__descriptor);
    made->wait_event->event = "go";
    made->wait_event->timeout_ms = 300;
    made->wait_event->on_timeout = SAGABASE__V1__ON_TIMEOUT__ON_TIMEOUT_CONTINUE;
    return made;
}

static Sagabase__V1__Node *loop(struct arena *arena, const char *name)
{
    static char *yes[] = {"yes"};
    Sagabase__V1__Node *made = node(arena, name);
    Sagabase__V1__Condition *condition = make(arena, &sagabase__v1__condition__descriptor);
    Sagabase__V1__Condition **conditions = arena_alloc(arena, sizeof(Sagabase__V1__Condition *));

    assert(conditions);
    conditions[0] = condition;
    condition->attribute = "again";
    condition->comparison = SAGABASE__V1__COMPARISON__COMPARISON_EQUAL;
    condition->n_values = 1;
    condition->values = yes;
    made->kind_case = SAGABASE__V1__NODE__KIND_LOOP;
    made->loop = make(arena, &sagabase__v1__loop__descriptor);
    made->loop->block = "body";
    made->loop->n_repeat_while = 1;
    made->loop->repeat_while = conditions;
    made->loop->maximum_iterations = 4;
    return made;
}

static Sagabase__V1__Block **blocks(struct arena *arena, size_t *count,
                                    Sagabase__V1__Block *const *some)
{
    Sagabase__V1__Block **made = arena_alloc(arena, NODES_MAX * sizeof *made);

    assert(made);
    for (*count = 0; some[*count]; ++*count)
        made[*count] = some[*count];
    return made;
}

#define NODES(...)  ((Sagabase__V1__Node *[]){__VA_ARGS__, NULL})
#define BLOCKS(...) ((Sagabase__V1__Block *[]){__VA_ARGS__, NULL})

static void fill(size_t number, struct arena *a, Sagabase__V1__SagaDefinition *made)
{
    switch (number) {
    case 0:
        made->nodes =
            list(a, &made->n_nodes, NODES(step(a, "a"), step(a, "b"), step(a, "q"), step(a, "c")));
        break;
    case 1:
        made->nodes =
            list(a, &made->n_nodes,
                 NODES(step(a, "a"), step(a, "b"), step(a, "p"), step(a, "r1"), step(a, "r2")));
        break;
    case 2:
        made->nodes = list(a, &made->n_nodes,
                           NODES(step(a, "a"),
                                 parallel(a, "both", SAGABASE__V1__JOIN__JOIN_ALL,
                                          SAGABASE__V1__ON_FAILURE__ON_FAILURE_WAIT),
                                 step(a, "f")));
        made->blocks = blocks(a, &made->n_blocks,
                              BLOCKS(block(a, "left", NODES(step(a, "b"), step(a, "c"))),
                                     block(a, "right", NODES(step(a, "d"), step(a, "q")))));
        break;
    default:
        made->nodes = list(a, &made->n_nodes,
                           NODES(parallel(a, "either", SAGABASE__V1__JOIN__JOIN_ANY,
                                          SAGABASE__V1__ON_FAILURE__ON_FAILURE_CANCEL),
                                 wait(a, "go"), loop(a, "again"), step(a, "e")));
        made->blocks = blocks(a, &made->n_blocks,
                              BLOCKS(block(a, "left", NODES(step(a, "b"))),
                                     block(a, "right", NODES(step(a, "c"))),
                                     block(a, "body", NODES(step(a, "d")))));
        break;
    }
}

Sagabase__V1__SagaDefinition *play(size_t number, struct arena *arena)
{
    Sagabase__V1__SagaDefinition *made = make(arena, &sagabase__v1__saga_definition__descriptor);

    made->type = (char *)play_types[number];
    made->withdraw_after_ms = 400;
    fill(number, arena, made);
    return made;
}
