/* Traces. Goal: what W3C calls well-formed is read and handed on, and a tracer never makes anybody
 * wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/trace.h"

#define TRACEPARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static struct trace_context parent_of(const char *traceparent)
{
    struct trace_context context;

    assert_true(trace_context_read(bytes_of_text(traceparent), &context));
    return context;
}

static void a_traceparent_is_read_and_written(void **state)
{
    struct trace_context context = parent_of(TRACEPARENT);
    uint8_t text[TRACEPARENT_BYTES];

    (void)state;
    assert_int_equal(context.trace_id[0], 0x4b);
    assert_int_equal(context.trace_id[15], 0x36);
    assert_int_equal(context.span_id[7], 0xb7);
    assert_int_equal(context.flags, TRACE_SAMPLED);
    trace_context_write(&context, text);
    assert_memory_equal(text, TRACEPARENT, TRACEPARENT_BYTES);
}

/* https://www.w3.org/TR/trace-context/#traceparent-header-field-values */
static void malformed_traceparents_are_refused(void **state)
{
    static const char *const malformed[] = {
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };

    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct trace_context context = {.flags = 42};
        if (trace_context_read(bytes_of_text(malformed[i]), &context) || context.flags != 42)
            fail_msg("\"%s\" was read", malformed[i]);
    }
}

