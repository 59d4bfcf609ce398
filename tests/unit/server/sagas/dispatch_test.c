/* Handing out commands: order, credit, leases, timeouts, leaving and resuming. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sagas/dispatch_feed.h"
#include "server/sagas/limits.h"
#include "tests/support/log_fixture.h"
#include "tests/support/manual_clock.h"

enum { SECOND_US = 1000000 };

struct fixture {
    struct manual_clock clock;
    struct dispatch *dispatch;
    struct arena arena;
    int told_earlier;
};

/* A participant. */
struct hands {
    struct worker worker;
    int wakes;
    struct lease leases[WORKER_TAKE_MAX];
    size_t count;
    struct cancelled cancelled[WORKER_TAKE_MAX];
    size_t cancelled_count;
    bool more;
};

static void on_earlier(void *context)
{
    ((struct fixture *)context)->told_earlier++;
}

static int open_dispatch(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    manual_clock_init(&fixture->clock);
    fixture->dispatch = dispatch_create(&(struct dispatch_options){
        .clock = &fixture->clock.clock,
        .resume_within_us = 10 * SECOND_US,
        .earlier = on_earlier,
        .context = fixture,
    });
    assert_non_null(fixture->dispatch);
    arena_init(&fixture->arena, 1 << 20);
    *state = fixture;
    return 0;
}

static int close_dispatch(void **state)
{
    struct fixture *fixture = *state;

    dispatch_free(fixture->dispatch);
    arena_destroy(&fixture->arena);
    free(fixture);
    return 0;
}

static void on_wake(struct worker *worker)
{
    container_of(worker, struct hands, worker)->wakes++;
}

static void join(struct fixture *fixture, struct hands *hands, const char *queue, uint32_t credit)
{
    struct bytes name = bytes_of_text(queue);

    *hands = (struct hands){.worker = {.wake = on_wake}};
    assert_ok(dispatch_join(fixture->dispatch, &hands->worker, &name, &credit, 1));
}

static void take(struct fixture *fixture, struct hands *hands)
{
    assert_ok(dispatch_take(fixture->dispatch, &hands->worker, &fixture->arena, hands->leases,
                            &hands->count, hands->cancelled, &hands->cancelled_count,
                            &hands->more));
}

static struct uuid id_of(int number)
{
    struct uuid id = {{0}};

    memcpy(id.bytes, &number, sizeof number);
    id.bytes[15] = 1;
    return id;
}

static int number_of(const struct uuid *id)
{
    int number;

    memcpy(&number, id->bytes, sizeof number);
    return number;
}

static struct open_command command_of(int number, const char *queue)
{
    return (struct open_command){.id = id_of(number),
                                 .queue = bytes_of_text(queue),
                                 .position = (uint64_t)number * 10,
                                 .attempt = 1,
                                 .is_new = true};
}

static void open_one(struct fixture *fixture, int number)
{
    struct open_command command = command_of(number, "stock");

    assert_true(dispatch_open(fixture->dispatch, &command));
}

static size_t expire_one(struct fixture *fixture, struct expired *expired)
{
    return dispatch_expire(fixture->dispatch, expired, 1);
}

/* --- order and credit ------------------------------------------------------------------------- */

static void commands_are_handed_out_in_order_and_within_credit(void **state)
{
    struct fixture *fixture = *state;
    struct hands hands;

    for (int i = 1; i <= 4; i++)
        open_one(fixture, i);
    join(fixture, &hands, "stock", 3);
    assert_int_equal(hands.wakes, 1);
    take(fixture, &hands);
    assert_int_equal(hands.count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(number_of(&hands.leases[i].command_id), i + 1);
        assert_int_equal(hands.leases[i].position, (i + 1) * 10);
        assert_int_equal(hands.leases[i].delivery, 1);
        assert_int_not_equal(hands.leases[i].token, 0);
    }
    assert_int_equal(dispatch_counts(fixture->dispatch).ready, 1);
    assert_int_equal(dispatch_counts(fixture->dispatch).leased, 3);
    assert_ok(dispatch_credit(fixture->dispatch, &hands.worker, bytes_of_text("stock"), 1));
    assert_int_equal(hands.wakes, 2);
    take(fixture, &hands);
    assert_int_equal(hands.count, 1);
    assert_int_equal(number_of(&hands.leases[0].command_id), 4);
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
}

