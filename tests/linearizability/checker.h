/* An exact check of linearizability: is there an order of all operations that respects which
 * returned before which was invoked, and in which each, applied alone, has its outcome?
 * Wing and Gong's search, with the memory of Lowe's: a set of operations done that leads to
 * a state seen before is not tried again. */
#ifndef TESTS_LINEARIZABILITY_CHECKER_H
#define TESTS_LINEARIZABILITY_CHECKER_H

#include "tests/linearizability/history.h"

enum verdict {
    LINEARIZABLE,
    NOT_LINEARIZABLE,
    UNDECIDED, /* the search took more than CHECKER_SEEN_MAX states */
};

enum { CHECKER_SEEN_MAX = 1 << 20 };

/* No operation's outcome may be unknown. *culprit: the operation that the longest order found
 * could not be carried beyond, unless it is LINEARIZABLE. */
enum verdict checker_decide(const struct history *history, uint32_t *culprit);

#endif
