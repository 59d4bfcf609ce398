/* Counting, for who shows it. A room counts in fields of its own and tells them to a visitor when
 * somebody asks; it knows nothing of who asks, and nothing is registered anywhere.
 *
 * Counting is relaxed atomics: about 5 ns for any thread, 1 ns for the _alone functions, which
 * only one thread may use on the same counter. Reading races with nobody; sums may lag behind
 * buckets by what is being added. */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum { METRIC_LABELS_MAX = 3, DISTRIBUTION_BOUNDS_MAX = 16 };

/* --- counters ----------------------------------------------------------------------- */

struct counter {
    _Atomic(uint64_t) value;
};

static inline void counter_add(struct counter *at, uint64_t more)
{
    atomic_fetch_add_explicit(&at->value, more, memory_order_relaxed);
}

static inline void counter_add_alone(struct counter *at, uint64_t more)
{
    atomic_store_explicit(&at->value, atomic_load_explicit(&at->value, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

static inline uint64_t counter_get(const struct counter *at)
{
    return atomic_load_explicit(&at->value, memory_order_relaxed);
}

/* --- distributions ------------------------------------------------------------------- */

/* Upper ends of buckets, ascending, and what a value has to be multiplied with to be of the
 * metric's unit: 1e-6 for microseconds in a metric of seconds. */
struct bounds {
    size_t count; /* 1..DISTRIBUTION_BOUNDS_MAX */
    int64_t ends[DISTRIBUTION_BOUNDS_MAX];
    double unit;
};

/* Microseconds from 100 us to 10 s, shown as seconds; numbers from 1 to 16,384. */
extern const struct bounds bounds_duration_us;
extern const struct bounds bounds_count;

/* All zero is empty. */
struct distribution {
    struct counter buckets[DISTRIBUTION_BOUNDS_MAX + 1]; /* the last: above all ends */
    struct counter sum;
};

/* One thread alone. */
void distribution_add_alone(struct distribution *distribution, const struct bounds *bounds,
                            int64_t value);

/* Adds what `more` has counted to one that nobody else knows. */
void distribution_merge(struct distribution *distribution, const struct distribution *more);

uint64_t distribution_count(const struct distribution *distribution);

/* --- telling -------------------------------------------------------------------------- */

/* Both static, or borrowed for the visit: never from a user, for each value is a series. */
struct metric_label {
    const char *name;
    const char *value;
};

struct metric {
    const char *name; /* as Prometheus wants it: sagabase_commit_seconds */
    const char *help;
    enum metric_kind kind;
    struct metric_label labels[METRIC_LABELS_MAX]; /* those with a name */
    double value;                                  /* of a counter or gauge */
    const struct distribution *distribution;       /* of a histogram */
    const struct bounds *bounds;
};

/* The metric is borrowed for the call. Those of one name come one after another. */
typedef void metric_visit(void *context, const struct metric *metric);

static inline void metric_counter(metric_visit *visit, void *context, const char *name,
                                  const char *help, double value)
{
    visit(context,
          &(struct metric){.name = name, .help = help, .kind = METRIC_COUNTER, .value = value});
}

static inline void metric_gauge(metric_visit *visit, void *context, const char *name,
                                const char *help, double value)
{
    visit(context,
          &(struct metric){.name = name, .help = help, .kind = METRIC_GAUGE, .value = value});
}

static inline void metric_histogram(metric_visit *visit, void *context, const char *name,
                                    const char *help, const struct bounds *bounds,
                                    const struct distribution *distribution)
{
    visit(context, &(struct metric){.name = name,
                                    .help = help,
                                    .kind = METRIC_HISTOGRAM,
                                    .distribution = distribution,
                                    .bounds = bounds});
}

/* How often a limit was hit: sagabase_limit_hits_total{limit="..."}. */
void metric_limit(metric_visit *visit, void *context, const char *limit, uint64_t hits);

#endif
