/* Traces: where a piece of work belongs (W3C Trace Context, https://www.w3.org/TR/trace-context/)
 * and spans that tell how long it took. Knows neither gRPC nor who takes the spans.
 *
 *   span_start --- the work --- span_end --> a bounded queue --tracer_take--> an exporter
 *
 * A full queue drops the span and counts it: nobody ever waits for a trace. Any thread, but one
 * thread at a time for one span. */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/metric.h"

enum {
    TRACE_ID_BYTES = 16,
    SPAN_ID_BYTES = 8,
    TRACEPARENT_BYTES = 55, /* "00-" 32 digits "-" 16 digits "-" 2 digits */
    TRACE_SAMPLED = 1,      /* in flags */

    SPAN_ATTRIBUTES_MAX = 12,
    SPAN_TEXT_BYTES_MAX = 512, /* all texts of a span that are copied into it; the rest is cut */
    SPAN_LINKS_MAX = 128,      /* as OpenTelemetry's SDKs have it; more are counted */
};

/* --- where work belongs ------------------------------------------------------------------ */

struct trace_context {
    uint8_t trace_id[TRACE_ID_BYTES];
    uint8_t span_id[SPAN_ID_BYTES];
    uint8_t flags;
};

/* Reads the value of a traceparent header. False: malformed, which is to be treated as if there
 * were none (Trace Context, 3.2.2.4 and 4.3). */
bool trace_context_read(struct bytes traceparent, struct trace_context *context);

/* Version 00, without a NUL. */
void trace_context_write(const struct trace_context *context,
                         uint8_t traceparent[TRACEPARENT_BYTES]);

/* --- spans --------------------------------------------------------------------------------- */

enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_CLIENT = 3 }; /* OTLP's numbers */

struct span_attribute {
    const char *key;   /* static */
    struct bytes text; /* data is NULL: a number */
    int64_t number;
};

struct trace_span {
    struct trace_context context;
    uint8_t parent_id[SPAN_ID_BYTES]; /* all zero: none */
    enum span_kind kind;
    const char *name;         /* static, or in `text` */
    int64_t start_us, end_us; /* wall clock */
    bool failed;
    struct span_attribute attributes[SPAN_ATTRIBUTES_MAX];
    size_t attribute_count;
    struct trace_context *links; /* malloc'ed, or NULL */
    size_t link_count, links_dropped;
    char text[SPAN_TEXT_BYTES_MAX];
    size_t text_size;
};

enum sampler_kind { SAMPLE_ALL, SAMPLE_NONE, SAMPLE_RATIO };

/* OpenTelemetry's samplers: what of those without a parent, or of all. */
struct sampler {
    enum sampler_kind kind;
    double ratio;      /* of SAMPLE_RATIO: 0..1 */
    bool parent_based; /* with a parent, do as it did */
};

struct tracer;

/* NULL: out of memory. `queue_max` spans wait at most. */
struct tracer *tracer_create(struct sampler sampler, size_t queue_max);
void tracer_free(struct tracer *tracer);

/* Begins work below `parent` (NULL: below none). Sets context.trace_id, span_id and flags of
 * *context, which is what to hand on. False: not sampled, so there is no span to fill. */
bool tracer_admit(struct tracer *tracer, const struct trace_context *parent,
                  struct trace_context *context);

/* The same with an id that the caller has made, so that it can be named before and after: the
 * answer is the same each time. */
bool tracer_admit_as(const struct tracer *tracer, const struct trace_context *parent,
                     const uint8_t span_id[SPAN_ID_BYTES], struct trace_context *context);

/* Begins a span: of a context that was admitted, and its parent. */
void span_start(struct trace_span *span, const char *name, enum span_kind kind,
                const struct trace_context *context, const struct trace_context *parent);

/* Keys and texts of the first are static; the second copies its text, cut where it is too
 * long. Attributes above SPAN_ATTRIBUTES_MAX are left out. */
void span_put(struct trace_span *span, const char *key, const char *text);
void span_put_text(struct trace_span *span, const char *key, struct bytes text);
void span_put_number(struct trace_span *span, const char *key, int64_t number);

/* In place of its static name: both parts, copied, cut as texts are. Before any text. */
void span_set_name(struct trace_span *span, const char *prefix, struct bytes rest);

/* Work of another trace that this has to do with. */
void span_link(struct trace_span *span, const struct trace_context *context);

/* Ends it and queues a copy: takes its links, and the span is the caller's again. */
void span_end(struct tracer *tracer, struct trace_span *span);

/* --- for the exporter ---------------------------------------------------------------------- */

/* Waits until `count_max` spans are queued, `wait_us` have passed or tracer_hurry() was called.
 * How many it took; each is to be given to span_destroy(). One thread. */
size_t tracer_take(struct tracer *tracer, struct trace_span *spans, size_t count_max,
                   int64_t wait_us);
void span_destroy(struct trace_span *span);

/* Any thread: ends the wait of tracer_take(), now and ever after. */
void tracer_hurry(struct tracer *tracer);

struct tracer_counts {
    uint64_t queued, dropped; /* spans that ended: in all, and those without room */
    size_t waiting;
};
struct tracer_counts tracer_counts(struct tracer *tracer);

#endif
