/* Which events a request means, in the words of the log. */
#ifndef SERVER_SERVICES_QUERY_H
#define SERVER_SERVICES_QUERY_H

#include "base/arena.h"
#include "base/status.h"
#include "sagabase/v1/event_store.pb-c.h"
#include "server/subscriptions/filter.h"
#include "storage/log/query.h"

/* Both borrow from the request and allocate in `arena`; RESOURCE_EXHAUSTED: it is full.
 * `field` is what the request calls the query; INVALID_ARGUMENT names the part of it. */
struct status query_read(const Sagabase__V1__Query *request, const char *field, struct arena *arena,
                         struct query *query);

/* What the rules say is checked by filter_init. */
struct status filter_rules_read(const Sagabase__V1__Filter *request, struct arena *arena,
                                struct filter_rules *rules);

#endif
