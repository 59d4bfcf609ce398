#include "server/observe/metrics.h"

#include <stdio.h>
#include <string.h>

struct writing {
    struct buffer *text;
    const char *name; /* of the metric before */
};

/* Without those of a histogram's buckets, which come with `le`. */
static void write_labels(struct buffer *text, const struct metric *metric, const char *le)
{
    const char *separator = "{";

    for (size_t i = 0; i < METRIC_LABELS_MAX && metric->labels[i].name; i++) {
        buffer_print(text, "%s%s=\"%s\"", separator, metric->labels[i].name,
                     metric->labels[i].value);
        separator = ",";
    }
    if (le)
        buffer_print(text, "%sle=\"%s\"", separator, le);
    if (le || metric->labels[0].name)
        buffer_put_byte(text, '}');
}

static void write_sample(struct buffer *text, const struct metric *metric, const char *suffix,
                         const char *le, double value)
{
    buffer_print(text, "%s%s", metric->name, suffix);
    write_labels(text, metric, le);
    buffer_print(text, " %.15g\n", value);
}

/* Buckets are cumulative. */
static void write_histogram(struct buffer *text, const struct metric *metric)
{
    const struct bounds *bounds = metric->bounds;
    uint64_t count = 0;
    char le[32];

    for (size_t i = 0; i < bounds->count; i++) {
        count += counter_get(&metric->distribution->buckets[i]);
        snprintf(le, sizeof le, "%g", (double)bounds->ends[i] * bounds->unit);
        write_sample(text, metric, "_bucket", le, (double)count);
    }
    count += counter_get(&metric->distribution->buckets[bounds->count]);
    write_sample(text, metric, "_bucket", "+Inf", (double)count);
    write_sample(text, metric, "_sum", NULL,
                 (double)counter_get(&metric->distribution->sum) * bounds->unit);
    write_sample(text, metric, "_count", NULL, (double)count);
}

static void write_metric(void *context, const struct metric *metric)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    struct writing *self = context;

    if (!self->name || strcmp(self->name, metric->name) != 0)
        buffer_print(self->text, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                     metric->name, kinds[metric->kind]);
    self->name = metric->name;
    if (metric->kind == METRIC_HISTOGRAM)
        write_histogram(self->text, metric);
    else
        write_sample(self->text, metric, "", NULL, metric->value);
}

void metrics_write(const struct metric_source *sources, struct buffer *text)
{
    struct writing writing = {.text = text};

    buffer_init(text, METRICS_BYTES_MAX);
    for (; sources->statistics; sources++)
        sources->statistics(sources->room, write_metric, &writing);
}