static void compensations_go_before_actions(void **state)
{
    struct fixture *fixture = *state;
    struct open_command undo = command_of(3, "stock");
    struct hands hands;

    undo.compensation = true;
    open_one(fixture, 1);
    open_one(fixture, 2);
    assert_true(dispatch_open(fixture->dispatch, &undo));
    join(fixture, &hands, "stock", 10);
    take(fixture, &hands);
    assert_int_equal(number_of(&hands.leases[0].command_id), 3);
    assert_int_equal(number_of(&hands.leases[1].command_id), 1);
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
}

static void workers_of_a_queue_take_turns(void **state)
{
    struct fixture *fixture = *state;
    struct hands hands[3];

    for (int i = 0; i < 3; i++)
        join(fixture, &hands[i], "stock", 10);
    for (int i = 1; i <= 6; i++)
        open_one(fixture, i);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hands[i].wakes, 1);
        take(fixture, &hands[i]);
        assert_int_equal(hands[i].count, 2);
        assert_int_equal(number_of(&hands[i].leases[0].command_id), i + 1);
        assert_int_equal(number_of(&hands[i].leases[1].command_id), i + 4);
    }
    for (int i = 0; i < 3; i++)
        dispatch_leave(fixture->dispatch, &hands[i].worker, LEAVE_RETURN);
    assert_int_equal(dispatch_counts(fixture->dispatch).ready, 6);
}

static void commands_of_other_queues_are_not_handed_out(void **state)
{
    struct fixture *fixture = *state;
    struct hands hands;

    join(fixture, &hands, "payments", 10);
    open_one(fixture, 1);
    take(fixture, &hands);
    assert_int_equal(hands.wakes, 0);
    assert_int_equal(hands.count, 0);
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
}

static void more_than_one_take_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct hands hands;

    for (int i = 1; i <= WORKER_TAKE_MAX + 1; i++)
        open_one(fixture, i);
    join(fixture, &hands, "stock", CREDIT_MAX);
    take(fixture, &hands);
    assert_int_equal(hands.count, WORKER_TAKE_MAX);
    assert_true(hands.more);
    take(fixture, &hands);
    assert_int_equal(hands.count, 1);
    assert_false(hands.more);
    assert_int_equal(hands.wakes, 1);
    assert_int_equal(dispatch_out(fixture->dispatch, &hands.worker), WORKER_TAKE_MAX + 1);
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
}

/* --- what it tells ------------------------------------------------------------------------------
 */

struct sought {
    const char *limit;
    double hits;
};

static void look(void *context, const struct metric *metric)
{
    struct sought *sought = context;

    if (strcmp(metric->labels[0].value, sought->limit) == 0)
        sought->hits = metric->value;
}

static double hits_of(struct fixture *fixture, const char *limit)
{
    struct sought sought = {limit, -1};

    dispatch_limits(fixture->dispatch, look, &sought);
    return sought.hits;
}

static void the_wait_of_an_attempt_is_measured_until_it_is_first_handed_out(void **state)
{
    struct fixture *fixture = *state;
    const struct distribution *waits = dispatch_schedule_to_start(fixture->dispatch);
    struct hands hands;

    open_one(fixture, 1);
    manual_clock_advance(&fixture->clock, 3 * SECOND_US);
    assert_int_equal(distribution_count(waits), 0);
    join(fixture, &hands, "stock", 2);
    take(fixture, &hands);
    assert_int_equal(distribution_count(waits), 1);
    assert_int_equal(counter_get(&waits->sum), 3 * SECOND_US);
    assert_true(dispatch_nack(fixture->dispatch, &hands.leases[0].command_id, hands.leases[0].token,
                              0)); /* another delivery of the same attempt */
    take(fixture, &hands);
    assert_int_equal(hands.count, 1);
    assert_int_equal(distribution_count(waits), 1);
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
}

