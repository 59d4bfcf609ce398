/* What a participant's answer, or its absence, does to a command. */
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "base/hash.h"
#include "server/sagas/decision.h"

enum { INITIAL_INTERVAL_MS = 1000, MAXIMUM_FACTOR = 100, COEFFICIENT = 2 };

/* --- retries ------------------------------------------------------------------------------------
 */

struct retry {
    double initial_ms;
    double coefficient;
    double maximum_ms;
    uint32_t attempts_max; /* 0: no limit */
    bool jitter;
    const Sagabase__V1__RetryPolicy *policy; /* NULL: none was given */
};

static struct retry retry_of(const struct saga *saga, uint32_t activity)
{
    const Sagabase__V1__Step *step = activity_step(saga, activity);
    bool undoes = activity_undoes(&saga->activities[activity]);
    const Sagabase__V1__RetryPolicy *own = undoes ? step->compensation_retry : step->retry;
    const Sagabase__V1__RetryPolicy *policy = own ? own : step->retry;
    struct retry retry = {INITIAL_INTERVAL_MS, COEFFICIENT, 0, 0, false, policy};

    if (policy) {
        if (policy->initial_interval_ms > 0)
            retry.initial_ms = (double)policy->initial_interval_ms;
        if (policy->backoff_coefficient > 0)
            retry.coefficient = policy->backoff_coefficient;
        retry.maximum_ms = (double)policy->maximum_interval_ms;
        retry.attempts_max = own ? policy->maximum_attempts : 0;
        retry.jitter = policy->jitter == SAGABASE__V1__JITTER__JITTER_FULL;
    }
    if (retry.maximum_ms == 0)
        retry.maximum_ms = retry.initial_ms * MAXIMUM_FACTOR;
    return retry;
}

/* Attempts of the operation that count. */
static uint32_t attempts_of(const struct activity *activity)
{
    return activity->attempt - activity->attempts_base;
}

/* 0 to 1, from the command and its attempt, so that deciding again gives the same. */
static double spread(const struct deciding *deciding, uint32_t activity)
{
    const struct activity *at = &deciding->saga->activities[activity];
    struct command_name name = {deciding->saga->number, activity, activity_undoes(at)};
    struct uuid id = command_event_id(deciding->secret, name, at->attempt + 1);

    return (double)(checksum_bytes(bytes_of(id.bytes, UUID_BYTES)) >> 11) * 0x1p-53;
}

/* When the next attempt is due: later than now, in any case. */
static int64_t next_attempt_us(const struct deciding *deciding, uint32_t activity,
                               const struct retry *retry, int64_t delay_ms)
{
    const struct activity *at = &deciding->saga->activities[activity];
    uint32_t attempts = attempts_of(at);

    if (delay_ms > 0)
        return deciding->now_us + delay_ms * 1000;
    double ms = retry->initial_ms * pow(retry->coefficient, attempts > 0 ? attempts - 1 : 0);
    if (!(ms < retry->maximum_ms))
        ms = retry->maximum_ms;
    if (retry->jitter)
        ms *= spread(deciding, activity);
    return deciding->now_us + (ms < 1 ? 1000 : (int64_t)(ms * 1000));
}

static bool is_worth_retrying(const struct retry *retry, const char *error_type)
{
    for (size_t i = 0; retry->policy && i < retry->policy->n_non_retryable_error_types; i++)
        if (strcmp(retry->policy->non_retryable_error_types[i], error_type) == 0)
            return false;
    return true;
}

/* After 5 attempts, 10, 20 ... somebody should look. */
static bool calls_for_attention(uint32_t attempts)
{
    uint32_t times = attempts / ATTENTION_ATTEMPTS;

    return attempts > 0 && attempts % ATTENTION_ATTEMPTS == 0 && (times & (times - 1)) == 0;
}

/* There will be no other attempt. */
static struct status fail_for_good(struct deciding *deciding, uint32_t activity,
                                   Sagabase__V1__SagaError *error, bool timed_out)
{
    const struct activity *at = &deciding->saga->activities[activity];
    bool idempotent = activity_step(deciding->saga, activity)->idempotent;

    if (activity_undoes(at))
        return emit_failed(deciding, activity, true, timed_out ? UNKNOWN : FAILURE, error);
    bool doubtful = at->doubtful || timed_out || !idempotent;
    return emit_failed(deciding, activity, false, doubtful ? UNKNOWN : FAILURE, error);
}

