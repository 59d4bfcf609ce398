#include "base/trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/deadline.h"

/* --- W3C ------------------------------------------------------------------------------------ */

static int digit_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1; /* lower case only */
}

static bool read_hex(const uint8_t *text, uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

bool trace_context_read(struct bytes traceparent, struct trace_context *context)
{
    const uint8_t *text = traceparent.data;
    struct trace_context read;
    uint8_t version;

    if (traceparent.size < TRACEPARENT_BYTES || !read_hex(text, &version, 1) || version == 0xff)
        return false;
    /* A later version may have more behind another hyphen. */
    if (traceparent.size > TRACEPARENT_BYTES && (version == 0 || text[TRACEPARENT_BYTES] != '-'))
        return false;
    if (text[2] != '-' || text[35] != '-' || text[52] != '-')
        return false;
    if (!read_hex(text + 3, read.trace_id, TRACE_ID_BYTES) ||
        !read_hex(text + 36, read.span_id, SPAN_ID_BYTES) || !read_hex(text + 53, &read.flags, 1))
        return false;
    if (is_zero(read.trace_id, TRACE_ID_BYTES) || is_zero(read.span_id, SPAN_ID_BYTES))
        return false;
    if (version > 0)
        read.flags &= TRACE_SAMPLED; /* what we know of them */
    *context = read;
    return true;
}

static uint8_t *write_hex(uint8_t *at, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        *at++ = (uint8_t)digits[bytes[i] >> 4];
        *at++ = (uint8_t)digits[bytes[i] & 15];
    }
    return at;
}

void trace_context_write(const struct trace_context *context,
                         uint8_t traceparent[TRACEPARENT_BYTES])
{
    static const uint8_t version = 0;
    uint8_t *at = write_hex(traceparent, &version, 1);

    *at++ = '-';
    at = write_hex(at, context->trace_id, TRACE_ID_BYTES);
    *at++ = '-';
    at = write_hex(at, context->span_id, SPAN_ID_BYTES);
    *at++ = '-';
    write_hex(at, &context->flags, 1);
}

/* --- ids and sampling ------------------------------------------------------------------------ */

/* splitmix64 (Steele, Lea, Flood 2014), seeded by the kernel once in each thread: ids have to
 * differ, not to be secret, and a system call for each would be felt. */
static uint64_t random_number(void)
{
    static _Thread_local uint64_t state;
    static _Thread_local bool is_seeded;

    if (!is_seeded) {
        if (getrandom(&state, sizeof state, 0) != sizeof state)
            state = (uint64_t)clock_wall_us(system_clock()) ^ (uint64_t)(uintptr_t)&state;
        is_seeded = true;
    }
    uint64_t mixed = state += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return mixed ^ mixed >> 31;
}

static void make_id(uint8_t *id, size_t size)
{
    do
        for (size_t i = 0; i < size; i += sizeof(uint64_t))
            put_u64_little_endian(id + i, random_number());
    while (is_zero(id, size));
}

/* By the trace's id, so that all who see a trace agree. */
static bool is_within(double ratio, const uint8_t trace_id[TRACE_ID_BYTES])
{
    const double below = 9223372036854775808.0; /* 2^63 */

    return (double)(get_u64_big_endian(trace_id + 8) >> 1) < ratio * below;
}

static bool samples(const struct sampler *sampler, const struct trace_context *parent,
                    const struct trace_context *context)
{
    if (parent && sampler->parent_based)
        return parent->flags & TRACE_SAMPLED;
    if (sampler->kind == SAMPLE_RATIO)
        return is_within(sampler->ratio, context->trace_id);
    return sampler->kind == SAMPLE_ALL;
}

/* --- the tracer ------------------------------------------------------------------------------ */

struct tracer {
    struct sampler sampler;
    pthread_mutex_t lock; /* a leaf */
    pthread_cond_t filled;
    struct trace_span *ring;
    size_t ring_size, oldest;
    size_t batch; /* wake the exporter at so many */
    bool hurries;
    struct tracer_counts counts;
};

