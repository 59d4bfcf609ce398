/* One batch after another:
 *
 *   take --> pack --> send --OK--> take ...
 *                      ^  \--worth another try--> wait, twice as long each time
 *                      '------------------------------/     until the batch's time is over
 */
#include "server/observe/otlp.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/uuid.h"
#include "base/version.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"
#include "server/rpc/outbound.h"

typedef Opentelemetry__Proto__Common__V1__KeyValue KeyValue;
typedef Opentelemetry__Proto__Common__V1__AnyValue AnyValue;
typedef Opentelemetry__Proto__Trace__V1__Span Span;
typedef Opentelemetry__Proto__Trace__V1__Span__Link Link;
typedef Opentelemetry__Proto__Trace__V1__Status SpanStatus;
typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest Request;
typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse Response;

#define EXPORT_PATH "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

enum {
    BATCH_BYTES_MAX = 256 << 20, /* of a batch in the making: 8,192 spans with all their links */
    BACK_OFF_US_MIN = 1000000,
    BACK_OFF_US_MAX = 30000000,
    FLUSH_US_MAX = 2000000, /* at the end */
    OWN_ATTRIBUTES = 5,
};

struct otlp {
    const struct otlp_options *options;
    struct tracer *tracer;
    struct outbound *outbound;
    struct trace_span *spans; /* of the batch */
    pthread_t thread;
    struct uuid instance;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_stopping;   /* under the lock, like the next two */
    bool has_ended;     /* the thread */
    int64_t stop_by_us; /* monotonic */
    struct counter sent, failed, rejected, tries;
};

/* --- packing: everything in the arena of the batch ----------------------------------------------
 */

static KeyValue *pack_pair(struct arena *arena, const char *key)
{
    KeyValue *pair = arena_alloc(arena, sizeof *pair);
    AnyValue *value = arena_alloc(arena, sizeof *value);

    if (!pair || !value)
        return NULL;
    opentelemetry__proto__common__v1__key_value__init(pair);
    opentelemetry__proto__common__v1__any_value__init(value);
    pair->key = (char *)key;
    pair->value = value;
    return pair;
}

static KeyValue *pack_text(struct arena *arena, const char *key, struct bytes text)
{
    KeyValue *pair = pack_pair(arena, key);
    struct bytes copy = arena_copy(arena, text); /* with a NUL */

    if (!pair || !copy.data)
        return NULL;
    pair->value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
    pair->value->string_value = (char *)copy.data;
    return pair;
}

static KeyValue *pack_attribute(struct arena *arena, const struct span_attribute *attribute)
{
    if (attribute->text.data)
        return pack_text(arena, attribute->key, attribute->text);
    KeyValue *pair = pack_pair(arena, attribute->key);
    if (!pair)
        return NULL;
    pair->value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
    pair->value->int_value = attribute->number;
    return pair;
}

static bool pack_attributes(struct arena *arena, const struct trace_span *span, Span *packed)
{
    packed->attributes = arena_alloc(arena, SPAN_ATTRIBUTES_MAX * sizeof *packed->attributes);
    if (!packed->attributes)
        return false;
    for (size_t i = 0; i < span->attribute_count; i++) {
        KeyValue *pair = pack_attribute(arena, &span->attributes[i]);
        if (!pair)
            return false;
        packed->attributes[packed->n_attributes++] = pair;
    }
    return true;
}

static ProtobufCBinaryData pack_id(const uint8_t *id, size_t size)
{
    return (ProtobufCBinaryData){size, (uint8_t *)id};
}

static bool pack_links(struct arena *arena, const struct trace_span *span, Span *packed)
{
    Link *links = arena_alloc(arena, span->link_count * sizeof *links + 1);

    packed->links = arena_alloc(arena, span->link_count * sizeof *packed->links + 1);
    if (!links || !packed->links)
        return false;
    for (size_t i = 0; i < span->link_count; i++) {
        opentelemetry__proto__trace__v1__span__link__init(&links[i]);
        links[i].trace_id = pack_id(span->links[i].trace_id, TRACE_ID_BYTES);
        links[i].span_id = pack_id(span->links[i].span_id, SPAN_ID_BYTES);
        links[i].flags = span->links[i].flags;
        packed->links[packed->n_links++] = &links[i];
    }
    packed->dropped_links_count = (uint32_t)span->links_dropped;
    return true;
}

