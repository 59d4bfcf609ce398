/* Random numbers that a seed makes again. */
#ifndef TESTS_SUPPORT_CHANCE_H
#define TESTS_SUPPORT_CHANCE_H

#include <stdint.h>

/* xorshift64*; the seed is not 0. */
struct chance {
    uint64_t state;
};

static inline uint32_t chance_below(struct chance *chance, uint32_t bound)
{
    chance->state ^= chance->state >> 12;
    chance->state ^= chance->state << 25;
    chance->state ^= chance->state >> 27;
    return (uint32_t)((chance->state * 0x2545f4914f6cdd1du >> 32) % bound);
}

#endif
