#include "server/rpc/statistics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/rpc/call_internal.h"
#include "server/rpc/server_internal.h"

void loop_counts_init(struct loop_counts *counts, size_t method_count)
{
    *counts = (struct loop_counts){0};
    counts->methods = calloc(method_count + 1, sizeof *counts->methods);
    assert(counts->methods); /* gRPC, too, ends the process when memory does */
}

void loop_counts_destroy(struct loop_counts *counts)
{
    free(counts->methods);
}

static struct method_counts *counts_of(const struct call *call)
{
    const struct method_table *table = &call->loop->server->methods;
    size_t index = call->row ? (size_t)(call->row - table->rows) : table->count;

    return &call->loop->counts.methods[index];
}

void count_begun(struct call *call)
{
    counter_add_alone(&counts_of(call)->begun, 1);
}

/* With the trace, so that a line leads to it. */
static void tell_ended(struct call *call, int64_t took_us)
{
    const struct call_trace *trace = call_trace(call);
    const char *path = call->row ? call->row->method->path + 1 : "unknown";
    const char *code = status_code_name(call->status.code);

    if (trace)
        log_line(LOG_DEBUG, "rpc", "answered",
                 "method=%s code=%s duration_us=%" PRId64 " trace=%.*s", path, code, took_us,
                 2 * TRACE_ID_BYTES, (const char *)trace->traceparent.data + 3);
    else
        log_line(LOG_DEBUG, "rpc", "answered", "method=%s code=%s duration_us=%" PRId64, path, code,
                 took_us);
}

void count_ended(struct call *call)
{
    unsigned code = call->status.code;
    int64_t took_us = clock_monotonic_us(system_clock()) - call->began_us;

    assert(code < CODE_COUNT);
    distribution_add_alone(&counts_of(call)->ended_us[code], &bounds_duration_us, took_us);
    if (log_get_level() == LOG_DEBUG)
        tell_ended(call, took_us);
}

/* --- telling ---------------------------------------------------------------------------- */

static void visit_durations(const struct rpc_server *server, size_t row,
                            const struct metric_label labels[2], metric_visit *visit, void *context)
{
    for (unsigned code = 0; code < CODE_COUNT; code++) {
        struct distribution whole = {0};

        for (unsigned i = 0; i < server->loop_count; i++)
            distribution_merge(&whole, &server->loops[i].counts.methods[row].ended_us[code]);
        if (distribution_count(&whole) == 0)
            continue;
        visit(context,
              &(struct metric){
                  .name = "sagabase_rpc_duration_seconds",
                  .help = "Time of calls from arrival to their end. Streams last as long as their "
                          "client wants.",
                  .kind = METRIC_HISTOGRAM,
                  .labels = {labels[0], labels[1], {"code", status_code_name(code)}},
                  .distribution = &whole,
                  .bounds = &bounds_duration_us,
              });
    }
}

static void visit_open(const struct rpc_server *server, size_t row,
                       const struct metric_label labels[2], metric_visit *visit, void *context)
{
    uint64_t begun = 0, ended = 0;

    for (unsigned i = 0; i < server->loop_count; i++) {
        const struct method_counts *counts = &server->loops[i].counts.methods[row];
        for (unsigned code = 0; code < CODE_COUNT; code++)
            ended += distribution_count(&counts->ended_us[code]);
    }
    for (unsigned i = 0; i < server->loop_count; i++)
        begun += counter_get(&server->loops[i].counts.methods[row].begun);
    visit(context, &(struct metric){
                       .name = "sagabase_rpc_open_calls",
                       .help = "Calls underway.",
                       .kind = METRIC_GAUGE,
                       .labels = {labels[0], labels[1]},
                       .value = begun > ended ? (double)(begun - ended) : 0,
                   });
}

typedef void row_visit(const struct rpc_server *server, size_t row,
                       const struct metric_label labels[2], metric_visit *visit, void *context);

static void visit_rows(const struct rpc_server *server, row_visit *visit_row, metric_visit *visit,
                       void *context)
{
    for (size_t row = 0; row <= server->methods.count; row++) {
        bool known = row < server->methods.count;
        struct metric_label labels[2] = {
            {"service", known ? server->methods.rows[row].service : "unknown"},
            {"method", known ? server->methods.rows[row].name : "unknown"},
        };
        visit_row(server, row, labels, visit, context);
    }
}

void rpc_server_statistics(const struct rpc_server *server, metric_visit *visit, void *context)
{
    visit_rows(server, visit_durations, visit, context);
    visit_rows(server, visit_open, visit, context);
}

void rpc_server_limits(const struct rpc_server *server, metric_visit *visit, void *context)
{
    uint64_t too_large = 0, stalled = 0;

    for (unsigned i = 0; i < server->loop_count; i++) {
        too_large += counter_get(&server->loops[i].counts.requests_too_large);
        stalled += counter_get(&server->loops[i].counts.stalled);
    }
    metric_limit(visit, context, "request_memory", too_large);
    metric_limit(visit, context, "stall_timeout", stalled);
}
