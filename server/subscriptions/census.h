/* Which subscriptions there are and how far behind, for those who show it. */
#ifndef SERVER_SUBSCRIPTIONS_CENSUS_H
#define SERVER_SUBSCRIPTIONS_CENSUS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/metric.h"

/* One subscription, as it shows itself. Embedded in it. */
struct census_entry {
    struct census_entry *next, *previous; /* the census's */
    _Atomic(int) state;                   /* enum subscription_state */
    _Atomic(uint64_t) position;           /* everything of its before it was looked at */
};

struct census {
    pthread_mutex_t lock; /* a leaf */
    struct census_entry *entries;
    struct counter begun, fell_behind;
    struct counter filters_stopped; /* matching took too many steps; of reads, too */
};

void census_init(struct census *census);

/* No subscription may be in it. */
void census_destroy(struct census *census);

/* Any thread. */
void census_join(struct census *census, struct census_entry *entry);
void census_leave(struct census *census, struct census_entry *entry);

/* Any thread. `end`: of the store. */
void census_statistics(struct census *census, uint64_t end, metric_visit *visit, void *context);
void census_limits(struct census *census, metric_visit *visit, void *context);

#endif
