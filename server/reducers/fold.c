#include "server/reducers/fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/reducers/json_text.h"
#include "server/reducers/limits.h"
#include "server/reducers/script.h"
#include "storage/log/limits.h"
#include "storage/snapshots/limits.h"

struct fold {
    struct script *script; /* of a Lua reducer; else NULL */

    /* Of a merge patch reducer. */
    const Sagabase__V1__MergePatchReducer *source;
    json_t **patches; /* of each rule, within the members that it names; NULL: the event's data */
    json_t *state;
    size_t unmeasured; /* bytes of patches since the size of the state was looked at */
    char error[SCRIPT_ERROR_BYTES_MAX];
};

/* --- creating -------------------------------------------------------------------------- */

static struct status check_rule(const Sagabase__V1__MergePatchRule *rule, size_t index)
{
    size_t type_size = strlen(rule->event_type);

    if (type_size == 0 || type_size > EVENT_TYPE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "rules[%zu].event_type: 1 to %d bytes", index,
                           EVENT_TYPE_BYTES_MAX);
    if (rule->n_at > RULE_PATH_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "rules[%zu].at: at most %d", index,
                           RULE_PATH_MAX);
    for (size_t i = 0; i < rule->n_at; i++)
        if (strlen(rule->at[i]) > RULE_NAME_BYTES_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "rules[%zu].at[%zu]: at most %d bytes",
                               index, i, RULE_NAME_BYTES_MAX);
    if (strlen(rule->patch) > RULE_PATCH_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "rules[%zu].patch: at most %d bytes", index,
                           RULE_PATCH_BYTES_MAX);
    return OK;
}

static struct status check_rules(const Sagabase__V1__MergePatchReducer *reducer)
{
    if (reducer->n_rules == 0 || reducer->n_rules > RULES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "rules: 1 to %d", RULES_MAX);
    if (protobuf_c_message_get_packed_size(&reducer->base) > RULES_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "rules: at most %d bytes in all",
                           RULES_BYTES_MAX);
    for (size_t i = 0; i < reducer->n_rules; i++) {
        TRY(check_rule(reducer->rules[i], i));
        for (size_t j = 0; j < i; j++)
            if (strcmp(reducer->rules[i]->event_type, reducer->rules[j]->event_type) == 0)
                return status_make(STATUS_INVALID_ARGUMENT,
                                   "rules[%zu].event_type: rules[%zu] has it, too", i, j);
    }
    return OK;
}

/* A patch of one member of the state is a patch of the whole state. Takes the patch. */
static json_t *within_members(const Sagabase__V1__MergePatchRule *rule, json_t *patch)
{
    for (size_t i = rule->n_at; patch && i > 0; i--) {
        json_t *outer = json_object();
        if (!outer || json_object_set_new(outer, rule->at[i - 1], patch) != 0) {
            json_decref(outer);
            return NULL;
        }
        patch = outer;
    }
    return patch;
}

/* The state stays an object. */
static bool is_patch(const Sagabase__V1__MergePatchRule *rule, const json_t *patch)
{
    return rule->n_at > 0 || json_is_object(patch);
}

static struct status read_patches(struct fold *fold)
{
    for (size_t i = 0; i < fold->source->n_rules; i++) {
        const Sagabase__V1__MergePatchRule *rule = fold->source->rules[i];
        json_t *patch;
        if (*rule->patch == '\0')
            continue;
        struct status status = json_text_read(bytes_of_text(rule->patch), &patch);
        if (!status_ok(status))
            return status_make(status.code, "rules[%zu].patch: %s", i, status.message);
        bool fits = is_patch(rule, patch);
        fold->patches[i] = within_members(rule, patch);
        if (!fits)
            return status_make(STATUS_INVALID_ARGUMENT,
                               "rules[%zu].patch: an object, as it is for the whole state", i);
        if (!fold->patches[i])
            return status_make(STATUS_RESOURCE_EXHAUSTED, "reducer: out of memory");
    }
    return OK;
}

static struct status create_rules(struct fold *fold, const Sagabase__V1__MergePatchReducer *reducer)
{
    TRY(check_rules(reducer));
    fold->source = reducer;
    fold->patches = calloc(reducer->n_rules, sizeof(json_t *));
    if (!fold->patches)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "reducer: out of memory");
    return read_patches(fold);
}

static struct status create_script(struct fold *fold, const char *source)
{
    struct bytes text = bytes_of_text(source);
    struct status status;

