#include "base/histogram.h"

/* 0..63 have a bucket each; above, each doubling of the value has 64 buckets. */
static unsigned bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_PARTS)
        return (unsigned)value;
    unsigned doublings = 63 - (unsigned)__builtin_clzll(value) - 6;
    unsigned bucket =
        (doublings + 1) * HISTOGRAM_PARTS + (unsigned)((value >> doublings) - HISTOGRAM_PARTS);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static int64_t bucket_end(unsigned bucket)
{
    if (bucket < HISTOGRAM_PARTS)
        return bucket;
    unsigned doublings = bucket / HISTOGRAM_PARTS - 1;
    return ((int64_t)(bucket % HISTOGRAM_PARTS + HISTOGRAM_PARTS + 1) << doublings) - 1;
}

void histogram_add(struct histogram *histogram, int64_t value)
{
    histogram->buckets[bucket_of(value < 0 ? 0 : (uint64_t)value)]++;
    histogram->count++;
}

void histogram_merge(struct histogram *histogram, const struct histogram *more)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        histogram->buckets[i] += more->buckets[i];
    histogram->count += more->count;
}

int64_t histogram_permille(const struct histogram *histogram, unsigned permille)
{
    uint64_t rank = (histogram->count * permille + 999) / 1000;
    uint64_t counted = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && histogram->count > 0; i++) {
        counted += histogram->buckets[i];
        if (counted >= rank)
            return bucket_end(i);
    }
    return 0;
}
