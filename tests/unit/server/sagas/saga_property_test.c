/* Thousands of random definitions under random inputs: lost, late and repeated replies, timeouts,
 * signals, operators and cancels at any moment. saga_run_input() checks the state and that it is
 * the sum of its events; this watches the events themselves, with a book of its own. In the end
 * everybody answers honestly, and the saga has to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/saga_recipe.h"
#include "tests/support/saga_run.h"

enum {
    ROUNDS = 3000,
    INPUTS_MAX = 60,
    ENDING_TURNS_MAX = 4000,
    DEPTH_MAX = 3,
    NODES_MAX = 14,
    NAME_BYTES = 8,
};

enum { ACTION = 1, COMPENSATION = 2 };
enum { SUCCESS = 1, FAILURE = 2, UNKNOWN = 3, SKIPPED = 4 };

static uint64_t random_state;

static uint32_t below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % bound;
}

static bool one_in(uint32_t times)
{
    return below(times) == 0;
}

/* --- definitions ---------------------------------------------------------------------------- */

struct cook {
    struct recipe recipe;
    unsigned nodes, blocks;
    bool behind_pivot;
};

static const char *name(struct cook *cook, char kind, unsigned number)
{
    char *text = arena_alloc(&cook->recipe.arena, NAME_BYTES);

    snprintf(text, NAME_BYTES, "%c%u", kind, number);
    return text;
}

static void add_sequence(struct cook *cook, Sagabase__V1__Block *block, unsigned depth);

static const char *add_block(struct cook *cook, unsigned depth)
{
    const char *text = name(cook, 'b', cook->blocks++);

    add_sequence(cook, recipe_block(&cook->recipe, text), depth);
    return text;
}

static void season(struct cook *cook, Sagabase__V1__Step *step)
{
    step->idempotent = one_in(2);
    if (one_in(2))
        step->retry = recipe_retry(&cook->recipe, 1 + below(3), 1 + below(5000));
    if (step->retry && one_in(2))
        step->retry->jitter = SAGABASE__V1__JITTER__JITTER_FULL;
    if (one_in(4))
        step->timeouts->schedule_to_close_ms = 1 + below(20000);
    if (one_in(8))
        step->timeouts->start_to_close_ms = 0, step->timeouts->schedule_to_close_ms = 30000;
    if (step->compensation && one_in(3))
        step->compensation_retry = recipe_retry(&cook->recipe, below(3), 1 + below(5000));
    if (step->compensation && one_in(6)) {
        step->nothing_to_undo = true;
        step->compensation = NULL;
        step->compensation_retry = NULL;
    }
    step->compensate_on_failure = one_in(4);
    if (one_in(3))
        step->on_compensation_failure =
            SAGABASE__V1__COMPENSATION_FAILURE__COMPENSATION_FAILURE_CONTINUE;
}

static void add_step(struct cook *cook, Sagabase__V1__Block *block, const char *text)
{
    if (cook->behind_pivot)
        recipe_retriable(&cook->recipe, block, text)->idempotent = one_in(2);
    else
        season(cook, recipe_step(&cook->recipe, block, text));
}

static void add_parallel(struct cook *cook, Sagabase__V1__Block *block, const char *text,
                         unsigned depth)
{
    Sagabase__V1__Parallel *parallel = recipe_parallel(&cook->recipe, block, text);
    unsigned branches = 1 + below(3);

    for (unsigned i = 0; i < branches; i++)
        recipe_branch(&cook->recipe, parallel, add_block(cook, depth + 1));
    parallel->join = (Sagabase__V1__Join)below(4);
    if (parallel->join == SAGABASE__V1__JOIN__JOIN_COUNT)
        parallel->join_count = 1 + below(branches);
    parallel->on_failure = (Sagabase__V1__OnFailure)below(3);
}

static void add_wait(struct cook *cook, Sagabase__V1__Block *block, const char *text)
{
    Sagabase__V1__WaitEvent *wait =
        recipe_wait(&cook->recipe, block, text, one_in(2) ? "paid" : "sent");

    if (one_in(3))
        wait->key_attribute = (char *)"key";
    if (one_in(2))
        wait->timeout_ms = 1 + below(20000);
    if (cook->behind_pivot || one_in(2))
        wait->on_timeout = SAGABASE__V1__ON_TIMEOUT__ON_TIMEOUT_CONTINUE;
}

