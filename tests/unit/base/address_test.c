#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/address.h"

static void reads(const char *text, const char *host, uint16_t port)
{
    struct address address;

    assert_true(status_ok(address_parse(text, &address)));
    assert_string_equal(address.host, host);
    assert_int_equal(address.port, port);
}

static void refuses(const char *text, const char *rule)
{
    struct address address;
    struct status status = address_parse(text, &address);

    assert_int_equal(status.code, STATUS_INVALID_ARGUMENT);
    if (!strstr(status.message, rule))
        fail_msg("\"%s\" does not say \"%s\"", status.message, rule);
}

static void a_host_and_a_port_are_told_apart(void **state)
{
    (void)state;
    reads("127.0.0.1:2113", "127.0.0.1", 2113);
    reads("[::1]:0", "::1", 0);
    reads("db.example:65535", "db.example", 65535);
}

static void what_is_no_address_is_refused_with_the_rule(void **state)
{
    char long_host[300];

    (void)state;
    memset(long_host, 'a', sizeof long_host);
    memcpy(long_host + sizeof long_host - 4, ":80", 4);
    refuses("", "HOST:PORT");
    refuses("localhost", "HOST:PORT");
    refuses(":80", "HOST:PORT");
    refuses("[]:80", "HOST:PORT");
    refuses("::1:80", "in brackets");
    refuses("localhost:", "0 to 65535");
    refuses("localhost:65536", "0 to 65535");
    refuses("localhost:1a", "0 to 65535");
    refuses(long_host, "too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_and_a_port_are_told_apart),
        cmocka_unit_test(what_is_no_address_is_refused_with_the_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
