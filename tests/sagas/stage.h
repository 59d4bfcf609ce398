/* A server process whose sagas are judged: each test has a store of its own, does to the server
 * what its row of the failure table says, and in the end the oracle reads the whole store. The
 * words of tests/integration/sagas/order.h work here as well: `client` is of this server. After
 * <cmocka.h>. */
#ifndef TESTS_SAGAS_STAGE_H
#define TESTS_SAGAS_STAGE_H

#include "tests/integration/sagas/order.h"

/* A step with commands "Do" and "Undo" for the queue, in JSON. */
#define STEP_WITH(name, queue, retry, timeouts)                                                    \
    "{\"name\": \"" name "\", \"step\": {"                                                         \
    "\"action\": {\"queue\": \"" queue "\", \"type\": \"Do\"},"                                    \
    "\"compensation\": {\"queue\": \"" queue "\", \"type\": \"Undo\"},"                            \
    "\"retry\": {\"initial_interval_ms\": 1, \"maximum_interval_ms\": 1, " retry "},"              \
    "\"idempotent\": true, \"timeouts\": {" timeouts "}}}"
#define STEP(name, queue)                                                                          \
    STEP_WITH(name, queue, "\"maximum_attempts\": 0", "\"start_to_close_ms\": 60000")
#define ORDER(...) "{\"type\": \"order\", \"nodes\": [" __VA_ARGS__ "]}"

/* Of the program, once. */
void stage_use(const char *binary);

/* For cmocka. Closing asserts that every saga has ended as the streams say it must, that the
 * server ends well, and that `sagabase verify` finds the store whole. */
int stage_open(void **state);
int stage_close(void **state);

/* kill -9. Then stage_start(), with further options (ended by NULL) or none. */
void stage_kill(void);
void stage_stop(void);
void stage_start(const char *const *options);
void stage_crash_and_start(void);

/* From now on every write to a file of the server fails, and with it the next commit. */
void stage_fail_writes(void);
/* Waits until the server has ended by itself, as it does behind a failed commit. */
void stage_expect_end(void);
/* Starts the server, which must end without serving. */
void stage_expect_no_start(void);

/* `sagabase VERB --data DATA`; its exit status. */
int stage_maintain(const char *verb);

/* Where the store is, while no server runs on it. */
const char *stage_data(void);

#define SAGAS       "/sagabase.v1.Sagas/"
#define PARTICIPANT "/sagabase.v1.Participant/"

/* A client that sees the single messages of a call. */
struct rpc_client *stage_rpc_client(void);

/* Calls whose answers are not waited for. */
struct rpc_call *send_start(struct rpc_client *rpc, const char *id);
struct rpc_call *send_success(struct rpc_client *rpc, const char *command_id);
/* Waits for the end of such a call, and frees it. */
void expect_unavailable(struct rpc_call *call);

/* A reply SUCCESS with its event "Done" for the stream "work-1", as the oracle wants it. */
struct success {
    struct part part;
    Sagabase__V1__CompleteCommandRequest request;
};
void success_of(struct success *success, const char *command_id);

/* Attempt 0: the newest. */
Sagabase__V1__ReplyOutcome succeed(const char *command_id, uint32_t attempt);

/* Takes a command of the queue, which must be of this step, and answers it with success. */
void do_step(const char *queue, const char *step);

/* What a test keeps of a command that was taken. */
struct taken {
    char id[SAGABASE_UUID_BYTES];
    uint32_t attempt;
    bool undo;
};
struct taken take_step(const char *queue, const char *step);

struct sagabase_status try_to_start(const char *id, Sagabase__V1__StartOutcome *outcome);

void expect_started(const char *id, Sagabase__V1__StartOutcome wanted);
void expect_no_saga(const char *id);

/* How many events of this type there are in the saga's stream. */
size_t count_of(const char *id, const char *type);

void expect_status(const char *id, Sagabase__V1__SagaStatus status);

#endif
