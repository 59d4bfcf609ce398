#define _GNU_SOURCE
#include "base/busy_poll.h"

#include <sched.h>

/* Those that this process may run on. */
static bool has_one_processor(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == 1;
}

void busy_poll_init(struct busy_poll *poll, int64_t most_us)
{
    *poll = (struct busy_poll){.most_us = has_one_processor() ? 0 : most_us};
}