struct tracer *tracer_create(struct sampler sampler, size_t queue_max)
{
    struct tracer *tracer = calloc(1, sizeof *tracer);

    if (!tracer)
        return NULL;
    tracer->ring = calloc(queue_max, sizeof *tracer->ring);
    if (!tracer->ring) {
        free(tracer);
        return NULL;
    }
    tracer->sampler = sampler;
    tracer->ring_size = queue_max;
    tracer->batch = queue_max;
    pthread_mutex_init(&tracer->lock, NULL);
    deadline_cond_init(&tracer->filled);
    return tracer;
}

void tracer_free(struct tracer *tracer)
{
    for (size_t i = 0; i < tracer->counts.waiting; i++)
        span_destroy(&tracer->ring[(tracer->oldest + i) % tracer->ring_size]);
    pthread_cond_destroy(&tracer->filled);
    pthread_mutex_destroy(&tracer->lock);
    free(tracer->ring);
    free(tracer);
}

bool tracer_admit(struct tracer *tracer, const struct trace_context *parent,
                  struct trace_context *context)
{
    struct trace_context made;

    if (parent)
        memcpy(made.trace_id, parent->trace_id, TRACE_ID_BYTES);
    else
        make_id(made.trace_id, TRACE_ID_BYTES);
    bool sampled = samples(&tracer->sampler, parent, &made);
    if (sampled)
        make_id(made.span_id, SPAN_ID_BYTES);
    else if (parent)
        memcpy(made.span_id, parent->span_id, SPAN_ID_BYTES);
    else
        memset(made.span_id, 0, SPAN_ID_BYTES);
    made.flags = sampled ? TRACE_SAMPLED : 0;
    *context = made;
    return sampled;
}

bool tracer_admit_as(const struct tracer *tracer, const struct trace_context *parent,
                     const uint8_t span_id[SPAN_ID_BYTES], struct trace_context *context)
{
    struct trace_context made = *parent;

    if (!samples(&tracer->sampler, parent, parent))
        return false;
    memcpy(made.span_id, span_id, SPAN_ID_BYTES);
    made.flags = TRACE_SAMPLED;
    *context = made;
    return true;
}

void span_start(struct trace_span *span, const char *name, enum span_kind kind,
                const struct trace_context *context, const struct trace_context *parent)
{
    span->context = *context;
    memset(span->parent_id, 0, SPAN_ID_BYTES);
    if (parent)
        memcpy(span->parent_id, parent->span_id, SPAN_ID_BYTES);
    span->kind = kind;
    span->name = name;
    span->start_us = clock_wall_us(system_clock());
    span->failed = false;
    span->attribute_count = 0;
    span->links = NULL;
    span->link_count = span->links_dropped = 0;
    span->text_size = 0;
}

static void add_attribute(struct trace_span *span, struct span_attribute attribute)
{
    if (span->attribute_count < SPAN_ATTRIBUTES_MAX)
        span->attributes[span->attribute_count++] = attribute;
}

void span_put(struct trace_span *span, const char *key, const char *text)
{
    add_attribute(span, (struct span_attribute){.key = key, .text = bytes_of_text(text)});
}

/* Not in the middle of a character of UTF-8. */
static size_t fitting(struct bytes text, size_t room)
{
    size_t size = text.size < room ? text.size : room;

    while (size < text.size && size > 0 && (text.data[size] & 0xc0) == 0x80)
        size--;
    return size;
}

void span_put_text(struct trace_span *span, const char *key, struct bytes text)
{
    char *copy = span->text + span->text_size;
    size_t size = fitting(text, SPAN_TEXT_BYTES_MAX - span->text_size);

    if (size > 0)
        memcpy(copy, text.data, size);
    span->text_size += size;
    add_attribute(span, (struct span_attribute){.key = key, .text = bytes_of(copy, size)});
}

