/* The checker on histories whose verdict is known. Were it to accept the wrong ones, its
 * accepting those of the server would mean nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/linearizability/checker.h"

#define ONE(number, wanted, count)                                                                 \
    .part_count = 1, .parts = {{.stream = number, .expected = wanted, .events = count}}

static uint32_t note(struct history *history, uint64_t invoked, uint64_t returned,
                     struct operation operation)
{
    uint32_t number = history_invoke(history, &operation);

    history->operations[number] = operation;
    history->operations[number].invoked = invoked;
    history->operations[number].returned = returned;
    return number;
}

static uint32_t appended(struct history *history, uint64_t invoked, uint64_t returned,
                         uint32_t stream, uint64_t first_revision, uint64_t position)
{
    struct operation operation = {.kind = KIND_APPEND,
                                  .outcome = OUTCOME_APPENDED,
                                  .position = position,
                                  ONE(stream, EXPECTED_ANY, 1)};

    operation.parts[0].first_revision = first_revision;
    return note(history, invoked, returned, operation);
}

static uint32_t head(struct history *history, uint64_t invoked, uint64_t returned, uint32_t stream,
                     uint64_t revision, uint64_t position)
{
    return note(history, invoked, returned,
                (struct operation){.kind = KIND_HEAD,
                                   .outcome = OUTCOME_FOUND,
                                   .revision = revision,
                                   .position = position,
                                   ONE(stream, EXPECTED_ANY, 0)});
}

static uint32_t end(struct history *history, uint64_t invoked, uint64_t returned, uint64_t position)
{
    return note(
        history, invoked, returned,
        (struct operation){.kind = KIND_END, .outcome = OUTCOME_FOUND, .position = position});
}

/* Expected `expected`, refused because it was at `actual`. */
static uint32_t refused(struct history *history, uint64_t invoked, uint64_t returned,
                        uint64_t expected, uint64_t actual)
{
    struct operation operation = {.kind = KIND_APPEND,
                                  .outcome = OUTCOME_REFUSED,
                                  .conflict_told = true,
                                  .conflict_exists = true,
                                  .conflict_revision = actual,
                                  ONE(0, EXPECTED_REVISION, 1)};

    operation.parts[0].revision = expected;
    return note(history, invoked, returned, operation);
}

static void assert_decides(struct history *history, enum verdict verdict)
{
    uint32_t culprit;

    assert_int_equal(checker_decide(history, &culprit), verdict);
    history_destroy(history);
}

static void appends_one_after_another_are_linearizable(void **state)
{
    struct history history = {0};

    (void)state;
    appended(&history, 1, 2, 0, 0, 0);
    appended(&history, 3, 4, 0, 1, 1);
    head(&history, 5, 6, 0, 1, 1);
    end(&history, 7, 8, 1);
    assert_decides(&history, LINEARIZABLE);
}

static void concurrent_appends_may_take_either_order(void **state)
{
    struct history history = {0};

    (void)state;
    appended(&history, 1, 9, 0, 1, 1); /* invoked first, stored second */
    appended(&history, 2, 8, 0, 0, 0);
    head(&history, 3, 4, 0, 0, 0); /* between the two */
    refused(&history, 5, 7, 7, 1);
    assert_decides(&history, LINEARIZABLE);
}

static void an_order_that_time_forbids_is_refused(void **state)
{
    struct history history = {0};

    (void)state;
    appended(&history, 1, 2, 0, 1, 1); /* had returned before the other began */
    appended(&history, 3, 4, 0, 0, 0);
    assert_decides(&history, NOT_LINEARIZABLE);
}

static void success_with_a_stale_revision_is_refused(void **state)
{
    struct history history = {0};
    uint32_t stale;

    (void)state;
    appended(&history, 1, 2, 0, 0, 0);
    appended(&history, 3, 4, 0, 1, 1);
    stale = appended(&history, 5, 6, 0, 2, 2);
    history.operations[stale].parts[0].expected = EXPECTED_REVISION;
    history.operations[stale].parts[0].revision = 0;
    assert_decides(&history, NOT_LINEARIZABLE);
}

static void lost_acknowledged_append_is_refused(void **state)
{
    struct history history = {0};

    (void)state;
    appended(&history, 1, 2, 0, 0, 0);
    appended(&history, 3, 4, 0, 1, 1);
    head(&history, 5, 6, 0, 0, 0);
    assert_decides(&history, NOT_LINEARIZABLE);
}

static void wrong_actual_revision_is_refused(void **state)
{
    struct history history = {0};

    (void)state;
    appended(&history, 1, 2, 0, 0, 0);
    refused(&history, 3, 4, 5, 1);
    assert_decides(&history, NOT_LINEARIZABLE);
}

static void refusal_of_what_holds_is_refused(void **state)
{
    struct history history = {0};

    (void)state;
    appended(&history, 1, 2, 0, 0, 0);
    refused(&history, 3, 4, 0, 0);
    assert_decides(&history, NOT_LINEARIZABLE);
}

