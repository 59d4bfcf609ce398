#include "server/rpc/rpc_server.h"

#include <assert.h>
#include <errno.h>
#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/deadline.h"
#include "server/rpc/server_internal.h"

enum {
    THREADS_MAX = 64,
    MESSAGE_BYTES_MAX = 4 << 20,
    ARENA_PER_MESSAGE = 16,
    CONNECTION_CALLS_MAX = 1000,
    METADATA_BYTES_MAX = 16 << 10,
    LISTEN_SHOWN_BYTES = 128,
    /* We ask a silent peer whether it is there, also so that NAT keeps the connection. */
    KEEPALIVE_TIME_MS = 30000,
    KEEPALIVE_TIMEOUT_MS = 10000,
    /* Clients may ask every 10 s; half of that, so that jitter is no offence. */
    CLIENT_PING_INTERVAL_MS = 5000,
    CLOSE_GRACE_MS = 5000, /* for connections without a call */
};

/* --- options -------------------------------------------------------------- */

/* gRPC would read a port that is missing or wrong in its own way. */
static struct status check_listen(const char *listen)
{
    struct address address;
    struct status status = address_parse(listen ? listen : "", &address);

    if (status_ok(status))
        return OK;
    return status_make(STATUS_INVALID_ARGUMENT, "listen: \"%.*s\": %s", LISTEN_SHOWN_BYTES,
                       listen ? listen : "", status.message);
}

static struct status check_options(const struct rpc_options *options)
{
    if (options->threads > THREADS_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "threads: 1 to %d", THREADS_MAX);
    if (options->message_bytes_max > INT32_MAX || options->connection_calls_max > INT32_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "limits: at most %d", INT32_MAX);
    return check_listen(options->listen);
}

static struct rpc_options with_defaults(struct rpc_options options)
{
    if (options.threads == 0)
        options.threads = 1;
    if (options.message_bytes_max == 0)
        options.message_bytes_max = MESSAGE_BYTES_MAX;
    if (options.arena_bytes_max == 0)
        options.arena_bytes_max = ARENA_PER_MESSAGE * options.message_bytes_max;
    if (options.connection_calls_max == 0)
        options.connection_calls_max = CONNECTION_CALLS_MAX;
    return options;
}

/* --- start ---------------------------------------------------------------- */

/* What gRPC calls an error mends itself: a connection that broke, a name that did not resolve. */
static void write_log(gpr_log_func_args *line)
{
    log_line(line->severity == GPR_LOG_SEVERITY_ERROR ? LOG_WARN : LOG_DEBUG, "grpc", "said",
             "at=%s:%d message=\"%s\"", line->file, line->line, line->message);
}

static gpr_log_severity grpc_severity(void)
{
    return log_get_level() == LOG_DEBUG ? GPR_LOG_SEVERITY_INFO : GPR_LOG_SEVERITY_ERROR;
}

void rpc_set_log_level(enum log_level level)
{
    log_set_level(level);
    gpr_set_log_verbosity(grpc_severity());
}

static grpc_arg integer(const char *key, size_t value)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = (int)value};
}

static grpc_server *create_grpc(const struct rpc_options *options)
{
    grpc_arg list[] = {
        integer(GRPC_ARG_ALLOW_REUSEPORT, 0), /* or a second server would share our port */
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, options->message_bytes_max),
        integer(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, (size_t)-1), /* handlers bound what they send */
        integer(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0), /* codec.c does, with a limit */
        integer(GRPC_ARG_MAX_CONCURRENT_STREAMS, options->connection_calls_max),
        integer(GRPC_ARG_MAX_METADATA_SIZE, METADATA_BYTES_MAX),
        integer(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_TIME_MS),
        integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
        integer(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        integer(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, CLIENT_PING_INTERVAL_MS),
        integer(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0), /* ours are not limited */
    };
    grpc_channel_args arguments = {sizeof list / sizeof *list, list};

    return grpc_server_create(&arguments, NULL);
}

static struct status bind(struct rpc_server *server)
{
    grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();

    /* Its long complaint would only repeat the status. */
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR + 1);
    server->port = grpc_server_add_http2_port(server->grpc, server->options.listen, credentials);
    gpr_set_log_verbosity(grpc_severity());
    grpc_server_credentials_release(credentials);
    if (server->port == 0)
        return status_make(STATUS_UNAVAILABLE, "%s: cannot be bound (is another server running?)",
                           server->options.listen);
    return OK;
}

