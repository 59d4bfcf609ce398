/* The served .proto files in their compiled form, found by file name or by symbol. */
#ifndef SERVER_OBSERVE_SYMBOLS_H
#define SERVER_OBSERVE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"
#include "google/protobuf/descriptor.pb-c.h"

enum { FILES_MAX = 64, SERVICES_MAX = 64 };

struct proto_file {
    struct bytes bytes; /* a serialized FileDescriptorProto */
    const Google__Protobuf__FileDescriptorProto *descriptor;
};

struct symbol {
    const char *name; /* "sagabase.v1.EventStore.ReadStream", without a dot before it */
    unsigned file;
};

struct symbols {
    struct arena arena; /* everything below lives there */
    struct proto_file files[FILES_MAX];
    unsigned file_count;
    struct symbol *list; /* ordered by name */
    size_t count;
    size_t capacity;
    const char *services[SERVICES_MAX];
    size_t service_count;
};

/* Takes a serialized FileDescriptorSet, which must outlive the symbols. */
struct status symbols_init(struct symbols *symbols, struct bytes descriptor_set);
void symbols_destroy(struct symbols *symbols);

/* The file's number, or -1. Any thread. */
int symbols_find_file(const struct symbols *symbols, const char *name);
int symbols_find(const struct symbols *symbols, const char *symbol);

/* The file and all it imports, directly or not, each once, the file itself first. Returns how
 * many. Any thread. */
size_t symbols_closure(const struct symbols *symbols, int file, struct bytes closure[FILES_MAX]);

#endif
