/* Workloads. Closed loops: each of `outstanding` callers sends its next call when the one before is
 * answered; only the live ones are sent at a fixed pace. Each reads the settings it needs. */
#ifndef TESTS_BENCH_WORKLOADS_H
#define TESTS_BENCH_WORKLOADS_H

#include "tests/bench/measure.h"

enum {
    EVENTS_MAX = 1000, /* of an append */
    SESSIONS = 8,
    SESSION_WINDOW = 64, /* appends in flight in a session */
};

/* The server of empty calls, tests/bench/echo_server.c. */
void measure_empty(const struct load *load, struct measured *measured);

void measure_append(const struct load *load, struct measured *measured);
void measure_sessions(const struct load *load, struct measured *measured);
/* `total` appends of one event each, as fast as sessions go: to `streams`, or to the stream "long".
 */
void fill_streams(const struct load *load, struct measured *measured);
void fill_long_stream(const struct load *load, struct measured *measured);

/* The first `total` events, again and again. */
void measure_read_all(const struct load *load, struct measured *measured);
void measure_read_stream(const struct load *load, struct measured *measured);

/* The stream "long" of 10,000 events: all `total` of them, or from a snapshot with `total` behind
 * it. An event is a load. */
void measure_load_replayed(const struct load *load, struct measured *measured);
void measure_load_snapshot(const struct load *load, struct measured *measured);

/* Latency: from the moment an append is sent to the moment a subscriber has it. */
void measure_live(const struct load *load, struct measured *measured);
/* `subscribers` of one stream. */
void measure_fan_out(const struct load *load, struct measured *measured);
/* What `subscribers` of a stream that stays empty cost in memory. */
void measure_idle(const struct load *load, struct measured *measured);

/* Sagas of three steps, `outstanding` at a time: an event is a saga. */
void measure_sagas(const struct load *load, struct measured *measured);
/* `total` of them started at once; until the last has ended. */
void measure_saga_burst(const struct load *load, struct measured *measured);
/* `total` of them started with nobody to work for them: what they cost in memory. */
void fill_sagas(const struct load *load, struct measured *measured);

/* The same for UmaDB, by its own gRPC service; what is a stream with us is a tag there. */
void measure_umadb_append(const struct load *load, struct measured *measured);
void measure_umadb_read_all(const struct load *load, struct measured *measured);
void measure_umadb_read_tag(const struct load *load, struct measured *measured);
/* `total` events with the tag "long", by appends of `events`. */
void fill_umadb(const struct load *load, struct measured *measured);

#endif
