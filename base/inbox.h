/* Many senders, one receiver, no lock: an intrusive list that the receiver
 * takes as a whole. The owner of the links bounds how many there are. */
#ifndef BASE_INBOX_H
#define BASE_INBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct inbox_link {
    struct inbox_link *next;
};

struct inbox {
    _Atomic(struct inbox_link *) newest;
};

/* Any thread. True if the inbox was empty: then the receiver may be asleep
 * and is the sender's to wake. */
static inline bool inbox_put(struct inbox *inbox, struct inbox_link *link)
{
    struct inbox_link *newest = atomic_load_explicit(&inbox->newest, memory_order_relaxed);

    do
        link->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&inbox->newest, &newest, link,
                                                  memory_order_acq_rel, memory_order_relaxed));
    return newest == NULL;
}

/* The receiver only. Everything sent so far, oldest first; NULL if nothing. */
static inline struct inbox_link *inbox_take(struct inbox *inbox)
{
    struct inbox_link *link = atomic_exchange_explicit(&inbox->newest, NULL, memory_order_acq_rel);
    struct inbox_link *oldest = NULL;

    while (link) {
        struct inbox_link *next = link->next;
        link->next = oldest;
        oldest = link;
        link = next;
    }
    return oldest;
}

#endif
