/* The registered definitions, all of them in memory. The writer changes them; any thread may look
 * at what is durable. */
#ifndef SERVER_SAGAS_DEFINITIONS_H
#define SERVER_SAGAS_DEFINITIONS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "server/sagas/definition.h"
#include "storage/log/event_log.h"

struct definition_entry {
    struct definition *definition; /* a reference */
    bool is_durable;               /* else only the writer sees it */
};

struct definition_type {
    struct bytes name;                      /* a definition's */
    struct definition_entry *default_entry; /* what any thread sees */
    struct definition_entry *decided_entry; /* what the writer has decided; from then on the same */
};

struct definitions {
    pthread_mutex_t lock;
    struct definition_entry **entries; /* by type and version */
    size_t count, capacity;
    struct definition_type *types; /* by name */
    size_t type_count, type_capacity;
};

void definitions_init(struct definitions *definitions);
void definitions_destroy(struct definitions *definitions);

/* Before the writer may see any. */
struct status definitions_load(struct definitions *definitions, struct engine *engine);

/* --- any thread --- */

/* With a reference for the caller; version 0: the default. NULL: there is none. */
struct definition *definitions_get(struct definitions *definitions, struct bytes type,
                                   uint32_t version, bool *is_default);

/* The first behind (type, version), with a reference; NULL: there is none. */
struct definition *definitions_next(struct definitions *definitions, struct bytes type,
                                    uint32_t version, bool *is_default);

/* --- @thread writer: what is decided counts, durable or not --- */

/* NULL: there is none. */
struct definition_entry *definitions_find(const struct definitions *definitions, struct bytes type,
                                          uint32_t version);

/* One of this type with the same stored form; NULL: there is none. */
struct definition_entry *definitions_find_equal(const struct definitions *definitions,
                                                const struct definition *definition);

/* 0: the type is new. */
uint32_t definitions_newest(const struct definitions *definitions, struct bytes type);

/* Takes the reference. NULL: out of memory. The first of a type becomes its default. */
struct definition_entry *definitions_add(struct definitions *definitions,
                                         struct definition *definition);

/* Makes it its type's default as far as the writer sees. */
void definitions_set_default(struct definitions *definitions, struct definition_entry *entry);

/* The entry, and its type's default, are durable now. */
void definitions_publish(struct definitions *definitions, struct definition_entry *entry);

#endif