static bool has_parent(const struct trace_span *span)
{
    static const uint8_t none[SPAN_ID_BYTES];

    return memcmp(span->parent_id, none, SPAN_ID_BYTES) != 0;
}

static Span *pack_span(struct arena *arena, const struct trace_span *span)
{
    Span *packed = arena_alloc(arena, sizeof *packed);
    SpanStatus *status = arena_alloc(arena, sizeof *status);

    if (!packed || !status)
        return NULL;
    opentelemetry__proto__trace__v1__span__init(packed);
    opentelemetry__proto__trace__v1__status__init(status);
    packed->trace_id = pack_id(span->context.trace_id, TRACE_ID_BYTES);
    packed->span_id = pack_id(span->context.span_id, SPAN_ID_BYTES);
    if (has_parent(span))
        packed->parent_span_id = pack_id(span->parent_id, SPAN_ID_BYTES);
    packed->flags = span->context.flags;
    packed->name = (char *)span->name;
    packed->kind = (Opentelemetry__Proto__Trace__V1__Span__SpanKind)span->kind;
    packed->start_time_unix_nano = (uint64_t)span->start_us * 1000;
    packed->end_time_unix_nano = (uint64_t)span->end_us * 1000;
    if (span->failed)
        status->code = OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR;
    packed->status = status;
    return pack_attributes(arena, span, packed) && pack_links(arena, span, packed) ? packed : NULL;
}

static bool pack_resource(const struct otlp *self, struct arena *arena,
                          Opentelemetry__Proto__Resource__V1__Resource *resource)
{
    const struct otlp_options *options = self->options;
    uint8_t instance[UUID_TEXT_BYTES + 1] = {0};

    uuid_format(&self->instance, instance);
    const struct otlp_pair own[OWN_ATTRIBUTES] = {
        {"service.version", sagabase_version},       {"service.instance.id", (char *)instance},
        {"telemetry.sdk.name", "sagabase"},          {"telemetry.sdk.language", "c"},
        {"telemetry.sdk.version", sagabase_version},
    };
    resource->attributes = arena_alloc(arena, (OWN_ATTRIBUTES + options->attribute_count) *
                                                  sizeof *resource->attributes);
    if (!resource->attributes)
        return false;
    for (size_t i = 0; i < OWN_ATTRIBUTES + options->attribute_count; i++) {
        const struct otlp_pair *pair =
            i < OWN_ATTRIBUTES ? &own[i] : &options->attributes[i - OWN_ATTRIBUTES];
        KeyValue *packed = pack_text(arena, pair->key, bytes_of_text(pair->value));
        if (!packed)
            return false;
        resource->attributes[resource->n_attributes++] = packed;
    }
    return true;
}

/* The messages around the spans of a batch. */
struct batch {
    Opentelemetry__Proto__Resource__V1__Resource resource;
    Opentelemetry__Proto__Common__V1__InstrumentationScope scope;
    Opentelemetry__Proto__Trace__V1__ScopeSpans scope_spans, *scopes[1];
    Opentelemetry__Proto__Trace__V1__ResourceSpans resource_spans, *resources[1];
    Request request;
};