static void add_approval(struct cook *cook, Sagabase__V1__Block *block, const char *text)
{
    Sagabase__V1__Approval *approval = recipe_approval(&cook->recipe, block, text);

    if (one_in(2))
        recipe_append(&cook->recipe, &approval->principals, &approval->n_principals,
                      (char *)"boss");
    if (one_in(2))
        approval->timeout_ms = 1 + below(20000);
    approval->default_decision = (Sagabase__V1__ApprovalDefault)below(3);
}

static void add_node(struct cook *cook, Sagabase__V1__Block *block, unsigned depth)
{
    const char *text = name(cook, 'n', cook->nodes++);
    unsigned kind = below(depth < DEPTH_MAX && cook->nodes < NODES_MAX ? 12 : 8);

    if (kind < 5) {
        add_step(cook, block, text);
    } else if (kind == 5) {
        recipe_timer(&cook->recipe, block, text, 1 + below(10000));
    } else if (kind == 6) {
        add_wait(cook, block, text);
    } else if (kind == 7) {
        if (cook->behind_pivot)
            add_step(cook, block, text);
        else
            add_approval(cook, block, text);
    } else if (kind < 10) {
        add_parallel(cook, block, text, depth);
    } else if (kind == 10) {
        Sagabase__V1__Choice *choice = recipe_choice(&cook->recipe, block, text);
        recipe_case(&cook->recipe, choice, "color", SAGABASE__V1__COMPARISON__COMPARISON_EQUAL,
                    "red", add_block(cook, depth + 1));
        if (one_in(2))
            choice->otherwise = (char *)add_block(cook, depth + 1);
    } else {
        recipe_loop(&cook->recipe, block, text, add_block(cook, depth + 1), "again", "yes",
                    1 + below(3));
    }
}

static void add_sequence(struct cook *cook, Sagabase__V1__Block *block, unsigned depth)
{
    unsigned count = 1 + below(depth == 0 ? 5 : 2);
    unsigned pivot = depth == 0 && one_in(3) ? below(count) : UINT32_MAX;

    for (unsigned i = 0; i < count; i++) {
        if (i == pivot) {
            Sagabase__V1__Step *step = recipe_pivot(&cook->recipe, name(cook, 'p', cook->nodes++));
            step->idempotent = one_in(2);
            cook->behind_pivot = true;
        } else {
            add_node(cook, block, depth);
        }
    }
}

static struct definition *cook_definition(struct cook *cook)
{
    *cook = (struct cook){0};
    recipe_init(&cook->recipe, "random");
    if (one_in(4))
        cook->recipe.definition.run_timeout_ms = 1 + below(60000);
    if (one_in(2))
        cook->recipe.definition.withdraw_after_ms = 1 + below(20000);
    add_sequence(cook, NULL, 0);
    return recipe_definition(&cook->recipe);
}

/* What was seen, so that nobody is content with a test that never gets anywhere. */
static unsigned ends[7];
static unsigned seen[SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_TERMINATED + 1];

/* --- the book: what the events tell --------------------------------------------------------------
 */

struct entry {
    uint8_t outcome; /* of the action; 0: none yet */
    bool issued;     /* its action */
    bool undo_issued;
    uint8_t undo_outcome; /* SUCCESS or SKIPPED; 0: none yet */
    unsigned late;
};

struct book {
    struct entry entries[SAGA_ACTIVITIES_MAX];
    uint32_t count, newest_undo;
    bool paused, backward, ended, past_pivot;
    uint8_t end;
};

static const Sagabase__V1__Step *step_of(const struct saga_run *run, uint32_t activity)
{
    const Sagabase__V1__Node *node =
        run->definition->nodes[run->saga->activities[activity].node].source;

    return node->kind_case == SAGABASE__V1__NODE__KIND_STEP ? node->step : NULL;
}

static void note_issue(struct book *book, const Sagabase__V1__CommandIssued *event)
{
    struct entry *entry = &book->entries[event->activity];

    assert_false(book->paused);
    if ((int)event->operation == ACTION) {
        assert_false(book->backward);
        assert_int_equal(entry->outcome, 0);
        assert_int_equal(entry->issued, event->attempt > 1);
        entry->issued = true;
        return;
    }
    assert_true(book->backward && entry->issued && !entry->undo_outcome);
    if (event->attempt == 1) {
        assert_true(event->activity < book->newest_undo); /* the newest first */
        book->newest_undo = event->activity;
    }
    entry->undo_issued = true;
}

