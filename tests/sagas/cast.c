#include "tests/sagas/cast.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/sagas/cast_internal.h"

const char *memory_type(uint32_t number)
{
    return play_types[number % PLAYS];
}

void memory_id(uint32_t number, char id[32])
{
    snprintf(id, 32, "saga-%u", number);
}

void memory_forget_replies(struct memory *memory)
{
    while (memory->replies) {
        struct reply_plan *plan = memory->replies;
        memory->replies = plan->next;
        free(plan);
    }
}

int64_t cast_now_us(void)
{
    return clock_monotonic_us(system_clock());
}

void cast_judge(struct cast *cast, struct status status)
{
    if (status_ok(cast->verdict))
        cast->verdict = status;
}

bool cast_works(const struct cast *cast)
{
    return !cast->death_expected && status_ok(cast->verdict);
}

/* What any call may end with when the server dies under it or is busy. */
bool is_passing(struct status status)
{
    return status.code == STATUS_UNAVAILABLE || status.code == STATUS_RESOURCE_EXHAUSTED ||
           status.code == STATUS_CANCELLED || status.code == STATUS_UNKNOWN ||
           status.code == STATUS_INTERNAL;
}

static bool is_fine(const struct cast *cast, struct status status)
{
    return status_ok(status) || status.code == STATUS_RESOURCE_EXHAUSTED ||
           (cast->death_expected && is_passing(status));
}

/* --- starters -------------------------------------------------------------------------------- */

struct starting {
    struct cast *cast;
    uint32_t number;
};

static void on_started(void *context, struct status status, struct bytes response)
{
    struct starting *starting = context;
    struct cast *cast = starting->cast;

    (void)response;
    cast->starts_open--;
    if (status_ok(status))
        cast->memory->acknowledged[starting->number] = true;
    else if (!is_fine(cast, status))
        cast_judge(cast, status_make(STATUS_INTERNAL, "StartSaga: %s: %.200s",
                                     status_code_name(status.code), status.message));
    free(starting);
}

/* With an event of its own in the same write. */
static void start_saga(struct cast *cast, uint32_t number)
{
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__Payload input = SAGABASE__V1__PAYLOAD__INIT;
    Sagabase__V1__Attribute again = SAGABASE__V1__ATTRIBUTE__INIT;
    Sagabase__V1__Attribute *attributes[] = {&again};
    struct starting *starting = calloc(1, sizeof *starting);
    char id[32];

    assert(starting);
    *starting = (struct starting){cast, number};
    memory_id(number, id);
    again.name = "again";
    again.value = number % 3 ? "yes" : "no";
    input.data = (struct ProtobufCBinaryData){strlen(id), (uint8_t *)id};
    request.type = (char *)memory_type(number);
    request.id = id;
    request.input = &input;
    request.n_attributes = 1;
    request.attributes = attributes;
    cast->starts_open++;
    wire_unary(cast->wire, 0, SAGAS "StartSaga", &request.base, CALL_TIMEOUT_US, on_started,
               starting);
}

/* Those of an earlier life whose answer was lost, then new ones. */
static void start_some(struct cast *cast)
{
    while (cast_works(cast) && cast->starts_open < STARTS_AT_ONCE) {
        while (cast->next_start < cast->memory->started &&
               cast->memory->acknowledged[cast->next_start])
            cast->next_start++;
        if (cast->next_start == cast->memory->started) {
            if (cast->starts_left == 0 || cast->memory->started == STARTS_MAX)
                return;
            cast->starts_left--;
            cast->memory->started++;
        }
        start_saga(cast, cast->next_start++);
    }
}

/* --- operators ------------------------------------------------------------------------------- */

static void on_operated(void *context, struct status status, struct bytes response)
{
    struct cast *cast = context;

    (void)response;
    cast->operations_open--;
    /* UNAVAILABLE: it was being started at that moment. */
    if (status.code != STATUS_FAILED_PRECONDITION && status.code != STATUS_NOT_FOUND &&
        status.code != STATUS_UNAVAILABLE && !is_fine(cast, status))
        cast_judge(cast, status_make(STATUS_INTERNAL, "operator: %s: %.200s",
                                     status_code_name(status.code), status.message));
}

static void operate(struct cast *cast, const char *path, const ProtobufCMessage *request)
{
    cast->operations_open++;
    wire_unary(cast->wire, 1, path, request, CALL_TIMEOUT_US, on_operated, cast);
}

