/* What the log counts, for those who show it. */
#ifndef STORAGE_LOG_STATISTICS_H
#define STORAGE_LOG_STATISTICS_H

#include "base/metric.h"

struct event_log;

/* Any thread. The engine's are among them. Limits are told apart, because their metric is one for
 * all rooms. */
void event_log_statistics(struct event_log *log, metric_visit *visit, void *context);
void event_log_limits(struct event_log *log, metric_visit *visit, void *context);

#endif
