/* Everybody around the server: starters, operators, and participants that are as bad as real ones.
 * They answer late, twice, never, with the wrong revision, for commands that never were, in three
 * ways; or, if honest, at once and with success.
 *
 * What has to survive a server's death (which sagas were acknowledged, which replies were not)
 * is in struct memory. Everything runs while wire_step() is called. */
#ifndef TESTS_SAGAS_CAST_H
#define TESTS_SAGAS_CAST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/uuid.h"
#include "tests/support/chance.h"
#include "tests/support/wire.h"

enum { STARTS_MAX = 20000 };

struct memory {
    uint32_t started; /* numbers of sagas ever tried: 0 .. started - 1 */
    bool acknowledged[STARTS_MAX];
    struct reply_plan *replies; /* not answered yet; newest first */
    uint64_t replies_sent, duplicates, superseded, refused, unknown;
};

/* "saga-17" and its type. */
const char *memory_type(uint32_t number);
void memory_id(uint32_t number, char id[32]);
void memory_forget_replies(struct memory *memory);

struct cast;

/* Joins. Starts at most `starts` new sagas. */
struct cast *cast_join(struct wire *wire, struct memory *memory, struct chance *chance,
                       uint32_t starts, bool honest);

/* How long wire_step() may wait before cast_tick() is called again. */
int64_t cast_patience_us(const struct cast *cast);
/* Does what is due. */
void cast_tick(struct cast *cast);

/* From now on lost connections are expected: nothing new is sent. */
void cast_expect_death(struct cast *cast);
/* The same, and its streams are cancelled. */
void cast_leave(struct cast *cast);

/* What was wrong with an answer, if anything. */
struct status cast_verdict(const struct cast *cast);

/* After wire_open_calls() has become 0. */
void cast_free(struct cast *cast);

#endif