    if (text.size == 0 || text.size > SCRIPT_SOURCE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "lua.source: 1 to %d bytes",
                           SCRIPT_SOURCE_BYTES_MAX);
    status = script_create(SCRIPT_REDUCER, text, &fold->script);
    if (status.code == STATUS_FAILED_PRECONDITION)
        return status_make(STATUS_INVALID_ARGUMENT, "lua.source: %s", status.message);
    return status;
}

static struct status create(struct fold *fold, const Sagabase__V1__Reducer *reducer)
{
    switch (reducer->kind_case) {
    case SAGABASE__V1__REDUCER__KIND_MERGE_PATCH:
        return create_rules(fold, reducer->merge_patch);
    case SAGABASE__V1__REDUCER__KIND_LUA:
        return create_script(fold, reducer->lua->source);
    default:
        return status_make(STATUS_INVALID_ARGUMENT, "kind: merge_patch or lua");
    }
}

struct status fold_create(const Sagabase__V1__Reducer *reducer, struct fold **fold)
{
    struct fold *self = calloc(1, sizeof *self);
    struct status status;

    if (!self)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "reducer: out of memory");
    status = create(self, reducer);
    if (!status_ok(status)) {
        fold_free(self);
        return status;
    }
    *fold = self;
    return OK;
}

void fold_free(struct fold *fold)
{
    if (fold->script)
        script_free(fold->script);
    for (size_t i = 0; fold->patches && i < fold->source->n_rules; i++)
        json_decref(fold->patches[i]);
    free(fold->patches);
    json_decref(fold->state);
    free(fold);
}

/* --- folding ---------------------------------------------------------------------------- */

/* As a script: what the data or the state are, is the reducer's fault. */
static struct status fails(struct fold *fold, const char *what, struct status status)
{
    if (status_ok(status) || status.code == STATUS_RESOURCE_EXHAUSTED)
        return status;
    snprintf(fold->error, sizeof fold->error, "%s: %s", what, status.message);
    return status_make(STATUS_FAILED_PRECONDITION, "%s", fold->error);
}

struct status fold_begin(struct fold *fold, struct bytes state)
{
    if (fold->script)
        return script_begin(fold->script, state);
    json_decref(fold->state);
    fold->state = NULL;
    fold->unmeasured = 0;
    if (state.size > 0)
        return json_text_read(state, &fold->state);
    fold->state = json_object();
    return fold->state ? OK : status_make(STATUS_RESOURCE_EXHAUSTED, "reducer: out of memory");
}

static struct status measure(struct fold *fold)
{
    struct buffer scratch;
    struct status status;

    buffer_init(&scratch, SNAPSHOT_STATE_BYTES_MAX);
    status = json_text_write(fold->state, &scratch);
    buffer_destroy(&scratch);
    return fails(fold, "the state", status);
}

/* Takes the patch. */
static struct status patch_state(struct fold *fold, json_t *patch, size_t size)
{
    fold->state = patch ? json_merge(fold->state, patch) : fold->state;
    bool is_done = patch && fold->state;
    json_decref(patch);
    if (!is_done)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "reducer: out of memory");
    fold->unmeasured += size;
    if (fold->unmeasured <= SNAPSHOT_STATE_BYTES_MAX)
        return OK;
    fold->unmeasured = 0;
    return measure(fold);
}

static struct status patch_by_data(struct fold *fold, const Sagabase__V1__MergePatchRule *rule,
                                   struct bytes data)
{
    json_t *patch;

    TRY(fails(fold, "data", json_text_read(data, &patch)));
    if (!is_patch(rule, patch)) {
        json_decref(patch);
        return fails(
            fold, "data",
            status_make(STATUS_INVALID_ARGUMENT, "an object, as it is for the whole state"));
    }
    return patch_state(fold, within_members(rule, patch), data.size);
}

struct status fold_event(struct fold *fold, const Sagabase__V1__RecordedEvent *event)
{
    if (fold->script)
        return script_fold(fold->script, event);
    for (size_t i = 0; i < fold->source->n_rules; i++) {
        const Sagabase__V1__MergePatchRule *rule = fold->source->rules[i];
        if (strcmp(rule->event_type, event->type) != 0)
            continue;
        if (!fold->patches[i])
            return patch_by_data(fold, rule, bytes_of(event->data.data, event->data.len));
        return patch_state(fold, json_incref(fold->patches[i]), strlen(rule->patch));
    }
    return OK;
}

struct status fold_state(struct fold *fold, struct buffer *state)
{
    if (fold->script)
        return script_state(fold->script, state);
    return fails(fold, "the state", json_text_write(fold->state, state));
}

const char *fold_error(const struct fold *fold)
{
    return fold->script ? script_error(fold->script) : fold->error;
}
