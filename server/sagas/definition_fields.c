/* Every field of a definition by itself: is it there, is it in its range, does what it names
 * exist? */
#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "server/sagas/definition_check.h"
#include "server/sagas/limits.h"

enum {
    NAME_BYTES_MAX = 64,
    QUEUE_BYTES_MAX = 100,
    TYPE_BYTES_MAX = 256,
    ATTRIBUTE_NAME_BYTES_MAX = 128,
    ATTRIBUTE_VALUE_BYTES_MAX = 256,
    CONDITIONS_MAX = 10,
    VALUES_MAX = 50,
    LIST_MAX = 50, /* branches, cases, principals */
    ERROR_TYPES_MAX = 32,
    ERROR_TYPE_BYTES_MAX = 128,
    DESCRIPTION_BYTES_MAX = 1000,
    ITERATIONS_MAX = 1000,
    ATTEMPTS_MAX = 1000000,
    TIMEOUT_CODES_MAX = SAGA_ATTRIBUTES_MAX / 4,
};

static const int64_t day_ms = INT64_C(24) * 3600 * 1000;
static const int64_t time_ms_max = SAGA_TIME_US_MAX / 1000;

static void check_name(struct check *check, const struct place *place, const char *name,
                       size_t bytes_max, const char *more)
{
    size_t size = strlen(name), good = 0;

    while (good < size && (isalnum((unsigned char)name[good]) || strchr(more, name[good]) != NULL))
        good++;
    if (size == 0)
        check_report(check, place, "required");
    else if (size > bytes_max || good < size)
        check_report(check, place, "1 to %zu letters, digits or any of %s", bytes_max, more);
}

static void check_text(struct check *check, const struct place *place, const char *text,
                       size_t bytes_min, size_t bytes_max)
{
    size_t size = strlen(text);

    if (size == 0 && bytes_min > 0)
        check_report(check, place, "required");
    else if (size > bytes_max)
        check_report(check, place, "%zu bytes; at most %zu", size, bytes_max);
}

static void check_range(struct check *check, const struct place *place, int64_t value,
                        int64_t lowest, int64_t highest)
{
    if (value < lowest || value > highest)
        check_report(check, place, "%lld; must be %lld to %lld", (long long)value,
                     (long long)lowest, (long long)highest);
}

static void check_enum(struct check *check, const struct place *place, int value,
                       const ProtobufCEnumDescriptor *type)
{
    if (!protobuf_c_enum_descriptor_get_value(type, value))
        check_report(check, place, "%d is no %s", value, type->short_name);
}

static void check_count(struct check *check, const struct place *place, size_t count, size_t lowest,
                        size_t highest)
{
    if (count < lowest || count > highest)
        check_report(check, place, "%zu of them; must be %zu to %zu", count, lowest, highest);
}

/* --- steps ----------------------------------------------------------------------------------- */

static void check_target(struct check *check, const struct place *place,
                         const Sagabase__V1__CommandTarget *target)
{
    struct place queue = place_within(place, ".queue"), type = place_within(place, ".type");

    check_name(check, &queue, target->queue, QUEUE_BYTES_MAX, "_.-");
    check_text(check, &type, target->type, 1, TYPE_BYTES_MAX);
}

static void check_retry(struct check *check, const struct place *place,
                        const Sagabase__V1__RetryPolicy *retry)
{
    struct place field = place_within(place, ".initial_interval_ms");

    if (!retry)
        return;
    check_range(check, &field, retry->initial_interval_ms, 0, day_ms);
    field = place_within(place, ".backoff_coefficient");
    /* Written so that what is not a number is refused, too. */
    if (retry->backoff_coefficient != 0 &&
        !(retry->backoff_coefficient >= 1 && retry->backoff_coefficient <= 100))
        check_report(check, &field, "0 (means 2), or 1 to 100");
    field = place_within(place, ".maximum_interval_ms");
    check_range(check, &field, retry->maximum_interval_ms, 0, 30 * day_ms);
    if (retry->maximum_interval_ms > 0 && retry->maximum_interval_ms < retry->initial_interval_ms)
        check_report(check, &field, "less than initial_interval_ms: make it longer, or leave it 0");
    field = place_within(place, ".maximum_attempts");
    check_range(check, &field, retry->maximum_attempts, 0, ATTEMPTS_MAX);
    field = place_within(place, ".jitter");
    check_enum(check, &field, (int)retry->jitter, &sagabase__v1__jitter__descriptor);
    field = place_within(place, ".non_retryable_error_types");
    check_count(check, &field, retry->n_non_retryable_error_types, 0, ERROR_TYPES_MAX);
    for (size_t i = 0; i < retry->n_non_retryable_error_types && i < ERROR_TYPES_MAX; i++) {
        struct place item = place_within(&field, "[%zu]", i);
        check_text(check, &item, retry->non_retryable_error_types[i], 1, ERROR_TYPE_BYTES_MAX);
    }
}

