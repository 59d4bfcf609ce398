#include "server/services/services.h"

void services_limits(const struct services *services, metric_visit *visit, void *context)
{
    metric_limit(visit, context, "session_in_flight", counter_get(&services->sessions_full));
    metric_limit(visit, context, "replies_in_flight", counter_get(&services->replies_full));
    metric_limit(visit, context, "heartbeats_in_flight", counter_get(&services->heartbeats_full));
    metric_limit(visit, context, "checkpoints", counter_get(&services->checkpoints_busy));
}
