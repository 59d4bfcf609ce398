/* What may come where: every block is reached, the pivot stands right, inputs come from before,
 * and loops cannot reach more nodes than a saga may have. */
#include <stdio.h>

#include "server/sagas/definition_check.h"
#include "server/sagas/limits.h"

/* Visits a sequence and all it holds, in the order of running. Each block has one owner, so this
 * is a tree, and it is no deeper than there are blocks. */
static void walk(struct check *check, uint16_t node, bool behind, uint16_t *turn)
{
    const struct outline *outline = &check->outline;

    for (; node != NODE_NONE; node = outline->nodes[node].next) {
        check->order[node] = (*turn)++;
        check->behind[node] = behind;
        for (uint16_t i = 0; i < outline->nodes[node].block_count; i++) {
            uint16_t first = outline->nodes[node].blocks[i];
            if (first != NODE_NONE && outline->nodes[first].parent == node &&
                outline->nodes[first].block == i)
                walk(check, first, behind, turn);
        }
        if (outline->nodes[node].parent == NODE_NONE && node == check->pivot)
            behind = true;
    }
}

static bool is_step(const struct node *node, Sagabase__V1__StepKind kind)
{
    return node->source->kind_case == SAGABASE__V1__NODE__KIND_STEP &&
           node->source->step->kind == kind;
}

static void find_pivot(struct check *check)
{
    const struct outline *outline = &check->outline;

    for (uint16_t i = 0; i < outline->node_count; i++) {
        struct place place = place_of_node(outline, i);
        place = place_within(&place, ".step.kind");
        if (!is_step(&outline->nodes[i], SAGABASE__V1__STEP_KIND__STEP_KIND_PIVOT))
            continue;
        if (outline->source_blocks[i] != NODE_NONE)
            check_report(check, &place,
                         "a pivot stands in the main sequence, not in a block: there is one "
                         "point of no return");
        else if (check->pivot != NODE_NONE)
            check_report(check, &place, "\"%.64s\" is the pivot already: there is at most one",
                         outline->nodes[check->pivot].source->name);
        else
            check->pivot = i;
    }
}

static void check_reached(struct check *check)
{
    const struct outline *outline = &check->outline;

    for (size_t i = 0; i < outline->source->n_blocks; i++) {
        const struct block_use *use = &outline->blocks[i];
        const char *name = outline->source->blocks[i]->name;
        struct place place;
        if (use->first == NODE_NONE || check->order[use->first] != NODE_NONE)
            continue;
        snprintf(place.text, sizeof place.text, "blocks[%zu]", i);
        if (use->owner == NODE_NONE)
            check_report(check, &place,
                         "never reached: no node names block \"%.64s\"; remove it, or name it in "
                         "a parallel, choice or loop",
                         name);
        else
            check_report(check, &place,
                         "never reached: only node \"%.64s\" names block \"%.64s\", and that is "
                         "not reached either; do blocks name each other in a circle?",
                         outline->nodes[use->owner].source->name, name);
    }
}

/* --- behind the pivot ----------------------------------------------------------------------- */

static void check_behind_pivot(struct check *check, uint16_t index)
{
    const Sagabase__V1__Node *node = check->outline.nodes[index].source;
    const char *pivot = check->outline.nodes[check->pivot].source->name;
    struct place place = place_of_node(&check->outline, index);

    if (node->kind_case == SAGABASE__V1__NODE__KIND_STEP &&
        node->step->kind != SAGABASE__V1__STEP_KIND__STEP_KIND_RETRIABLE &&
        node->step->kind != SAGABASE__V1__STEP_KIND__STEP_KIND_PIVOT) {
        place = place_within(&place, ".step.kind");
        check_report(check, &place,
                     "behind the pivot \"%.64s\" nothing is undone: steps must be RETRIABLE",
                     pivot);
    }
    if (node->kind_case == SAGABASE__V1__NODE__KIND_WAIT_EVENT &&
        node->wait_event->timeout_ms > 0 &&
        node->wait_event->on_timeout != SAGABASE__V1__ON_TIMEOUT__ON_TIMEOUT_CONTINUE) {
        place = place_within(&place, ".wait_event.on_timeout");
        check_report(check, &place,
                     "behind the pivot \"%.64s\" the saga cannot turn backward: must be CONTINUE",
                     pivot);
    }
    if (node->kind_case == SAGABASE__V1__NODE__KIND_APPROVAL) {
        place = place_within(&place, ".approval");
        check_report(check, &place,
                     "behind the pivot \"%.64s\" the saga cannot turn backward: put the approval "
                     "before it",
                     pivot);
    }
}

static void check_pivot_rules(struct check *check)
{
    const struct outline *outline = &check->outline;

    for (uint16_t i = 0; i < outline->node_count; i++) {
        if (check->behind[i]) {
            check_behind_pivot(check, i);
        } else if (is_step(&outline->nodes[i], SAGABASE__V1__STEP_KIND__STEP_KIND_RETRIABLE)) {
            struct place place = place_of_node(outline, i);
            place = place_within(&place, ".step.kind");
            check_report(check, &place,
                         "a RETRIABLE step stands behind the pivot, where nothing is undone: make "
                         "it COMPENSATABLE, or put a PIVOT before it");
        }
    }
}