static void signal_saga(struct cast *cast, Sagabase__V1__SagaName *name)
{
    Sagabase__V1__SignalSagaRequest request = SAGABASE__V1__SIGNAL_SAGA_REQUEST__INIT;
    Sagabase__V1__Signal signal = SAGABASE__V1__SIGNAL__INIT;

    signal.name = "go";
    signal.signal_id = "the-one";
    request.saga = name;
    request.signal = &signal;
    operate(cast, SAGAS "SignalSaga", &request.base);
}

static void pause_saga(struct cast *cast, Sagabase__V1__SagaName *name)
{
    Sagabase__V1__PauseSagaRequest pause = SAGABASE__V1__PAUSE_SAGA_REQUEST__INIT;
    Sagabase__V1__ResumeSagaRequest resume = SAGABASE__V1__RESUME_SAGA_REQUEST__INIT;

    pause.saga = resume.saga = name;
    if (chance_below(cast->chance, 2))
        operate(cast, SAGAS "PauseSaga", &pause.base);
    else
        operate(cast, SAGAS "ResumeSaga", &resume.base);
}

static void disturb(struct cast *cast)
{
    Sagabase__V1__SagaName name = SAGABASE__V1__SAGA_NAME__INIT;
    Sagabase__V1__CancelSagaRequest cancel = SAGABASE__V1__CANCEL_SAGA_REQUEST__INIT;
    uint32_t recent = cast->memory->started < 50 ? cast->memory->started : 50;
    char id[32];

    if (recent == 0 || cast->operations_open > 8)
        return;
    uint32_t number = cast->memory->started - 1 - chance_below(cast->chance, recent);
    memory_id(number, id);
    name.type = (char *)memory_type(number);
    name.id = id;
    switch (chance_below(cast->chance, 4)) {
    case 0:
        cancel.saga = &name;
        cancel.reason = "chance";
        return operate(cast, SAGAS "CancelSaga", &cancel.base);
    case 1:
    case 2:
        return pause_saga(cast, &name);
    default:
        return signal_saga(cast, &name);
    }
}

/* --- all of them ----------------------------------------------------------------------------- */

struct cast *cast_join(struct wire *wire, struct memory *memory, struct chance *chance,
                       uint32_t starts, bool honest)
{
    struct cast *cast = calloc(1, sizeof *cast);

    assert(cast);
    *cast = (struct cast){.wire = wire,
                          .memory = memory,
                          .chance = chance,
                          .starts_left = starts,
                          .honest = honest,
                          .verdict = OK};
    cast->disturb_us = cast_now_us() + DISTURB_EVERY_US;
    for (uint32_t i = 0; i < PARTICIPANTS; i++)
        participant_join(&cast->participants[i], cast, i);
    replies_resend(cast);
    start_some(cast);
    return cast;
}

int64_t cast_patience_us(const struct cast *cast)
{
    int64_t due_us = cast->honest ? INT64_MAX : cast->disturb_us;
    int64_t patience_us;

    for (const struct reply_plan *plan = cast->memory->replies; plan; plan = plan->next)
        if (!plan->sent && plan->due_us < due_us)
            due_us = plan->due_us;
    patience_us = due_us - cast_now_us();
    return patience_us < 0 ? 0 : patience_us < 20000 ? patience_us : 20000;
}

void cast_tick(struct cast *cast)
{
    if (!cast_works(cast))
        return;
    start_some(cast);
    replies_send_due(cast);
    for (uint32_t i = 0; i < PARTICIPANTS; i++)
        if (!cast->participants[i].stream)
            participant_join(&cast->participants[i], cast, i);
    if (!cast->honest && cast->disturb_us <= cast_now_us()) {
        cast->disturb_us = cast_now_us() + DISTURB_EVERY_US;
        disturb(cast);
    }
}

void cast_expect_death(struct cast *cast)
{
    cast->death_expected = true;
}

void cast_leave(struct cast *cast)
{
    cast->death_expected = true;
    for (uint32_t i = 0; i < PARTICIPANTS; i++)
        if (cast->participants[i].stream)
            wire_stream_cancel(cast->participants[i].stream);
}

struct status cast_verdict(const struct cast *cast)
{
    return cast->verdict;
}

void cast_free(struct cast *cast)
{
    for (struct reply_plan *plan = cast->memory->replies; plan; plan = plan->next)
        plan->sent = false; /* no answer came: the next life sends it again */
    for (uint32_t i = 0; i < PARTICIPANTS; i++)
        participant_free(&cast->participants[i]);
    free(cast);
}