static void check_timeouts(struct check *check, const struct place *place,
                           const Sagabase__V1__StepTimeouts *timeouts)
{
    struct place field = place_within(place, ".schedule_to_start_ms");

    check_range(check, &field, timeouts->schedule_to_start_ms, 0, time_ms_max);
    field = place_within(place, ".start_to_close_ms");
    check_range(check, &field, timeouts->start_to_close_ms, 0, time_ms_max);
    field = place_within(place, ".schedule_to_close_ms");
    check_range(check, &field, timeouts->schedule_to_close_ms, 0, time_ms_max);
    field = place_within(place, ".heartbeat_ms");
    check_range(check, &field, timeouts->heartbeat_ms, 0, time_ms_max);
    if (timeouts->start_to_close_ms == 0 && timeouts->schedule_to_close_ms == 0)
        check_report(check, place,
                     "set start_to_close_ms or schedule_to_close_ms, or a participant that is "
                     "lost is waited for without end");
}

static void check_undo(struct check *check, const struct place *place,
                       const Sagabase__V1__Step *step)
{
    struct place field = place_within(place, ".compensation");
    bool retriable = step->kind == SAGABASE__V1__STEP_KIND__STEP_KIND_RETRIABLE;
    bool pivot = step->kind == SAGABASE__V1__STEP_KIND__STEP_KIND_PIVOT;

    if (step->compensation && retriable)
        check_report(check, &field,
                     "a RETRIABLE step is never undone: remove it, or make the step "
                     "COMPENSATABLE");
    else if (step->compensation && step->nothing_to_undo)
        check_report(check, &field, "the step says nothing_to_undo: remove the one or the other");
    else if (step->compensation)
        check_target(check, &field, step->compensation);
    else if (!step->nothing_to_undo && !retriable && !pivot)
        check_report(check, &field,
                     "required: nothing could undo the step. Name a command, or say "
                     "nothing_to_undo, or put the step behind a pivot and make it RETRIABLE");
    field = place_within(place, ".compensation_retry");
    check_retry(check, &field, step->compensation_retry);
    if (!step->compensation && step->compensation_retry)
        check_report(check, &field, "there is no compensation: remove it");
    field = place_within(place, ".compensation_timeouts");
    if (step->compensation_timeouts)
        check_timeouts(check, &field, step->compensation_timeouts);
    if (!step->compensation && step->compensation_timeouts)
        check_report(check, &field, "there is no compensation: remove it");
    field = place_within(place, ".on_compensation_failure");
    check_enum(check, &field, (int)step->on_compensation_failure,
               &sagabase__v1__compensation_failure__descriptor);
}

static void check_retriable(struct check *check, const struct place *place,
                            const Sagabase__V1__Step *step)
{
    struct place field;

    if (step->retry && step->retry->maximum_attempts > 0) {
        field = place_within(place, ".retry.maximum_attempts");
        check_report(check, &field, "a RETRIABLE step is tried until it succeeds: must be 0");
    }
    if (step->retry && step->retry->n_non_retryable_error_types > 0) {
        field = place_within(place, ".retry.non_retryable_error_types");
        check_report(check, &field, "a RETRIABLE step is tried until it succeeds: remove them");
    }
    if (step->timeouts && step->timeouts->schedule_to_close_ms > 0) {
        field = place_within(place, ".timeouts.schedule_to_close_ms");
        check_report(check, &field,
                     "a RETRIABLE step is tried until it succeeds: must be 0, use "
                     "start_to_close_ms");
    }
    if (step->timeouts && step->timeouts->schedule_to_start_ms > 0) {
        field = place_within(place, ".timeouts.schedule_to_start_ms");
        check_report(check, &field, "a RETRIABLE step is tried until it succeeds: must be 0");
    }
}

