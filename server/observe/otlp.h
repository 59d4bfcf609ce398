/* Sends spans to a collector by OTLP/gRPC (https://opentelemetry.io/docs/specs/otlp/), on a thread
 * of its own: nobody else waits for it. What cannot be sent in time is dropped and counted. */
#ifndef SERVER_OBSERVE_OTLP_H
#define SERVER_OBSERVE_OTLP_H

#include "base/metric.h"
#include "base/status.h"
#include "base/trace.h"
#include "server/observe/otlp_options.h"

struct otlp;

/* Borrows both until it is stopped. RESOURCE_EXHAUSTED: no memory, no thread. */
struct status otlp_start(const struct otlp_options *options, struct tracer *tracer,
                         struct otlp **otlp);

/* Sends what is queued, for at most two seconds. No span may end after that. */
void otlp_stop(struct otlp *otlp);

/* Any thread. */
void otlp_statistics(struct otlp *otlp, metric_visit *visit, void *context);
void otlp_limits(struct otlp *otlp, metric_visit *visit, void *context);

#endif
