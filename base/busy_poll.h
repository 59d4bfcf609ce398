/* When a thread that serves should look for the next request again and again, for a moment, before
 * it sleeps. Who sends to a sleeper pays for waking it, and on a virtual machine both lose some
 * tens of microseconds: more than the request takes. So while requests come one upon another,
 * within `most_us`, the thread stays awake that long for the next one; once one comes later, it
 * sleeps at once, until they come fast again.
 *
 *   busy_poll_begin(poll, now);
 *   while (there is nothing && busy_poll_again(poll, now)) look, without waiting
 *   if (there is nothing) sleep
 *   busy_poll_end(poll, now);
 *
 * Belongs to its thread. Times are of the monotonic clock. */
#ifndef BASE_BUSY_POLL_H
#define BASE_BUSY_POLL_H

#include <stdbool.h>
#include <stdint.h>

struct busy_poll {
    int64_t most_us; /* 0: it always sleeps at once */
    int64_t began_us;
    bool is_worth_it; /* the last request came within most_us */
};

/* With one processor alone it always sleeps: nobody could send while we look. */
void busy_poll_init(struct busy_poll *poll, int64_t most_us);

static inline void busy_poll_begin(struct busy_poll *poll, int64_t now_us)
{
    poll->began_us = now_us;
}

static inline bool busy_poll_again(const struct busy_poll *poll, int64_t now_us)
{
    return poll->is_worth_it && now_us - poll->began_us < poll->most_us;
}

/* Something has come, or it is time for something else. */
static inline void busy_poll_end(struct busy_poll *poll, int64_t now_us)
{
    poll->is_worth_it = now_us - poll->began_us < poll->most_us;
}

#endif