static void note_end_of_command(struct saga_run *run, struct book *book, uint32_t activity,
                                int operation, uint8_t outcome)
{
    struct entry *entry = &book->entries[activity];

    if (operation == ACTION) {
        assert_true(entry->issued && entry->outcome == 0);
        entry->outcome = outcome;
        if ((outcome == SUCCESS || outcome == SKIPPED) && !book->backward &&
            step_of(run, activity)->kind == SAGABASE__V1__STEP_KIND__STEP_KIND_PIVOT)
            book->past_pivot = true;
    } else {
        assert_int_equal(entry->undo_outcome, 0);
        if (outcome == SUCCESS || outcome == SKIPPED)
            entry->undo_outcome = outcome;
    }
}

static void note_finished(struct saga_run *run, struct book *book,
                          const Sagabase__V1__NodeFinished *event)
{
    assert_null(step_of(run, event->activity));
    assert_int_equal(book->entries[event->activity].outcome, 0);
    book->entries[event->activity].outcome = (uint8_t)event->outcome;
}

/* Exactly what was issued and may have happened is undone. */
static void check_undone(struct saga_run *run, const struct book *book)
{
    for (uint32_t i = 0; i < run->saga->activity_count; i++) {
        const struct entry *entry = &book->entries[i];
        const Sagabase__V1__Step *step = step_of(run, i);
        bool needs = step && entry->issued && !step->nothing_to_undo &&
                     (entry->outcome == SUCCESS || entry->outcome == UNKNOWN ||
                      (entry->outcome == FAILURE && step->compensate_on_failure));
        assert_int_equal(needs, entry->undo_outcome != 0);
    }
}

static void note(struct saga_run *run, struct book *book, const Sagabase__V1__SagaEvent *event)
{
    assert_false(book->ended);
    seen[event->event_case]++;
    switch (event->event_case) {
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_ISSUED:
        note_issue(book, event->command_issued);
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_SUCCEEDED:
        note_end_of_command(run, book, event->command_succeeded->activity,
                            (int)event->command_succeeded->operation, SUCCESS);
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMMAND_FAILED:
        note_end_of_command(run, book, event->command_failed->activity,
                            (int)event->command_failed->operation,
                            (uint8_t)event->command_failed->outcome);
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_NODE_FINISHED:
        note_finished(run, book, event->node_finished);
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_COMPENSATION_STARTED:
        assert_false(book->backward || book->past_pivot);
        book->backward = true;
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_PAUSED:
        book->paused = true;
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_RESUMED:
        book->paused = false;
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_LATE_REPLY_REFUSED:
        assert_true(++book->entries[event->late_reply_refused->activity].late <= 10);
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_COMPENSATED:
        check_undone(run, book);
        book->ended = true;
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_COMPLETED:
        assert_false(book->backward);
        book->ended = true;
        break;
    case SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_TERMINATED:
        book->ended = true;
        break;
    default:
        break;
    }
}

static void note_all(struct saga_run *run, struct book *book)
{
    for (size_t i = 0; i < run->decision.event_count; i++)
        note(run, book, run->decision.events[i]);
}

/* --- the adversary -------------------------------------------------------------------------------
 */

struct answer {
    Sagabase__V1__Reply reply;
    Sagabase__V1__Success success;
    Sagabase__V1__Failure failure;
    Sagabase__V1__Error error;
    Sagabase__V1__Ongoing ongoing;
    Sagabase__V1__SagaError why;
    Sagabase__V1__Attribute attributes[2];
    Sagabase__V1__Attribute *list[2];
    Sagabase__V1__Payload payload;
};

