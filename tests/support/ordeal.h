/* A program that kills servers for as long as it was told, and judges what they leave behind. */
#ifndef TESTS_SUPPORT_ORDEAL_H
#define TESTS_SUPPORT_ORDEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { ORDEAL_PATH_BYTES = 512 };

struct ordeal {
    const char *binary; /* of the server */
    uint64_t seed;      /* of all that is left to chance */
    uint32_t kills;     /* the program counts them */
    uint32_t kills_wanted;
    int64_t end_us;                 /* on the monotonic clock */
    char folder[ORDEAL_PATH_BYTES]; /* for its stores; new */
    char log[ORDEAL_PATH_BYTES];    /* of its servers */
};

/* Reads `SAGABASE [--kills N] [--minutes N] [--seed N]`, `kills` of them if nothing is said, and
 * says the seed. False: there is no SAGABASE, and usage was said. `name` is the program's. */
bool ordeal_begin(struct ordeal *ordeal, const char *name, int argc, char **argv, uint32_t kills);

/* There were enough kills, or the time is up. */
bool ordeal_over(const struct ordeal *ordeal);

/* `sagabase verify` of a store that nobody serves. DATA_LOSS: it is not whole. */
struct status ordeal_verify(const struct ordeal *ordeal, const char *data);

/* The last thing the program does: removes what it made, or says what went wrong and leaves it.
 * Returns the exit status. */
int ordeal_end(const struct ordeal *ordeal, struct status status);

#endif
