/* The server's own log: one line per fact, on stderr.
 *
 *   2026-11-21T01:02:03.000004Z INFO store opened position=42 streams=7
 *   {"time":"2026-11-21T01:02:03.000004Z","level":"INFO","component":"store","event":"opened",
 *    "position":42,"streams":7}                                    (LOG_JSON, in one line)
 *
 * Levels: ERROR a person must act; WARN degraded, mends itself; INFO life
 * cycle and configuration, never single requests; DEBUG everything else.
 * No payloads, no secrets. Any thread.
 *
 * Of one fact (component and event) at most 20 lines are written in 10 seconds, DEBUG aside; the
 * next one that is written tells as `unsaid` how many were not. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

#include "base/bytes.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/* What is written: this level and those before it. Starts as LOG_INFO. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* Starts as LOG_TEXT. */
void log_set_format(enum log_format format);

/* `component` is a room ("store", "rpc"), `event` a past participle
 * ("opened"), `format` makes the key=value pairs and may be empty. A value that may hold a space
 * stands in double quotes: cause="disk full". */
void log_line(enum log_level level, const char *component, const char *event, const char *format,
              ...) __attribute__((format(printf, 4, 5)));

/* A name that somebody else has given, as a value: in quotes, and it holds none, so that it cannot
 * pass for pairs of its own. Cut behind 60 bytes, where a character begins. */
enum { LOG_NAME_BYTES_MAX = 60 };
struct log_name {
    char text[LOG_NAME_BYTES_MAX + 3];
};
struct log_name log_name(struct bytes name);

/* How many lines were left out, in all. */
uint64_t log_lines_left_out(void);

#endif
