#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/buffer.h"

static void what_is_put_follows_what_was_put(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 100);
    buffer_put(&buffer, bytes_of("a\0b", 3));
    buffer_put(&buffer, (struct bytes){0});
    buffer_put_text(&buffer, "cd");
    buffer_put_byte(&buffer, 'e');
    buffer_print(&buffer, "%d-%s", 42, "f");
    assert_true(buffer_ok(&buffer));
    assert_int_equal(buffer.size, 10);
    assert_memory_equal(buffer.data, "a\0bcde42-f", 10);
    buffer_destroy(&buffer);
}

static void it_grows_up_to_its_limit(void **state)
{
    enum { LIMIT = 10000 };
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, LIMIT);
    for (int i = 0; i < LIMIT; i++)
        buffer_put_byte(&buffer, (uint8_t)i);
    assert_true(buffer_ok(&buffer));
    assert_int_equal(buffer.size, LIMIT);
    for (int i = 0; i < LIMIT; i++)
        assert_int_equal(buffer.data[i], (uint8_t)i);
    buffer_destroy(&buffer);
}

static void beyond_the_limit_it_fails_and_drops_later_writes(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 4);
    buffer_put_text(&buffer, "abc");
    buffer_put_text(&buffer, "de");
    assert_false(buffer_ok(&buffer));
    buffer_put_text(&buffer, "f");
    assert_null(buffer_reserve(&buffer, 1));
    assert_int_equal(buffer.size, 3);
    assert_memory_equal(buffer.data, "abc", 3);
    buffer_destroy(&buffer);
}

static void a_destroyed_buffer_is_empty_and_usable(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 4);
    buffer_put_text(&buffer, "too long");
    buffer_destroy(&buffer);
    assert_true(buffer_ok(&buffer));
    assert_int_equal(buffer.size, 0);
    buffer_put_text(&buffer, "abcd");
    assert_true(buffer_ok(&buffer));
    buffer_destroy(&buffer);
}

static void reserved_room_is_the_callers_to_fill(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 8);
    buffer_put_text(&buffer, "ab");
    uint8_t *room = buffer_reserve(&buffer, 6);
    assert_ptr_equal(room, buffer.data + 2);
    room[0] = 'c';
    buffer.size += 1;
    assert_true(bytes_equal(buffer_bytes(&buffer), bytes_of_text("abc")));
    buffer_destroy(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_follows_what_was_put),
        cmocka_unit_test(it_grows_up_to_its_limit),
        cmocka_unit_test(beyond_the_limit_it_fails_and_drops_later_writes),
        cmocka_unit_test(a_destroyed_buffer_is_empty_and_usable),
        cmocka_unit_test(reserved_room_is_the_callers_to_fill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