static void a_traced_attempt_tells_once_how_it_went(void **state)
{
    struct fixture *fixture = *state;
    struct open_command command = command_of(1, "stock"), other = command_of(2, "stock");
    struct attempt_run run = {.command_id = command.id}, none = {.command_id = other.id};
    struct hands hands;

    command.attempt = 7;
    command.trace = (struct attempt_trace){
        .context = {.span_id = {1}, .flags = TRACE_SAMPLED}, .is_given = true, .is_spanned = true};
    assert_false(dispatch_trace(fixture->dispatch, &command.id).is_given);
    assert_true(dispatch_open(fixture->dispatch, &command));
    assert_true(dispatch_open(fixture->dispatch, &other));
    manual_clock_advance(&fixture->clock, SECOND_US);
    int64_t taken_us = clock_monotonic_us(&fixture->clock.clock);
    join(fixture, &hands, "stock", 2);
    take(fixture, &hands);
    manual_clock_advance(&fixture->clock, SECOND_US);
    assert_int_equal(dispatch_trace(fixture->dispatch, &command.id).context.span_id[0], 1);
    assert_false(dispatch_trace(fixture->dispatch, &other.id).is_given);
    assert_true(dispatch_end_attempt(fixture->dispatch, &run));
    assert_int_equal(run.attempt, 7);
    assert_int_equal(run.deliveries, 1);
    assert_int_equal(run.begun_us, taken_us);
    assert_int_equal(run.context.span_id[0], 1);
    assert_false(dispatch_end_attempt(fixture->dispatch, &run));
    assert_false(dispatch_end_attempt(fixture->dispatch, &none));
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
}

static void credit_and_queues_have_limits(void **state)
{
    struct fixture *fixture = *state;
    struct hands hands = {.worker = {.wake = on_wake}};
    struct bytes queues[2] = {bytes_of_text("stock"), bytes_of_text("stock")};
    uint32_t credits[2] = {1, 1};

    assert_fails(dispatch_join(fixture->dispatch, &hands.worker, queues, credits, 2),
                 INVALID_ARGUMENT, "queues[1].queue: named twice");
    credits[0] = CREDIT_MAX + 1;
    assert_fails(dispatch_join(fixture->dispatch, &hands.worker, queues, credits, 1),
                 INVALID_ARGUMENT, "queues[0].credit");
    join(fixture, &hands, "stock", CREDIT_MAX);
    assert_fails(dispatch_credit(fixture->dispatch, &hands.worker, bytes_of_text("stock"), 1),
                 INVALID_ARGUMENT, "credit.count");
    assert_fails(dispatch_credit(fixture->dispatch, &hands.worker, bytes_of_text("other"), 1),
                 INVALID_ARGUMENT, "other is not of this stream");
    assert_true(hits_of(fixture, "credit") == 1);
    assert_true(hits_of(fixture, "participants") == 0);
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
}

/* --- the end of leases --------------------------------------------------------------------------
 */

static void a_closed_command_is_handed_out_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct uuid first = id_of(1), second = id_of(2), third = id_of(3);
    struct hands hands;

    for (int i = 1; i <= 3; i++)
        open_one(fixture, i);
    dispatch_close(fixture->dispatch, &first, true);
    join(fixture, &hands, "stock", 2);
    take(fixture, &hands);
    assert_int_equal(hands.count, 2);
    dispatch_close(fixture->dispatch, &second, false); /* its worker has answered */
    dispatch_close(fixture->dispatch, &third, true);   /* somebody else has */
    take(fixture, &hands);
    assert_int_equal(hands.count, 0);
    assert_int_equal(hands.cancelled_count, 1);
    assert_int_equal(number_of(&hands.cancelled[0].command_id), 3);
    assert_int_equal(dispatch_out(fixture->dispatch, &hands.worker), 0);
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
    assert_int_equal(dispatch_counts(fixture->dispatch).ready, 0);
}