static void check_step(struct check *check, const struct place *place,
                       const Sagabase__V1__Step *step)
{
    struct place field = place_within(place, ".kind");

    check_enum(check, &field, (int)step->kind, &sagabase__v1__step_kind__descriptor);
    field = place_within(place, ".action");
    if (step->action)
        check_target(check, &field, step->action);
    else
        check_report(check, &field, "required: name queue and type of the command");
    check_undo(check, place, step);
    field = place_within(place, ".retry");
    check_retry(check, &field, step->retry);
    field = place_within(place, ".timeouts");
    check_timeouts(check, &field,
                   step->timeouts ? step->timeouts
                                  : &(Sagabase__V1__StepTimeouts)SAGABASE__V1__STEP_TIMEOUTS__INIT);
    field = place_within(place, ".inputs");
    check_count(check, &field, step->n_inputs, 0, SAGA_STEP_INPUTS_MAX);
    if (step->kind == SAGABASE__V1__STEP_KIND__STEP_KIND_RETRIABLE)
        check_retriable(check, place, step);
}

/* --- what holds blocks --------------------------------------------------------------------- */

static void check_condition(struct check *check, const struct place *place,
                            const Sagabase__V1__Condition *condition)
{
    struct place field = place_within(place, ".attribute");
    size_t size = strlen(condition->attribute), values_max = 1;
    const char *end = size > 5 ? condition->attribute + size - 5 : "";
    char node[NAME_BYTES_MAX + 1] = "";

    check_text(check, &field, condition->attribute, 1, ATTRIBUTE_NAME_BYTES_MAX);
    if (strcmp(end, ".code") == 0 && size - 5 <= NAME_BYTES_MAX) {
        memcpy(node, condition->attribute, size - 5);
        if (!strchr(node, '.') && outline_find(&check->outline, node) == NODE_NONE)
            check_report(check, &field, "there is no node \"%s\"", node);
    }
    field = place_within(place, ".comparison");
    if (condition->comparison == SAGABASE__V1__COMPARISON__COMPARISON_UNSPECIFIED)
        check_report(check, &field, "required: EQUAL, NOT_EQUAL, LESS, GREATER, IN or EXISTS");
    check_enum(check, &field, (int)condition->comparison, &sagabase__v1__comparison__descriptor);
    field = place_within(place, ".values");
    if (condition->comparison == SAGABASE__V1__COMPARISON__COMPARISON_IN)
        values_max = VALUES_MAX;
    if (condition->comparison == SAGABASE__V1__COMPARISON__COMPARISON_EXISTS)
        values_max = 0;
    check_count(check, &field, condition->n_values, values_max > 0, values_max);
    for (size_t i = 0; i < condition->n_values && i < VALUES_MAX; i++) {
        struct place item = place_within(&field, "[%zu]", i);
        check_text(check, &item, condition->values[i], 0, ATTRIBUTE_VALUE_BYTES_MAX);
    }
}

static void check_conditions(struct check *check, const struct place *place,
                             Sagabase__V1__Condition **conditions, size_t count)
{
    check_count(check, place, count, 1, CONDITIONS_MAX);
    for (size_t i = 0; i < count && i < CONDITIONS_MAX; i++) {
        struct place item = place_within(place, "[%zu]", i);
        check_condition(check, &item, conditions[i]);
    }
}

/* A reference to a block: it exists, and nobody else has it. */
static void check_reference(struct check *check, const struct place *place, uint16_t node,
                            size_t ordinal, const char *name)
{
    const struct outline *outline = &check->outline;

    if (name[0] == 0) {
        check_report(check, place, "required: the name of a block");
        return;
    }
    for (size_t i = 0; i < outline->source->n_blocks; i++) {
        const struct block_use *use = &outline->blocks[i];
        if (strcmp(outline->source->blocks[i]->name, name) != 0)
            continue;
        if (use->owner != node || use->ordinal != ordinal)
            check_report(check, place,
                         "block \"%.64s\" belongs to node \"%.64s\" already: each block is named "
                         "once, so make another one",
                         name, outline->nodes[use->owner].source->name);
        return;
    }
    check_report(check, place, "there is no block \"%.64s\": add it to blocks", name);
}

