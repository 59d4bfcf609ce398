/* Latencies, counted in buckets that are at most 1/64 wide of their value: small, and exact
 * enough for percentiles. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_PARTS = 64, HISTOGRAM_BUCKETS = HISTOGRAM_PARTS * 40 };

/* All zero is empty. */
struct histogram {
    uint64_t count;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Negative values count as 0, those above 2^44 as 2^44. */
void histogram_add(struct histogram *histogram, int64_t value);

/* Adds what `more` has counted. */
void histogram_merge(struct histogram *histogram, const struct histogram *more);

/* The value that `permille` of 1000 values do not pass (the upper end of its bucket); 0 if empty.
 */
int64_t histogram_permille(const struct histogram *histogram, unsigned permille);

#endif
