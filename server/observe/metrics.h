/* What is counted, in Prometheus's text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). */
#ifndef SERVER_OBSERVE_METRICS_H
#define SERVER_OBSERVE_METRICS_H

#include "base/buffer.h"
#include "base/metric.h"

enum { METRICS_BYTES_MAX = 4 << 20 };

/* A room that counts: tells all its metrics to `visit`. Any thread. */
struct metric_source {
    void (*statistics)(void *room, metric_visit *visit, void *context);
    void *room;
};

/* All sources, ended by one without a function. The buffer fails above METRICS_BYTES_MAX. */
void metrics_write(const struct metric_source *sources, struct buffer *text);

#endif
