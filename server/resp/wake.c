#include "server/resp/wake.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct status wake_open(struct wake *wake)
{
    *wake = (struct wake){.event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    if (wake->event < 0)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "eventfd: %s", strerror(errno));
    return OK;
}

void wake_close(struct wake *wake)
{
    while (atomic_load(&wake->senders) > 0)
        sched_yield(); /* a few instructions away from done */
    close(wake->event);
}

void wake_send(struct wake *wake, struct inbox_link *link)
{
    atomic_fetch_add(&wake->senders, 1);
    if (!link || inbox_put(&wake->inbox, link))
        eventfd_write(wake->event, 1);
    atomic_fetch_sub(&wake->senders, 1);
}

struct inbox_link *wake_take(struct wake *wake)
{
    eventfd_t count;

    eventfd_read(wake->event, &count);
    return inbox_take(&wake->inbox);
}