/* `timeout_kind` 0: it was answered with an error. */
static struct status retry_or_fail(struct deciding *deciding, uint32_t activity,
                                   Sagabase__V1__SagaError *error, int timeout_kind,
                                   int64_t delay_ms)
{
    const struct saga *saga = deciding->saga;
    const struct activity *at = &saga->activities[activity];
    struct retry retry = retry_of(saga, activity);
    uint32_t attempts = attempts_of(at);

    if (!error)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "saga: a decision too large");
    int64_t retry_us = next_attempt_us(deciding, activity, &retry, delay_ms);
    bool exhausted = retry.attempts_max > 0 && attempts >= retry.attempts_max;
    bool too_late = at->close_due_us != 0 && retry_us >= at->close_due_us;
    bool pointless = !is_worth_retrying(&retry, error->type);
    bool withdrawing = !activity_undoes(at) && saga->status == COMPENSATING;
    if (withdrawing || (!saga->past_pivot && (exhausted || too_late || pointless)))
        return fail_for_good(deciding, activity, error, timeout_kind != 0);
    if (timeout_kind != 0)
        TRY(emit_timed_out(deciding, activity, timeout_kind, retry_us));
    else
        TRY(emit_errored(deciding, activity, error, retry_us));
    return calls_for_attention(attempts) ? emit_attention(deciding, activity) : OK;
}

/* --- replies
 * -------------------------------------------------------------------------------------- */

/* "<node>.code" of this node is not among the attributes. */
static bool lacks_code(const struct saga *saga, const struct node *node)
{
    char name[128];

    snprintf(name, sizeof name, "%.100s.code", node->source->name);
    return !saga_find_attribute(saga, name);
}

/* How many codes nodes may still add by themselves. */
static size_t codes_to_come(const struct saga *saga)
{
    const struct definition *definition = saga->definition;
    size_t count = 0;

    for (uint16_t i = 0; i < definition->node_count && definition->timeout_codes > 0; i++)
        count +=
            node_may_set_code(&definition->nodes[i]) && lacks_code(saga, &definition->nodes[i]);
    return count;
}

struct status check_room(const struct saga *saga, Sagabase__V1__Attribute **attributes,
                         size_t attribute_count, size_t added, const Sagabase__V1__Payload *payload)
{
    for (size_t i = 0; i < attribute_count; i++)
        added += !saga_find_attribute(saga, attributes[i]->name);
    if (saga->attribute_count + added + codes_to_come(saga) > SAGA_ATTRIBUTES_MAX)
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "attributes: a saga has at most %d, with the codes of its steps",
                           SAGA_ATTRIBUTES_MAX);
    if (payload && saga->payload_bytes + payload->data.len > SAGA_PAYLOADS_BYTES_MAX)
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "output: a saga keeps at most %d bytes of outputs and signals",
                           SAGA_PAYLOADS_BYTES_MAX);
    return OK;
}

static struct status take_success(struct deciding *deciding, uint32_t activity, uint32_t attempt,
                                  const Sagabase__V1__Success *success)
{
    const struct activity *at = &deciding->saga->activities[activity];
    bool compensation = activity_undoes(at);
    bool adds_code = !compensation && success->code[0] != 0 &&
                     lacks_code(deciding->saga, activity_node(deciding->saga, activity));

    TRY(check_room(deciding->saga, success->attributes, success->n_attributes, adds_code,
                   compensation ? NULL : success->output));
    if (activity_is_parked(at))
        TRY(emit_unparked(deciding));
    return emit_succeeded(deciding, activity, compensation, attempt, success);
}

static struct status take_failure(struct deciding *deciding, uint32_t activity, uint32_t attempt,
                                  Sagabase__V1__SagaError *error)
{
    const struct activity *at = &deciding->saga->activities[activity];
    /* Another attempt may be in somebody's hands. */
    bool another = attempt < at->attempt && activity_is_open(at);

    if (activity_undoes(at))
        return emit_failed(deciding, activity, true, FAILURE, error);
    if (deciding->saga->past_pivot)
        return retry_or_fail(deciding, activity, error, 0, 0);
    return emit_failed(deciding, activity, false, at->doubtful || another ? UNKNOWN : FAILURE,
                       error);
}