static bool pack_batch(const struct otlp *self, size_t count, struct arena *arena,
                       struct batch *batch)
{
    opentelemetry__proto__resource__v1__resource__init(&batch->resource);
    opentelemetry__proto__common__v1__instrumentation_scope__init(&batch->scope);
    opentelemetry__proto__trace__v1__scope_spans__init(&batch->scope_spans);
    opentelemetry__proto__trace__v1__resource_spans__init(&batch->resource_spans);
    opentelemetry__proto__collector__trace__v1__export_trace_service_request__init(&batch->request);
    batch->scope.name = (char *)"sagabase";
    batch->scope.version = (char *)sagabase_version;
    batch->scope_spans.scope = &batch->scope;
    batch->scope_spans.spans = arena_alloc(arena, count * sizeof *batch->scope_spans.spans);
    if (!batch->scope_spans.spans || !pack_resource(self, arena, &batch->resource))
        return false;
    for (size_t i = 0; i < count; i++) {
        Span *packed = pack_span(arena, &self->spans[i]);
        if (!packed)
            return false;
        batch->scope_spans.spans[batch->scope_spans.n_spans++] = packed;
    }
    batch->scopes[0] = &batch->scope_spans;
    batch->resource_spans.resource = &batch->resource;
    batch->resource_spans.scope_spans = batch->scopes;
    batch->resource_spans.n_scope_spans = 1;
    batch->resources[0] = &batch->resource_spans;
    batch->request.resource_spans = batch->resources;
    batch->request.n_resource_spans = 1;
    return true;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* https://opentelemetry.io/docs/specs/otlp/#failures; of RESOURCE_EXHAUSTED only with a hint that
 * nobody is known to send. */
static bool is_worth_another_try(enum status_code code)
{
    switch (code) {
    case STATUS_CANCELLED:
    case STATUS_DEADLINE_EXCEEDED:
    case STATUS_ABORTED:
    case STATUS_OUT_OF_RANGE:
    case STATUS_UNAVAILABLE:
    case STATUS_DATA_LOSS:
        return true;
    default:
        return false;
    }
}

/* By when the batch has to be sent; earlier once we are to stop. */
static int64_t time_left_us(struct otlp *self, int64_t batch_by_us)
{
    pthread_mutex_lock(&self->lock);
    int64_t by_us =
        self->is_stopping && self->stop_by_us < batch_by_us ? self->stop_by_us : batch_by_us;
    pthread_mutex_unlock(&self->lock);
    return by_us - clock_monotonic_us(system_clock());
}

static void wait_us(struct otlp *self, int64_t duration_us)
{
    struct timespec until = deadline_after_us(duration_us);
    int error = 0;

    pthread_mutex_lock(&self->lock);
    while (!self->is_stopping && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&self->changed, &self->lock, &until);
    pthread_mutex_unlock(&self->lock);
}

/* Between half of it and all of it, so that servers that failed together do not return together. */
static int64_t spread_us(int64_t back_off_us)
{
    struct uuid random = uuid_random();

    return back_off_us / 2 + back_off_us / 2 * random.bytes[UUID_BYTES - 1] / UINT8_MAX;
}

static struct status send_once(struct otlp *self, const Request *request, int64_t left_us,
                               int64_t *rejected)
{
    const ProtobufCMessage *message;
    struct arena arena;

    arena_init(&arena, 1 << 20);
    counter_add(&self->tries, 1);
    struct status status = outbound_call(
        self->outbound, EXPORT_PATH, &request->base,
        &opentelemetry__proto__collector__trace__v1__export_trace_service_response__descriptor,
        left_us < self->options->timeout_us ? left_us : self->options->timeout_us, &arena,
        &message);
    const Response *response = status_ok(status) ? (const Response *)message : NULL;
    *rejected =
        response && response->partial_success ? response->partial_success->rejected_spans : 0;
    arena_destroy(&arena);
    return status;
}

static struct status send_batch(struct otlp *self, const Request *request, int64_t *rejected)
{
    int64_t by_us = clock_monotonic_us(system_clock()) + self->options->export_timeout_us;
    int64_t back_off_us = BACK_OFF_US_MIN;
    struct status status = status_make(STATUS_DEADLINE_EXCEEDED, "no time left");

    for (int64_t left_us; (left_us = time_left_us(self, by_us)) > 0;) {
        status = send_once(self, request, left_us, rejected);
        if (status_ok(status) || !is_worth_another_try(status.code))
            return status;
        int64_t pause_us = spread_us(back_off_us);
        left_us = time_left_us(self, by_us);
        if (left_us <= pause_us)
            return status;
        wait_us(self, pause_us);
        back_off_us = back_off_us * 2 < BACK_OFF_US_MAX ? back_off_us * 2 : BACK_OFF_US_MAX;
    }
    return status;
}

static void export_batch(struct otlp *self, size_t count)
{
    struct batch batch;
    struct arena arena;
    int64_t rejected = 0;

    arena_init(&arena, BATCH_BYTES_MAX);
    struct status status =
        pack_batch(self, count, &arena, &batch)
            ? send_batch(self, &batch.request, &rejected)
            : status_make(STATUS_RESOURCE_EXHAUSTED, "no memory for %zu spans", count);
    arena_destroy(&arena);
    for (size_t i = 0; i < count; i++)
        span_destroy(&self->spans[i]);
    if (rejected < 0 || rejected > (int64_t)count)
        rejected = (int64_t)count;
    counter_add(&self->rejected, (uint64_t)rejected);
    counter_add(status_ok(status) ? &self->sent : &self->failed, count - (uint64_t)rejected);
    if (!status_ok(status))
        log_line(LOG_WARN, "traces", "dropped", "spans=%zu code=%s cause=\"%s\"", count,
                 status_code_name(status.code), status.message);
}

static void *run(void *argument)
{
    struct otlp *self = argument;

    for (;;) {
        size_t count = tracer_take(self->tracer, self->spans, self->options->batch_max,
                                   self->options->schedule_delay_us);
        pthread_mutex_lock(&self->lock);
        bool is_over = self->is_stopping && count == 0;
        self->has_ended = is_over;
        pthread_cond_broadcast(&self->changed);
        pthread_mutex_unlock(&self->lock);
        if (is_over)
            return NULL;
        if (count > 0)
            export_batch(self, count);
    }
}

/* --- life ---------------------------------------------------------------------------------------
 */

static void otlp_free(struct otlp *self)
{
    if (self->outbound)
        outbound_close(self->outbound);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self->spans);
    free(self);
}

