/* What the parts of the gateway share. Only for files of this folder. */
#ifndef SERVER_SAGAS_GATEWAY_STATE_H
#define SERVER_SAGAS_GATEWAY_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/metric.h"
#include "server/sagas/definitions.h"
#include "server/sagas/dispatch_feed.h"
#include "server/sagas/gateway.h"
#include "server/sagas/open_sagas.h"
#include "server/sagas/saga_index.h"
#include "server/sagas/saga_timers.h"

/* What follows once the group is durable: to a command, or to a definition. */
enum effect_kind { EFFECT_OPEN, EFFECT_REST, EFFECT_CLOSE, EFFECT_CANCEL, EFFECT_PUBLISH };

struct effect {
    enum effect_kind kind;
    bool tell;                            /* who has the command */
    struct open_command command;          /* but for OPEN only its id */
    const struct saga *saga;              /* whose command ends; NULL: nobody's */
    const Sagabase__V1__SagaEvent *event; /* ... with this */
    struct definition_entry *definition;
    struct effect *next;
};

/* What decides have done to the group in the making. @thread writer */
struct group {
    struct effect *effects, **effects_last;
    struct open_saga *ended; /* leave memory once it is durable */
};

struct gateway_totals {
    struct counter started, replies, late_replies, timeouts, timers, stuck;
    struct counter completed, compensated, terminated;
    /* Limits that were hit. */
    struct counter refused, store_busy, saga_full, definitions_full;
};

/* Sagas that ended lately, by a hash of their name: who has read the disk before must read again.
 */
enum { ENDED_SLOTS = 1 << 15 };

struct gateway {
    struct gateway_options options; /* with the defaults filled in */
    struct event_log *log;
    struct engine *engine;
    const struct clock *clock;
    struct command_secret secret;
    struct dispatch *dispatch;
    struct definitions definitions;
    struct saga_timers timers;
    struct gateway_totals totals;

    /* @thread writer */
    struct open_sagas open;
    bool secret_is_new; /* and not on disk */
    uint64_t next_number;
    uint64_t ended_at[ENDED_SLOTS];
    struct group group;

    _Atomic(uint64_t) ended_count; /* ends, once they are durable */
};

/* --- intents (gateway.c) ------------------------------------------------------------------------
 */

/* Takes the caller's place as the one that is told. */
void gateway_part_begin(struct gateway_part *part, struct gateway *gateway, struct intent *intent,
                        void (*done)(struct intent *intent));

/* @thread writer, in `done`: what was added is durable, or will never be. Then tells the caller. */
void gateway_part_end(struct gateway_part *part, struct intent *intent);

/* @thread writer, in decide. */
void gateway_add_effect(struct gateway *gateway, struct commit *commit,
                        const struct effect *effect);

/* A saga's name by hash, for what is in memory. */
uint64_t saga_name_hash(struct bytes type, struct bytes id);

/* @thread writer. Whether a saga of this name may have ended behind `known_ended`. */
bool gateway_has_ended_since(const struct gateway *gateway, uint64_t name_hash,
                             uint64_t known_ended);

/* --- changing a saga (saga_change.c): @thread writer ------------------------------------- */

struct saga_change {
    struct gateway *gateway;
    struct commit *commit;
    struct open_saga *open;
    struct saga_index_view *before;
    struct saga_decision decision;
    uint64_t position; /* once written: of the last event */

    bool is_trial; /* of a saga that nobody has yet: if it breaks, nothing is lost */

    bool is_answer; /* to the newest attempt of `answered`: who has that knows it is over */
    struct command_name answered;
};

/* Before the first input. `open->saga` may be an empty state. */
void saga_change_begin(struct saga_change *change, struct gateway *gateway, struct commit *commit,
                       struct open_saga *open);

/* saga_decide at the commit's time, once for each change. If it breaks the saga, the commit fails,
 * unless it is a trial. */
struct status saga_change_decide(struct saga_change *change, struct saga_input *input);

/* Adds all that was decided to the commit. True if there was anything. */
bool saga_change_write(struct saga_change *change);

/* Its command of this operation can be handed out, or was. */
static inline bool saga_is_out(const struct activity *activity, bool compensation)
{
    return activity->attempt > 0 &&
           activity->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_OPEN &&
           compensation == (activity->operation == SAGABASE__V1__OPERATION__OPERATION_COMPENSATION);
}

/* What a command is told with when it can be handed out. */
struct open_command saga_open_command(const struct gateway *gateway, const struct saga *saga,
                                      uint32_t activity, bool is_new);

/* --- rows (saga_rows.c): any thread ------------------------------------------------------ */

/* Of the newest run of a name; 0: there is none. */
struct status saga_rows_find(struct gateway *gateway, struct bytes type, struct bytes id,
                             uint64_t *number);

struct status saga_rows_read(struct gateway *gateway, uint64_t number, struct saga **saga);

/* From a row's bytes. */
struct status saga_rows_decode(struct gateway *gateway, struct bytes row, struct saga **saga);

/* --- recovery (gateway_recover.c) -------------------------------------------------------- */

struct status gateway_recover(struct gateway *gateway);

#endif