static struct status take_ongoing(struct deciding *deciding, uint32_t activity, uint32_t attempt,
                                  const Sagabase__V1__Ongoing *ongoing)
{
    const struct activity *at = &deciding->saga->activities[activity];

    if (!activity_undoes(at) && deciding->saga->status == COMPENSATING)
        return emit_failed(
            deciding, activity, false, UNKNOWN,
            error_make(deciding, "$withdrawn", "it was underway when the saga turned backward"));
    return emit_ongoing(deciding, activity, attempt,
                        deciding->now_us + ongoing->check_after_ms * 1000);
}

struct status take_reply(struct deciding *deciding, const struct saga_input *input)
{
    const Sagabase__V1__Reply *reply = input->reply.reply;
    uint32_t activity = input->reply.activity;
    Sagabase__V1__Outcome recorded;
    Sagabase__V1__SagaError *error = NULL;

    assert(saga_check_reply(deciding->saga, activity, input->reply.compensation, reply,
                            &recorded) == SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED);
    uint32_t attempt =
        reply->attempt ? reply->attempt : deciding->saga->activities[activity].attempt;
    if (reply->outcome_case == SAGABASE__V1__REPLY__OUTCOME_FAILURE)
        error = reply->failure->error;
    if (reply->outcome_case == SAGABASE__V1__REPLY__OUTCOME_ERROR)
        error = reply->error->error;
    if (!error)
        error = error_make(deciding, "", "");
    switch (reply->outcome_case) {
    case SAGABASE__V1__REPLY__OUTCOME_SUCCESS:
        return take_success(deciding, activity, attempt, reply->success);
    case SAGABASE__V1__REPLY__OUTCOME_FAILURE:
        return take_failure(deciding, activity, attempt, error);
    case SAGABASE__V1__REPLY__OUTCOME_ERROR:
        return retry_or_fail(deciding, activity, error, 0, reply->error->next_retry_delay_ms);
    case SAGABASE__V1__REPLY__OUTCOME_ONGOING:
        return take_ongoing(deciding, activity, attempt, reply->ongoing);
    default:
        assert(false); /* saga_check_reply_fields has seen to it */
        return OK;
    }
}

/* --- timeouts
 * -------------------------------------------------------------------------------------- */

/* Nobody took it: the action has failed, and is in doubt if somebody may have had it after all. */
static struct status fail_unstarted(struct deciding *deciding, uint32_t activity,
                                    Sagabase__V1__SagaError *error, bool never_started)
{
    bool doubtful = deciding->saga->activities[activity].doubtful || !never_started;

    return emit_failed(deciding, activity, false, doubtful ? UNKNOWN : FAILURE, error);
}

struct status take_timeout(struct deciding *deciding, const struct saga_input *input)
{
    const struct saga *saga = deciding->saga;
    uint32_t activity = input->timeout.activity;
    int kind = (int)input->timeout.kind;

    if (activity >= saga->activity_count || !activity_step(saga, activity))
        return OK;
    const struct activity *at = &saga->activities[activity];
    if (!activity_is_open(at) || at->attempt != input->timeout.attempt ||
        activity_undoes(at) != input->timeout.compensation)
        return OK;
    Sagabase__V1__SagaError *error = error_make(deciding, timeout_error_type(kind), "");
    bool unstarted = kind == SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_SCHEDULE_TO_START;
    if (unstarted && !activity_undoes(at) && !saga->past_pivot)
        return fail_unstarted(deciding, activity, error, input->timeout.never_started);
    return retry_or_fail(deciding, activity, error, kind, 0);
}

struct status take_close_due(struct deciding *deciding, uint32_t activity)
{
    const struct activity *at = &deciding->saga->activities[activity];
    Sagabase__V1__SagaError *error = error_make(
        deciding, timeout_error_type(SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_SCHEDULE_TO_CLOSE),
        "");
    bool certain =
        at->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_BACKOFF && !at->doubtful;

    if (activity_undoes(at))
        return emit_failed(deciding, activity, true, UNKNOWN, error);
    return emit_failed(deciding, activity, false, certain ? FAILURE : UNKNOWN, error);
}
