#include "server/sagas/gateway_statistics.h"

#include "server/sagas/gateway_state.h"

static void visit_open(const struct gateway_counts *counts, metric_visit *visit, void *context)
{
    const struct {
        const char *status;
        uint64_t count;
    } open[] = {
        {"running", counts->running},
        {"compensating", counts->compensating},
        {"parked", counts->parked},
    };

    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        struct metric metric = {
            .name = "sagabase_sagas_open",
            .help = "Open sagas by status.",
            .kind = METRIC_GAUGE,
            .labels = {{"status", open[i].status}},
            .value = (double)open[i].count,
        };
        visit(context, &metric);
    }
    metric_gauge(visit, context, "sagabase_sagas_paused", "Open sagas that are paused.",
                 (double)counts->paused);
    metric_gauge(visit, context, "sagabase_saga_memory_bytes", "Memory of open sagas.",
                 (double)counts->memory_bytes);
}

static void visit_totals(const struct gateway_counts *counts, metric_visit *visit, void *context)
{
    metric_counter(visit, context, "sagabase_sagas_started_total",
                   "Sagas that this process has started.", (double)counts->started);
    metric_counter(visit, context, "sagabase_saga_replies_total",
                   "Replies of participants that were accepted.", (double)counts->replies);
    metric_counter(visit, context, "sagabase_saga_late_replies_total",
                   "Replies to commands that had been answered or given up.",
                   (double)counts->late_replies);
    metric_counter(visit, context, "sagabase_saga_timeouts_total",
                   "Commands that nobody took or answered in time.", (double)counts->timeouts);
    metric_counter(visit, context, "sagabase_saga_timers_total",
                   "Times a saga went on because it was time.", (double)counts->timers);
    metric_counter(visit, context, "sagabase_sagas_stuck_total",
                   "Times a saga could not go on by itself; the log tells why.",
                   (double)counts->stuck);
}

static void visit_ended(const struct gateway_totals *totals, metric_visit *visit, void *context)
{
    const struct {
        const char *status;
        const struct counter *count;
    } ended[] = {
        {"completed", &totals->completed},
        {"compensated", &totals->compensated},
        {"terminated", &totals->terminated},
    };

    for (size_t i = 0; i < sizeof ended / sizeof *ended; i++)
        visit(context, &(struct metric){
                           .name = "sagabase_sagas_ended_total",
                           .help = "Sagas that have ended, by how.",
                           .kind = METRIC_COUNTER,
                           .labels = {{"status", ended[i].status}},
                           .value = (double)counter_get(ended[i].count),
                       });
}

static void visit_due(struct gateway *gateway, const struct gateway_counts *counts,
                      metric_visit *visit, void *context)
{
    int64_t late_us = counts->oldest_due_us == INT64_MAX
                          ? 0
                          : clock_wall_us(gateway->clock) - counts->oldest_due_us;

    metric_gauge(visit, context, "sagabase_saga_overdue_seconds",
                 "How long the oldest timer has been overdue.",
                 late_us > 0 ? (double)late_us * 1e-6 : 0);
}

void gateway_statistics(struct gateway *gateway, metric_visit *visit, void *context)
{
    struct gateway_counts counts = gateway_counts(gateway);
    struct dispatch_counts commands = dispatch_counts(gateway->dispatch);

    visit_open(&counts, visit, context);
    visit_totals(&counts, visit, context);
    visit_ended(&gateway->totals, visit, context);
    visit_due(gateway, &counts, visit, context);
    metric_gauge(visit, context, "sagabase_commands_ready", "Commands that wait for a participant.",
                 (double)commands.ready);
    metric_gauge(visit, context, "sagabase_commands_leased", "Commands that participants have.",
                 (double)commands.leased);
    metric_histogram(visit, context, "sagabase_command_schedule_to_start_seconds",
                     "From when an attempt could be handed out until a participant had it.",
                     &bounds_duration_us, dispatch_schedule_to_start(gateway->dispatch));
    metric_gauge(visit, context, "sagabase_participants",
                 "Participants that take commands, by stream or by poll.",
                 (double)commands.workers);
}

void gateway_limits(struct gateway *gateway, metric_visit *visit, void *context)
{
    struct gateway_totals *totals = &gateway->totals;

    metric_limit(visit, context, "saga_memory", counter_get(&totals->refused));
    metric_limit(visit, context, "saga_starts_while_busy", counter_get(&totals->store_busy));
    metric_limit(visit, context, "saga_contents", counter_get(&totals->saga_full));
    metric_limit(visit, context, "definitions", counter_get(&totals->definitions_full));
    dispatch_limits(gateway->dispatch, visit, context);
}