static void check_parallel(struct check *check, const struct place *place, uint16_t node,
                           const Sagabase__V1__Parallel *parallel)
{
    bool counted = parallel->join == SAGABASE__V1__JOIN__JOIN_COUNT;
    struct place field = place_within(place, ".branches");

    check_count(check, &field, parallel->n_branches, 1, LIST_MAX);
    for (size_t i = 0; i < parallel->n_branches && i < LIST_MAX; i++) {
        struct place item = place_within(&field, "[%zu]", i);
        check_reference(check, &item, node, i, parallel->branches[i]);
    }
    field = place_within(place, ".join");
    check_enum(check, &field, (int)parallel->join, &sagabase__v1__join__descriptor);
    field = place_within(place, ".join_count");
    if (counted && (parallel->join_count == 0 || parallel->join_count > parallel->n_branches))
        check_report(check, &field, "with JOIN_COUNT: 1 to the number of branches, %zu",
                     parallel->n_branches);
    if (!counted && parallel->join_count > 0)
        check_report(check, &field, "only of JOIN_COUNT: must be 0");
    field = place_within(place, ".on_failure");
    check_enum(check, &field, (int)parallel->on_failure, &sagabase__v1__on_failure__descriptor);
}

static void check_choice(struct check *check, const struct place *place, uint16_t node,
                         const Sagabase__V1__Choice *choice)
{
    struct place field = place_within(place, ".cases");

    check_count(check, &field, choice->n_cases, 1, LIST_MAX);
    for (size_t i = 0; i < choice->n_cases && i < LIST_MAX; i++) {
        const Sagabase__V1__ChoiceCase *one = choice->cases[i];
        struct place item = place_within(&field, "[%zu].conditions", i);
        check_conditions(check, &item, one->conditions, one->n_conditions);
        item = place_within(&field, "[%zu].block", i);
        check_reference(check, &item, node, i, one->block);
    }
    field = place_within(place, ".otherwise");
    if (choice->otherwise[0] != 0 && choice->n_cases <= LIST_MAX)
        check_reference(check, &field, node, choice->n_cases, choice->otherwise);
}

static void check_loop(struct check *check, const struct place *place, uint16_t node,
                       const Sagabase__V1__Loop *loop)
{
    struct place field = place_within(place, ".block");

    check_reference(check, &field, node, 0, loop->block);
    field = place_within(place, ".repeat_while");
    check_conditions(check, &field, loop->repeat_while, loop->n_repeat_while);
    field = place_within(place, ".maximum_iterations");
    if (loop->maximum_iterations == 0)
        check_report(check, &field, "required, so that the loop ends: 1 to %d", ITERATIONS_MAX);
    else
        check_range(check, &field, loop->maximum_iterations, 1, ITERATIONS_MAX);
}

/* --- what waits --------------------------------------------------------------------------- */

static void check_wait(struct check *check, const struct place *place,
                       const Sagabase__V1__WaitEvent *wait)
{
    struct place field = place_within(place, ".event");

    check_text(check, &field, wait->event, 1, ATTRIBUTE_NAME_BYTES_MAX);
    field = place_within(place, ".key_attribute");
    check_text(check, &field, wait->key_attribute, 0, ATTRIBUTE_NAME_BYTES_MAX);
    field = place_within(place, ".timeout_ms");
    check_range(check, &field, wait->timeout_ms, 0, time_ms_max);
    field = place_within(place, ".on_timeout");
    check_enum(check, &field, (int)wait->on_timeout, &sagabase__v1__on_timeout__descriptor);
}

static void check_approval(struct check *check, const struct place *place,
                           const Sagabase__V1__Approval *approval)
{
    struct place field = place_within(place, ".principals");

    check_count(check, &field, approval->n_principals, 0, LIST_MAX);
    for (size_t i = 0; i < approval->n_principals && i < LIST_MAX; i++) {
        struct place item = place_within(&field, "[%zu]", i);
        check_text(check, &item, approval->principals[i], 1, ERROR_TYPE_BYTES_MAX);
    }
    field = place_within(place, ".timeout_ms");
    check_range(check, &field, approval->timeout_ms, 0, time_ms_max);
    field = place_within(place, ".default_decision");
    check_enum(check, &field, (int)approval->default_decision,
               &sagabase__v1__approval_default__descriptor);
}