static void an_assigned_command_that_is_closed_gives_its_credit_back(void **state)
{
    struct fixture *fixture = *state;
    struct uuid first = id_of(1);
    struct hands hands;

    join(fixture, &hands, "stock", 1);
    open_one(fixture, 1);
    open_one(fixture, 2);
    dispatch_close(fixture->dispatch, &first, true);
    take(fixture, &hands);
    assert_int_equal(hands.count, 1);
    assert_int_equal(number_of(&hands.leases[0].command_id), 2);
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
}

static void start_to_close_takes_the_command_back_and_tells_again(void **state)
{
    struct fixture *fixture = *state;
    struct open_command command = command_of(1, "stock");
    struct expired expired;
    struct hands hands;

    command.start_to_close_us = 30 * SECOND_US;
    join(fixture, &hands, "stock", 1);
    assert_true(dispatch_open(fixture->dispatch, &command));
    take(fixture, &hands);
    assert_int_equal(hands.leases[0].deadline_us,
                     clock_wall_us(&fixture->clock.clock) + 30 * SECOND_US);
    manual_clock_advance(&fixture->clock, 30 * SECOND_US - 1);
    assert_int_equal(expire_one(fixture, &expired), 0);
    manual_clock_advance(&fixture->clock, 1);
    assert_int_equal(expire_one(fixture, &expired), 1);
    assert_int_equal(expired.kind, SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_START_TO_CLOSE);
    assert_int_equal(expired.attempt, 1);
    take(fixture, &hands);
    assert_int_equal(hands.cancelled_count, 1);
    assert_int_equal(expire_one(fixture, &expired), 0);
    manual_clock_advance(&fixture->clock, SECOND_US);
    assert_int_equal(expire_one(fixture, &expired), 1); /* nobody has closed it */
    assert_int_equal(expired.kind, SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_START_TO_CLOSE);
    dispatch_close(fixture->dispatch, &command.id, true);
    manual_clock_advance(&fixture->clock, SECOND_US);
    assert_int_equal(expire_one(fixture, &expired), 0);
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
}

static void heartbeats_keep_a_lease_and_their_details_go_to_the_next_attempt(void **state)
{
    struct fixture *fixture = *state;
    struct open_command command = command_of(1, "stock");
    struct expired expired;
    struct hands hands;

    command.heartbeat_us = 10 * SECOND_US;
    join(fixture, &hands, "stock", 2);
    assert_true(dispatch_open(fixture->dispatch, &command));
    take(fixture, &hands);
    assert_int_equal(hands.leases[0].details.size, 0);
    for (int i = 0; i < 3; i++) {
        manual_clock_advance(&fixture->clock, 9 * SECOND_US);
        struct heartbeat_answer answer = dispatch_heartbeat(
            fixture->dispatch, &command.id, hands.leases[0].token, bytes_of_text("half"));
        assert_false(answer.lost);
        assert_int_equal(answer.deadline_us, clock_wall_us(&fixture->clock.clock) + 10 * SECOND_US);
        assert_int_equal(expire_one(fixture, &expired), 0);
    }
    manual_clock_advance(&fixture->clock, 10 * SECOND_US);
    assert_int_equal(expire_one(fixture, &expired), 1);
    assert_int_equal(expired.kind, SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_HEARTBEAT);
    assert_true(dispatch_heartbeat(fixture->dispatch, &command.id, hands.leases[0].token,
                                   bytes_of_text("late"))
                    .lost);
    dispatch_rest(fixture->dispatch, &command.id, true);
    command.attempt = 2;
    assert_true(dispatch_open(fixture->dispatch, &command));
    take(fixture, &hands);
    assert_int_equal(hands.count, 1);
    assert_true(bytes_equal(hands.leases[0].details, bytes_of_text("half")));
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
}

