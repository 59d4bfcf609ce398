/* What the tests of the saga services have in common: a server in this process, its C client, and
 * an order saga of two steps, "reserve" (queue "stock") and "charge" (queue "cards"), each with a
 * compensation. After <cmocka.h>. */
#ifndef TESTS_INTEGRATION_SAGAS_ORDER_H
#define TESTS_INTEGRATION_SAGAS_ORDER_H

#include <string.h>

#include "clients/c/sagabase.h"
#include "tests/support/server.h"

#define expect(expression, expected_code)                                                          \
    do {                                                                                           \
        struct sagabase_status expect_got = (expression);                                          \
        if (expect_got.code != (expected_code))                                                    \
            fail_msg("%s: %s \"%s\", not %s", #expression, sagabase_code_name(expect_got.code),    \
                     expect_got.message, sagabase_code_name(expected_code));                       \
    } while (0)

/* The same, and what the message must hold. */
#define expect_told(expression, expected_code, part)                                               \
    do {                                                                                           \
        struct sagabase_status told_got = (expression);                                            \
        if (told_got.code != (expected_code) || !strstr(told_got.message, (part)))                 \
            fail_msg("%s: %s \"%s\", not %s \"%s\"", #expression,                                  \
                     sagabase_code_name(told_got.code), told_got.message,                          \
                     sagabase_code_name(expected_code), (part));                                   \
    } while (0)

extern struct test_server *server;
extern struct sagabase_client *client;

extern const char order_json[];

/* For cmocka: a server for each test, with the order saga defined. */
int start_server(void **state);
int stop_server(void **state);

/* Registers a definition written in JSON. */
void define(const char *json);

/* Of type "order". */
Sagabase__V1__SagaName order_name(const char *id);
void start_order(const char *id);

/* Waits until an order has ended or is parked. */
Sagabase__V1__SagaStatus end_of_order(const char *id);

/* Waits for a command of a queue; forget it. */
Sagabase__V1__PollCommandResponse *take(const char *queue);
void forget_command(Sagabase__V1__PollCommandResponse *taken);

/* Nothing is ready in the queue now. */
void expect_nothing_ready(const char *queue);

/* One reply by a unary call; the outcome. */
Sagabase__V1__ReplyOutcome complete(const char *command_id);
Sagabase__V1__ReplyOutcome fail_for_good(const char *command_id, const char *error_type);
Sagabase__V1__ReplyOutcome fail_once(const char *command_id, const char *error_type);

/* Takes a command of the queue, which must be of this type, and completes it. */
void do_next(const char *queue, const char *type);

/* How many events a stream has; 0: none. */
uint64_t count_events(const char *stream);

/* An event for a stream in any state, on the caller's stack. */
struct part {
    char id[SAGABASE_UUID_BYTES];
    Sagabase__V1__ProposedEvent event;
    Sagabase__V1__ProposedEvent *events[1];
    Sagabase__V1__StreamAppend append;
    Sagabase__V1__StreamAppend *appends[1];
};

void part_of(struct part *part, const char *stream);

#endif
