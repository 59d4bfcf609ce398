/* A configuration file: one YAML mapping of option names to single values.
 *
 *   # sagabase.yaml
 *   data: /var/lib/sagabase
 *   block-cache: 1GiB
 */
#ifndef SERVER_CONFIG_CONFIG_FILE_H
#define SERVER_CONFIG_CONFIG_FILE_H

#include "base/arena.h"
#include "base/status.h"

/* One line of it; the texts live in the arena. */
struct config_entry {
    const char *name;
    const char *value;
    unsigned line; /* from 1 */
};

/* All entries in their order, at most CONFIG_ENTRIES_MAX. INVALID_ARGUMENT: "path:line: rule";
 * NOT_FOUND: the file cannot be read, and why. */
struct status config_file_read(const char *path, struct arena *arena, struct config_entry **entries,
                               size_t *count);

/* How messages name it: the end of a long path. */
const char *config_file_shown(const char *path);

#endif