void span_put_number(struct trace_span *span, const char *key, int64_t number)
{
    add_attribute(span, (struct span_attribute){.key = key, .number = number});
}

void span_set_name(struct trace_span *span, const char *prefix, struct bytes rest)
{
    size_t room = SPAN_TEXT_BYTES_MAX / 2 - 1, prefix_size = strlen(prefix);
    size_t size = fitting(rest, room - prefix_size);

    memcpy(span->text, prefix, prefix_size);
    memcpy(span->text + prefix_size, rest.data, size);
    span->text[prefix_size + size] = '\0';
    span->text_size = prefix_size + size + 1;
    span->name = span->text;
}

void span_link(struct trace_span *span, const struct trace_context *context)
{
    if (!span->links)
        span->links = malloc(SPAN_LINKS_MAX * sizeof *span->links);
    if (!span->links || span->link_count == SPAN_LINKS_MAX)
        span->links_dropped++;
    else
        span->links[span->link_count++] = *context;
}

void span_destroy(struct trace_span *span)
{
    free(span->links);
    span->links = NULL;
}

/* What is copied into the span points into the copy. */
static void copy_span(struct trace_span *copy, const struct trace_span *span)
{
    const uint8_t *text = (const uint8_t *)span->text;

    memcpy(copy, span, offsetof(struct trace_span, text) + span->text_size);
    copy->text_size = span->text_size;
    if (span->name == span->text)
        copy->name = copy->text;
    for (size_t i = 0; i < copy->attribute_count; i++) {
        const uint8_t **data = &copy->attributes[i].text.data;
        if (*data >= text && *data < text + SPAN_TEXT_BYTES_MAX)
            *data = (const uint8_t *)copy->text + (*data - text);
    }
}

void span_end(struct tracer *tracer, struct trace_span *span)
{
    span->end_us = clock_wall_us(system_clock());
    if (span->end_us < span->start_us)
        span->end_us = span->start_us; /* the clock was set back */
    pthread_mutex_lock(&tracer->lock);
    struct tracer_counts *counts = &tracer->counts;
    bool room = counts->waiting < tracer->ring_size;
    counts->queued++;
    counts->dropped += !room;
    if (room) {
        copy_span(&tracer->ring[(tracer->oldest + counts->waiting++) % tracer->ring_size], span);
        if (counts->waiting == tracer->batch)
            pthread_cond_signal(&tracer->filled);
    }
    pthread_mutex_unlock(&tracer->lock);
    if (!room)
        span_destroy(span);
    span->links = NULL;
}

/* --- for the exporter ------------------------------------------------------------------------ */

size_t tracer_take(struct tracer *tracer, struct trace_span *spans, size_t count_max,
                   int64_t wait_us)
{
    struct timespec until = deadline_after_us(wait_us);
    int error = 0;

    pthread_mutex_lock(&tracer->lock);
    struct tracer_counts *counts = &tracer->counts;
    tracer->batch = count_max < tracer->ring_size ? count_max : tracer->ring_size;
    while (counts->waiting < tracer->batch && !tracer->hurries && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&tracer->filled, &tracer->lock, &until);
    size_t count = counts->waiting < count_max ? counts->waiting : count_max;
    for (size_t i = 0; i < count; i++) {
        copy_span(&spans[i], &tracer->ring[tracer->oldest]);
        tracer->oldest = (tracer->oldest + 1) % tracer->ring_size;
    }
    counts->waiting -= count;
    pthread_mutex_unlock(&tracer->lock);
    return count;
}

void tracer_hurry(struct tracer *tracer)
{
    pthread_mutex_lock(&tracer->lock);
    tracer->hurries = true;
    pthread_cond_signal(&tracer->filled);
    pthread_mutex_unlock(&tracer->lock);
}

struct tracer_counts tracer_counts(struct tracer *tracer)
{
    pthread_mutex_lock(&tracer->lock);
    struct tracer_counts counts = tracer->counts;
    pthread_mutex_unlock(&tracer->lock);
    return counts;
}
