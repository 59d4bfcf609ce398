/* What --fail-if says. Goal: each part lands where it belongs, and what is none is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clients/cli/selection.h"

enum { ARENA_BYTES = 1 << 20 };

static void parts_become_a_query_item(void **state)
{
    Sagabase__V1__QueryItem item;
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_BYTES);
    assert_true(status_ok(selection_parse_item(
        " type=A,B  tag=course:1 tag=k=v type=C category=order correlation=c-1 ", &arena, &item)));
    assert_int_equal(item.n_types, 3);
    assert_string_equal(item.types[0], "A");
    assert_string_equal(item.types[1], "B");
    assert_string_equal(item.types[2], "C");
    assert_int_equal(item.n_tags, 2);
    assert_string_equal(item.tags[0], "course:1");
    assert_string_equal(item.tags[1], "k=v");
    assert_string_equal(item.category, "order");
    assert_string_equal(item.correlation_id, "c-1");
    arena_destroy(&arena);
}

static void what_is_no_query_is_told(void **state)
{
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"", "--fail-if: is empty"},
        {"  ", "--fail-if: is empty"},
        {"type", "--fail-if: KEY=VALUE, not \"type\""},
        {"tag=", "--fail-if: KEY=VALUE, not \"tag=\""},
        {"kind=A", "--fail-if: type, tag, category or correlation, not \"kind\""},
        {"tag=1 tag=1 tag=1 tag=1 tag=1 tag=1 tag=1 tag=1 tag=1 tag=1 tag=1 tag=1 tag=1 tag=1 "
         "tag=1 tag=1 tag=1",
         "--fail-if: at most 16 tags"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        Sagabase__V1__QueryItem item;
        struct arena arena;

        arena_init(&arena, ARENA_BYTES);
        struct status status = selection_parse_item(wrong[i].text, &arena, &item);
        assert_int_equal(status.code, STATUS_INVALID_ARGUMENT);
        assert_string_equal(status.message, wrong[i].message);
        arena_destroy(&arena);
    }
}

static void selection_asks_for_all_that_is_set(void **state)
{
    struct selection selection = {0};
    Sagabase__V1__Query *query;

    (void)state;
    assert_null(selection_query(&selection));
    selection.tags.at[selection.tags.count++] = "course:1";
    selection.category = "order";
    query = selection_query(&selection);
    assert_int_equal(query->n_items, 1);
    assert_string_equal(query->items[0]->tags[0], "course:1");
    assert_string_equal(query->items[0]->category, "order");
    assert_string_equal(query->items[0]->correlation_id, "");
}

static void patterns_ask_for_all_that_is_set(void **state)
{
    struct patterns patterns = {0};
    Sagabase__V1__Filter *filter;

    (void)state;
    assert_null(patterns_filter(&patterns));
    patterns.type_prefixes.at[patterns.type_prefixes.count++] = "Order";
    patterns.stream_regex = "7$";
    filter = patterns_filter(&patterns);
    assert_int_equal(filter->n_type_prefixes, 1);
    assert_string_equal(filter->type_prefixes[0], "Order");
    assert_string_equal(filter->stream_regex, "7$");
    assert_string_equal(filter->type_regex, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_become_a_query_item),
        cmocka_unit_test(what_is_no_query_is_told),
        cmocka_unit_test(selection_asks_for_all_that_is_set),
        cmocka_unit_test(patterns_ask_for_all_that_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