static void check_kind(struct check *check, const struct place *place, uint16_t index)
{
    const Sagabase__V1__Node *node = check->outline.nodes[index].source;
    struct place inner;

    switch (node->kind_case) {
    case SAGABASE__V1__NODE__KIND_STEP:
        inner = place_within(place, ".step");
        check_step(check, &inner, node->step);
        break;
    case SAGABASE__V1__NODE__KIND_PARALLEL:
        inner = place_within(place, ".parallel");
        check_parallel(check, &inner, index, node->parallel);
        break;
    case SAGABASE__V1__NODE__KIND_CHOICE:
        inner = place_within(place, ".choice");
        check_choice(check, &inner, index, node->choice);
        break;
    case SAGABASE__V1__NODE__KIND_LOOP:
        inner = place_within(place, ".loop");
        check_loop(check, &inner, index, node->loop);
        break;
    case SAGABASE__V1__NODE__KIND_TIMER:
        inner = place_within(place, ".timer.delay_ms");
        check_range(check, &inner, node->timer->delay_ms, 1, time_ms_max);
        break;
    case SAGABASE__V1__NODE__KIND_WAIT_EVENT:
        inner = place_within(place, ".wait_event");
        check_wait(check, &inner, node->wait_event);
        break;
    case SAGABASE__V1__NODE__KIND_APPROVAL:
        inner = place_within(place, ".approval");
        check_approval(check, &inner, node->approval);
        break;
    default:
        check_report(check, place,
                     "say what it is: step, parallel, choice, loop, timer, wait_event or approval");
    }
}

static void check_node(struct check *check, uint16_t index)
{
    struct place place = place_of_node(&check->outline, index);
    struct place name = place_within(&place, ".name");
    const char *text = check->outline.nodes[index].source->name;
    uint16_t first = outline_find(&check->outline, text);

    check_name(check, &name, text, NAME_BYTES_MAX, "_-");
    if (text[0] != 0 && first != index)
        check_report(check, &name, "%s is called \"%.64s\" already: names are unique",
                     place_of_node(&check->outline, first).text, text);
    check_kind(check, &place, index);
}

static void check_block_name(struct check *check, size_t index)
{
    Sagabase__V1__Block **blocks = check->outline.source->blocks;
    struct place place, name;

    snprintf(place.text, sizeof place.text, "blocks[%zu]", index);
    name = place_within(&place, ".name");
    check_name(check, &name, blocks[index]->name, NAME_BYTES_MAX, "_-");
    for (size_t i = 0; i < index; i++)
        if (blocks[index]->name[0] != 0 && strcmp(blocks[i]->name, blocks[index]->name) == 0) {
            check_report(check, &name, "blocks[%zu] is called \"%.64s\" already: names are unique",
                         i, blocks[i]->name);
            break;
        }
    if (blocks[index]->n_nodes == 0) {
        place = place_within(&place, ".nodes");
        check_report(check, &place, "required: name what is to be done");
    }
}

static void check_timeout_codes(struct check *check)
{
    size_t count = 0;

    for (uint16_t i = 0; i < check->outline.node_count; i++) {
        const Sagabase__V1__Node *node = check->outline.nodes[i].source;
        if (node->kind_case == SAGABASE__V1__NODE__KIND_WAIT_EVENT &&
            node->wait_event->on_timeout == SAGABASE__V1__ON_TIMEOUT__ON_TIMEOUT_CONTINUE &&
            ++count == TIMEOUT_CODES_MAX + 1) {
            struct place place = place_of_node(&check->outline, i);
            place = place_within(&place, ".wait_event.on_timeout");
            check_report(check, &place, "CONTINUE for the %zuth time; at most %d", count,
                         TIMEOUT_CODES_MAX);
        }
    }
}

void check_fields(struct check *check)
{
    const Sagabase__V1__SagaDefinition *source = check->outline.source;

    check_name(check, &(struct place){"type"}, source->type, SAGA_TYPE_BYTES_MAX, "_.");
    check_text(check, &(struct place){"description"}, source->description, 0,
               DESCRIPTION_BYTES_MAX);
    for (uint16_t i = 0; i < source->n_nodes; i++)
        check_node(check, i);
    for (size_t i = 0; i < source->n_blocks; i++) {
        check_block_name(check, i);
        for (uint16_t j = 0; j < source->blocks[i]->n_nodes; j++)
            check_node(check, check->outline.blocks[i].first + j);
    }
    check_timeout_codes(check);
    check_range(check, &(struct place){"run_timeout_ms"}, source->run_timeout_ms, 0, time_ms_max);
    check_range(check, &(struct place){"withdraw_after_ms"}, source->withdraw_after_ms, 0,
                time_ms_max);
}
