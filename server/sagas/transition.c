#include "server/sagas/transition.h"

#include <assert.h>

#include "server/sagas/decision.h"

uint64_t saga_input_hash(const struct definition *definition,
                         const Sagabase__V1__StartSagaRequest *request)
{
    return saga_start_hash(definition, request->input, request->attributes, request->n_attributes);
}

static struct status refuse(const struct saga *saga, const char *what)
{
    return status_make(
        STATUS_FAILED_PRECONDITION, "%s: the saga is %s%s", what, saga_status_name(saga),
        saga->past_pivot && !saga_has_ended(saga) ? " and has passed its pivot" : "");
}

/* --- the start ----------------------------------------------------------------------------------
 */

static struct status take_start(struct deciding *deciding, const struct saga_input *input)
{
    const Sagabase__V1__StartSagaRequest *request = input->start.request;

    assert(deciding->saga->number == 0);
    TRY(check_start_room(deciding->saga, request));
    TRY(emit_started(deciding, input));
    for (size_t i = 0; i < request->n_signals; i++)
        TRY(take_signal(deciding, request->signals[i]));
    deciding->decision->duplicate = false; /* not of the start */
    return OK;
}

/* --- time ----------------------------------------------------------------------------------------
 */

/* The time of a node that is no step is over. */
static struct status take_node_due(struct deciding *deciding, uint32_t activity)
{
    const Sagabase__V1__Node *node = activity_node(deciding->saga, activity)->source;
    bool goes_on = true;

    if (node->kind_case == SAGABASE__V1__NODE__KIND_WAIT_EVENT)
        goes_on = node->wait_event->on_timeout == SAGABASE__V1__ON_TIMEOUT__ON_TIMEOUT_CONTINUE;
    if (node->kind_case == SAGABASE__V1__NODE__KIND_APPROVAL)
        goes_on = node->approval->default_decision ==
                  SAGABASE__V1__APPROVAL_DEFAULT__APPROVAL_DEFAULT_APPROVE;
    if (!goes_on)
        return emit_finished(deciding, activity, FAILURE,
                             error_make(deciding, "$timeout.wait", "nothing came in time"), NULL,
                             NULL);
    bool tells = node->kind_case == SAGABASE__V1__NODE__KIND_WAIT_EVENT;
    return emit_finished(deciding, activity, SUCCESS, NULL, NULL, tells ? "TIMEOUT" : NULL);
}

static bool is_past(int64_t due_us, int64_t now_us)
{
    return due_us != 0 && due_us <= now_us;
}

/* What the time has ended, and what follows from it. */
static struct status take_ends_due(struct deciding *deciding)
{
    struct saga *saga = deciding->saga;
    bool withdraws = is_past(saga->withdraw_us, deciding->now_us);

    for (uint32_t i = saga->activity_count; i-- > 0;) {
        const struct activity *at = &saga->activities[i];
        if (activity_is_closed(at))
            continue;
        if (is_past(at->close_due_us, deciding->now_us))
            TRY(take_close_due(deciding, i));
        else if (withdraws)
            TRY(withdraw(deciding, i, "it was not answered in time"));
        else if (!activity_step(saga, i) && is_past(at->due_us, deciding->now_us))
            TRY(take_node_due(deciding, i));
    }
    return advance(deciding);
}

/* The next attempts, and questions how far commands are. */
static struct status take_attempts_due(struct deciding *deciding)
{
    struct saga *saga = deciding->saga;

    if (saga->paused || saga->status == PARKED)
        return OK;
    for (uint32_t i = 0; i < saga->activity_count; i++) {
        const struct activity *at = &saga->activities[i];
        bool check = at->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_ONGOING;
        if (!activity_is_closed(at) && activity_step(saga, i) &&
            is_past(at->due_us, deciding->now_us))
            TRY(emit_issued_again(deciding, i, check));
    }
    return OK;
}

static struct status take_due(struct deciding *deciding)
{
    struct saga *saga = deciding->saga;

