/* HTTP for operators: GET /metrics, /health/live, /health/ready. One thread of its own; at most
 * HTTP_CONNECTIONS_MAX connections, each for at most 10 idle seconds. */
#ifndef SERVER_OBSERVE_HTTP_H
#define SERVER_OBSERVE_HTTP_H

#include "base/status.h"
#include "server/observe/metrics.h"

enum { HTTP_CONNECTIONS_MAX = 64 };

struct health;
struct http;

struct http_options {
    const char *listen;                  /* "host:port"; port 0 picks a free one */
    const struct metric_source *sources; /* of /metrics; must outlive it */
    struct health *health;               /* of /health/ready; the same */
};

/* *http is set before sources are asked. INVALID_ARGUMENT: `listen`. UNAVAILABLE: it cannot be
 * bound. */
struct status http_start(const struct http_options *options, struct http **http);

int http_port(const struct http *http);

/* How often there were as many connections as there may be: others waited or were closed. */
void http_limits(const struct http *http, metric_visit *visit, void *context);

/* No source is asked after it. */
void http_stop(struct http *http);

#endif
