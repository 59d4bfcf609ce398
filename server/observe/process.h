/* The process as the operating system sees it, under the names that Prometheus's own clients
 * use. */
#ifndef SERVER_OBSERVE_PROCESS_H
#define SERVER_OBSERVE_PROCESS_H

#include "base/metric.h"

/* Any thread. `room` is not used. */
void process_statistics(void *room, metric_visit *visit, void *context);

#endif
