/* A clock that stands still until a test moves it. Any thread. */
#ifndef TESTS_SUPPORT_MANUAL_CLOCK_H
#define TESTS_SUPPORT_MANUAL_CLOCK_H

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/clock.h"

struct manual_clock {
    struct clock clock;
    _Atomic(int64_t) wall_us;
    _Atomic(int64_t) monotonic_us;
};

static inline int64_t manual_clock_wall_us(const struct clock *clock)
{
    return atomic_load(&container_of(clock, struct manual_clock, clock)->wall_us);
}

static inline int64_t manual_clock_monotonic_us(const struct clock *clock)
{
    return atomic_load(&container_of(clock, struct manual_clock, clock)->monotonic_us);
}

static inline void manual_clock_init(struct manual_clock *manual)
{
    manual->clock = (struct clock){manual_clock_wall_us, manual_clock_monotonic_us};
    atomic_store(&manual->wall_us, INT64_C(1800000000000000));
    atomic_store(&manual->monotonic_us, 1000000);
}

static inline void manual_clock_advance(struct manual_clock *manual, int64_t interval_us)
{
    atomic_fetch_add(&manual->wall_us, interval_us);
    atomic_fetch_add(&manual->monotonic_us, interval_us);
}

#endif