static void make_success(struct answer *answer, const char *color, const char *again)
{
    const char *names[] = {"color", "again"}, *values[] = {color, again};

    answer->success = (Sagabase__V1__Success)SAGABASE__V1__SUCCESS__INIT;
    answer->payload = (Sagabase__V1__Payload)SAGABASE__V1__PAYLOAD__INIT;
    answer->payload.data.data = (uint8_t *)"output";
    answer->payload.data.len = below(7);
    if (one_in(2))
        answer->success.output = &answer->payload;
    if (one_in(4))
        answer->success.code = (char *)"C";
    for (unsigned i = 0; i < 2; i++) {
        answer->attributes[i] = (Sagabase__V1__Attribute)SAGABASE__V1__ATTRIBUTE__INIT;
        answer->attributes[i].name = (char *)names[i];
        answer->attributes[i].value = (char *)values[i];
        answer->list[i] = &answer->attributes[i];
    }
    answer->success.attributes = answer->list;
    answer->success.n_attributes = 2;
    answer->reply = (Sagabase__V1__Reply)SAGABASE__V1__REPLY__INIT;
    answer->reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    answer->reply.success = &answer->success;
}

static void make_answer(struct answer *answer)
{
    unsigned kind = below(10);

    make_success(answer, one_in(2) ? "red" : "blue", one_in(2) ? "yes" : "no");
    answer->why = (Sagabase__V1__SagaError)SAGABASE__V1__SAGA_ERROR__INIT;
    answer->why.type = (char *)"Why";
    answer->failure = (Sagabase__V1__Failure)SAGABASE__V1__FAILURE__INIT;
    answer->error = (Sagabase__V1__Error)SAGABASE__V1__ERROR__INIT;
    answer->ongoing = (Sagabase__V1__Ongoing)SAGABASE__V1__ONGOING__INIT;
    if (one_in(2))
        answer->failure.error = answer->error.error = &answer->why;
    answer->ongoing.check_after_ms = 1 + below(5000);
    if (one_in(3))
        answer->error.next_retry_delay_ms = 1 + below(5000);
    if (kind == 6) {
        answer->reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_FAILURE;
        answer->reply.failure = &answer->failure;
    } else if (kind == 7 || kind == 8) {
        answer->reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_ERROR;
        answer->reply.error = &answer->error;
    } else if (kind == 9) {
        answer->reply.outcome_case = SAGABASE__V1__REPLY__OUTCOME_ONGOING;
        answer->reply.ongoing = &answer->ongoing;
    }
}

/* To any command that is, was or never was. */
static void reply_at_random(struct saga_run *run, struct book *book)
{
    struct saga_input input = {.kind = INPUT_REPLY};
    struct answer answer;
    Sagabase__V1__Outcome recorded;

    make_answer(&answer);
    input.reply.activity = below(run->saga->activity_count + 1);
    for (unsigned i = 0; i < 4 && input.reply.activity < run->saga->activity_count &&
                         run->saga->activities[input.reply.activity].state ==
                             SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_CLOSED;
         i++) /* rather one that is open */
        input.reply.activity = below(run->saga->activity_count);
    if (input.reply.activity < run->saga->activity_count) {
        const struct activity *activity = &run->saga->activities[input.reply.activity];
        input.reply.compensation = activity->operation == COMPENSATION;
        answer.reply.attempt = one_in(2) ? 0 : below(activity->attempt + 2);
    }
    if (one_in(10))
        input.reply.compensation = !input.reply.compensation;
    input.reply.reply = &answer.reply;
    Sagabase__V1__ReplyOutcome outcome = saga_check_reply(
        run->saga, input.reply.activity, input.reply.compensation, &answer.reply, &recorded);
    if (outcome == SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_SUPERSEDED)
        input.kind = INPUT_LATE_REPLY;
    else if (outcome != SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED)
        return;
    assert_true(status_ok(saga_run_input(run, &input)));
    if (input.kind == INPUT_LATE_REPLY)
        assert_true(run->decision.event_count <= 1);
    note_all(run, book);
}

static void time_out_at_random(struct saga_run *run, struct book *book)
{
    struct saga_input input = {.kind = INPUT_TIMEOUT};

    input.timeout.activity = below(run->saga->activity_count + 1);
    if (input.timeout.activity < run->saga->activity_count) {
        const struct activity *activity = &run->saga->activities[input.timeout.activity];
        input.timeout.compensation = activity->operation == COMPENSATION;
        input.timeout.attempt = activity->attempt - (one_in(8) && activity->attempt > 0);
    }
    input.timeout.kind = (Sagabase__V1__TimeoutKind)(1 + below(4));
    if (input.timeout.kind == SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_SCHEDULE_TO_CLOSE)
        input.timeout.kind = SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_START_TO_CLOSE;
    input.timeout.never_started = one_in(2);
    assert_true(status_ok(saga_run_input(run, &input)));
    note_all(run, book);
}

