/* A saga gateway for tests, over a store that outlives it, with a clock of its own, one participant
 * for all queues that a test names, and calls that wait for their end. */
#ifndef TESTS_SUPPORT_GATEWAY_FIXTURE_H
#define TESTS_SUPPORT_GATEWAY_FIXTURE_H

#include <pthread.h>

#include "server/sagas/gateway.h"
#include "tests/support/log_fixture.h"
#include "tests/support/manual_clock.h"
#include "tests/support/saga_recipe.h"
#include "tests/support/store.h"

struct gateway_fixture {
    struct store store;
    struct manual_clock clock;
    struct event_log *log;
    struct gateway *gateway;
    size_t memory_bytes_max; /* for the next opening; 0: the default */
    struct tracer *tracer;   /* the same; NULL: none */
    struct arena arena;      /* of results, until the fixture is closed */

    /* The participant. */
    struct worker worker;
    bool has_joined;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool is_woken;
    struct lease taken[WORKER_TAKE_MAX]; /* and not yet given to the test */
    size_t taken_count, given_count;
};

/* A command in the participant's hands. */
struct task {
    struct lease lease;
    Sagabase__V1__Command *command; /* in the fixture's arena */
};

void gateway_fixture_open(struct gateway_fixture *fixture, const char *engine_kind);
void gateway_fixture_close(struct gateway_fixture *fixture);

/* Closes the gateway and the log, but not the store; opens them again. */
void gateway_fixture_stop(struct gateway_fixture *fixture);
void gateway_fixture_continue(struct gateway_fixture *fixture);

/* The process ends and another one begins. What was not committed is gone. */
void gateway_fixture_restart(struct gateway_fixture *fixture);

/* The same, and in between the store is verified, or its derived families are made anew. What the
 * tool did not agree with is printed, and counted. */
uint64_t gateway_fixture_maintain(struct gateway_fixture *fixture, bool rebuild);

/* Lets time pass, and the gateway look at the clock. */
void gateway_fixture_wait(struct gateway_fixture *fixture, int64_t interval_us);

/* --- calls --------------------------------------------------------------------------------------
 */

struct status fixture_put(struct gateway_fixture *fixture, struct recipe *recipe,
                          struct definition_put *put);

/* `start->request` is set; its own result otherwise. */
struct status fixture_start_with(struct gateway_fixture *fixture, struct saga_start *start);
struct status fixture_start(struct gateway_fixture *fixture, const char *type, const char *id);

/* `reply->reply` is set. */
struct status fixture_reply_with(struct gateway_fixture *fixture, struct saga_reply *reply);

/* Success of an attempt (0: the newest); the outcome of the reply, 0 if it could not be decided. */
Sagabase__V1__ReplyOutcome fixture_succeed(struct gateway_fixture *fixture, const char *command_id,
                                           uint32_t attempt);
Sagabase__V1__ReplyOutcome fixture_fail(struct gateway_fixture *fixture, const char *command_id);
Sagabase__V1__ReplyOutcome fixture_err(struct gateway_fixture *fixture, const char *command_id);

/* An append that may hold a reply, as the server handles it. */
struct status fixture_append(struct gateway_fixture *fixture, struct append *append);

/* `act->input` is set. */
struct status fixture_act(struct gateway_fixture *fixture, const char *type, const char *id,
                          struct saga_act *act);

/* --- looking ----------------------------------------------------------------------------- */

/* What the row says, 0: there is none. Aborts if it cannot be read. */
Sagabase__V1__SagaStatus fixture_status(struct gateway_fixture *fixture, const char *type,
                                        const char *id);

/* Waits until the row says so; false after 20 seconds. */
bool fixture_await_status(struct gateway_fixture *fixture, const char *type, const char *id,
                          Sagabase__V1__SagaStatus status);

/* "$SagaStarted $CommandIssued ..." of a stream's events, in the fixture's arena. */
const char *fixture_events(struct gateway_fixture *fixture, const char *stream);

/* Folds the stream of each saga that there is, and compares with its row: what differs first, or
 * NULL. */
const char *fixture_compare_rows(struct gateway_fixture *fixture);

/* --- the participant --------------------------------------------------------------------- */

/* Takes from these queues (at most 3, the rest NULL), with plenty of credit. */
void fixture_join(struct gateway_fixture *fixture, const char *first, const char *second,
                  const char *third);
void fixture_leave(struct gateway_fixture *fixture, enum leave leave);

/* What there is now, at most `max`. */
size_t fixture_take(struct gateway_fixture *fixture, struct task *tasks, size_t max);

/* Waits for the next one; false after 20 seconds. */
bool fixture_await(struct gateway_fixture *fixture, struct task *task);

/* Waits until told that a command is not wanted any more; false after 20 seconds. */
bool fixture_await_cancel(struct gateway_fixture *fixture, struct uuid *command_id);

#endif
