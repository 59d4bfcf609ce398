#include "tests/support/saga_run.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES_MAX = 64 << 20, HISTORY_BYTES_MAX = 16 << 20 };

void saga_run_init(struct saga_run *run, struct definition *definition)
{
    *run = (struct saga_run){.definition = definition, .now_us = 1000000};
    memset(run->secret.bytes, 7, sizeof run->secret.bytes);
    run->saga = saga_create(definition);
    run->fold = saga_create(definition);
    assert(run->saga && run->fold);
    arena_init(&run->arena, ARENA_BYTES_MAX);
    buffer_init(&run->history, HISTORY_BYTES_MAX);
}

void saga_run_destroy(struct saga_run *run)
{
    saga_free(run->saga);
    saga_free(run->fold);
    definition_release(run->definition);
    arena_destroy(&run->arena);
    buffer_destroy(&run->history);
}

/* --- what must hold ----------------------------------------------------------------------------
 */

static const char *node_of(const struct saga *saga, uint32_t activity)
{
    return saga->definition->nodes[saga->activities[activity].node].source->name;
}

/* The event in a few words. */
static void tell(const struct saga *saga, const Sagabase__V1__SagaEvent *event, struct buffer *text)
{
    const uint32_t *activity = NULL;

    buffer_put_text(text, saga_event_type(event) + 1);
    switch (event->event_case) {
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED:
        buffer_print(text, "%s %s %u", event->command_issued->check ? "(check)" : "",
                     event->command_issued->operation ==
                             SAGABASE__V1__OPERATION__OPERATION_COMPENSATION
                         ? "undo"
                         : "do",
                     event->command_issued->attempt);
        activity = &event->command_issued->activity;
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_NODE_ENTERED:
        activity = &event->node_entered->activity;
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_NODE_FINISHED:
        buffer_print(text, " %d", (int)event->node_finished->outcome);
        activity = &event->node_finished->activity;
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_SUCCEEDED:
        activity = &event->command_succeeded->activity;
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_FAILED:
        buffer_print(text, " %d", (int)event->command_failed->outcome);
        activity = &event->command_failed->activity;
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ERRORED:
        activity = &event->command_errored->activity;
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_TIMED_OUT:
        activity = &event->command_timed_out->activity;
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ONGOING:
        activity = &event->command_ongoing->activity;
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_PARKED:
        activity = &event->saga_parked->activity;
        break;
    default:
        break;
    }
    if (activity)
        buffer_print(text, " %s", node_of(saga, *activity));
}

static struct bytes pack(const Sagabase__V1__SagaEvent *event, struct arena *arena)
{
    size_t size = sagabase__v1__saga_event__get_packed_size(event);
    uint8_t *packed = arena_alloc(arena, size);

    assert(packed);
    sagabase__v1__saga_event__pack(event, packed);
    return bytes_of(packed, size);
}

static struct bytes encode(const struct saga *saga, struct arena *arena)
{
    struct bytes row;
    struct status status = saga_encode(saga, arena, &row);

    assert(status_ok(status));
    return row;
}

/* Bytes that are no message of the state any more: what was emitted must not borrow from it. */
static void fold_events(struct saga_run *run)
{
    for (size_t i = 0; i < run->decision.event_count; i++) {
        struct bytes packed = pack(run->decision.events[i], &run->arena);
        Sagabase__V1__SagaEvent *event =
            sagabase__v1__saga_event__unpack(NULL, packed.size, packed.data);
        assert(event);
        struct status status = saga_apply(run->fold, event, run->now_us);
        if (!status_ok(status))
            fprintf(stderr, "fold: %s\n", status.message);
        assert(status_ok(status));
        tell(run->saga, event, &run->history);
        buffer_put_byte(&run->history, '\n');
        sagabase__v1__saga_event__free_unpacked(event, NULL);
    }
    assert(bytes_equal(encode(run->saga, &run->arena), encode(run->fold, &run->arena)));
}

/* The state before, from its row, decides the same. */
static void decide_again(struct saga_run *run, struct bytes before, const struct saga_input *input,
                         struct status first)
{
    struct saga_decision decision;
    struct saga *saga;
    bool broken;

    if (input->kind == INPUT_START)
        return;
    struct status status = saga_decode(before, run->definition, &saga);
    if (!status_ok(status))
        fprintf(stderr, "%s\n", status.message);
    assert(status_ok(status));
    status = saga_decide(saga, input, &run->secret, &run->arena, &decision, &broken);
    assert(status.code == first.code && !broken);
    assert(decision.event_count == run->decision.event_count);
    assert(decision.duplicate == run->decision.duplicate);
    for (size_t i = 0; i < decision.event_count; i++)
        assert(bytes_equal(pack(decision.events[i], &run->arena),
                           pack(run->decision.events[i], &run->arena)));
    assert(bytes_equal(encode(saga, &run->arena), encode(run->saga, &run->arena)));
    saga_free(saga);
}

