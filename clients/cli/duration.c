#include "clients/cli/duration.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

/* The largest first. */
static const struct unit {
    char letter;
    int64_t us;
} units[] = {
    {'d', 86400 * SECOND_US},
    {'h', 3600 * SECOND_US},
    {'m', 60 * SECOND_US},
    {'s', SECOND_US},
};

bool duration_parse(const char *text, int64_t *duration_us)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || number == 0 || !*end || end[1])
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (*end == units[i].letter)
            return !__builtin_mul_overflow(number, units[i].us, duration_us);
    return false;
}

const char *duration_format(int64_t duration_us, char text[DURATION_TEXT_BYTES])
{
    assert(duration_us >= 0);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (duration_us >= units[i].us && duration_us % units[i].us == 0) {
            snprintf(text, DURATION_TEXT_BYTES, "%" PRId64 "%c", duration_us / units[i].us,
                     units[i].letter);
            return text;
        }
    snprintf(text, DURATION_TEXT_BYTES, "%" PRId64 ".%06" PRId64 "s", duration_us / SECOND_US,
             duration_us % SECOND_US);
    return text;
}

const char *duration_round(int64_t duration_us, char text[DURATION_TEXT_BYTES])
{
    int64_t ms = duration_us / 1000, s = ms / 1000, m = s / 60, h = m / 60, d = h / 24;

    if (ms < 1000)
        snprintf(text, DURATION_TEXT_BYTES, "%" PRId64 " ms", ms);
    else if (s < 60)
        snprintf(text, DURATION_TEXT_BYTES, "%.1f s", (double)ms / 1000);
    else if (m < 60)
        snprintf(text, DURATION_TEXT_BYTES, "%" PRId64 " m %" PRId64 " s", m, s % 60);
    else if (h < 24)
        snprintf(text, DURATION_TEXT_BYTES, "%" PRId64 " h %" PRId64 " m", h, m % 60);
    else
        snprintf(text, DURATION_TEXT_BYTES, "%" PRId64 " d %" PRId64 " h", d, h % 24);
    return text;
}
