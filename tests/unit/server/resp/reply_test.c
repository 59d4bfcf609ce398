/* Replies of RESP. Goal: each value has the bytes of its protocol, and an error is one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "server/resp/reply.h"

static struct buffer buffer;

static struct reply begin(int protocol)
{
    buffer_destroy(&buffer);
    buffer_init(&buffer, 1 << 20);
    return (struct reply){&buffer, protocol};
}

static void is(const char *expected)
{
    assert_true(buffer_ok(&buffer));
    assert_int_equal(buffer.size, strlen(expected));
    assert_memory_equal(buffer.data, expected, buffer.size);
}

static void values_have_one_form_in_both_protocols(void **state)
{
    (void)state;
    for (int protocol = 2; protocol <= 3; protocol++) {
        struct reply reply = begin(protocol);
        reply_simple(&reply, "OK");
        reply_integer(&reply, INT64_MIN);
        reply_bulk(&reply, bytes_of("a\r\n", 3));
        reply_bulk(&reply, bytes_of(NULL, 0));
        reply_array(&reply, 0);
        is("+OK\r\n:-9223372036854775808\r\n$3\r\na\r\n\r\n$0\r\n\r\n*0\r\n");
    }
}

static void resp3_has_types_of_its_own(void **state)
{
    struct reply reply = begin(3);

    (void)state;
    reply_null(&reply);
    reply_map(&reply, 2);
    reply_set(&reply, 1);
    reply_verbatim(&reply, bytes_of_text("ab"));
    is("_\r\n%2\r\n~1\r\n=6\r\ntxt:ab\r\n");
}

static void resp2_stands_in_for_them(void **state)
{
    struct reply reply = begin(2);

    (void)state;
    reply_null(&reply);
    reply_map(&reply, 2);
    reply_set(&reply, 1);
    reply_verbatim(&reply, bytes_of_text("ab"));
    is("$-1\r\n*4\r\n*1\r\n$2\r\nab\r\n");
}

static void an_error_is_one_line(void **state)
{
    struct reply reply = begin(2);

    (void)state;
    reply_error(&reply, "ERR unknown command '%s'", "a\r\n-ERR b");
    is("-ERR unknown command 'a  -ERR b'\r\n");
}

static void a_full_server_is_told_by_its_code(void **state)
{
    struct reply reply = begin(2);

    (void)state;
    reply_status(&reply, status_make(STATUS_RESOURCE_EXHAUSTED, "full"));
    reply_status(&reply, status_make(STATUS_INVALID_ARGUMENT, "wrong"));
    is("-OOM full\r\n-ERR wrong\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_one_form_in_both_protocols),
        cmocka_unit_test(resp3_has_types_of_its_own),
        cmocka_unit_test(resp2_stands_in_for_them),
        cmocka_unit_test(an_error_is_one_line),
        cmocka_unit_test(a_full_server_is_told_by_its_code),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    buffer_destroy(&buffer);
    return failed;
}