struct status saga_run_input(struct saga_run *run, struct saga_input *input)
{
    struct bytes before = {NULL, 0};
    bool broken = true;

    input->now_us = run->now_us;
    arena_destroy(&run->arena);
    arena_init(&run->arena, ARENA_BYTES_MAX);
    if (input->kind != INPUT_START)
        before = encode(run->saga, &run->arena);
    struct status status =
        saga_decide(run->saga, input, &run->secret, &run->arena, &run->decision, &broken);
    assert(!broken);
    if (!status_ok(status))
        assert(run->decision.event_count == 0 && status.message[0] != 0);
    saga_assert_invariant(run->saga);
    fold_events(run);
    decide_again(run, before, input, status);
    return status;
}

/* --- inputs ------------------------------------------------------------------------------------
 */

struct status saga_run_start_with(struct saga_run *run, Sagabase__V1__StartSagaRequest *request)
{
    struct saga_input input = {.kind = INPUT_START};

    input.start.number = 1;
    input.start.run = 1;
    input.start.request = request;
    struct status status = saga_check_start(request);
    assert(status_ok(status));
    return saga_run_input(run, &input);
}

struct status saga_run_start(struct saga_run *run)
{
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__Payload payload = SAGABASE__V1__PAYLOAD__INIT;
    uint8_t data[200];

    memset(data, 'x', sizeof data);
    payload.data.data = data;
    payload.data.len = sizeof data;
    request.type = run->definition->source->type;
    request.id = (char *)"1";
    request.input = &payload;
    return saga_run_start_with(run, &request);
}

uint32_t saga_run_find(const struct saga_run *run, const char *node)
{
    uint32_t newest = UINT32_MAX;

    for (uint32_t i = 0; i < run->saga->activity_count; i++)
        if (strcmp(node_of(run->saga, i), node) == 0 &&
            (newest == UINT32_MAX ||
             run->saga->activities[newest].state ==
                 SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_CLOSED ||
             run->saga->activities[i].state != SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_CLOSED))
            newest = i;
    assert(newest != UINT32_MAX);
    return newest;
}

const struct activity *saga_run_activity(const struct saga_run *run, const char *node)
{
    return &run->saga->activities[saga_run_find(run, node)];
}

Sagabase__V1__ReplyOutcome saga_run_reply(struct saga_run *run, const char *node,
                                          Sagabase__V1__Reply *reply)
{
    struct saga_input input = {.kind = INPUT_REPLY};
    Sagabase__V1__Outcome recorded;

    input.reply.activity = saga_run_find(run, node);
    input.reply.compensation = run->saga->activities[input.reply.activity].operation ==
                               SAGABASE__V1__OPERATION__OPERATION_COMPENSATION;
    input.reply.reply = reply;
    Sagabase__V1__ReplyOutcome outcome = saga_check_reply(
        run->saga, input.reply.activity, input.reply.compensation, reply, &recorded);
    if (outcome == SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_SUPERSEDED)
        input.kind = INPUT_LATE_REPLY;
    if (outcome == SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_SUPERSEDED ||
        outcome == SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED) {
        struct status status = saga_run_input(run, &input);
        assert(status_ok(status));
    }
    return outcome;
}

Sagabase__V1__ReplyOutcome saga_run_succeed_with(struct saga_run *run, const char *node,
                                                 const char *output, const char *code)
{
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Success success = SAGABASE__V1__SUCCESS__INIT;
    Sagabase__V1__Payload payload = SAGABASE__V1__PAYLOAD__INIT;

    payload.data.data = (uint8_t *)output;
    payload.data.len = strlen(output);
    success.output = payload.data.len > 0 ? &payload : NULL;
    success.code = (char *)code;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    reply.success = &success;
    return saga_run_reply(run, node, &reply);
}

Sagabase__V1__ReplyOutcome saga_run_succeed(struct saga_run *run, const char *node)
{
    return saga_run_succeed_with(run, node, "", "");
}

Sagabase__V1__ReplyOutcome saga_run_fail(struct saga_run *run, const char *node,
                                         const char *error_type)
{
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Failure failure = SAGABASE__V1__FAILURE__INIT;
    Sagabase__V1__SagaError error = SAGABASE__V1__SAGA_ERROR__INIT;

    error.type = (char *)error_type;
    error.message = (char *)"no";
    failure.error = &error;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_FAILURE;
    reply.failure = &failure;
    return saga_run_reply(run, node, &reply);
}

Sagabase__V1__ReplyOutcome saga_run_error(struct saga_run *run, const char *node,
                                          const char *error_type)
{
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Error answer = SAGABASE__V1__ERROR__INIT;
    Sagabase__V1__SagaError error = SAGABASE__V1__SAGA_ERROR__INIT;

    error.type = (char *)error_type;
    error.message = (char *)"not now";
    answer.error = &error;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_ERROR;
    reply.error = &answer;
    return saga_run_reply(run, node, &reply);
}

