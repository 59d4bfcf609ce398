/* When an event of a type or with a tag was last decided, roughly: several may
 * share a slot, so the answer may be too late, never too early. It spares most
 * conditions a look at what was appended since they were checked against the
 * disk. @thread writer, all of it. */
#ifndef STORAGE_LOG_RECENT_H
#define STORAGE_LOG_RECENT_H

#include <stdint.h>

enum { RECENT_SLOTS = 1 << 15 };

/* The end of the store after the last such event; 0: none since the start. */
struct recent {
    uint64_t ends[RECENT_SLOTS];
};

static inline void recent_note(struct recent *recent, uint64_t hash, uint64_t end)
{
    recent->ends[hash & (RECENT_SLOTS - 1)] = end;
}

static inline uint64_t recent_end(const struct recent *recent, uint64_t hash)
{
    return recent->ends[hash & (RECENT_SLOTS - 1)];
}

#endif
