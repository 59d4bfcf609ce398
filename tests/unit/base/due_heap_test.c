#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/due_heap.h"

enum { COUNT = 1000 };

static struct due dues[COUNT];

static int64_t moment(int index)
{
    return (index * 7919) % 100003;
}

static void fill(struct due_heap *heap)
{
    assert_true(due_heap_reserve(heap, COUNT));
    for (int i = 0; i < COUNT; i++) {
        due_init(&dues[i]);
        due_heap_set(heap, &dues[i], moment(i));
    }
}

static void assert_comes_in_order(struct due_heap *heap, size_t expected)
{
    int64_t last_us = INT64_MIN;
    size_t seen = 0;

    for (; due_heap_first(heap); seen++) {
        struct due *due = due_heap_first(heap);
        assert_true(due->at_us >= last_us);
        assert_int_equal(due_heap_first_us(heap), due->at_us);
        last_us = due->at_us;
        due_heap_set(heap, due, INT64_MAX);
    }
    assert_int_equal(seen, expected);
    assert_int_equal(due_heap_first_us(heap), INT64_MAX);
}

static void the_earliest_comes_first(void **state)
{
    struct due_heap heap = {0};

    (void)state;
    assert_null(due_heap_first(&heap));
    fill(&heap);
    assert_comes_in_order(&heap, COUNT);
    due_heap_destroy(&heap);
}

static void moments_can_be_moved_and_removed(void **state)
{
    struct due_heap heap = {0};

    (void)state;
    fill(&heap);
    for (int i = 0; i < COUNT; i += 2)
        due_heap_set(&heap, &dues[i], moment(COUNT - i));
    for (int i = 0; i < COUNT; i += 3)
        due_heap_set(&heap, &dues[i], INT64_MAX);
    due_heap_set(&heap, &dues[0], INT64_MAX); /* it is not there */
    assert_comes_in_order(&heap, COUNT - 334);
    due_heap_destroy(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_comes_first),
        cmocka_unit_test(moments_can_be_moved_and_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
