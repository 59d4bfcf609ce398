#include "server/sagas/definitions.h"

#include <assert.h>
#include <stdlib.h>

#include "server/sagas/saga_keys.h"

enum { CAPACITY_MIN = 16 };

void definitions_init(struct definitions *definitions)
{
    *definitions = (struct definitions){0};
    pthread_mutex_init(&definitions->lock, NULL);
}

void definitions_destroy(struct definitions *definitions)
{
    for (size_t i = 0; i < definitions->count; i++) {
        definition_release(definitions->entries[i]->definition);
        free(definitions->entries[i]);
    }
    free(definitions->entries);
    free(definitions->types);
    pthread_mutex_destroy(&definitions->lock);
}

/* --- places --------------------------------------------------------------------------------------
 */

static struct bytes type_of(const struct definition *definition)
{
    return bytes_of_text(definition->source->type);
}

/* The first entry at or behind (type, version). */
static size_t place_of(const struct definitions *definitions, struct bytes type, uint32_t version)
{
    size_t low = 0, high = definitions->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct definition *definition = definitions->entries[middle]->definition;
        int order = bytes_compare(type_of(definition), type);
        if (order < 0 || (order == 0 && definition->version < version))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t type_place(const struct definitions *definitions, struct bytes type)
{
    size_t low = 0, high = definitions->type_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bytes_compare(definitions->types[middle].name, type) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct definition_type *find_type(const struct definitions *definitions, struct bytes type)
{
    size_t place = type_place(definitions, type);

    if (place < definitions->type_count && bytes_equal(definitions->types[place].name, type))
        return &definitions->types[place];
    return NULL;
}

struct definition_entry *definitions_find(const struct definitions *definitions, struct bytes type,
                                          uint32_t version)
{
    size_t place = place_of(definitions, type, version);

    if (place == definitions->count)
        return NULL;
    const struct definition *definition = definitions->entries[place]->definition;
    return bytes_equal(type_of(definition), type) && definition->version == version
               ? definitions->entries[place]
               : NULL;
}

/* --- any thread ----------------------------------------------------------------------------------
 */

static struct definition *acquire(const struct definitions *definitions,
                                  const struct definition_entry *entry, bool *is_default)
{
    const struct definition_type *type = find_type(definitions, type_of(entry->definition));

    *is_default = type && type->default_entry == entry;
    return definition_acquire(entry->definition);
}

struct definition *definitions_get(struct definitions *definitions, struct bytes type,
                                   uint32_t version, bool *is_default)
{
    struct definition *definition = NULL;
    const struct definition_entry *entry;

    pthread_mutex_lock(&definitions->lock);
    if (version == 0) {
        const struct definition_type *found = find_type(definitions, type);
        entry = found ? found->default_entry : NULL;
    } else {
        entry = definitions_find(definitions, type, version);
    }
    if (entry && entry->is_durable)
        definition = acquire(definitions, entry, is_default);
    pthread_mutex_unlock(&definitions->lock);
    return definition;
}

struct definition *definitions_next(struct definitions *definitions, struct bytes type,
                                    uint32_t version, bool *is_default)
{
    struct definition *definition = NULL;

    pthread_mutex_lock(&definitions->lock);
    size_t place = version < UINT32_MAX ? place_of(definitions, type, version + 1)
                                        : place_of(definitions, type, version);
    while (place < definitions->count && !definitions->entries[place]->is_durable)
        place++;
    if (place < definitions->count)
        definition = acquire(definitions, definitions->entries[place], is_default);
    pthread_mutex_unlock(&definitions->lock);
    return definition;
}

/* --- @thread writer ---------------------------------------------------------------------- */

struct definition_entry *definitions_find_equal(const struct definitions *definitions,
                                                const struct definition *definition)
{
    size_t place = place_of(definitions, type_of(definition), 0);

    for (; place < definitions->count; place++) {
        const struct definition *other = definitions->entries[place]->definition;
        if (!bytes_equal(type_of(other), type_of(definition)))
            break;
        if (memcmp(other->hash, definition->hash, sizeof other->hash) == 0)
            return definitions->entries[place];
    }
    return NULL;
}

uint32_t definitions_newest(const struct definitions *definitions, struct bytes type)
{
    size_t place = place_of(definitions, type, UINT32_MAX);

    if (place == 0)
        return 0;
    const struct definition *definition = definitions->entries[place - 1]->definition;
    return bytes_equal(type_of(definition), type) ? definition->version : 0;
}

/* Room for one more item of `size` bytes. */
static bool reserve(void **items, size_t count, size_t *capacity, size_t size)
{
    size_t grown = *capacity ? *capacity * 2 : CAPACITY_MIN;

    if (count < *capacity)
        return true;
    void *memory = realloc(*items, grown * size);
    if (!memory)
        return false;
    *items = memory;
    *capacity = grown;
    return true;
}

static bool has_room(struct definitions *definitions)
{
    void *entries = definitions->entries, *types = definitions->types;
    bool room = reserve(&entries, definitions->count, &definitions->capacity,
                        sizeof *definitions->entries) &&
                reserve(&types, definitions->type_count, &definitions->type_capacity,
                        sizeof *definitions->types);

    definitions->entries = entries;
    definitions->types = types;
    return room;
}

static void add_type(struct definitions *definitions, struct definition_entry *entry)
{
    struct bytes name = type_of(entry->definition);
    size_t place = type_place(definitions, name);

    memmove(&definitions->types[place + 1], &definitions->types[place],
            (definitions->type_count - place) * sizeof *definitions->types);
    definitions->types[place] = (struct definition_type){.name = name, .decided_entry = entry};
    definitions->type_count++;
}

struct definition_entry *definitions_add(struct definitions *definitions,
                                         struct definition *definition)
{
    struct definition_entry *entry = calloc(1, sizeof *entry);

    pthread_mutex_lock(&definitions->lock);
    if (entry && has_room(definitions)) {
        size_t place = place_of(definitions, type_of(definition), definition->version);
        entry->definition = definition;
        memmove(&definitions->entries[place + 1], &definitions->entries[place],
                (definitions->count - place) * sizeof *definitions->entries);
        definitions->entries[place] = entry;
        definitions->count++;
        if (!find_type(definitions, type_of(definition)))
            add_type(definitions, entry);
    } else {
        free(entry);
        entry = NULL;
    }
    pthread_mutex_unlock(&definitions->lock);
    return entry;
}

void definitions_set_default(struct definitions *definitions, struct definition_entry *entry)
{
    find_type(definitions, type_of(entry->definition))->decided_entry = entry;
}

void definitions_publish(struct definitions *definitions, struct definition_entry *entry)
{
    pthread_mutex_lock(&definitions->lock);
    struct definition_type *type = find_type(definitions, type_of(entry->definition));
    entry->is_durable = true;
    if (type->decided_entry->is_durable) /* else it follows with the same group */
        type->default_entry = type->decided_entry;
    pthread_mutex_unlock(&definitions->lock);
}

/* --- loading ----------------------------------------------------------------------------- */

struct load {
    struct definitions *definitions;
    struct status status;
    bool defaults; /* the second time: what is each type's default */
};

static struct status damaged(struct bytes key)
{
    return status_make(STATUS_DATA_LOSS, "definitions: damaged entry \"%.*s\"",
                       key.size < SAGA_TYPE_BYTES_MAX ? (int)key.size : SAGA_TYPE_BYTES_MAX,
                       (const char *)key.data);
}

static struct status load_entry(struct load *load, struct bytes key, struct bytes value)
{
    struct definition *definition;
    uint32_t version;

    if (value.size < DEFINITION_HEADER_BYTES)
        return damaged(key);
    memcpy(&version, key.data + key.size - sizeof version, sizeof version);
    struct status status = definition_create(
        bytes_of(value.data + DEFINITION_HEADER_BYTES, value.size - DEFINITION_HEADER_BYTES),
        __builtin_bswap32(version), (int64_t)get_u64_little_endian(value.data), &definition);
    if (!status_ok(status))
        return damaged(key);
    struct definition_entry *entry =
        memcmp(definition->hash, value.data + 8, DEFINITION_HASH_BYTES) == 0
            ? definitions_add(load->definitions, definition)
            : NULL;
    if (!entry) {
        definition_release(definition);
        return damaged(key);
    }
    definitions_publish(load->definitions, entry);
    return OK;
}

static struct status load_default(struct load *load, struct bytes key, size_t type_size,
                                  struct bytes value)
{
    struct definition_entry *entry =
        value.size == 4 ? definitions_find(load->definitions, bytes_of(key.data, type_size),
                                           get_u32_little_endian(value.data))
                        : NULL;

    if (!entry)
        return damaged(key);
    definitions_set_default(load->definitions, entry);
    definitions_publish(load->definitions, entry);
    return OK;
}

static bool visit(void *context, struct bytes key, struct bytes value)
{
    struct load *load = context;
    const uint8_t *end = key.size > 0 ? memchr(key.data, 0, key.size) : NULL;
    size_t rest = end ? key.size - (size_t)(end - key.data) - 1 : 0;

    if (rest == 4 && !load->defaults)
        load->status = load_entry(load, key, value);
    else if (rest == 7 && load->defaults)
        load->status = load_default(load, key, (size_t)(end - key.data), value);
    else if (rest != 4 && rest != 7)
        load->status = damaged(key);
    return status_ok(load->status);
}

struct status definitions_load(struct definitions *definitions, struct engine *engine)
{
    struct load load = {.definitions = definitions, .status = OK};
    struct scan scan = {.family = FAMILY_DEFINITIONS, .bulk = true};

    TRY(engine_scan(engine, &scan, visit, &load));
    TRY(load.status);
    load.defaults = true;
    TRY(engine_scan(engine, &scan, visit, &load));
    return load.status;
}