static void schedule_to_start_knows_whether_anybody_had_it(void **state)
{
    struct fixture *fixture = *state;
    struct open_command command = command_of(1, "stock");
    struct expired expired;
    struct hands hands;

    command.schedule_to_start_us = 5 * SECOND_US;
    assert_true(dispatch_open(fixture->dispatch, &command));
    manual_clock_advance(&fixture->clock, 5 * SECOND_US);
    assert_int_equal(expire_one(fixture, &expired), 1);
    assert_int_equal(expired.kind, SAGABASE__V1__TIMEOUT_KIND__TIMEOUT_KIND_SCHEDULE_TO_START);
    assert_true(expired.never_started);
    dispatch_close(fixture->dispatch, &command.id, true);

    assert_true(dispatch_open(fixture->dispatch, &command));
    join(fixture, &hands, "stock", 1);
    take(fixture, &hands);
    manual_clock_advance(&fixture->clock, 50 * SECOND_US);
    assert_int_equal(expire_one(fixture, &expired), 0); /* it was taken in time */
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
    manual_clock_advance(&fixture->clock, 5 * SECOND_US);
    assert_int_equal(expire_one(fixture, &expired), 1);
    assert_false(expired.never_started);
}

static void a_nacked_command_comes_again_after_the_delay(void **state)
{
    struct fixture *fixture = *state;
    struct uuid id = id_of(1);
    struct expired expired;
    struct hands hands;

    open_one(fixture, 1);
    join(fixture, &hands, "stock", 2);
    take(fixture, &hands);
    assert_false(dispatch_nack(fixture->dispatch, &id, hands.leases[0].token + 1, 0));
    assert_true(dispatch_nack(fixture->dispatch, &id, hands.leases[0].token, 60 * SECOND_US));
    take(fixture, &hands);
    assert_int_equal(hands.count, 0);
    assert_int_equal(dispatch_due_us(fixture->dispatch),
                     clock_monotonic_us(&fixture->clock.clock) + 60 * SECOND_US);
    manual_clock_advance(&fixture->clock, 60 * SECOND_US);
    assert_int_equal(expire_one(fixture, &expired), 0);
    take(fixture, &hands);
    assert_int_equal(hands.count, 1);
    assert_int_equal(hands.leases[0].delivery, 2);
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
}

static void a_cancelled_command_is_told_and_handed_out_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct uuid taken = id_of(1), waiting = id_of(2);
    struct hands hands;

    open_one(fixture, 1);
    open_one(fixture, 2);
    join(fixture, &hands, "stock", 1);
    take(fixture, &hands);
    dispatch_cancel(fixture->dispatch, &taken);
    dispatch_cancel(fixture->dispatch, &waiting);
    dispatch_cancel(fixture->dispatch, &taken);
    uint64_t token = hands.leases[0].token;
    take(fixture, &hands);
    assert_int_equal(hands.cancelled_count, 1);
    assert_int_equal(number_of(&hands.cancelled[0].command_id), 1);
    struct heartbeat_answer answer =
        dispatch_heartbeat(fixture->dispatch, &taken, token, (struct bytes){0});
    assert_false(answer.lost);
    assert_true(answer.cancel_requested);
    struct expired expired;
    assert_int_equal(expire_one(fixture, &expired), 1); /* nobody will answer it */
    assert_int_equal(number_of(&expired.id), 2);
    assert_true(expired.never_started);
    dispatch_close(fixture->dispatch, &waiting, false);
    assert_ok(dispatch_credit(fixture->dispatch, &hands.worker, bytes_of_text("stock"), 5));
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
    assert_int_equal(dispatch_counts(fixture->dispatch).ready, 0);
}

/* --- leaving -------------------------------------------------------------------------------------
 */