static void of_a_later_version_the_beginning_is_read(void **state)
{
    (void)state;
    struct trace_context context =
        parent_of("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-what-will-be");
    assert_int_equal(context.flags, TRACE_SAMPLED);
    context = parent_of("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
    assert_int_equal(context.flags, 0);
}

/* --- sampling ------------------------------------------------------------------------------ */

static size_t sampled_of_10000(struct sampler sampler, const struct trace_context *parent)
{
    struct tracer *tracer = tracer_create(sampler, 1);
    struct trace_context context;
    size_t sampled = 0;

    assert_non_null(tracer);
    for (int i = 0; i < 10000; i++)
        sampled += tracer_admit(tracer, parent, &context);
    tracer_free(tracer);
    return sampled;
}

static void samplers_do_as_they_are_named(void **state)
{
    struct trace_context yes = parent_of(TRACEPARENT), no = yes;

    (void)state;
    no.flags = 0;
    assert_int_equal(sampled_of_10000((struct sampler){SAMPLE_ALL, 1, false}, &no), 10000);
    assert_int_equal(sampled_of_10000((struct sampler){SAMPLE_NONE, 1, false}, &yes), 0);
    assert_int_equal(sampled_of_10000((struct sampler){SAMPLE_ALL, 1, true}, &no), 0);
    assert_int_equal(sampled_of_10000((struct sampler){SAMPLE_NONE, 1, true}, &yes), 10000);
    assert_int_equal(sampled_of_10000((struct sampler){SAMPLE_ALL, 1, true}, NULL), 10000);
    assert_int_equal(sampled_of_10000((struct sampler){SAMPLE_RATIO, 0, false}, NULL), 0);
    assert_int_equal(sampled_of_10000((struct sampler){SAMPLE_RATIO, 1, false}, NULL), 10000);
    assert_in_range(sampled_of_10000((struct sampler){SAMPLE_RATIO, 0.1, false}, NULL), 800, 1200);
    /* Of one trace, all or nothing: a3ce929d... of 2^64 is 0.64. */
    assert_int_equal(sampled_of_10000((struct sampler){SAMPLE_RATIO, 0.63, false}, &yes), 0);
    assert_int_equal(sampled_of_10000((struct sampler){SAMPLE_RATIO, 0.65, false}, &yes), 10000);
}

static void a_sampled_context_belongs_to_its_parents_trace(void **state)
{
    struct tracer *tracer = tracer_create((struct sampler){SAMPLE_ALL, 1, true}, 1);
    struct trace_context parent = parent_of(TRACEPARENT), context, other;

    (void)state;
    assert_true(tracer_admit(tracer, &parent, &context));
    assert_memory_equal(context.trace_id, parent.trace_id, TRACE_ID_BYTES);
    assert_memory_not_equal(context.span_id, parent.span_id, SPAN_ID_BYTES);
    assert_true(tracer_admit(tracer, NULL, &context));
    assert_true(tracer_admit(tracer, NULL, &other));
    assert_memory_not_equal(context.trace_id, other.trace_id, TRACE_ID_BYTES);
    tracer_free(tracer);
}

/* --- the queue ------------------------------------------------------------------------------ */

static void end_one(struct tracer *tracer, const char *name, struct bytes text)
{
    struct trace_context context;
    struct trace_span span;

    assert_true(tracer_admit(tracer, NULL, &context));
    span_start(&span, name, SPAN_SERVER, &context, NULL);
    span_put(&span, "fixed", "value");
    span_put_text(&span, "copied", text);
    span_put_number(&span, "number", -7);
    span_link(&span, &context);
    span_end(tracer, &span);
    memset(span.text, '#', sizeof span.text); /* it is ours again */
}

static void spans_come_out_whole_and_in_order(void **state)
{
    struct tracer *tracer = tracer_create((struct sampler){SAMPLE_ALL, 1, true}, 3);
    struct trace_span spans[2];

    (void)state;
    for (int round = 0; round < 5; round++) { /* around the ring */
        end_one(tracer, "first", bytes_of_text("one"));
        end_one(tracer, "second", bytes_of_text("two"));
        assert_int_equal(tracer_take(tracer, spans, 2, 60000000), 2);
        assert_string_equal(spans[0].name, "first");
        assert_string_equal(spans[1].name, "second");
        assert_true(bytes_equal(spans[0].attributes[0].text, bytes_of_text("value")));
        assert_true(bytes_equal(spans[0].attributes[1].text, bytes_of_text("one")));
        assert_true(bytes_equal(spans[1].attributes[1].text, bytes_of_text("two")));
        assert_int_equal(spans[1].attributes[2].number, -7);
        assert_null(spans[1].attributes[2].text.data);
        assert_int_equal(spans[0].link_count, 1);
        assert_true(spans[0].start_us <= spans[0].end_us);
        span_destroy(&spans[0]);
        span_destroy(&spans[1]);
    }
    tracer_free(tracer);
}

static void a_full_queue_drops_and_counts(void **state)
{
    struct tracer *tracer = tracer_create((struct sampler){SAMPLE_ALL, 1, true}, 4);

    (void)state;
    for (int i = 0; i < 10; i++)
        end_one(tracer, "x", bytes_of_text(""));
    struct tracer_counts counts = tracer_counts(tracer);
    assert_int_equal(counts.queued, 10);
    assert_int_equal(counts.dropped, 6);
    assert_int_equal(counts.waiting, 4);
    tracer_free(tracer);
}

static void what_does_not_fit_into_a_span_is_left_out(void **state)
{
    struct tracer *tracer = tracer_create((struct sampler){SAMPLE_ALL, 1, true}, 1);
    struct trace_context context;
    struct trace_span span, taken;
    char long_text[2 * SPAN_TEXT_BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof long_text; i += 2)
        memcpy(long_text + i, "\xc3\xa4", 2); /* ä */
    assert_true(tracer_admit(tracer, NULL, &context));
    span_start(&span, "x", SPAN_INTERNAL, &context, NULL);
    span_put_text(&span, "short", bytes_of_text("a"));
    for (int i = 0; i < 20; i++)
        span_put_text(&span, "long", bytes_of(long_text, sizeof long_text));
    for (int i = 0; i < 200; i++)
        span_link(&span, &context);
    span_end(tracer, &span);
    assert_int_equal(tracer_take(tracer, &taken, 1, 0), 1);
    assert_int_equal(taken.attribute_count, SPAN_ATTRIBUTES_MAX);
    /* 255 bytes were left, which is half a character too many. */
    assert_int_equal(taken.attributes[1].text.size, SPAN_TEXT_BYTES_MAX - 2);
    assert_int_equal(taken.link_count, SPAN_LINKS_MAX);
    assert_int_equal(taken.links_dropped, 200 - SPAN_LINKS_MAX);
    span_destroy(&taken);
    tracer_free(tracer);
}

static void *take_for_ever(void *tracer)
{
    struct trace_span span;
    size_t count = tracer_take(tracer, &span, 1, INT64_C(3600000000));

    return (void *)(uintptr_t)(count + 1);
}

static void who_waits_for_spans_is_told_to_hurry(void **state)
{
    struct tracer *tracer = tracer_create((struct sampler){SAMPLE_ALL, 1, true}, 2);
    pthread_t thread;
    void *taken;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, take_for_ever, tracer), 0);
    tracer_hurry(tracer);
    pthread_join(thread, &taken);
    assert_int_equal((uintptr_t)taken, 0 + 1);
    tracer_free(tracer);
}