static void let_time_pass(struct saga_run *run, struct book *book, int64_t ms)
{
    int64_t until_us = run->now_us + ms * 1000;

    while (saga_due_us(run->saga) <= until_us) {
        struct saga_input input = {.kind = INPUT_DUE};
        /* Sometimes late, as after a restart. */
        int64_t due_us = one_in(4) ? until_us : saga_due_us(run->saga);
        run->now_us = due_us > run->now_us ? due_us : run->now_us;
        assert_true(status_ok(saga_run_input(run, &input)));
        assert_true(saga_due_us(run->saga) > run->now_us);
        note_all(run, book);
    }
    run->now_us = until_us;
}

static void signal_with(struct saga_run *run, struct book *book, const char *text, unsigned id)
{
    Sagabase__V1__Signal signal = SAGABASE__V1__SIGNAL__INIT;
    Sagabase__V1__Attribute key = SAGABASE__V1__ATTRIBUTE__INIT, *list[] = {&key};
    char id_text[16];

    snprintf(id_text, sizeof id_text, "s%u", id);
    signal.name = (char *)text;
    signal.signal_id = id_text;
    signal.key = (char *)(one_in(2) ? "1" : "2");
    signal.principal = (char *)(one_in(2) ? "boss" : "clerk");
    signal.approved = !one_in(3);
    key.name = (char *)"key";
    key.value = (char *)"1";
    if (one_in(3)) {
        signal.attributes = list;
        signal.n_attributes = 1;
    }
    saga_run_signal(run, &signal);
    note_all(run, book);
}

static const char *any_node(struct saga_run *run)
{
    if (run->saga->activity_count > 0 && !one_in(8))
        return run->definition->nodes[run->saga->activities[below(run->saga->activity_count)].node]
            .source->name;
    return run->definition->nodes[below(run->definition->node_count)].source->name;
}

static void act_at_random(struct saga_run *run, struct book *book)
{
    switch (below(7)) {
    case 0:
        saga_run_cancel(run);
        break;
    case 1:
        saga_run_pause(run);
        break;
    case 2:
    case 3:
        saga_run_resume(run);
        break;
    case 4:
        saga_run_retry(run, any_node(run));
        break;
    case 5:
        saga_run_skip(run, any_node(run));
        break;
    default:
        saga_run_resolve(run, any_node(run),
                         (Sagabase__V1__Outcome)(one_in(3) ? FAILURE : SUCCESS));
    }
    note_all(run, book);
}

/* A participant that has no time, again and again. */
static void be_busy(struct saga_run *run, struct book *book)
{
    uint32_t activity = below(run->saga->activity_count);

    if (!step_of(run, activity))
        return;
    const char *text = run->definition->nodes[run->saga->activities[activity].node].source->name;
    for (unsigned i = 0; i < 6; i++) {
        if (saga_run_error(run, text, "Busy") !=
            SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED)
            return;
        note_all(run, book);
        let_time_pass(run, book, 120000);
    }
}

static void input_at_random(struct saga_run *run, struct book *book)
{
    static const char *const signals[] = {"paid", "sent"};
    unsigned kind = below(100);

    if (kind < 55)
        reply_at_random(run, book);
    else if (kind < 65)
        time_out_at_random(run, book);
    else if (kind < 80)
        let_time_pass(run, book, below(one_in(5) ? 100000 : 3000));
    else if (kind < 86)
        signal_with(run, book, signals[below(2)], below(6));
    else if (kind < 90)
        signal_with(run, book, any_node(run), below(6));
    else if (kind < 99)
        act_at_random(run, book);
    else if (one_in(5) && status_ok(saga_run_terminate(run)))
        note_all(run, book);
    else if (run->saga->activity_count > 0)
        be_busy(run, book);
}

/* --- the end
 * --------------------------------------------------------------------------------------- */

