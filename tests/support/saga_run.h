/* One saga under test, with a clock of its own. After each input this holds, or the process is
 * aborted:
 *   - the state keeps its invariant;
 *   - the events emitted, packed and applied to an empty state, add up to an equal row;
 *   - the row read back decides the same, and so does a copy of the state. */
#ifndef TESTS_SUPPORT_SAGA_RUN_H
#define TESTS_SUPPORT_SAGA_RUN_H

#include "base/arena.h"
#include "base/buffer.h"
#include "server/sagas/saga.h"
#include "server/sagas/transition.h"

struct saga_run {
    struct definition *definition; /* a reference */
    struct command_secret secret;
    struct saga *saga;
    struct saga *fold; /* of the events alone */
    int64_t now_us;
    struct arena arena; /* of the newest input */
    struct saga_decision decision;
    struct buffer history; /* "CommandIssued charge 1\n" ... of all inputs */
};

/* Takes the caller's reference. Not started yet. */
void saga_run_init(struct saga_run *run, struct definition *definition);
void saga_run_destroy(struct saga_run *run);

/* Any input; its time is set. */
struct status saga_run_input(struct saga_run *run, struct saga_input *input);

/* Started with 200 bytes and no attributes, or as the request says. */
struct status saga_run_start(struct saga_run *run);
struct status saga_run_start_with(struct saga_run *run, Sagabase__V1__StartSagaRequest *request);

/* The newest activity of a node that is not closed, else its newest. Aborts: never reached. */
uint32_t saga_run_find(const struct saga_run *run, const char *node);
const struct activity *saga_run_activity(const struct saga_run *run, const char *node);

/* A reply to the node's command as it is now: as the participant's stream would do it. Returns what
 * saga_check_reply says; an accepted one is decided, a superseded one leaves its note. */
Sagabase__V1__ReplyOutcome saga_run_reply(struct saga_run *run, const char *node,
                                          Sagabase__V1__Reply *reply);
Sagabase__V1__ReplyOutcome saga_run_succeed(struct saga_run *run, const char *node);
Sagabase__V1__ReplyOutcome saga_run_succeed_with(struct saga_run *run, const char *node,
                                                 const char *output, const char *code);
Sagabase__V1__ReplyOutcome saga_run_fail(struct saga_run *run, const char *node,
                                         const char *error_type);
Sagabase__V1__ReplyOutcome saga_run_error(struct saga_run *run, const char *node,
                                          const char *error_type);
Sagabase__V1__ReplyOutcome saga_run_ongoing(struct saga_run *run, const char *node,
                                            int64_t check_after_ms);

struct status saga_run_timeout(struct saga_run *run, const char *node,
                               Sagabase__V1__TimeoutKind kind, bool never_started);

/* Lets time pass, and whatever is due happen when it is. */
void saga_run_wait(struct saga_run *run, int64_t ms);

struct status saga_run_cancel(struct saga_run *run);
struct status saga_run_terminate(struct saga_run *run);
struct status saga_run_pause(struct saga_run *run);
struct status saga_run_resume(struct saga_run *run);
struct status saga_run_signal(struct saga_run *run, Sagabase__V1__Signal *signal);
struct status saga_run_retry(struct saga_run *run, const char *node);
struct status saga_run_skip(struct saga_run *run, const char *node);
struct status saga_run_resolve(struct saga_run *run, const char *node,
                               Sagabase__V1__Outcome outcome);

/* What the newest input has emitted: "CommandSucceeded a; CommandIssued b 1". */
const char *saga_run_events(struct saga_run *run);

#endif
