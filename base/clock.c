#include "base/clock.h"

#include <stdio.h>
#include <time.h>

enum { MICROSECONDS = 1000000 };

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * MICROSECONDS + now.tv_nsec / 1000;
}

static int64_t wall_us(const struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

static int64_t monotonic_us(const struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

const struct clock *system_clock(void)
{
    static const struct clock clock = {wall_us, monotonic_us};
    return &clock;
}

void clock_format_us(int64_t wall_us, char text[CLOCK_TEXT_BYTES])
{
    int64_t fraction = wall_us % MICROSECONDS;
    time_t seconds = wall_us / MICROSECONDS;
    struct tm parts;

    if (fraction < 0) {
        fraction += MICROSECONDS;
        seconds--;
    }
    gmtime_r(&seconds, &parts);
    size_t size = strftime(text, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + size, CLOCK_TEXT_BYTES - size, ".%06dZ", (int)fraction);
}
