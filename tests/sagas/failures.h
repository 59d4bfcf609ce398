/* What the tests of the failure table have in common. After <cmocka.h>. */
#ifndef TESTS_SAGAS_FAILURES_H
#define TESTS_SAGAS_FAILURES_H

#include "tests/sagas/stage.h"

#define ACCEPTED    SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED
#define DUPLICATE   SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_DUPLICATE
#define SUPERSEDED  SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_SUPERSEDED
#define STARTED     SAGABASE__V1__START_OUTCOME__START_OUTCOME_STARTED
#define ATTACHED    SAGABASE__V1__START_OUTCOME__START_OUTCOME_ATTACHED
#define RUNNING     SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_RUNNING
#define PARKED      SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_PARKED
#define COMPLETED   SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED
#define COMPENSATED SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED

#define ONE   ORDER(STEP("a", "a"))
#define TWO   ORDER(STEP("a", "a") "," STEP("b", "b"))
#define THREE ORDER(STEP("a", "a") "," STEP("b", "b") "," STEP("c", "c"))

void f17_a_commit_that_fails_changes_nothing_and_ends_the_server(void **state);
void f18_a_torn_tail_of_the_write_ahead_log_takes_only_what_was_in_it(void **state);
void f19_what_follows_from_the_log_is_made_again(void **state);

#endif