static void a_broken_stream_can_be_resumed(void **state)
{
    struct fixture *fixture = *state;
    struct uuid id = id_of(1);
    struct expired expired;
    struct hands first, second;

    open_one(fixture, 1);
    join(fixture, &first, "stock", 1);
    take(fixture, &first);
    join(fixture, &second, "stock", 1);
    dispatch_leave(fixture->dispatch, &first.worker, LEAVE_KEEP);
    manual_clock_advance(&fixture->clock, 9 * SECOND_US);
    assert_int_equal(expire_one(fixture, &expired), 0);
    assert_false(
        dispatch_resume(fixture->dispatch, &second.worker, &id, first.leases[0].token + 1));
    assert_true(dispatch_resume(fixture->dispatch, &second.worker, &id, first.leases[0].token));
    manual_clock_advance(&fixture->clock, 60 * SECOND_US);
    assert_int_equal(expire_one(fixture, &expired), 0);
    assert_int_equal(dispatch_out(fixture->dispatch, &second.worker), 1);
    take(fixture, &second);
    assert_int_equal(second.count, 0);
    dispatch_leave(fixture->dispatch, &second.worker, LEAVE_RETURN);
}

static void what_is_not_resumed_in_time_goes_to_others(void **state)
{
    struct fixture *fixture = *state;
    struct uuid id = id_of(1);
    struct expired expired;
    struct hands first, second;

    open_one(fixture, 1);
    join(fixture, &first, "stock", 1);
    take(fixture, &first);
    dispatch_leave(fixture->dispatch, &first.worker, LEAVE_KEEP);
    manual_clock_advance(&fixture->clock, 10 * SECOND_US);
    assert_int_equal(expire_one(fixture, &expired), 0);
    join(fixture, &second, "stock", 1);
    take(fixture, &second);
    assert_int_equal(second.count, 1);
    assert_int_equal(second.leases[0].delivery, 2);
    assert_false(dispatch_resume(fixture->dispatch, &second.worker, &id, first.leases[0].token));
    dispatch_leave(fixture->dispatch, &second.worker, LEAVE_RETURN);
}

static void a_poll_leaves_its_lease_behind(void **state)
{
    struct fixture *fixture = *state;
    struct open_command command = command_of(1, "stock");
    struct expired expired;
    struct hands hands;

    command.start_to_close_us = 60 * SECOND_US;
    assert_true(dispatch_open(fixture->dispatch, &command));
    join(fixture, &hands, "stock", 1);
    take(fixture, &hands);
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_DETACH);
    manual_clock_advance(&fixture->clock, 59 * SECOND_US);
    assert_int_equal(expire_one(fixture, &expired), 0);
    assert_int_equal(dispatch_counts(fixture->dispatch).leased, 1);
    manual_clock_advance(&fixture->clock, SECOND_US);
    assert_int_equal(expire_one(fixture, &expired), 1);
    assert_int_equal(dispatch_counts(fixture->dispatch).leased, 0);
}

static void what_was_not_taken_goes_back_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct hands first, second;

    join(fixture, &first, "stock", 3);
    for (int i = 1; i <= 4; i++)
        open_one(fixture, i);
    dispatch_drain(fixture->dispatch, &first.worker);
    take(fixture, &first);
    assert_int_equal(first.count, 0);
    join(fixture, &second, "stock", 10);
    take(fixture, &second);
    assert_int_equal(second.count, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(number_of(&second.leases[i].command_id), i + 1);
    dispatch_leave(fixture->dispatch, &first.worker, LEAVE_KEEP);
    dispatch_leave(fixture->dispatch, &second.worker, LEAVE_RETURN);
}

/* A poll from two queues, for one command; its lease goes on without it. */
static int poll_both(struct fixture *fixture, const char *first, const char *second)
{
    const struct bytes names[] = {bytes_of_text(first), bytes_of_text(second)};
    const uint32_t credits[] = {1, 1};
    struct hands hands = {.worker = {.wake = on_wake, .commands_max = 1}};

    assert_ok(dispatch_join(fixture->dispatch, &hands.worker, names, credits, 2));
    take(fixture, &hands);
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_DETACH);
    return hands.count > 0 ? number_of(&hands.leases[0].command_id) : 0;
}

