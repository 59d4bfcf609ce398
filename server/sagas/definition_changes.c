/* Registering definitions, and looking them up. */
#include <stdlib.h>

#include "server/sagas/gateway_state.h"
#include "server/sagas/saga_keys.h"

enum { VERSION_MAX = 1000000 };

static struct bytes type_of(const struct definition *definition)
{
    return bytes_of_text(definition->source->type);
}

static struct status no_such(struct bytes type, uint32_t version)
{
    return status_make(STATUS_NOT_FOUND, "%.*s: no definition of version %u",
                       type.size < SAGA_TYPE_BYTES_MAX ? (int)type.size : SAGA_TYPE_BYTES_MAX,
                       (const char *)type.data, version);
}

/* --- @thread writer ---------------------------------------------------------------------- */

static void add_publishing(struct gateway *gateway, struct commit *commit,
                           struct definition_entry *entry)
{
    gateway_add_effect(gateway, commit,
                       &(struct effect){.kind = EFFECT_PUBLISH, .definition = entry});
}

static void add_default(struct gateway *gateway, struct commit *commit,
                        struct definition_entry *entry)
{
    uint8_t *key = arena_alloc_raw(commit_arena(commit), DEFINITION_KEY_BYTES);
    uint8_t *value = arena_alloc_raw(commit_arena(commit), 4);

    definitions_set_default(&gateway->definitions, entry);
    if (!key || !value)
        return commit_fail(commit, status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory"));
    put_u32_little_endian(value, entry->definition->version);
    commit_put(commit, FAMILY_DEFINITIONS, definition_default_key(key, type_of(entry->definition)),
               bytes_of(value, 4));
}

static void add_row(struct commit *commit, const struct definition *definition)
{
    size_t size = DEFINITION_HEADER_BYTES + definition->stored.size;
    uint8_t *key = arena_alloc_raw(commit_arena(commit), DEFINITION_KEY_BYTES);
    uint8_t *value = arena_alloc_raw(commit_arena(commit), size);

    if (!key || !value)
        return commit_fail(commit, status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory"));
    put_u64_little_endian(value, (uint64_t)definition->created_us);
    memcpy(value + 8, definition->hash, DEFINITION_HASH_BYTES);
    memcpy(value + DEFINITION_HEADER_BYTES, definition->stored.data, definition->stored.size);
    commit_put(commit, FAMILY_DEFINITIONS,
               definition_key(key, type_of(definition), definition->version),
               bytes_of(value, size));
}

/* Gives it the version that was asked for, or finds the one it has. */
static struct status choose_version(struct definition_put *put, struct definitions *definitions,
                                    struct definition_entry **existing)
{
    uint32_t wanted = put->request->version;

    *existing = wanted ? definitions_find(definitions, type_of(put->definition), wanted)
                       : definitions_find_equal(definitions, put->definition);
    if (*existing) {
        if (memcmp((*existing)->definition->hash, put->definition->hash, DEFINITION_HASH_BYTES))
            return status_make(STATUS_ALREADY_EXISTS, "version: %u of %s is another definition",
                               wanted, put->definition->source->type);
        return OK;
    }
    if (definitions->count >= DEFINITIONS_MAX)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "definitions: at most %d", DEFINITIONS_MAX);
    put->definition->version =
        wanted ? wanted : definitions_newest(definitions, type_of(put->definition)) + 1;
    if (put->definition->version > VERSION_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "version: at most %d", VERSION_MAX);
    return OK;
}

static struct status decide_put(struct intent *intent, struct commit *commit)
{
    struct definition_put *put = container_of(intent, struct definition_put, intent);
    struct gateway *gateway = put->part.gateway;
    struct definition_entry *existing;

