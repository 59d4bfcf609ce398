#include "base/metric.h"

const struct bounds bounds_duration_us = {
    .count = 16,
    .ends = {100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000,
             2500000, 5000000, 10000000},
    .unit = 1e-6,
};

const struct bounds bounds_count = {
    .count = 15,
    .ends = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384},
    .unit = 1,
};

void distribution_add_alone(struct distribution *distribution, const struct bounds *bounds,
                            int64_t value)
{
    size_t bucket = 0;

    while (bucket < bounds->count && value > bounds->ends[bucket])
        bucket++;
    counter_add_alone(&distribution->buckets[bucket], 1);
    counter_add_alone(&distribution->sum, value > 0 ? (uint64_t)value : 0);
}

void distribution_merge(struct distribution *distribution, const struct distribution *more)
{
    for (size_t i = 0; i <= DISTRIBUTION_BOUNDS_MAX; i++)
        counter_add_alone(&distribution->buckets[i], counter_get(&more->buckets[i]));
    counter_add_alone(&distribution->sum, counter_get(&more->sum));
}

uint64_t distribution_count(const struct distribution *distribution)
{
    uint64_t count = 0;

    for (size_t i = 0; i <= DISTRIBUTION_BOUNDS_MAX; i++)
        count += counter_get(&distribution->buckets[i]);
    return count;
}

void metric_limit(metric_visit *visit, void *context, const char *limit, uint64_t hits)
{
    visit(context, &(struct metric){
                       .name = "sagabase_limit_hits_total",
                       .help = "How often a limit of docs/limits.md was hit.",
                       .kind = METRIC_COUNTER,
                       .labels = {{"limit", limit}},
                       .value = (double)hits,
                   });
}
