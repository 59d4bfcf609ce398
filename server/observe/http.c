#include "server/observe/http.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "base/listen.h"
#include "server/observe/health.h"

enum { IDLE_S = 10, CONNECTION_BYTES = 32 << 10 };

struct http {
    struct http_options options;
    struct MHD_Daemon *daemon;
    int port;
    unsigned connections; /* of the daemon's thread */
    struct counter full;
};

/* --- answers ------------------------------------------------------------------------- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned code, const char *type,
                              struct bytes body, enum MHD_ResponseMemoryMode memory)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.size, (void *)body.data, memory);

    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned code,
                                   const char *text)
{
    return answer(connection, code, "text/plain; charset=utf-8", bytes_of_text(text),
                  MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result answer_metrics(const struct http *http, struct MHD_Connection *connection)
{
    struct buffer text;

    metrics_write(http->options.sources, &text);
    if (!buffer_ok(&text)) {
        buffer_destroy(&text);
        return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "too many metrics\n");
    }
    return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
                  buffer_bytes(&text), MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_size, void **state)
{
    struct http *http = context;

    (void)version;
    (void)body;
    if (!*state || *body_size > 0) { /* first the headers, then the body: not looked at */
        *state = context;
        *body_size = 0;
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    if (strcmp(url, "/metrics") == 0)
        return answer_metrics(http, connection);
    if (strcmp(url, "/health/live") == 0)
        return answer_text(connection, MHD_HTTP_OK, "live\n");
    if (strcmp(url, "/health/ready") == 0)
        return health_is_serving(http->options.health)
                   ? answer_text(connection, MHD_HTTP_OK, "ready\n")
                   : answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "not ready\n");
    return answer_text(connection, MHD_HTTP_NOT_FOUND,
                       "here are /metrics, /health/live and /health/ready\n");
}

static void on_connection(void *context, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *http = context;

    (void)connection;
    (void)state;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED)
        http->connections--;
    else if (++http->connections == HTTP_CONNECTIONS_MAX)
        counter_add(&http->full, 1);
}

/* --- life ---------------------------------------------------------------------------- */

struct status http_start(const struct http_options *options, struct http **started)
{
    struct http *http = calloc(1, sizeof *http);
    int descriptor = -1;

    if (!http)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "http: out of memory");
    struct status status = listen_on("http-listen", options->listen, &descriptor);
    if (!status_ok(status)) {
        free(http);
        return status;
    }
    http->options = *options;
    http->port = listen_port(descriptor);
    *started = http; /* its thread may ask for it */
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, http, MHD_OPTION_LISTEN_SOCKET,
        descriptor, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
        MHD_OPTION_END);
    if (!http->daemon) { /* it has closed the socket, or not: it does not say */
        *started = NULL;
        free(http);
        return status_make(STATUS_UNAVAILABLE, "%.128s: the HTTP thread cannot be started",
                           options->listen);
    }
    return OK;
}

int http_port(const struct http *http)
{
    return http->port;
}

void http_limits(const struct http *http, metric_visit *visit, void *context)
{
    metric_limit(visit, context, "http_connections", counter_get(&http->full));
}

void http_stop(struct http *http)
{
    MHD_stop_daemon(http->daemon);
    free(http);
}
