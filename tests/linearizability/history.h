/* What clients did and what they were told, noted outside of the server, and the store as
 * it should be: a state that one operation after another is applied to. */
#ifndef TESTS_LINEARIZABILITY_HISTORY_H
#define TESTS_LINEARIZABILITY_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { STREAMS_MAX = 64, PARTS_MAX = 3, CHECKS_MAX = 2 };

/* Events have one of so many types, and any of so many tags. */
enum { TYPES = 3, TAGS = 2, TAG_SETS = 1 << TAGS };

enum kind {
    KIND_APPEND,
    KIND_HEAD, /* the newest event of a stream */
    KIND_END,  /* the newest event of the store */
};

enum outcome {
    OUTCOME_UNKNOWN, /* none came; history_settle decides */
    OUTCOME_APPENDED,
    OUTCOME_REFUSED, /* a stream was not as expected, or the condition did not hold */
    OUTCOME_FOUND,
    OUTCOME_NOTHING, /* no such stream; an empty store */
};

enum expected { EXPECTED_ANY, EXPECTED_NO_STREAM, EXPECTED_EXISTS, EXPECTED_REVISION };

struct part {
    uint32_t stream;
    enum expected expected;
    uint64_t revision;       /* of EXPECTED_REVISION */
    uint32_t events;         /* 0: a check */
    uint64_t first_revision; /* told, of an append */
};

/* "Fail if an event that matches was appended behind what was seen." */
struct condition {
    bool given;
    uint32_t types; /* bits; 0: any */
    uint32_t tags;  /* bits; all of them */
    uint64_t seen;  /* events of the store that do not count */
};

/* The order of `invoked` and `returned` is that of one clock over all operations. */
struct operation {
    enum kind kind;
    enum outcome outcome;
    uint64_t invoked;
    uint64_t returned;
    uint32_t part_count; /* KIND_HEAD: one */
    struct part parts[PARTS_MAX + CHECKS_MAX];

    uint32_t type; /* KIND_APPEND: of all its events */
    uint32_t tags; /* bits */
    struct condition condition;

    uint64_t revision; /* KIND_HEAD: of the newest event */
    uint64_t position; /* of the newest event; of an append: of its last one */

    bool conflict_told; /* OUTCOME_REFUSED: the first stream at fault and what it was */
    uint32_t conflict_part;
    bool conflict_exists;
    uint64_t conflict_revision;

    bool match_told; /* OUTCOME_REFUSED: by the condition, because of this event */
    uint64_t match_position;
};

struct history {
    struct operation *operations;
    uint32_t count;
    uint32_t capacity;
    uint64_t clock; /* counts up with every invocation and every return */
};

void history_destroy(struct history *history);

/* Notes an operation before it is sent; its number. */
uint32_t history_invoke(struct history *history, const struct operation *operation);

/* The operation `number`, whose outcome the caller fills in, has returned. */
struct operation *history_return(struct history *history, uint32_t number);

/* One operation as a line of JSON, for other checkers. */
void history_print(const struct history *history, FILE *file);

/* --- the store as it should be ------------------------------------------------------ */

struct stream_state {
    uint32_t events;
    uint32_t last_position;
};

struct store_state {
    uint32_t events;
    struct stream_state streams[STREAMS_MAX];
    uint32_t ends[TYPES][TAG_SETS]; /* events up to the last one of this kind; 0: none */
};

/* Whether the operation, applied to this state at once and alone, has this outcome; if so,
 * changes the state as it does. */
bool store_apply(struct store_state *state, const struct operation *operation);

#endif
