/* What the RESP thread has counted, for /metrics. */
#include "server/resp/face.h"

#include "server/resp/command.h"

/* The words that our errors begin with, and what clients of Redis decide on. */
static const char *const error_codes[ERROR_CODES] = {"ERR", "MISCONF",   "NOAUTH", "NOPROTO",
                                                     "OOM", "WRONGPASS", "other"};

void face_count_reply(struct face *face, struct bytes reply)
{
    size_t code = 0;

    if (reply.size == 0 || reply.data[0] != '-')
        return;
    reply = bytes_of(reply.data + 1, reply.size - 1);
    while (code < ERROR_CODES - 1 && !bytes_have_prefix(reply, bytes_of_text(error_codes[code])))
        code++;
    counter_add_alone(&face->counts.errors[code], 1);
}

static void visit_labelled(metric_visit *visit, void *context, const char *name, const char *help,
                           struct metric_label label, const struct counter *counter)
{
    visit(context, &(struct metric){.name = name,
                                    .help = help,
                                    .kind = METRIC_COUNTER,
                                    .labels = {label},
                                    .value = (double)counter_get(counter)});
}

void face_statistics(const struct face *face, metric_visit *visit, void *context)
{
    const struct face_counts *counts = &face->counts;
    uint64_t closed = counter_get(&counts->closed); /* first, so that there are never less than 0 */
    size_t rows = command_count();

    metric_gauge(visit, context, "sagabase_resp_connections", "Open connections of Redis clients.",
                 (double)(counter_get(&counts->connections) - closed));
    for (size_t i = 0; i <= rows; i++)
        visit_labelled(
            visit, context, "sagabase_resp_commands_total", "Commands of Redis clients.",
            (struct metric_label){"command", i < rows ? command_table[i].name : "unknown"},
            &counts->commands_by_row[i < rows ? i : COMMANDS_MAX]);
    for (size_t i = 0; i < ERROR_CODES; i++)
        visit_labelled(visit, context, "sagabase_resp_errors_total",
                       "Errors that Redis clients were told.",
                       (struct metric_label){"code", error_codes[i]}, &counts->errors[i]);
    metric_counter(visit, context, "sagabase_resp_protocol_errors_total",
                   "Connections closed because a request was malformed or too large.",
                   (double)counter_get(&counts->protocol_errors));
    metric_counter(visit, context, "sagabase_resp_received_bytes_total",
                   "Bytes received from Redis clients.", (double)counter_get(&counts->input_bytes));
    metric_counter(visit, context, "sagabase_resp_sent_bytes_total", "Bytes sent to Redis clients.",
                   (double)counter_get(&counts->output_bytes));
}

void face_limits(const struct face *face, metric_visit *visit, void *context)
{
    const struct face_counts *counts = &face->counts;

    metric_limit(visit, context, "resp_clients", counter_get(&counts->refused));
    metric_limit(visit, context, "resp_buffers", counter_get(&counts->closed_full));
    metric_limit(visit, context, "resp_output", counter_get(&counts->closed_output));
    metric_limit(visit, context, "resp_unsaved", counter_get(&counts->held));
    metric_limit(visit, context, "resp_idle", counter_get(&counts->closed_idle));
}