static void a_span_of_a_known_id_is_admitted_as_its_parent_is(void **state)
{
    static const uint8_t id[SPAN_ID_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct tracer *tracer = tracer_create((struct sampler){SAMPLE_ALL, 0, true}, 1);
    struct trace_context parent = parent_of(TRACEPARENT), context = {.flags = 42};

    (void)state;
    assert_true(tracer_admit_as(tracer, &parent, id, &context));
    assert_memory_equal(context.span_id, id, SPAN_ID_BYTES);
    assert_memory_equal(context.trace_id, parent.trace_id, TRACE_ID_BYTES);
    assert_int_equal(context.flags, TRACE_SAMPLED);
    parent.flags = 0;
    context.flags = 42;
    assert_false(tracer_admit_as(tracer, &parent, id, &context));
    assert_int_equal(context.flags, 42);
    tracer_free(tracer);
}

static void a_name_that_is_given_comes_out_of_the_queue(void **state)
{
    struct tracer *tracer = tracer_create((struct sampler){SAMPLE_ALL, 0, true}, 1);
    struct trace_context parent = parent_of(TRACEPARENT);
    static char long_name[2 * SPAN_TEXT_BYTES_MAX];
    struct trace_span span, taken;

    (void)state;
    memset(long_name, 'x', sizeof long_name);
    span_start(&span, "saga", SPAN_INTERNAL, &parent, NULL);
    span_set_name(&span, "saga ", bytes_of(long_name, sizeof long_name));
    span_put_text(&span, "id", bytes_of_text("7"));
    span_end(tracer, &span);
    memset(&span, 0, sizeof span);
    assert_int_equal(tracer_take(tracer, &taken, 1, 0), 1);
    assert_memory_equal(taken.name, "saga xxx", 8);
    assert_in_range(strlen(taken.name), 100, SPAN_TEXT_BYTES_MAX - 1);
    assert_memory_equal(taken.attributes[0].text.data, "7", 1);
    span_destroy(&taken);
    tracer_free(tracer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_traceparent_is_read_and_written),
        cmocka_unit_test(malformed_traceparents_are_refused),
        cmocka_unit_test(a_span_of_a_known_id_is_admitted_as_its_parent_is),
        cmocka_unit_test(a_name_that_is_given_comes_out_of_the_queue),
        cmocka_unit_test(of_a_later_version_the_beginning_is_read),
        cmocka_unit_test(samplers_do_as_they_are_named),
        cmocka_unit_test(a_sampled_context_belongs_to_its_parents_trace),
        cmocka_unit_test(spans_come_out_whole_and_in_order),
        cmocka_unit_test(a_full_queue_drops_and_counts),
        cmocka_unit_test(what_does_not_fit_into_a_span_is_left_out),
        cmocka_unit_test(who_waits_for_spans_is_told_to_hurry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
