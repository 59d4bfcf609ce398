#include "server/observe/symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BYTES_MAX = 16 << 20,
    SYMBOLS_MAX = 1 << 16,
    DEPTH_MAX = 16,  /* types within types */
    FILE_TAG = 0x0a, /* FileDescriptorSet.file */
};

typedef Google__Protobuf__FileDescriptorProto File;
typedef Google__Protobuf__DescriptorProto Type;
typedef Google__Protobuf__EnumDescriptorProto Enum;
typedef Google__Protobuf__ServiceDescriptorProto Service;

static void *allocate(void *arena, size_t size)
{
    return arena_alloc_raw(arena, size);
}

static void keep(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

/* --- files ---------------------------------------------------------------- */

static struct status add_file(struct symbols *symbols, struct bytes bytes)
{
    ProtobufCAllocator allocator = {allocate, keep, &symbols->arena};
    const File *file =
        google__protobuf__file_descriptor_proto__unpack(&allocator, bytes.size, bytes.data);

    if (!file)
        return status_make(STATUS_INTERNAL, "descriptor set: file %u: malformed",
                           symbols->file_count);
    if (symbols->file_count == FILES_MAX)
        return status_make(STATUS_INTERNAL, "descriptor set: more than %d files", FILES_MAX);
    symbols->files[symbols->file_count++] = (struct proto_file){bytes, file};
    return OK;
}

/* The set is a sequence of tag, size, file: what reflection returns are those very bytes. */
static struct status split(struct symbols *symbols, struct bytes set)
{
    const uint8_t *at = set.data, *end = set.data + set.size;

    while (at < end) {
        uint64_t size = 0;
        bool is_whole = *at++ == FILE_TAG;
        for (unsigned shift = 0; shift < 35 && at < end; shift += 7) {
            size |= (uint64_t)(*at & 0x7f) << shift;
            if (*at++ < 0x80)
                break;
        }
        if (!is_whole || size > (size_t)(end - at))
            return status_make(STATUS_INTERNAL, "descriptor set: malformed");
        TRY(add_file(symbols, bytes_of(at, size)));
        at += size;
    }
    return OK;
}

/* --- symbols -------------------------------------------------------------- */

/* Of the file with the number file_count. Returns the whole name; NULL: too many. */
static const char *add(struct symbols *symbols, const char *scope, const char *name)
{
    size_t size = strlen(scope) + 1 + strlen(name) + 1;
    char *whole = arena_alloc_raw(&symbols->arena, size);

    if (!whole || symbols->count == symbols->capacity)
        return NULL;
    snprintf(whole, size, "%s%s%s", scope, scope[0] ? "." : "", name);
    symbols->list[symbols->count++] = (struct symbol){whole, symbols->file_count};
    return whole;
}

/* An enum's values belong to the scope around it. */
static bool add_enum(struct symbols *symbols, const char *scope, const Enum *type)
{
    bool ok = add(symbols, scope, type->name) != NULL;

    for (size_t i = 0; i < type->n_value && ok; i++)
        ok = add(symbols, scope, type->value[i]->name) != NULL;
    return ok;
}

static bool add_type(struct symbols *symbols, const char *scope, const Type *type, unsigned depth)
{
    const char *name = add(symbols, scope, type->name);
    bool ok = name && depth < DEPTH_MAX;

    for (size_t i = 0; i < type->n_field && ok; i++)
        ok = add(symbols, name, type->field[i]->name) != NULL;
    for (size_t i = 0; i < type->n_oneof_decl && ok; i++)
        ok = add(symbols, name, type->oneof_decl[i]->name) != NULL;
    for (size_t i = 0; i < type->n_enum_type && ok; i++)
        ok = add_enum(symbols, name, type->enum_type[i]);
    for (size_t i = 0; i < type->n_nested_type && ok; i++)
        ok = add_type(symbols, name, type->nested_type[i], depth + 1);
    return ok;
}

static bool add_service(struct symbols *symbols, const char *scope, const Service *service)
{
    const char *name = add(symbols, scope, service->name);
    bool ok = name && symbols->service_count < SERVICES_MAX;

    if (ok)
        symbols->services[symbols->service_count++] = name;
    for (size_t i = 0; i < service->n_method && ok; i++)
        ok = add(symbols, name, service->method[i]->name) != NULL;
    return ok;
}

static bool add_symbols_of(struct symbols *symbols, const File *file)
{
    bool ok = true;

    for (size_t i = 0; i < file->n_message_type && ok; i++)
        ok = add_type(symbols, file->package, file->message_type[i], 0);
    for (size_t i = 0; i < file->n_enum_type && ok; i++)
        ok = add_enum(symbols, file->package, file->enum_type[i]);
    for (size_t i = 0; i < file->n_service && ok; i++)
        ok = add_service(symbols, file->package, file->service[i]);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct symbol *)a)->name, ((const struct symbol *)b)->name);
}

struct status symbols_init(struct symbols *symbols, struct bytes descriptor_set)
{
    *symbols = (struct symbols){.capacity = SYMBOLS_MAX};
    arena_init(&symbols->arena, ARENA_BYTES_MAX);
    symbols->list = arena_alloc_raw(&symbols->arena, SYMBOLS_MAX * sizeof *symbols->list);
    bool ok = symbols->list != NULL;
    struct status status = split(symbols, descriptor_set);

    unsigned files = symbols->file_count;
    for (symbols->file_count = 0; symbols->file_count < files && ok; symbols->file_count++)
        ok = add_symbols_of(symbols, symbols->files[symbols->file_count].descriptor);
    if (status_ok(status) && !ok)
        status = status_make(STATUS_INTERNAL, "descriptor set: more than %d symbols", SYMBOLS_MAX);
    if (!status_ok(status)) {
        symbols_destroy(symbols);
        return status;
    }
    qsort(symbols->list, symbols->count, sizeof *symbols->list, by_name);
    return OK;
}

void symbols_destroy(struct symbols *symbols)
{
    arena_destroy(&symbols->arena);
    *symbols = (struct symbols){0};
}

int symbols_find_file(const struct symbols *symbols, const char *name)
{
    for (unsigned i = 0; i < symbols->file_count; i++)
        if (strcmp(symbols->files[i].descriptor->name, name) == 0)
            return (int)i;
    return -1;
}

int symbols_find(const struct symbols *symbols, const char *symbol)
{
    struct symbol key = {.name = symbol};
    const struct symbol *found = bsearch(&key, symbols->list, symbols->count, sizeof key, by_name);

    return found ? (int)found->file : -1;
}

size_t symbols_closure(const struct symbols *symbols, int file, struct bytes closure[FILES_MAX])
{
    int files[FILES_MAX] = {file};
    bool is_taken[FILES_MAX] = {false};
    size_t count = 1;

    is_taken[file] = true;
    for (size_t next = 0; next < count; next++) {
        const struct proto_file *importer = &symbols->files[files[next]];
        closure[next] = importer->bytes;
        for (size_t i = 0; i < importer->descriptor->n_dependency; i++) {
            int import = symbols_find_file(symbols, importer->descriptor->dependency[i]);
            if (import < 0 || is_taken[import])
                continue;
            is_taken[import] = true;
            files[count++] = import;
        }
    }
    return count;
}
