#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>
#include <string.h>

#include "base/arena.h"

static void memory_is_zeroed_aligned_and_apart(void **state)
{
    struct arena arena;
    uint8_t *previous = NULL;

    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t size = 1; size < 200; size++) {
        uint8_t *memory = arena_alloc(&arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, size);
        if (previous)
            assert_int_equal(previous[size - 2], 0xff);
        previous = memory;
    }
    arena_destroy(&arena);
}

static void the_limit_is_kept_and_can_be_reached(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 1024);
    assert_null(arena_alloc(&arena, 1025));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_non_null(arena_alloc(&arena, 512));
    assert_null(arena_alloc(&arena, 513));
    assert_non_null(arena_alloc(&arena, 512));
    assert_null(arena_alloc(&arena, 1));
    arena_destroy(&arena);
}

static void a_large_block_leaves_the_current_one_in_use(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 1 << 20);
    uint8_t *first = arena_alloc(&arena, 16);
    assert_non_null(arena_alloc(&arena, 100000));
    assert_ptr_equal(arena_alloc(&arena, 16), first + 16);
    arena_destroy(&arena);
}

static void memory_of_the_caller_is_used_first(void **state)
{
    alignas(max_align_t) uint8_t own[64];
    struct arena arena;

    (void)state;
    arena_init_within(&arena, 1024, own, sizeof own);
    assert_ptr_equal(arena_alloc(&arena, 64), own);
    uint8_t *beyond = arena_alloc(&arena, 64);
    assert_non_null(beyond);
    assert_true(beyond < own || beyond >= own + sizeof own);
    arena_destroy(&arena);
}

static void a_copy_ends_with_nul_and_an_empty_one_is_not_null(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 48);
    struct bytes copy = arena_copy(&arena, bytes_of_text("name"));
    struct bytes empty = arena_copy(&arena, (struct bytes){0});
    assert_int_equal(copy.size, 4);
    assert_string_equal((const char *)copy.data, "name");
    assert_int_equal(empty.size, 0);
    assert_string_equal((const char *)empty.data, "");
    assert_null(arena_copy(&arena, bytes_of_text("seventeen letters")).data);
    arena_destroy(&arena);
}

static void asking_for_nothing_is_no_failure(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 64);
    assert_non_null(arena_alloc(&arena, 0));
    assert_non_null(arena_alloc_raw(&arena, 0));
    arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(the_limit_is_kept_and_can_be_reached),
        cmocka_unit_test(a_large_block_leaves_the_current_one_in_use),
        cmocka_unit_test(memory_of_the_caller_is_used_first),
        cmocka_unit_test(a_copy_ends_with_nul_and_an_empty_one_is_not_null),
        cmocka_unit_test(asking_for_nothing_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
