/* What the parts of the transition share: a decision in the making. Each of these functions emits
 * events, and each event is applied at once. Internal to transition*.c. */
#ifndef SERVER_SAGAS_DECISION_H
#define SERVER_SAGAS_DECISION_H

#include "server/sagas/saga_parts.h"
#include "server/sagas/transition.h"

struct deciding {
    struct saga *saga;
    const struct command_secret *secret;
    struct arena *arena;
    struct saga_decision *decision;
    int64_t now_us;
};

enum {
    SUCCESS = SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS,
    FAILURE = SAGABASE__V1__OUTCOME__OUTCOME_FAILURE,
    UNKNOWN = SAGABASE__V1__OUTCOME__OUTCOME_UNKNOWN,
    SKIPPED = SAGABASE__V1__OUTCOME__OUTCOME_SKIPPED,
    RUNNING = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING,
    COMPENSATING = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATING,
    PARKED = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED,
};

/* --- transition_emit.c ------------------------------------------------------------------- */

/* In the arena; NULL: it is full. */
Sagabase__V1__SagaError *error_make(struct deciding *deciding, const char *type,
                                    const char *message);
/* A copy, since the state's own may go with the next event. Of NULL: an empty error. */
Sagabase__V1__SagaError *error_keep(struct deciding *deciding, const struct saga_error *error);

struct status emit_started(struct deciding *deciding, const struct saga_input *input);
struct status emit_entered(struct deciding *deciding, uint16_t node, uint16_t holder,
                           int64_t due_us, const char *block);
/* `signal` NULL: none; `code` NULL: none. */
struct status emit_finished(struct deciding *deciding, uint32_t activity, int outcome,
                            Sagabase__V1__SagaError *error, const Sagabase__V1__Signal *signal,
                            const char *code);
struct status emit_issued(struct deciding *deciding, uint16_t node, uint16_t holder);
struct status emit_issued_again(struct deciding *deciding, uint32_t activity, bool check);
struct status emit_compensation_issued(struct deciding *deciding, uint32_t activity);
struct status emit_succeeded(struct deciding *deciding, uint32_t activity, bool compensation,
                             uint32_t attempt, const Sagabase__V1__Success *success);
struct status emit_failed(struct deciding *deciding, uint32_t activity, bool compensation,
                          int outcome, Sagabase__V1__SagaError *error);
struct status emit_errored(struct deciding *deciding, uint32_t activity,
                           Sagabase__V1__SagaError *error, int64_t retry_us);
struct status emit_timed_out(struct deciding *deciding, uint32_t activity, int kind,
                             int64_t retry_us);
struct status emit_ongoing(struct deciding *deciding, uint32_t activity, uint32_t attempt,
                           int64_t check_us);
struct status emit_attention(struct deciding *deciding, uint32_t activity);
struct status emit_turned(struct deciding *deciding, Sagabase__V1__SagaError *cause,
                          int64_t withdraw_us);
struct status emit_parked(struct deciding *deciding, uint32_t activity,
                          Sagabase__V1__SagaError *error);
/* Nothing, unless it is parked. */
struct status emit_unparked(struct deciding *deciding);
struct status emit_signal(struct deciding *deciding, const Sagabase__V1__Signal *signal);
struct status emit_completed(struct deciding *deciding);
struct status emit_compensated(struct deciding *deciding);
struct status emit_canceled(struct deciding *deciding,
                            const Sagabase__V1__CancelSagaRequest *request);
struct status emit_terminated(struct deciding *deciding,
                              const Sagabase__V1__TerminateSagaRequest *request);
struct status emit_paused(struct deciding *deciding, const Sagabase__V1__PauseSagaRequest *request);
struct status emit_resumed(struct deciding *deciding,
                           const Sagabase__V1__ResumeSagaRequest *request);
struct status emit_operator(struct deciding *deciding, int verb, uint32_t activity,
                            const char *reason, const char *principal);
struct status emit_late(struct deciding *deciding, uint32_t activity, bool compensation,
                        const Sagabase__V1__Reply *reply);

/* --- transition_forward.c ---------------------------------------------------------------- */

/* Does all that follows from the state by itself, both ways. */
struct status advance(struct deciding *deciding);

/* --- transition_backward.c ---------------------------------------------------------------- */

/* `failed` is the activity that failed, or ACTIVITY_NONE. */
struct status turn_backward(struct deciding *deciding, Sagabase__V1__SagaError *cause,
                            uint16_t failed);
struct status withdraw(struct deciding *deciding, uint32_t activity, const char *why);
bool is_within(const struct saga *saga, uint32_t activity, uint16_t holder);

/* One step further; *done: there is nothing to do now. */
struct status go_backward(struct deciding *deciding, bool *done);

/* --- transition_reply.c -------------------------------------------------------------------- */

struct status take_reply(struct deciding *deciding, const struct saga_input *input);
struct status take_timeout(struct deciding *deciding, const struct saga_input *input);
/* schedule_to_close is over. */
struct status take_close_due(struct deciding *deciding, uint32_t activity);

/* Whether these attributes, so many added ones and the payload fit in. RESOURCE_EXHAUSTED. */
struct status check_room(const struct saga *saga, Sagabase__V1__Attribute **attributes,
                         size_t attribute_count, size_t added,
                         const Sagabase__V1__Payload *payload);

/* --- transition_signal.c ------------------------------------------------------------------- */

struct status take_signal(struct deciding *deciding, const Sagabase__V1__Signal *signal);
bool signal_was_given(const struct saga *saga, const Sagabase__V1__Signal *signal);
/* Whether the start may bring what it brings: nothing can be refused once it has begun. */
struct status check_start_room(const struct saga *saga,
                               const Sagabase__V1__StartSagaRequest *request);
/* Gives a node that has begun to wait a signal that came before. */
struct status take_kept_signal(struct deciding *deciding, uint32_t activity);
/* Gives kept signals to waits that were there before, if their key is known now. */
struct status take_keyed_signals(struct deciding *deciding);

/* --- transition_operator.c ----------------------------------------------------------------- */

struct status take_retry(struct deciding *deciding, const Sagabase__V1__RetryStepRequest *request);
struct status take_skip(struct deciding *deciding, const Sagabase__V1__SkipStepRequest *request);
struct status take_resolve(struct deciding *deciding,
                           const Sagabase__V1__ResolveStepRequest *request);
const char *saga_status_name(const struct saga *saga);

#endif
