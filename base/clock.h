/* Time, as a value that is passed in, so that tests choose it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*wall_us)(const struct clock *clock); /* microseconds since 1970-01-01T00:00:00Z */
    int64_t (*monotonic_us)(const struct clock *clock); /* never goes back; from any origin */
};

/* The machine's clocks. Any thread. */
const struct clock *system_clock(void);

static inline int64_t clock_wall_us(const struct clock *clock)
{
    return clock->wall_us(clock);
}

static inline int64_t clock_monotonic_us(const struct clock *clock)
{
    return clock->monotonic_us(clock);
}

/* RFC 3339 in UTC with microseconds: 2026-11-21T01:02:03.000004Z */
enum { CLOCK_TEXT_BYTES = 32 };
void clock_format_us(int64_t wall_us, char text[CLOCK_TEXT_BYTES]);

#endif
