/* Filters. Goal: exactly what the rules say is accepted, and no rule can hold up the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/subscriptions/filter.h"

static struct filter make(struct filter_rules rules)
{
    struct filter filter;
    struct status status = filter_init(&filter, &rules);

    if (!status_ok(status))
        fail_msg("%s", status.message);
    return filter;
}

static bool accepts(struct filter *filter, const char *stream, const char *type)
{
    return filter_accepts(filter, bytes_of_text(stream), bytes_of_text(type));
}

static void refuses(struct filter_rules rules, const char *part)
{
    struct filter filter;
    struct status status = filter_init(&filter, &rules);

    assert_int_equal(status.code, STATUS_INVALID_ARGUMENT);
    if (!strstr(status.message, part))
        fail_msg("\"%s\" does not say \"%s\"", status.message, part);
}

static void no_rules_accept_everything(void **state)
{
    struct filter filter = make((struct filter_rules){0});

    (void)state;
    assert_true(accepts(&filter, "order-1", "Placed"));
    filter_destroy(&filter);
}

static void one_prefix_of_a_field_has_to_match(void **state)
{
    struct bytes streams[] = {bytes_of_text("order-"), bytes_of_text("invoice-")};
    struct bytes types[] = {bytes_of_text("Pl")};
    struct filter filter = make((struct filter_rules){.stream_prefixes = streams,
                                                      .stream_prefix_count = 2,
                                                      .type_prefixes = types,
                                                      .type_prefix_count = 1});

    (void)state;
    assert_true(accepts(&filter, "order-1", "Placed"));
    assert_true(accepts(&filter, "invoice-", "Pl"));
    assert_false(accepts(&filter, "order", "Placed"));
    assert_false(accepts(&filter, "an order-1", "Placed"));
    assert_false(accepts(&filter, "order-1", "Paid"));
    filter_destroy(&filter);
}

static void regex_matches_somewhere_unless_anchored(void **state)
{
    struct filter filter = make((struct filter_rules){.stream_regex = bytes_of_text("r-[0-9]+"),
                                                      .type_regex = bytes_of_text("^P.d$")});

    (void)state;
    assert_true(accepts(&filter, "order-12x", "Pad"));
    assert_true(accepts(&filter, "order-1",
                        "P\xc3\xa4"
                        "d")); /* one character of two bytes */
    assert_false(accepts(&filter, "order-", "Pad"));
    assert_false(accepts(&filter, "order-1", "Paid"));
    assert_true(status_ok(filter.failure));
    filter_destroy(&filter);
}

static void prefix_and_regex_both_have_to_hold(void **state)
{
    struct bytes streams[] = {bytes_of_text("order-")};
    struct filter filter = make((struct filter_rules){
        .stream_prefixes = streams, .stream_prefix_count = 1, .stream_regex = bytes_of_text("7$")});

    (void)state;
    assert_true(accepts(&filter, "order-7", "Placed"));
    assert_false(accepts(&filter, "order-8", "Placed"));
    assert_false(accepts(&filter, "invoice-7", "Placed"));
    filter_destroy(&filter);
}

static void regex_that_does_not_compile_is_refused_with_reason_and_place(void **state)
{
    (void)state;
    refuses((struct filter_rules){.type_regex = bytes_of_text("ab[c")},
            "filter.type_regex: missing terminating ] for character class at offset 4");
    refuses((struct filter_rules){.stream_regex = bytes_of_text("*")}, "filter.stream_regex:");
    refuses((struct filter_rules){.stream_regex = bytes_of_text("a\\C")}, "filter.stream_regex:");
    refuses((struct filter_rules){.stream_regex = bytes_of_text("((((a{1000}){1000}){1000}))")},
            "filter.stream_regex: regular expression is too large");
}

static void rules_over_their_limits_are_refused(void **state)
{
    struct bytes many[FILTER_PREFIXES_MAX + 1];
    uint8_t long_text[FILTER_REGEX_BYTES_MAX + 1];

    (void)state;
    memset(long_text, 'a', sizeof long_text);
    for (size_t i = 0; i < FILTER_PREFIXES_MAX + 1; i++)
        many[i] = bytes_of_text("p");
    refuses((struct filter_rules){.stream_prefixes = many,
                                  .stream_prefix_count = FILTER_PREFIXES_MAX + 1},
            "filter.stream_prefixes: at most 64");
    many[3] = bytes_of(long_text, 257);
    refuses((struct filter_rules){.type_prefixes = many, .type_prefix_count = 10},
            "filter.type_prefixes[3]: 1 to 256 bytes");
    refuses((struct filter_rules){.stream_regex = bytes_of(long_text, sizeof long_text)},
            "filter.stream_regex: at most 1024 bytes");
}

/* Each takes exponential or cubic time, or deep recursion, on a name as long as one may be. */
static void expensive_matches_end_at_the_limit(void **state)
{
    static const char *const expensive[] = {"^(a+)+$", "(a|aa)+$", "(a*)*b$", ".*.*.*.*.*b$"};
    char name[1025];

    (void)state;
    memset(name, 'a', 1022);
    name[1022] = 'b';
    name[1023] = '!';
    name[1024] = '\0';
    for (size_t i = 0; i < sizeof expensive / sizeof *expensive; i++) {
        struct filter filter =
            make((struct filter_rules){.stream_regex = bytes_of_text(expensive[i])});

        assert_false(accepts(&filter, name, "Tested"));
        if (status_ok(filter.failure))
            fail_msg("%s did not reach the limit", expensive[i]);
        assert_int_equal(filter.failure.code, STATUS_INVALID_ARGUMENT);
        assert_non_null(strstr(filter.failure.message, "filter.stream_regex: matching one name may "
                                                       "take at most 100000 steps"));
        assert_false(accepts(&filter, "b", "Tested")); /* it stays */
        filter_destroy(&filter);
    }
}

static void regex_that_recurses_without_end_fails(void **state)
{
    struct filter filter =
        make((struct filter_rules){.stream_regex = bytes_of_text("(a?(?R)?)*b$")});

    (void)state;
    assert_false(accepts(&filter, "aab!", "Tested"));
    assert_int_equal(filter.failure.code, STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(filter.failure.message, "filter.stream_regex: "));
    filter_destroy(&filter);
}

static void filter_works_again_after_a_rest(void **state)
{
    struct filter filter = make((struct filter_rules){.type_regex = bytes_of_text("^(a|b)*$")});

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(accepts(&filter, "s", "abba"));
        filter_rest(&filter);
        filter_rest(&filter);
    }
    filter_destroy(&filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rules_accept_everything),
        cmocka_unit_test(one_prefix_of_a_field_has_to_match),
        cmocka_unit_test(regex_matches_somewhere_unless_anchored),
        cmocka_unit_test(prefix_and_regex_both_have_to_hold),
        cmocka_unit_test(regex_that_does_not_compile_is_refused_with_reason_and_place),
        cmocka_unit_test(rules_over_their_limits_are_refused),
        cmocka_unit_test(expensive_matches_end_at_the_limit),
        cmocka_unit_test(regex_that_recurses_without_end_fails),
        cmocka_unit_test(filter_works_again_after_a_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