/* --- inputs --------------------------------------------------------------------------------- */

static uint16_t depth_of(const struct outline *outline, uint16_t node)
{
    uint16_t depth = 0;

    for (; outline->nodes[node].parent != NODE_NONE; depth++)
        node = outline->nodes[node].parent;
    return depth;
}

/* The parallel or choice in whose different branches both are; else NODE_NONE. */
static uint16_t parted_by(const struct outline *outline, uint16_t a, uint16_t b)
{
    uint16_t depth_a = depth_of(outline, a), depth_b = depth_of(outline, b);

    while (a != b) {
        const struct node *node_a = &outline->nodes[a], *node_b = &outline->nodes[b];
        if (depth_a == depth_b && depth_a == 0)
            return NODE_NONE;
        if (depth_a == depth_b && node_a->parent == node_b->parent)
            return node_a->block != node_b->block ? node_a->parent : NODE_NONE;
        bool up_a = depth_a >= depth_b, up_b = depth_b >= depth_a;
        if (up_a) {
            a = node_a->parent;
            depth_a--;
        }
        if (up_b) {
            b = node_b->parent;
            depth_b--;
        }
    }
    return NODE_NONE;
}

static bool gives_output(const struct node *node)
{
    return node->source->kind_case == SAGABASE__V1__NODE__KIND_STEP ||
           node->source->kind_case == SAGABASE__V1__NODE__KIND_WAIT_EVENT ||
           node->source->kind_case == SAGABASE__V1__NODE__KIND_APPROVAL;
}

static void check_input(struct check *check, const struct place *place, uint16_t index,
                        const char *name)
{
    const struct outline *outline = &check->outline;
    uint16_t from = outline_find(outline, name);

    if (from == NODE_NONE) {
        check_report(check, place, "there is no node \"%.64s\"", name);
        return;
    }
    if (!gives_output(&outline->nodes[from])) {
        check_report(check, place,
                     "\"%.64s\" gives nothing: name a step, a wait_event or an approval", name);
        return;
    }
    if (check->order[from] == NODE_NONE || check->order[index] == NODE_NONE)
        return; /* said already */
    uint16_t parting = parted_by(outline, from, index);
    if (parting != NODE_NONE)
        check_report(check, place,
                     "\"%.64s\" is in another branch of \"%.64s\": name what comes before", name,
                     outline->nodes[parting].source->name);
    else if (check->order[from] >= check->order[index])
        check_report(check, place, "\"%.64s\" does not come before this step", name);
}

static void check_inputs(struct check *check, uint16_t index)
{
    const Sagabase__V1__Node *node = check->outline.nodes[index].source;
    struct place place = place_of_node(&check->outline, index);

    if (node->kind_case != SAGABASE__V1__NODE__KIND_STEP)
        return;
    for (size_t i = 0; i < node->step->n_inputs && i < SAGA_STEP_INPUTS_MAX; i++) {
        struct place item = place_within(&place, ".step.inputs[%zu]", i);
        check_input(check, &item, index, node->step->inputs[i]);
        for (size_t j = 0; j < i; j++)
            if (strcmp(node->step->inputs[j], node->step->inputs[i]) == 0) {
                check_report(check, &item, "named before: once is enough");
                break;
            }
    }
}

/* --- how many nodes a run may reach ----------------------------------------------------------- */

static uint64_t reach(const struct check *check, uint16_t node)
{
    const struct outline *outline = &check->outline;
    uint64_t sum = 0;

    for (; node != NODE_NONE; node = outline->nodes[node].next) {
        const struct node *at = &outline->nodes[node];
        uint64_t all = 0, most = 0;
        for (uint16_t i = 0; i < at->block_count; i++) {
            uint16_t first = at->blocks[i];
            if (first == NODE_NONE || outline->nodes[first].parent != node ||
                outline->nodes[first].block != i)
                continue;
            uint64_t inner = reach(check, first);
            all += inner;
            most = inner > most ? inner : most;
        }
        if (at->source->kind_case == SAGABASE__V1__NODE__KIND_CHOICE)
            all = most;
        if (at->source->kind_case == SAGABASE__V1__NODE__KIND_LOOP)
            all *= at->source->loop->maximum_iterations;
        sum += 1 + all;
        if (sum > UINT32_MAX) /* so that no product of loops overflows */
            sum = UINT32_MAX;
    }
    return sum;
}

void check_order(struct check *check)
{
    uint16_t turn = 0;

    for (uint16_t i = 0; i < check->outline.node_count; i++)
        check->order[i] = NODE_NONE;
    find_pivot(check);
    if (check->outline.source->n_nodes > 0)
        walk(check, 0, false, &turn);
    check_reached(check);
    check_pivot_rules(check);
    for (uint16_t i = 0; i < check->outline.node_count; i++)
        check_inputs(check, i);
    uint64_t reached = check->outline.source->n_nodes ? reach(check, 0) : 0;
    if (reached > SAGA_ACTIVITIES_MAX)
        check_report(check, &(struct place){"nodes"},
                     "a run may reach %llu nodes, each counted as often as loops repeat it; at "
                     "most %d: lower maximum_iterations, or split the saga",
                     (unsigned long long)reached, SAGA_ACTIVITIES_MAX);
}