static struct outbound *open_outbound(const struct otlp_options *options)
{
    struct outbound_header headers[OTLP_PAIRS_MAX];

    for (size_t i = 0; i < options->header_count; i++)
        headers[i] = (struct outbound_header){options->headers[i].key, options->headers[i].value};
    const struct outbound_tls tls = {options->roots, options->certificate, options->key};
    return outbound_open(&(struct outbound_options){.target = options->target,
                                                    .tls = options->is_secure ? &tls : NULL,
                                                    .headers = headers,
                                                    .header_count = options->header_count});
}

struct status otlp_start(const struct otlp_options *options, struct tracer *tracer,
                         struct otlp **started)
{
    struct otlp *self = calloc(1, sizeof *self);

    if (!self)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "traces: out of memory");
    self->options = options;
    self->tracer = tracer;
    self->instance = uuid_random();
    pthread_mutex_init(&self->lock, NULL);
    deadline_cond_init(&self->changed);
    self->spans = calloc(options->batch_max, sizeof *self->spans);
    if (self->spans)
        self->outbound = open_outbound(options);
    if (!self->spans || pthread_create(&self->thread, NULL, run, self) != 0) {
        otlp_free(self);
        return status_make(STATUS_RESOURCE_EXHAUSTED, "traces: out of memory or threads");
    }
    *started = self;
    return OK;
}

/* Until what is left was sent, or its time is over; then a call that is underway is cut short. */
static void await_end(struct otlp *self)
{
    struct timespec until = deadline_after_us(FLUSH_US_MAX);
    int error = 0;

    pthread_mutex_lock(&self->lock);
    while (!self->has_ended && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&self->changed, &self->lock, &until);
    pthread_mutex_unlock(&self->lock);
    outbound_cancel(self->outbound);
}

void otlp_stop(struct otlp *self)
{
    pthread_mutex_lock(&self->lock);
    self->is_stopping = true;
    self->stop_by_us = clock_monotonic_us(system_clock()) + FLUSH_US_MAX;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    tracer_hurry(self->tracer);
    await_end(self);
    pthread_join(self->thread, NULL);
    otlp_free(self);
}

/* --- telling
 * -------------------------------------------------------------------------------------- */

void otlp_statistics(struct otlp *self, metric_visit *visit, void *context)
{
    struct tracer_counts counts = tracer_counts(self->tracer);
    const struct {
        const char *result;
        uint64_t spans;
    } results[] = {
        {"sent", counter_get(&self->sent)},
        {"dropped_queue_full", counts.dropped},
        {"dropped_not_sent", counter_get(&self->failed)},
        {"rejected", counter_get(&self->rejected)},
    };

    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        visit(context, &(struct metric){.name = "sagabase_trace_spans_total",
                                        .help = "Spans by what became of them.",
                                        .kind = METRIC_COUNTER,
                                        .labels = {{"result", results[i].result}},
                                        .value = (double)results[i].spans});
    metric_gauge(visit, context, "sagabase_trace_queue_spans", "Spans that wait to be sent.",
                 (double)counts.waiting);
    metric_counter(visit, context, "sagabase_trace_exports_total",
                   "Tries to send spans, successful or not.", (double)counter_get(&self->tries));
}

void otlp_limits(struct otlp *self, metric_visit *visit, void *context)
{
    metric_limit(visit, context, "trace_queue", tracer_counts(self->tracer).dropped);
}
