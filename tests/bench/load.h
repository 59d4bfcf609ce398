/* Workloads for a server under measurement. Closed loops: each of `outstanding` callers sends
 * its next call when the one before is answered; only the live latency is sent at a fixed pace.
 * One thread, which shares the machine's cores with the server. */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/histogram.h"
#include "tests/support/wire.h"

enum {
    OUTSTANDING_MAX = 256,
    SESSIONS = 8,
    SESSION_WINDOW = 64,
    DATA_BYTES = 256,   /* of each event */
    BATCH_EVENTS = 100, /* of the large append */
    STREAMS = 1000,     /* appends are spread over */
    LONG_STREAM_EVENTS = 1000,
};

/* What one workload came to. */
struct measured {
    const char *name;
    unsigned outstanding;
    uint64_t calls;
    uint64_t events;
    double seconds;
    double server_cpu_us; /* of the server, per call */
    struct histogram latency_us;
};

/* What is measured: a connection and the process behind it. */
struct target {
    struct wire *wire;
    int pid;
    int64_t warm_up_us;
    int64_t measure_us;
};

void measure_empty(struct target *target, unsigned outstanding, struct measured *measured);
void measure_append(struct target *target, unsigned outstanding, unsigned events,
                    struct measured *measured);
void measure_sessions(struct target *target, struct measured *measured);
void measure_read_stream(struct target *target, unsigned outstanding, uint32_t count,
                         struct measured *measured);
void measure_read_all(struct target *target, struct measured *measured);
/* From the moment an append is sent to the moment a subscriber has it. */
void measure_live(struct target *target, unsigned appends_per_s, struct measured *measured);

/* CPU time of a process so far, user and system. */
double process_cpu_us(int pid);

#endif
