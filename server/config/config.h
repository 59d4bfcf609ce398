/* What an operator may set: flags, then the environment, then a YAML file, then defaults, all
 * from the one table in options.c. */
#ifndef SERVER_CONFIG_CONFIG_H
#define SERVER_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/status.h"

/* Where /metrics is when nobody says where, if that is free. */
#define CONFIG_HTTP_LISTEN "127.0.0.1:2114"
#define CONFIG_RESP_LISTEN "127.0.0.1:6380" /* the same for clients of Redis */

/* When a plain value is on disk: within a second, or before it is acknowledged. */
enum saving { SAVING_EVERY_SECOND, SAVING_ALWAYS };

/* Texts are borrowed from the arguments, the environment or the table; those of the file live in
 * `texts`. */
struct config {
    const char *file;               /* --config; NULL: none */
    const char *data;               /* directory */
    const char *listen;             /* "host:port" */
    const char *http_listen;        /* "host:port" or "off"; NULL: the usual one if it is free */
    const char *resp_listen;        /* "host:port" or "off"; NULL: the usual one if it is free */
    const char *resp_password_file; /* NULL: no password */
    enum saving resp_durability;
    uint64_t resp_clients; /* connections */
    uint64_t resp_idle;    /* seconds; 0: no limit */
    uint64_t cache_memory;
    int cache_policy; /* enum cache_policy, of a room that this one does not know */
    bool in_memory;
    uint64_t rpc_threads;
    uint64_t busy_poll; /* microseconds; 0: never */
    uint64_t connection_calls;
    uint64_t stall_timeout; /* seconds; 0: no limit */
    uint64_t block_cache;   /* bytes, as all memory below */
    uint64_t write_buffer;
    uint64_t disk_reserve;
    uint64_t tail_memory;
    uint64_t saga_memory;
    uint64_t stream_cache; /* streams */
    uint64_t queue_appends;
    uint64_t queue_memory;
    const char *checkpoint_directory; /* NULL: no checkpoints */
    const char *key_directory;        /* NULL: "keys" in `data` */
    const char *master_key_file;      /* NULL: keys lie open */
    uint64_t scavenge_rate;           /* bytes of the log a second */
    enum log_level log_level;
    enum log_format log_format;

    /* Traces, under the names of OpenTelemetry's variables, as they were written: see
     * server/observe/otlp_options.h. NULL: not set. */
    const char *otlp_endpoint, *otlp_headers, *otlp_timeout, *otel_service_name,
        *otel_resource_attributes, *otel_traces_exporter, *otel_traces_sampler,
        *otel_traces_sampler_arg, *otel_sdk_disabled, *otel_bsp_schedule_delay,
        *otel_bsp_export_timeout, *otel_bsp_max_queue_size, *otel_bsp_max_export_batch_size,
        *otlp_certificate, *otlp_client_certificate, *otlp_client_key;

    bool help; /* --help was given: nothing else was looked at behind it */
    struct arena texts;
};

/* Reads argv[1..argc - 1]. `environment` is getenv, or what a test passes instead.
 * INVALID_ARGUMENT names the flag, the variable or the line of the file, and its rule; an unknown
 * name is told with the nearest one that exists. NOT_FOUND: the file cannot be read. */
struct status config_read(int argc, char *const *argv, char *(*environment)(const char *name),
                          struct config *config);

/* Frees what was read from a file. */
void config_destroy(struct config *config);

/* Reads them in the same way and prints each with its value, its unit and where it came from.
 * Of a secret only whether it is set. */
struct status config_print(int argc, char *const *argv, char *(*environment)(const char *name),
                           FILE *file);

/* Every option with its variable, its default and its unit. */
void config_print_help(FILE *file);

/* "info"; static memory. */
const char *config_level_name(enum log_level level);

/* The names of the flags, one by one; NULL behind the last. */
const char *config_flag(size_t index);

#endif
