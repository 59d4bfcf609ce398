/* OpenTelemetry's settings. Goal: they mean here what they mean elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "server/observe/otlp_options.h"

static struct arena arena;

static int quiet(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR); /* the warnings are wanted */
    arena_init(&arena, 1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_destroy(&arena);
    return 0;
}

static struct otlp_options read(struct otlp_texts texts)
{
    struct otlp_options options;

    if (!texts.endpoint)
        texts.endpoint = "http://localhost:4317";
    assert_true(otlp_options_read(&texts, &arena, &options));
    return options;
}

static bool wanted(struct otlp_texts texts)
{
    struct otlp_options options;

    return otlp_options_read(&texts, &arena, &options);
}

static void without_an_endpoint_nothing_is_traced(void **state)
{
    (void)state;
    assert_false(wanted((struct otlp_texts){0}));
    assert_true(wanted((struct otlp_texts){.endpoint = "http://a:1"}));
    assert_false(wanted((struct otlp_texts){.endpoint = "http://a:1", .disabled = "TRUE"}));
    assert_true(wanted((struct otlp_texts){.endpoint = "http://a:1", .disabled = "maybe"}));
    assert_false(wanted((struct otlp_texts){.endpoint = "http://a:1", .exporter = "none"}));
    assert_true(wanted((struct otlp_texts){.endpoint = "http://a:1", .exporter = "zipkin"}));
    assert_true(wanted((struct otlp_texts){.endpoint = "https://a:1"}));
    assert_false(wanted((struct otlp_texts){.endpoint = "ftp://a:1"}));
    assert_false(wanted((struct otlp_texts){.endpoint = "http://"}));
}

static void the_endpoint_is_a_url_or_an_address(void **state)
{
    (void)state;
    assert_string_equal(read((struct otlp_texts){.endpoint = "http://[::1]:4317/"}).target,
                        "[::1]:4317");
    assert_string_equal(read((struct otlp_texts){.endpoint = "collector:4317"}).target,
                        "collector:4317");
}

static void https_means_tls_and_a_file_that_is_none_is_ignored(void **state)
{
    struct otlp_options options = read((struct otlp_texts){
        .endpoint = "https://a:1", .certificate_file = "/nowhere", .client_key_file = "/dev/null"});

    (void)state;
    assert_true(options.is_secure);
    assert_string_equal(options.target, "a:1");
    assert_null(options.roots);
    assert_null(options.certificate);
    assert_null(options.key);
    assert_false(read((struct otlp_texts){.endpoint = "http://a:1"}).is_secure);
}

static void the_defaults_are_those_of_the_specification(void **state)
{
    struct otlp_options options = read((struct otlp_texts){0});

    (void)state;
    assert_int_equal(options.queue_max, 2048);
    assert_int_equal(options.batch_max, 512);
    assert_int_equal(options.timeout_us, 10000000);
    assert_int_equal(options.schedule_delay_us, 5000000);
    assert_int_equal(options.export_timeout_us, 30000000);
    assert_int_equal(options.sampler.kind, SAMPLE_ALL);
    assert_true(options.sampler.parent_based);
    assert_int_equal(options.attribute_count, 1);
    assert_string_equal(options.attributes[0].key, "service.name");
    assert_string_equal(options.attributes[0].value, "sagabase");
}

static void numbers_that_are_none_are_ignored(void **state)
{
    static const char *const wrong[] = {"-1", "0", "x", "", "1x", "99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(read((struct otlp_texts){.queue_max = wrong[i]}).queue_max, 2048);
    assert_int_equal(read((struct otlp_texts){.queue_max = "7"}).queue_max, 7);
    assert_int_equal(read((struct otlp_texts){.queue_max = "7"}).batch_max, 7);
    assert_int_equal(read((struct otlp_texts){.timeout = "250"}).timeout_us, 250000);
}

static void samplers_are_known_by_their_names(void **state)
{
    struct sampler sampler = read((struct otlp_texts){.sampler = "always_off"}).sampler;

    (void)state;
    assert_int_equal(sampler.kind, SAMPLE_NONE);
    assert_false(sampler.parent_based);
    sampler =
        read((struct otlp_texts){.sampler = "parentbased_traceidratio", .sampler_arg = "0.25"})
            .sampler;
    assert_int_equal(sampler.kind, SAMPLE_RATIO);
    assert_true(sampler.parent_based);
    assert_true(sampler.ratio == 0.25);
    sampler = read((struct otlp_texts){.sampler = "traceidratio", .sampler_arg = "1.5"}).sampler;
    assert_true(sampler.ratio == 1);
    sampler = read((struct otlp_texts){.sampler = "xray"}).sampler;
    assert_int_equal(sampler.kind, SAMPLE_ALL);
    assert_true(sampler.parent_based);
}

static void lists_are_percent_decoded_pairs(void **state)
{
    struct otlp_options options =
        read((struct otlp_texts){.headers = "Authorization=Basic%20a%3D%3d, x = y ,z.-_9=%4,",
                                 .resource_attributes = "team=blue,service.name=shop,zone=a"});

    (void)state;
    assert_int_equal(options.header_count, 3);
    assert_string_equal(options.headers[0].key, "authorization");
    assert_string_equal(options.headers[0].value, "Basic a==");
    assert_string_equal(options.headers[1].key, "x");
    assert_string_equal(options.headers[1].value, "y");
    assert_string_equal(options.headers[2].value, "%4");
    assert_int_equal(options.attribute_count, 3);
    assert_string_equal(options.attributes[0].value, "shop");
    assert_string_equal(options.attributes[1].key, "team");
    assert_string_equal(options.attributes[2].key, "zone");
    options = read((struct otlp_texts){.resource_attributes = "service.name=shop,broken",
                                       .service_name = "store"});
    assert_string_equal(options.attributes[0].value, "store");
}

/* gRPC would end the process. */
static void headers_that_cannot_be_sent_are_ignored(void **state)
{
    static const char *const wrong[] = {"api key=1", "b\xc3\xa4r=1", "=1",   "bad%zz=1",
                                        "x=a%0Ab",   "x=%C3%A4",     "x=%7f"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char list[64];
        snprintf(list, sizeof list, "a=1,%s,b=2", wrong[i]);
        struct otlp_options options = read((struct otlp_texts){.headers = list});
        assert_int_equal(options.header_count, 2);
        assert_string_equal(options.headers[1].key, "b");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_endpoint_nothing_is_traced),
        cmocka_unit_test(the_endpoint_is_a_url_or_an_address),
        cmocka_unit_test(https_means_tls_and_a_file_that_is_none_is_ignored),
        cmocka_unit_test(the_defaults_are_those_of_the_specification),
        cmocka_unit_test(numbers_that_are_none_are_ignored),
        cmocka_unit_test(samplers_are_known_by_their_names),
        cmocka_unit_test(lists_are_percent_decoded_pairs),
        cmocka_unit_test(headers_that_cannot_be_sent_are_ignored),
    };
    return cmocka_run_group_tests(tests, quiet, end);
}