static void polls_of_several_queues_let_none_of_them_starve(void **state)
{
    struct fixture *fixture = *state;
    struct open_command rare = command_of(100, "cards");
    bool found = false;

    assert_true(dispatch_open(fixture->dispatch, &rare));
    for (int i = 1; i <= 40; i++)
        open_one(fixture, i);
    for (int i = 0; i < 30 && !found; i++)
        found = poll_both(fixture, "stock", "cards") == 100;
    assert_true(found);
}

/* Being offered is not being taken. */
static void a_command_that_was_only_offered_waits_no_longer_for_that(void **state)
{
    struct fixture *fixture = *state;
    struct open_command command = command_of(1, "stock");
    struct expired expired;
    struct hands hands;

    command.schedule_to_start_us = 10 * SECOND_US;
    assert_true(dispatch_open(fixture->dispatch, &command));
    manual_clock_advance(&fixture->clock, 9 * SECOND_US);
    join(fixture, &hands, "stock", 1);
    dispatch_leave(fixture->dispatch, &hands.worker, LEAVE_RETURN);
    manual_clock_advance(&fixture->clock, SECOND_US);
    assert_int_equal(expire_one(fixture, &expired), 1);
    assert_true(expired.never_started);
}

static void who_resumes_is_told_of_what_was_cancelled_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    struct uuid id = id_of(1);
    struct hands first, second;

    open_one(fixture, 1);
    join(fixture, &first, "stock", 1);
    take(fixture, &first);
    dispatch_leave(fixture->dispatch, &first.worker, LEAVE_KEEP);
    dispatch_cancel(fixture->dispatch, &id);
    join(fixture, &second, "stock", 1);
    assert_true(dispatch_resume(fixture->dispatch, &second.worker, &id, first.leases[0].token));
    take(fixture, &second);
    assert_int_equal(second.cancelled_count, 1);
    assert_int_equal(number_of(&second.cancelled[0].command_id), 1);
    dispatch_leave(fixture->dispatch, &second.worker, LEAVE_RETURN);
}

/* --- many ----------------------------------------------------------------------------------------
 */

static void timeouts_come_in_the_order_of_their_times(void **state)
{
    struct fixture *fixture = *state;
    struct expired expired[64];
    int64_t last_us = 0;
    size_t seen = 0;

    for (int i = 0; i < 5000; i++) {
        struct open_command command = command_of(i, "stock");
        command.schedule_to_start_us = 1 + (i * 7919) % 10007;
        assert_true(dispatch_open(fixture->dispatch, &command));
    }
    for (int i = 0; i < 5000; i += 5) {
        struct uuid id = id_of(i);
        dispatch_close(fixture->dispatch, &id, true);
    }
    assert_true(fixture->told_earlier > 0);
    for (int step = 0; step < 10008; step++) {
        manual_clock_advance(&fixture->clock, 1);
        size_t count = dispatch_expire(fixture->dispatch, expired, 64);
        for (size_t i = 0; i < count; i++) {
            int number = number_of(&expired[i].id);
            int64_t due_us = 1 + (number * 7919) % 10007;
            assert_int_not_equal(number % 5, 0);
            assert_true(due_us >= last_us && due_us == step + 1);
            last_us = due_us;
            dispatch_close(fixture->dispatch, &expired[i].id, true);
        }
        seen += count;
    }
    assert_int_equal(seen, 4000);
    assert_int_equal(dispatch_due_us(fixture->dispatch), INT64_MAX);
}

/* Four workers take and close what two others open; each command is taken once. */
enum { OPENED = 20000, TAKERS = 4 };

struct taker {
    struct hands hands;
    struct fixture *fixture;
    _Atomic(int) *taken;
    pthread_t thread;
};