    struct status status = choose_version(put, &gateway->definitions, &existing);
    counter_add(&gateway->totals.definitions_full, status.code == STATUS_RESOURCE_EXHAUSTED);
    TRY(status);
    put->existed = existing != NULL;
    put->version = existing ? existing->definition->version : put->definition->version;
    if (existing)
        return OK;
    bool is_first = definitions_newest(&gateway->definitions, type_of(put->definition)) == 0;
    put->definition->created_us = commit_time_us(commit);
    struct definition_entry *entry =
        definitions_add(&gateway->definitions, definition_acquire(put->definition));
    if (!entry) {
        definition_release(put->definition);
        return status_make(STATUS_RESOURCE_EXHAUSTED, "definitions: out of memory");
    }
    put->part.added = true;
    add_row(commit, put->definition);
    if (is_first || !put->request->keep_default)
        add_default(gateway, commit, entry);
    add_publishing(gateway, commit, entry);
    return OK;
}

static void on_put_done(struct intent *intent)
{
    gateway_part_end(&container_of(intent, struct definition_put, intent)->part, intent);
}

static struct status decide_default(struct intent *intent, struct commit *commit)
{
    struct definition_default *set = container_of(intent, struct definition_default, intent);
    struct gateway *gateway = set->part.gateway;
    struct definition_entry *entry =
        definitions_find(&gateway->definitions, set->type, set->version);

    if (!entry)
        return no_such(set->type, set->version);
    set->part.added = true;
    add_default(gateway, commit, entry);
    add_publishing(gateway, commit, entry);
    return OK;
}

static void on_default_done(struct intent *intent)
{
    gateway_part_end(&container_of(intent, struct definition_default, intent)->part, intent);
}

/* --- any thread -------------------------------------------------------------------------- */

struct status definition_put_submit(struct gateway *gateway, struct definition_put *put,
                                    struct arena *arena)
{
    const Sagabase__V1__SagaDefinition *source = put->request->definition;
    size_t size = sagabase__v1__saga_definition__get_packed_size(source);

    if (put->request->version > VERSION_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "version: at most %d", VERSION_MAX);
    uint8_t *packed = arena_alloc_raw(arena, size + 1);
    if (!packed)
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "definition: too large for the call's memory");
    sagabase__v1__saga_definition__pack(source, packed);
    TRY(definition_create(bytes_of(packed, size), put->request->version, 0, &put->definition));
    memcpy(put->hash, put->definition->hash, sizeof put->hash);
    put->intent.decide = decide_put;
    put->intent.bytes = size;
    gateway_part_begin(&put->part, gateway, &put->intent, on_put_done);
    struct status status = event_log_submit(gateway->log, &put->intent);
    if (!status_ok(status))
        definition_release(put->definition);
    return status;
}

struct status definition_put_settle(struct gateway *gateway, struct definition_put *put)
{
    (void)gateway;
    definition_release(put->definition);
    put->definition = NULL;
    return put->intent.status;
}

struct status definition_default_submit(struct gateway *gateway, struct definition_default *set)
{
    set->intent.decide = decide_default;
    set->intent.bytes = SAGA_TYPE_BYTES_MAX;
    gateway_part_begin(&set->part, gateway, &set->intent, on_default_done);
    return event_log_submit(gateway->log, &set->intent);
}

struct status gateway_get_definition(struct gateway *gateway, struct bytes type, uint32_t version,
                                     struct definition **definition, bool *is_default)
{
    *definition = definitions_get(&gateway->definitions, type, version, is_default);
    if (*definition)
        return OK;
    if (version > 0)
        return no_such(type, version);
    return status_make(STATUS_NOT_FOUND, "%.*s: no such saga type",
                       type.size < SAGA_TYPE_BYTES_MAX ? (int)type.size : SAGA_TYPE_BYTES_MAX,
                       (const char *)type.data);
}

struct status gateway_list_definitions(struct gateway *gateway, struct bytes after_type,
                                       uint32_t after_version, definition_visit *visit,
                                       void *context)
{
    struct definition *last = NULL;
    bool more = true;

    while (more) {
        bool is_default;
        struct definition *definition =
            definitions_next(&gateway->definitions, last ? type_of(last) : after_type,
                             last ? last->version : after_version, &is_default);
        if (last)
            definition_release(last);
        last = definition;
        more = definition && visit(context, definition, is_default);
    }
    if (last)
        definition_release(last);
    return OK;
}