Sagabase__V1__ReplyOutcome saga_run_ongoing(struct saga_run *run, const char *node,
                                            int64_t check_after_ms)
{
    Sagabase__V1__Reply reply = SAGABASE__V1__REPLY__INIT;
    Sagabase__V1__Ongoing ongoing = SAGABASE__V1__ONGOING__INIT;

    ongoing.check_after_ms = check_after_ms;
    reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_ONGOING;
    reply.ongoing = &ongoing;
    return saga_run_reply(run, node, &reply);
}

struct status saga_run_timeout(struct saga_run *run, const char *node,
                               Sagabase__V1__TimeoutKind kind, bool never_started)
{
    struct saga_input input = {.kind = INPUT_TIMEOUT};
    const struct activity *activity = saga_run_activity(run, node);

    input.timeout.activity = saga_run_find(run, node);
    input.timeout.compensation =
        activity->operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION;
    input.timeout.attempt = activity->attempt;
    input.timeout.kind = kind;
    input.timeout.never_started = never_started;
    return saga_run_input(run, &input);
}

void saga_run_wait(struct saga_run *run, int64_t ms)
{
    int64_t until_us = run->now_us + ms * 1000;

    while (saga_due_us(run->saga) <= until_us) {
        struct saga_input input = {.kind = INPUT_DUE};
        int64_t due_us = saga_due_us(run->saga);
        run->now_us = due_us > run->now_us ? due_us : run->now_us;
        struct status status = saga_run_input(run, &input);
        assert(status_ok(status) && saga_due_us(run->saga) > run->now_us);
    }
    run->now_us = until_us;
}

struct status saga_run_cancel(struct saga_run *run)
{
    Sagabase__V1__CancelSagaRequest request = SAGABASE__V1__CANCEL_SAGA_REQUEST__INIT;
    struct saga_input input = {.kind = INPUT_CANCEL, .cancel = &request};

    request.reason = (char *)"changed my mind";
    return saga_run_input(run, &input);
}

struct status saga_run_terminate(struct saga_run *run)
{
    Sagabase__V1__TerminateSagaRequest request = SAGABASE__V1__TERMINATE_SAGA_REQUEST__INIT;
    struct saga_input input = {.kind = INPUT_TERMINATE, .terminate = &request};

    request.reason = (char *)"enough";
    return saga_run_input(run, &input);
}

struct status saga_run_pause(struct saga_run *run)
{
    Sagabase__V1__PauseSagaRequest request = SAGABASE__V1__PAUSE_SAGA_REQUEST__INIT;
    struct saga_input input = {.kind = INPUT_PAUSE, .pause = &request};

    return saga_run_input(run, &input);
}

struct status saga_run_resume(struct saga_run *run)
{
    Sagabase__V1__ResumeSagaRequest request = SAGABASE__V1__RESUME_SAGA_REQUEST__INIT;
    struct saga_input input = {.kind = INPUT_RESUME, .resume = &request};

    return saga_run_input(run, &input);
}

struct status saga_run_signal(struct saga_run *run, Sagabase__V1__Signal *signal)
{
    struct saga_input input = {.kind = INPUT_SIGNAL, .signal = signal};
    struct status status = saga_check_signal(signal, "signal");

    assert(status_ok(status));
    return saga_run_input(run, &input);
}

struct status saga_run_retry(struct saga_run *run, const char *node)
{
    Sagabase__V1__RetryStepRequest request = SAGABASE__V1__RETRY_STEP_REQUEST__INIT;
    struct saga_input input = {.kind = INPUT_RETRY_STEP, .retry = &request};

    request.step = (char *)node;
    return saga_run_input(run, &input);
}

struct status saga_run_skip(struct saga_run *run, const char *node)
{
    Sagabase__V1__SkipStepRequest request = SAGABASE__V1__SKIP_STEP_REQUEST__INIT;
    struct saga_input input = {.kind = INPUT_SKIP_STEP, .skip = &request};

    request.step = (char *)node;
    request.reason = (char *)"done by hand";
    return saga_run_input(run, &input);
}

struct status saga_run_resolve(struct saga_run *run, const char *node,
                               Sagabase__V1__Outcome outcome)
{
    Sagabase__V1__ResolveStepRequest request = SAGABASE__V1__RESOLVE_STEP_REQUEST__INIT;
    struct saga_input input = {.kind = INPUT_RESOLVE_STEP, .resolve = &request};

    request.step = (char *)node;
    request.outcome = outcome;
    request.reason = (char *)"seen in their books";
    return saga_run_input(run, &input);
}

const char *saga_run_events(struct saga_run *run)
{
    struct buffer text;

    buffer_init(&text, HISTORY_BYTES_MAX);
    for (size_t i = 0; i < run->decision.event_count; i++) {
        if (i > 0)
            buffer_put_text(&text, "; ");
        tell(run->saga, run->decision.events[i], &text);
    }
    struct bytes kept = arena_copy(&run->arena, buffer_bytes(&text));
    buffer_destroy(&text);
    return (const char *)kept.data;
}