static void *take_and_close(void *argument)
{
    struct taker *taker = argument;
    struct arena arena;

    arena_init(&arena, 1 << 20);
    while (atomic_load(taker->taken) < OPENED) {
        struct hands *hands = &taker->hands;
        if (!status_ok(dispatch_take(taker->fixture->dispatch, &hands->worker, &arena,
                                     hands->leases, &hands->count, hands->cancelled,
                                     &hands->cancelled_count, &hands->more)))
            break;
        for (size_t i = 0; i < hands->count; i++)
            dispatch_close(taker->fixture->dispatch, &hands->leases[i].command_id, false);
        if (hands->count > 0)
            (void)dispatch_credit(taker->fixture->dispatch, &hands->worker, bytes_of_text("stock"),
                                  (uint32_t)hands->count);
        atomic_fetch_add(taker->taken, (int)hands->count);
    }
    arena_destroy(&arena);
    return NULL;
}

static void concurrent_workers_take_each_command_once(void **state)
{
    struct fixture *fixture = *state;
    struct taker takers[TAKERS];
    _Atomic(int) taken = 0;

    for (int i = 0; i < TAKERS; i++) {
        join(fixture, &takers[i].hands, "stock", 50);
        takers[i].fixture = fixture;
        takers[i].taken = &taken;
    }
    for (int i = 0; i < TAKERS; i++)
        assert_int_equal(pthread_create(&takers[i].thread, NULL, take_and_close, &takers[i]), 0);
    for (int i = 0; i < OPENED; i++)
        open_one(fixture, i);
    for (int i = 0; i < TAKERS; i++)
        pthread_join(takers[i].thread, NULL);
    assert_int_equal(atomic_load(&taken), OPENED);
    for (int i = 0; i < TAKERS; i++)
        dispatch_leave(fixture->dispatch, &takers[i].hands.worker, LEAVE_RETURN);
    struct dispatch_counts counts = dispatch_counts(fixture->dispatch);
    assert_int_equal(counts.ready + counts.leased + counts.workers, 0);
}

#define dispatch_test(name) cmocka_unit_test_setup_teardown(name, open_dispatch, close_dispatch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        dispatch_test(commands_are_handed_out_in_order_and_within_credit),
        dispatch_test(compensations_go_before_actions),
        dispatch_test(workers_of_a_queue_take_turns),
        dispatch_test(commands_of_other_queues_are_not_handed_out),
        dispatch_test(more_than_one_take_is_told),
        dispatch_test(the_wait_of_an_attempt_is_measured_until_it_is_first_handed_out),
        dispatch_test(a_traced_attempt_tells_once_how_it_went),
        dispatch_test(credit_and_queues_have_limits),
        dispatch_test(a_closed_command_is_handed_out_no_more),
        dispatch_test(an_assigned_command_that_is_closed_gives_its_credit_back),
        dispatch_test(start_to_close_takes_the_command_back_and_tells_again),
        dispatch_test(heartbeats_keep_a_lease_and_their_details_go_to_the_next_attempt),
        dispatch_test(schedule_to_start_knows_whether_anybody_had_it),
        dispatch_test(a_nacked_command_comes_again_after_the_delay),
        dispatch_test(a_cancelled_command_is_told_and_handed_out_no_more),
        dispatch_test(a_broken_stream_can_be_resumed),
        dispatch_test(what_is_not_resumed_in_time_goes_to_others),
        dispatch_test(a_poll_leaves_its_lease_behind),
        dispatch_test(what_was_not_taken_goes_back_in_order),
        dispatch_test(polls_of_several_queues_let_none_of_them_starve),
        dispatch_test(a_command_that_was_only_offered_waits_no_longer_for_that),
        dispatch_test(who_resumes_is_told_of_what_was_cancelled_meanwhile),
        dispatch_test(timeouts_come_in_the_order_of_their_times),
        dispatch_test(concurrent_workers_take_each_command_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
