/* What the tests of the services have in common. After <cmocka.h>. */
#ifndef TESTS_INTEGRATION_SERVICES_EXPECT_H
#define TESTS_INTEGRATION_SERVICES_EXPECT_H

#include <string.h>

#include "google/rpc/status.pb-c.h"
#include "tests/support/event_store_client.h"
#include "tests/support/server.h"

#define expect_status(expression, expected_code, part_of_message)                                  \
    do {                                                                                           \
        struct status expect_got = (expression);                                                   \
        if (expect_got.code != (expected_code) || !strstr(expect_got.message, (part_of_message)))  \
            fail_msg("%s: %s \"%s\", not %s \"%s\"", #expression,                                  \
                     status_code_name(expect_got.code), expect_got.message,                        \
                     status_code_name(expected_code), (part_of_message));                          \
    } while (0)

#define expect_ok(expression) expect_status(expression, STATUS_OK, "")

#endif