static void reads_that_go_back_are_refused(void **state)
{
    struct history history = {0};

    (void)state;
    appended(&history, 1, 9, 0, 0, 0);
    end(&history, 2, 3, 0);
    note(&history, 4, 5, (struct operation){.kind = KIND_END, .outcome = OUTCOME_NOTHING});
    assert_decides(&history, NOT_LINEARIZABLE);
}

static void part_of_an_append_that_is_seen_is_refused(void **state)
{
    struct history history = {0};
    struct operation both = {.kind = KIND_APPEND,
                             .outcome = OUTCOME_APPENDED,
                             .position = 1,
                             .part_count = 2,
                             .parts = {{.stream = 0, .events = 1}, {.stream = 1, .events = 1}}};

    (void)state;
    note(&history, 1, 9, both);
    head(&history, 2, 3, 0, 0, 0); /* the first stream has it, */
    note(
        &history, 4, 5, /* the second not yet */
        (struct operation){.kind = KIND_HEAD, .outcome = OUTCOME_NOTHING, ONE(1, EXPECTED_ANY, 0)});
    assert_decides(&history, NOT_LINEARIZABLE);
}

static void failed_check_refuses_the_append(void **state)
{
    struct history history = {0};
    struct operation checked = {
        .kind = KIND_APPEND,
        .outcome = OUTCOME_APPENDED,
        .position = 1,
        .part_count = 2,
        .parts = {{.stream = 1, .events = 1}, {.stream = 0, .expected = EXPECTED_NO_STREAM}}};

    (void)state;
    appended(&history, 1, 2, 0, 0, 0);
    note(&history, 3, 4, checked);
    assert_decides(&history, NOT_LINEARIZABLE);
}

/* Behind `seen` events nothing with all of these tags. */
static uint32_t conditional(struct history *history, uint64_t invoked, uint64_t returned,
                            uint64_t position, uint32_t tags, uint64_t seen)
{
    uint32_t number = appended(history, invoked, returned, 0, position, position);

    history->operations[number].condition =
        (struct condition){.given = true, .tags = tags, .seen = seen};
    return number;
}

static void tagged(struct history *history, uint64_t invoked, uint64_t returned, uint64_t position,
                   uint32_t tags)
{
    uint32_t number = appended(history, invoked, returned, 0, position, position);

    history->operations[number].tags = tags;
}

static void condition_holds_over_events_that_do_not_match(void **state)
{
    struct history history = {0};

    (void)state;
    tagged(&history, 1, 2, 0, 3);
    tagged(&history, 3, 4, 1, 1);
    conditional(&history, 5, 6, 2, 3, 1); /* the event with both tags was seen */
    assert_decides(&history, LINEARIZABLE);
}

static void success_in_spite_of_a_match_is_refused(void **state)
{
    struct history history = {0};

    (void)state;
    tagged(&history, 1, 2, 0, 1);
    tagged(&history, 3, 4, 1, 3);
    conditional(&history, 5, 6, 2, 1, 1);
    assert_decides(&history, NOT_LINEARIZABLE);
}

static void of_two_appends_that_exclude_each_other_one_fails(void **state)
{
    for (int both = 0; both < 2; both++) {
        struct history history = {0};
        uint32_t first = conditional(&history, 1, 8, 0, 1, 0);
        uint32_t second = conditional(&history, 2, 9, 1, 1, 0);

        history.operations[first].tags = history.operations[second].tags = 1;
        if (!both) {
            history.operations[second].outcome = OUTCOME_REFUSED;
            history.operations[second].match_told = true;
            history.operations[second].match_position = 0;
        }
        assert_decides(&history, both ? NOT_LINEARIZABLE : LINEARIZABLE);
    }
    (void)state;
}

static void match_that_is_not_there_is_refused(void **state)
{
    struct history history = {0};
    uint32_t number;

    (void)state;
    tagged(&history, 1, 2, 0, 1);
    number = conditional(&history, 3, 4, 1, 2, 0);
    history.operations[number].outcome = OUTCOME_REFUSED;
    history.operations[number].match_told = true;
    assert_decides(&history, NOT_LINEARIZABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_one_after_another_are_linearizable),
        cmocka_unit_test(concurrent_appends_may_take_either_order),
        cmocka_unit_test(an_order_that_time_forbids_is_refused),
        cmocka_unit_test(success_with_a_stale_revision_is_refused),
        cmocka_unit_test(lost_acknowledged_append_is_refused),
        cmocka_unit_test(wrong_actual_revision_is_refused),
        cmocka_unit_test(refusal_of_what_holds_is_refused),
        cmocka_unit_test(reads_that_go_back_are_refused),
        cmocka_unit_test(part_of_an_append_that_is_seen_is_refused),
        cmocka_unit_test(failed_check_refuses_the_append),
        cmocka_unit_test(condition_holds_over_events_that_do_not_match),
        cmocka_unit_test(success_in_spite_of_a_match_is_refused),
        cmocka_unit_test(of_two_appends_that_exclude_each_other_one_fails),
        cmocka_unit_test(match_that_is_not_there_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
