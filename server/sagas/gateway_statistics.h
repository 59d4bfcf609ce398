/* What the gateway counts, for those who show it. */
#ifndef SERVER_SAGAS_GATEWAY_STATISTICS_H
#define SERVER_SAGAS_GATEWAY_STATISTICS_H

#include "base/metric.h"

struct gateway;

/* Any thread. */
void gateway_statistics(struct gateway *gateway, metric_visit *visit, void *context);
void gateway_limits(struct gateway *gateway, metric_visit *visit, void *context);

#endif