static struct rpc_server *create(const struct rpc_options *options)
{
    size_t loops_size = options->threads * sizeof(struct loop);
    struct rpc_server *server = calloc(1, sizeof *server + loops_size);

    assert(server); /* gRPC, too, ends the process when memory does */
    grpc_init();
    gpr_set_log_function(write_log);
    server->options = *options;
    server->loop_count = options->threads;
    server->grpc = create_grpc(options);
    server->nowhere = grpc_lame_client_channel_create(NULL, GRPC_STATUS_UNAVAILABLE, "nowhere");
    pthread_mutex_init(&server->mutex, NULL);
    deadline_cond_init(&server->counted);
    for (unsigned i = 0; i < server->loop_count; i++) {
        loop_init(&server->loops[i], server);
        grpc_server_register_completion_queue(server->grpc, server->loops[i].queue, NULL);
    }
    method_table_init(&server->methods, server->grpc, options->services);
    for (unsigned i = 0; i < server->loop_count; i++)
        loop_counts_init(&server->loops[i].counts, server->methods.count);
    return server;
}

struct status rpc_server_start(const struct rpc_options *options, struct rpc_server **result)
{
    TRY(check_options(options));
    struct rpc_options whole = with_defaults(*options);
    struct rpc_server *server = create(&whole);

    struct status status = bind(server);
    grpc_server_start(server->grpc);
    for (unsigned i = 0; i < server->loop_count && status_ok(status); i++)
        if (!loop_start(&server->loops[i]))
            status = status_make(STATUS_RESOURCE_EXHAUSTED, "queue thread: cannot be started");
    if (!status_ok(status)) {
        rpc_server_stop(server, 0);
        rpc_server_free(server);
        return status;
    }
    *result = server;
    return OK;
}

int rpc_server_port(const struct rpc_server *server)
{
    return server->port;
}

/* --- stop ----------------------------------------------------------------- */

void rpc_server_count(struct rpc_server *server, unsigned *counter)
{
    pthread_mutex_lock(&server->mutex);
    (*counter)++;
    pthread_cond_signal(&server->counted);
    pthread_mutex_unlock(&server->mutex);
}

/* Until the counter has all loops, or that time has come. */
static void wait_for_loops(struct rpc_server *server, const unsigned *counter,
                           struct timespec until)
{
    int error = 0;

    pthread_mutex_lock(&server->mutex);
    while (*counter < server->loop_count && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&server->counted, &server->mutex, &until);
    pthread_mutex_unlock(&server->mutex);
}

/* First calls end, then connections. gRPC 1.51 closes a connection that shuts down with its last
 * call; if the client has sent something meanwhile, the kernel answers with a reset, which may
 * overtake the last replies. A connection without calls is closed only after the client has
 * answered a ping, which it reads behind all replies.
 *
 * A call that arrives at this very moment may get stuck inside gRPC 1.51: queued after the
 * slots have failed, never given to us, and its connection stays open. So once we have
 * no call left, connections get a moment to close, not the whole grace. */
void rpc_server_stop(struct rpc_server *server, int64_t grace_ms)
{
    struct timespec until = deadline_after_us(grace_ms * 1000);

    atomic_store(&server->stopping, true);
    for (unsigned i = 0; i < server->loop_count; i++)
        loop_end_calls(&server->loops[i]);
    wait_for_loops(server, &server->loops_quiet, until);
    for (unsigned i = 0; i < server->loop_count; i++)
        grpc_server_shutdown_and_notify(server->grpc, server->loops[i].queue,
                                        &server->loops[i].stopped);
    wait_for_loops(server, &server->loops_at_rest, until);
    int64_t close_ms = grace_ms < CLOSE_GRACE_MS ? grace_ms : CLOSE_GRACE_MS;
    wait_for_loops(server, &server->loops_stopped, deadline_after_us(close_ms * 1000));
    grpc_server_cancel_all_calls(server->grpc);
    for (unsigned i = 0; i < server->loop_count; i++)
        loop_join(&server->loops[i]);
}

void rpc_server_free(struct rpc_server *server)
{
    grpc_server_destroy(server->grpc);
    for (unsigned i = 0; i < server->loop_count; i++)
        loop_destroy(&server->loops[i]);
    grpc_channel_destroy(server->nowhere);
    method_table_destroy(&server->methods);
    pthread_cond_destroy(&server->counted);
    pthread_mutex_destroy(&server->mutex);
    free(server);
    grpc_shutdown();
}
