/* A closed loop of unary calls. */
#ifndef TESTS_BENCH_CALLERS_H
#define TESTS_BENCH_CALLERS_H

#include "tests/bench/measure.h"

struct callers;

struct caller {
    struct callers *callers;
    unsigned connection;
    int64_t sent_us;
};

struct callers {
    struct run run;
    /* Makes one call; `done` gets the caller as its context. */
    void (*send)(struct caller *caller, wire_done *done);
    uint64_t events; /* of one call */
    uint64_t calls_left;
    struct caller all[OUTSTANDING_MAX];
};

/* load->outstanding callers until the time is over. */
void callers_run(struct callers *callers, const struct load *load, struct measured *measured);

/* Until `calls` have been made, however long that takes. */
void callers_run_calls(struct callers *callers, const struct load *load, uint64_t calls,
                       struct measured *measured);

#endif
