/* What an operator may set: flags, then the environment, then defaults, all from
 * the one table in config.c. */
#ifndef SERVER_CONFIG_CONFIG_H
#define SERVER_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"
#include "base/status.h"

/* Texts are borrowed from the arguments, the environment or the table. */
struct config {
    const char *data;   /* directory */
    const char *listen; /* "host:port" */
    bool in_memory;
    uint64_t rpc_threads;
    uint64_t connection_calls;
    uint64_t block_cache; /* bytes, as all memory below */
    uint64_t write_buffer;
    uint64_t disk_reserve;
    uint64_t tail_memory;
    uint64_t saga_memory;
    uint64_t stream_cache; /* streams */
    uint64_t queue_appends;
    uint64_t queue_memory;
    const char *checkpoint_directory; /* NULL: no checkpoints */
    enum log_level log_level;
    bool help; /* --help was given: nothing else was looked at behind it */
};

/* Reads argv[1..argc - 1]. `environment` is getenv, or what a test passes instead.
 * INVALID_ARGUMENT names the flag or variable and its rule; an unknown flag is told
 * with the nearest one that exists. */
struct status config_read(int argc, char *const *argv, char *(*environment)(const char *name),
                          struct config *config);

/* Every option with its variable, its default and its unit. */
void config_print_help(FILE *file);

/* The names of the flags, one by one; NULL behind the last. */
const char *config_flag(size_t index);

#endif