    if (saga->status == RUNNING && !saga->past_pivot && is_past(saga->run_due_us, deciding->now_us))
        TRY(turn_backward(deciding, error_make(deciding, "$timeout.run", "the run timeout is over"),
                          ACTIVITY_NONE));
    TRY(take_ends_due(deciding));
    return take_attempts_due(deciding);
}

/* --- acts on the whole saga ----------------------------------------------------------------------
 */

static struct status take_cancel(struct deciding *deciding,
                                 const Sagabase__V1__CancelSagaRequest *request)
{
    struct saga *saga = deciding->saga;

    if (saga->past_pivot)
        return refuse(saga, "cancel");
    if (saga->status != RUNNING)
        return OK; /* it goes backward already */
    TRY(emit_canceled(deciding, request));
    return turn_backward(deciding, error_make(deciding, "$cancelled", request->reason),
                         ACTIVITY_NONE);
}

static struct status take_late_reply(struct deciding *deciding, const struct saga_input *input)
{
    uint32_t activity = input->reply.activity;

    assert(activity < deciding->saga->activity_count);
    if (deciding->saga->activities[activity].late_replies >= SAGA_LATE_REPLIES_MAX)
        return OK;
    return emit_late(deciding, activity, input->reply.compensation, input->reply.reply);
}

static struct status take(struct deciding *deciding, const struct saga_input *input)
{
    switch (input->kind) {
    case INPUT_START:
        return take_start(deciding, input);
    case INPUT_REPLY:
        return take_reply(deciding, input);
    case INPUT_TIMEOUT:
        return take_timeout(deciding, input);
    case INPUT_DUE:
        return take_due(deciding);
    case INPUT_SIGNAL:
        return take_signal(deciding, input->signal);
    case INPUT_CANCEL:
        return take_cancel(deciding, input->cancel);
    case INPUT_TERMINATE:
        return emit_terminated(deciding, input->terminate);
    case INPUT_PAUSE:
        return deciding->saga->paused ? OK : emit_paused(deciding, input->pause);
    case INPUT_RESUME:
        return deciding->saga->paused ? emit_resumed(deciding, input->resume) : OK;
    case INPUT_RETRY_STEP:
        return take_retry(deciding, input->retry);
    case INPUT_SKIP_STEP:
        return take_skip(deciding, input->skip);
    case INPUT_RESOLVE_STEP:
        return take_resolve(deciding, input->resolve);
    case INPUT_LATE_REPLY:
        return take_late_reply(deciding, input);
    }
    assert(false);
    return OK;
}

/* What comes by itself is nothing new, and what was done before can be asked for again. */
static struct status take_after_end(const struct saga *saga, const struct saga_input *input,
                                    struct saga_decision *decision)
{
    switch (input->kind) {
    case INPUT_TIMEOUT:
    case INPUT_DUE:
    case INPUT_LATE_REPLY:
        return OK;
    case INPUT_SIGNAL:
        decision->duplicate = signal_was_given(saga, input->signal);
        return decision->duplicate ? OK : refuse(saga, "it has ended");
    case INPUT_CANCEL:
        return saga->cancel_requested ? OK : refuse(saga, "it has ended");
    default:
        return refuse(saga, "it has ended");
    }
}

struct status saga_decide(struct saga *saga, const struct saga_input *input,
                          const struct command_secret *secret, struct arena *arena,
                          struct saga_decision *decision, bool *broken)
{
    struct deciding deciding = {saga, secret, arena, decision, input->now_us};

    *decision = (struct saga_decision){0};
    *broken = false;
    assert((saga->number == 0) == (input->kind == INPUT_START));
    if (saga_has_ended(saga))
        return take_after_end(saga, input, decision);
    struct status status = take(&deciding, input);
    if (status_ok(status) && decision->event_count > 0)
        status = take_keyed_signals(&deciding);
    if (status_ok(status) && decision->event_count > 0)
        status = advance(&deciding);
    *broken = !status_ok(status) && decision->event_count > 0;
    return status;
}
