/* How other threads reach the RESP thread: an inbox, and a file that its epoll watches. The sender
 * that finds the inbox empty wakes, so a group of changes costs one wake-up or few. */
#ifndef SERVER_RESP_WAKE_H
#define SERVER_RESP_WAKE_H

#include <stdatomic.h>

#include "base/inbox.h"
#include "base/status.h"

struct wake {
    struct inbox inbox;
    int event;
    atomic_uint senders; /* that are waking at this moment */
};

struct status wake_open(struct wake *wake);

/* Returns when no sender is busy with it any more; nothing may be sent from now on. */
void wake_close(struct wake *wake);

/* Any thread. NULL: only wakes. */
void wake_send(struct wake *wake, struct inbox_link *link);

/* RESP thread, when `event` is readable: what was sent, oldest first. */
struct inbox_link *wake_take(struct wake *wake);

#endif
