#include "server/subscriptions/census.h"

#include <assert.h>

#include "server/subscriptions/subscription.h"

enum { STATES = SUBSCRIPTION_PARKED + 1, STEPS = 6 };

/* How many subscriptions are behind by so many events or more. */
static const struct {
    uint64_t events;
    const char *text;
} steps[STEPS] = {{1, "1"},         {100, "100"},       {1000, "1000"},
                  {10000, "10000"}, {100000, "100000"}, {1000000, "1000000"}};

void census_init(struct census *census)
{
    *census = (struct census){0};
    pthread_mutex_init(&census->lock, NULL);
}

void census_destroy(struct census *census)
{
    assert(!census->entries);
    pthread_mutex_destroy(&census->lock);
}

void census_join(struct census *census, struct census_entry *entry)
{
    counter_add(&census->begun, 1);
    pthread_mutex_lock(&census->lock);
    entry->previous = NULL;
    entry->next = census->entries;
    if (entry->next)
        entry->next->previous = entry;
    census->entries = entry;
    pthread_mutex_unlock(&census->lock);
}

void census_leave(struct census *census, struct census_entry *entry)
{
    pthread_mutex_lock(&census->lock);
    if (entry->next)
        entry->next->previous = entry->previous;
    if (entry->previous)
        entry->previous->next = entry->next;
    else
        census->entries = entry->next;
    pthread_mutex_unlock(&census->lock);
}

struct sums {
    uint64_t states[STATES];
    uint64_t behind[STEPS];
    uint64_t behind_max;
};

/* Who sleeps has seen all that concerns it. */
static void add_up(struct census *census, uint64_t end, struct sums *sums)
{
    *sums = (struct sums){0};
    pthread_mutex_lock(&census->lock);
    for (const struct census_entry *entry = census->entries; entry; entry = entry->next) {
        int state = atomic_load_explicit(&entry->state, memory_order_relaxed);
        uint64_t position = atomic_load_explicit(&entry->position, memory_order_relaxed);
        uint64_t behind = state == SUBSCRIPTION_PARKED || position >= end ? 0 : end - position;

        sums->states[state]++;
        for (size_t i = 0; i < STEPS; i++)
            sums->behind[i] += behind >= steps[i].events;
        if (behind > sums->behind_max)
            sums->behind_max = behind;
    }
    pthread_mutex_unlock(&census->lock);
}

void census_statistics(struct census *census, uint64_t end, metric_visit *visit, void *context)
{
    static const char *const names[STATES] = {"reading", "catching_up", "live", "parked"};
    struct sums sums;

    add_up(census, end, &sums);
    for (size_t i = 0; i < STATES; i++)
        visit(context, &(struct metric){.name = "sagabase_subscriptions",
                                        .help = "Open subscriptions. Parked ones wait for news.",
                                        .kind = METRIC_GAUGE,
                                        .labels = {{"state", names[i]}},
                                        .value = (double)sums.states[i]});
    for (size_t i = 0; i < STEPS; i++)
        visit(context, &(struct metric){.name = "sagabase_subscriptions_behind",
                                        .help = "Subscriptions that so many events or more lie "
                                                "before. One to a single stream counts all events "
                                                "of the store until it has caught up.",
                                        .kind = METRIC_GAUGE,
                                        .labels = {{"events", steps[i].text}},
                                        .value = (double)sums.behind[i]});
    metric_gauge(visit, context, "sagabase_subscription_behind_events_max",
                 "Events that lie before the slowest subscription.", (double)sums.behind_max);
    metric_counter(visit, context, "sagabase_subscriptions_begun_total",
                   "Subscriptions that were opened.", (double)counter_get(&census->begun));
}

void census_limits(struct census *census, metric_visit *visit, void *context)
{
    metric_limit(visit, context, "tail_memory", counter_get(&census->fell_behind));
    metric_limit(visit, context, "filter_steps", counter_get(&census->filters_stopped));
}
