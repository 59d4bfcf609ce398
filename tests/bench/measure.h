/* One workload against one server: its settings, the clock of a run and what came of it.
 * One thread, which shares the machine's cores with the server. */
#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/status.h"
#include "tests/support/wire.h"

enum {
    DATA_BYTES = 256, /* of each event */
    OUTSTANDING_MAX = 1024,
    CALL_TIMEOUT_US = 60 * 1000 * 1000,
    STREAM_NAME_BYTES = 32,
};

/* What is to be done, and to whom. */
struct load {
    struct wire *wire;
    int pid; /* of the server */
    int64_t warm_up_us;
    int64_t measure_us;
    unsigned outstanding;
    unsigned events;      /* of a call */
    unsigned streams;     /* that events are spread over */
    bool zipf;            /* few streams get most of the events; otherwise all get the same */
    uint64_t total;       /* events of a fill or of a read */
    unsigned rate;        /* appends per second */
    unsigned subscribers; /* of a live workload */
};

/* What came of it. */
struct measured {
    uint64_t calls;
    uint64_t events;
    double seconds;
    double server_cpu_us;
    uint64_t resident_bytes; /* of the server, at the end; less `resident_before` it grew */
    uint64_t resident_before;
    struct histogram latency_us;
};

/* One line of JSON. */
void measured_print(const struct measured *measured);

/* Counts what ends between warm-up and end. */
struct run {
    const struct load *load;
    struct measured *measured;
    int64_t from_us;
    int64_t to_us;
    double cpu_us; /* of the server at from_us; negative until then */
};

void run_start(struct run *run, const struct load *load, struct measured *measured);
bool run_is_over(const struct run *run);
/* A call that was sent at sent_us has ended. */
void run_count(struct run *run, int64_t sent_us, uint64_t events);
/* Waits for the calls that are still open. */
void run_end(struct run *run);
void run_until_over(struct run *run);

/* Monotonic. */
int64_t now_us(void);

/* Ends the process unless the status is OK. */
void must(struct status status);

/* CPU time of a process so far, user and system; and its resident memory. */
double process_cpu_us(int pid);
uint64_t process_resident_bytes(int pid);

/* DATA_BYTES whose second half compresses, as that of JSON would; never twice the same.
 */
void next_data(uint8_t data[DATA_BYTES]);

/* The stream of the next event. */
void next_stream(const struct load *load, char name[STREAM_NAME_BYTES]);

/* Events of a page: its fields 1, counted without unpacking them. */
uint64_t count_events(struct bytes page);

#endif