/* Whatever waits gets what it waits for. */
static void serve(struct saga_run *run, struct book *book, uint32_t activity)
{
    const struct activity *at = &run->saga->activities[activity];
    const char *text = run->definition->nodes[at->node].source->name;
    struct answer answer;

    if (at->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_PARKED ||
        !step_of(run, activity)) {
        saga_run_skip(run, text); /* refused of what holds blocks */
        note_all(run, book);
    } else if (at->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_OPEN) {
        make_success(&answer, "blue", "no");
        assert_int_equal(saga_run_reply(run, text, &answer.reply),
                         SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED);
        note_all(run, book);
    } else {
        let_time_pass(run, book, 200000);
    }
}

/* An activity that keeps the saga open; a parked one first, since it holds up the rest. */
static uint32_t find_underway(struct saga_run *run)
{
    uint32_t found = UINT32_MAX;

    for (uint32_t i = 0; i < run->saga->activity_count; i++) {
        const struct activity *at = &run->saga->activities[i];
        const Sagabase__V1__Node *node = run->definition->nodes[at->node].source;
        bool holds = node->kind_case == SAGABASE__V1__NODE__KIND_PARALLEL ||
                     node->kind_case == SAGABASE__V1__NODE__KIND_CHOICE ||
                     node->kind_case == SAGABASE__V1__NODE__KIND_LOOP;
        if (at->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_PARKED)
            return i;
        if (at->state != SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_CLOSED && !holds)
            found = i;
    }
    assert_true(found != UINT32_MAX);
    return found;
}

static void bring_to_an_end(struct saga_run *run, struct book *book)
{
    unsigned turns = 0;

    saga_run_resume(run);
    note_all(run, book);
    while (!saga_has_ended(run->saga)) {
        if (turns++ == ENDING_TURNS_MAX)
            fail_msg("it does not end:\n%.*s", (int)run->history.size, run->history.data);
        serve(run, book, find_underway(run));
    }
    assert_true(book->ended);
    assert_true(saga_due_us(run->saga) == INT64_MAX);
}

static void start_at_random(struct saga_run *run, struct book *book)
{
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__Attribute key = SAGABASE__V1__ATTRIBUTE__INIT, *attributes[] = {&key};
    Sagabase__V1__Signal signal = SAGABASE__V1__SIGNAL__INIT, *signals[] = {&signal, &signal};

    key.name = (char *)"key";
    key.value = (char *)"1";
    signal.name = (char *)"paid";
    signal.signal_id = (char *)"s1";
    signal.key = (char *)"1";
    request.type = run->definition->source->type;
    request.id = (char *)"17";
    request.attributes = attributes;
    request.n_attributes = below(2);
    request.signals = signals;
    request.n_signals = one_in(4) ? 2 : 0;
    request.run_timeout_ms = one_in(8) ? 1 + below(20000) : 0;
    assert_true(status_ok(saga_run_start_with(run, &request)));
    note_all(run, book);
}

static void run_one(uint64_t seed)
{
    static struct book book;
    struct saga_run run;
    struct cook cook;

    random_state = seed * 0x9e3779b97f4a7c15u + 1;
    memset(&book, 0, sizeof book);
    book.newest_undo = UINT32_MAX;
    saga_run_init(&run, cook_definition(&cook));
    start_at_random(&run, &book);
    unsigned inputs = below(INPUTS_MAX);
    for (unsigned i = 0; i < inputs; i++)
        input_at_random(&run, &book);
    bring_to_an_end(&run, &book);
    ends[run.saga->status]++;
    saga_run_destroy(&run);
    recipe_destroy(&cook.recipe);
}

static void whatever_happens_the_rules_hold_and_the_saga_ends(void **state)
{
    const char *seed = getenv("SAGA_SEED");
    const char *rounds = getenv("SAGA_ROUNDS");
    uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;
    uint64_t count = rounds ? strtoull(rounds, NULL, 10) : ROUNDS;

    (void)state;
    for (uint64_t i = first; i < first + count; i++) {
        if (seed)
            fprintf(stderr, "seed %llu\n", (unsigned long long)i);
        run_one(i);
    }
    if (seed)
        return;
    assert_true(ends[SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED] > count / 10);
    assert_true(ends[SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED] > count / 10);
    for (int i = SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_STARTED;
         i <= SAGABASE__V1__SAGA_EVENT__EVENT_SAGA_TERMINATED; i++)
        if (seen[i] == 0)
            fail_msg("event %d was never seen", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_the_rules_hold_and_the_saga_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
