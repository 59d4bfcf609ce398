#include "server/sagas/saga_index.h"

#include <string.h>

#include "base/hash.h"
#include "server/sagas/saga_keys.h"
#include "server/sagas/saga_parts.h"

enum { ATTRIBUTE_BYTES_MAX = 128 + 1 + 256 };

uint64_t saga_attribute_hash(const char *name, const char *value)
{
    uint8_t text[ATTRIBUTE_BYTES_MAX];
    size_t name_size = strnlen(name, 128), value_size = strnlen(value, 256);

    memcpy(text, name, name_size);
    text[name_size] = 0;
    memcpy(text + name_size + 1, value, value_size);
    return checksum_bytes(bytes_of(text, name_size + 1 + value_size));
}

struct saga_index_view *saga_index_look(const struct saga *saga, struct arena *arena)
{
    struct saga_index_view *view =
        arena_alloc_raw(arena, sizeof *view + saga->attribute_count * sizeof *view->attributes);

    if (!view)
        return NULL;
    view->status = saga->status;
    view->attribute_count = saga->attribute_count;
    for (uint32_t i = 0; i < saga->attribute_count; i++)
        view->attributes[i] = saga_attribute_hash(saga_attribute_name(saga->attributes[i]),
                                                  saga_attribute_value(saga->attributes[i]));
    return view;
}

static bool has_attribute(const struct saga_index_view *view, uint64_t hash)
{
    for (uint32_t i = 0; i < view->attribute_count; i++)
        if (view->attributes[i] == hash)
            return true;
    return false;
}

static uint8_t *key_memory(struct commit *commit)
{
    uint8_t *key = arena_alloc_raw(commit_arena(commit), SAGA_INDEX_KEY_BYTES);

    if (!key)
        commit_fail(commit, status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory"));
    return key;
}

static void put(struct commit *commit, struct bytes key)
{
    commit_put(commit, FAMILY_SAGA_INDEX, key, bytes_of_text(""));
}

static void write_status(struct commit *commit, const struct saga *saga, uint8_t before)
{
    uint8_t *old = before ? key_memory(commit) : NULL, *new = key_memory(commit);

    if (old)
        commit_delete(commit, FAMILY_SAGA_INDEX, saga_status_key(old, before, saga->number));
    if (new)
        put(commit, saga_status_key(new, saga->status, saga->number));
}

static void write_type(struct commit *commit, const struct saga *saga)
{
    uint8_t *key = key_memory(commit);

    if (key)
        put(commit, saga_text_key(key, SAGA_INDEX_TYPE, checksum_bytes(saga->type), saga->number));
}

static void write_attributes(struct commit *commit, const struct saga *saga,
                             const struct saga_index_view *before,
                             const struct saga_index_view *after)
{
    uint8_t *key;

    for (uint32_t i = 0; i < before->attribute_count; i++)
        if (!has_attribute(after, before->attributes[i]) && (key = key_memory(commit)))
            commit_delete(
                commit, FAMILY_SAGA_INDEX,
                saga_text_key(key, SAGA_INDEX_ATTRIBUTE, before->attributes[i], saga->number));
    for (uint32_t i = 0; i < after->attribute_count; i++)
        if (!has_attribute(before, after->attributes[i]) && (key = key_memory(commit)))
            put(commit,
                saga_text_key(key, SAGA_INDEX_ATTRIBUTE, after->attributes[i], saga->number));
}

void saga_index_write(struct commit *commit, const struct saga *saga,
                      const struct saga_index_view *before, const struct saga_index_view *after)
{
    static const struct saga_index_view nothing;

    if (!before)
        before = &nothing;
    if (before->status == 0)
        write_type(commit, saga);
    if (before->status != after->status)
        write_status(commit, saga, before->status);
    write_attributes(commit, saga, before, after);
}
