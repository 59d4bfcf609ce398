/* Clients that append with every expectation and with conditions, and read heads, all at once, over
 * few streams; every call is noted in a history. And readers that follow, whose every event is
 * kept. */
#ifndef TESTS_LINEARIZABILITY_LOAD_H
#define TESTS_LINEARIZABILITY_LOAD_H

#include "base/status.h"
#include "tests/linearizability/history.h"
#include "tests/support/chance.h"
#include "tests/support/wire.h"

enum { CLIENTS = 16, CONNECTIONS = 4, FOLLOWED_MAX = 1 << 20 };

/* What is told at each position, by the number of the append and of the event in it. */
struct followed {
    uint64_t *events; /* append << 8 | event */
    uint64_t count;   /* positions told so far */
};

/* Over the whole life of one store, through all of its deaths. */
struct load {
    struct history history;
    struct followed subscribed; /* by a subscription that resumes after each death */
    uint64_t *caught_up;        /* positions that it said it had caught up to */
    uint32_t caught_up_count;
    struct chance chance;
    uint64_t known[STREAMS_MAX]; /* events of each stream, as far as anybody was told */
    uint64_t known_end;          /* events of the store, likewise */
    uint32_t clients;            /* at once, 1..CLIENTS */
    uint32_t tag;                /* a part of every id: stores differ */
};

void load_init(struct load *load, uint64_t seed, uint32_t clients);
void load_destroy(struct load *load);

/* 0..bound-1 */
uint32_t load_chance(struct load *load, uint32_t bound);

/* Works until `operations` more have returned; then runs `kill` while calls are underway, and
 * waits for their end. The error is the first thing that no crash explains. */
struct status load_run(struct load *load, struct wire *wire, uint32_t operations,
                       void (*kill)(void *context), void *context);

/* Reads the whole store, settles what was unknown by it, and then reads every head, as
 * operations. The error: a part of an append is there, or the store is not what was followed. */
struct status load_settle(struct load *load, struct wire *wire);

#endif
