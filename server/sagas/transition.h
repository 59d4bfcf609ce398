/* What a saga does with an input: a pure function (state, input) -> (state, events). It does no
 * I/O and reads no clock; time is part of the input, and jitter follows from the command's id.
 *
 *   input --> saga_decide --> events, each applied to the state at once
 *
 *                    Reply SUCCESS of the last node
 *   RUNNING ------------------------------------------> COMPLETED
 *     |  failure, cancel, run timeout: CompensationStarted
 *     v            nothing left to undo
 *   COMPENSATING -------------------------------------> COMPENSATED
 *     |    ^  operator: retry, skip, resolve
 *     v    |
 *   PARKED                 any open --TerminateSaga---> TERMINATED
 *
 * The way back: nothing new is issued; open actions may still be answered until `withdraw_us`, then
 * their outcome is UNKNOWN; then every step that was issued and whose outcome is SUCCESS or
 * UNKNOWN is compensated, one after another, in the reverse order of their first issue. */
#ifndef SERVER_SAGAS_TRANSITION_H
#define SERVER_SAGAS_TRANSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "server/sagas/command_id.h"
#include "server/sagas/saga.h"

enum saga_input_kind {
    INPUT_START,   /* into an empty state */
    INPUT_REPLY,   /* of a participant, to a command that saga_check_reply accepts */
    INPUT_TIMEOUT, /* of a command: of a lease, or because nobody took it */
    INPUT_DUE,     /* saga_due_us() has passed */
    INPUT_SIGNAL,
    INPUT_CANCEL,
    INPUT_TERMINATE,
    INPUT_PAUSE,
    INPUT_RESUME,
    INPUT_RETRY_STEP,
    INPUT_SKIP_STEP,
    INPUT_RESOLVE_STEP,
    INPUT_LATE_REPLY, /* one that saga_check_reply calls SUPERSEDED: leaves a note */
};

struct saga_input {
    enum saga_input_kind kind;
    int64_t now_us;
    union {
        struct {
            uint64_t number;
            uint32_t run;
            struct bytes traceparent, tracestate;          /* may be empty */
            const Sagabase__V1__StartSagaRequest *request; /* checked by saga_check_start */
        } start;
        struct {
            uint32_t activity;
            bool compensation;
            const Sagabase__V1__Reply *reply;
        } reply; /* and LATE_REPLY */
        struct {
            uint32_t activity;
            bool compensation;
            uint32_t attempt; /* another than the newest: nothing happens */
            Sagabase__V1__TimeoutKind kind;
            bool never_started; /* of SCHEDULE_TO_START: certainly nobody ever had it */
        } timeout;
        const Sagabase__V1__Signal *signal;
        const Sagabase__V1__CancelSagaRequest *cancel;
        const Sagabase__V1__TerminateSagaRequest *terminate;
        const Sagabase__V1__PauseSagaRequest *pause;
        const Sagabase__V1__ResumeSagaRequest *resume;
        const Sagabase__V1__RetryStepRequest *retry;
        const Sagabase__V1__SkipStepRequest *skip;
        const Sagabase__V1__ResolveStepRequest *resolve;
    };
};

/* What the input has led to, in `arena`. The newest CommandIssued of an activity tells that
 * its command can be handed out now; whatever else names an activity, or ends the saga, tells that
 * the command that was out is not wanted any more. */
struct saga_decision {
    const Sagabase__V1__SagaEvent **events;
    size_t event_count;
    size_t event_capacity;
    bool duplicate; /* of SIGNAL: it had been given before; no event */
};

/* INVALID_ARGUMENT names field and rule. Whatever the state. */
struct status saga_check_start(const Sagabase__V1__StartSagaRequest *request);
struct status saga_check_signal(const Sagabase__V1__Signal *signal, const char *path);
struct status saga_check_reply_fields(const Sagabase__V1__Reply *reply);

/* Hash of what makes two starts of one id the same start. */
uint64_t saga_input_hash(const struct definition *definition,
                         const Sagabase__V1__StartSagaRequest *request);

/* What INPUT_REPLY would do; changes nothing. ACCEPTED, or DUPLICATE or SUPERSEDED with what was
 * recorded, or UNKNOWN_COMMAND: the activity or that attempt was never issued. */
Sagabase__V1__ReplyOutcome saga_check_reply(const struct saga *saga, uint32_t activity,
                                            bool compensation, const Sagabase__V1__Reply *reply,
                                            Sagabase__V1__Outcome *recorded);

/* FAILED_PRECONDITION (the message names the saga's state), NOT_FOUND (no such step),
 * PERMISSION_DENIED (the principal may not decide) or RESOURCE_EXHAUSTED (a limit: of a reply, its
 * attributes or output are too much for the saga; without them it would be taken): then nothing
 * was changed, and no event is there. An input that needs nothing leads to OK and no events. Lack
 * of memory fails as RESOURCE_EXHAUSTED, too, but perhaps after a change: then *broken, and the
 * state is useless.
 *
 * After INPUT_DUE nothing is due at that time any more. A saga that has ended takes only what was
 * done before (a signal it was given, a cancel it went back for) and what comes by itself, without
 * events. */
struct status saga_decide(struct saga *saga, const struct saga_input *input,
                          const struct command_secret *secret, struct arena *arena,
                          struct saga_decision *decision, bool *broken);

/* Asserts what must hold of every state between two inputs: an open saga has an open command, a
 * timer, a wait, a pause or is parked; no step is compensated that was not issued ... For tests and
 * after each decision; cheap. */
void saga_assert_invariant(const struct saga *saga);

#endif
