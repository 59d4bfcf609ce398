/* What is done to a saga by its name: signals, and what operators do. */
#include <stdlib.h>

#include "server/sagas/gateway_state.h"

enum { ACT_BYTES = 8192 }; /* about what it adds to a commit, a signal's payload aside */

/* @thread writer */
static struct status decide(struct intent *intent, struct commit *commit)
{
    struct saga_act *act = container_of(intent, struct saga_act, intent);
    struct gateway *gateway = act->part.gateway;
    struct open_saga *open = open_sagas_find_named(
        &gateway->open, saga_name_hash(act->type, act->id), act->type, act->id);
    struct saga_change change;

    act->is_open = open && !open->has_ended;
    if (!act->is_open)
        return OK; /* what is committed tells: act_settle */
    saga_change_begin(&change, gateway, commit, open);
    TRY(saga_change_decide(&change, &act->input));
    act->part.added = saga_change_write(&change);
    act->duplicate = change.decision.duplicate;
    act->status = (Sagabase__V1__SagaStatus)open->saga->status;
    return OK;
}

static void on_done(struct intent *intent)
{
    gateway_part_end(&container_of(intent, struct saga_act, intent)->part, intent);
}

struct status saga_act_submit(struct gateway *gateway, struct saga_act *act, struct arena *arena)
{
    (void)arena;
    act->duplicate = false;
    act->status = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_UNSPECIFIED;
    act->intent.decide = decide;
    act->intent.bytes = ACT_BYTES;
    if (act->input.kind == INPUT_SIGNAL && act->input.signal->payload)
        act->intent.bytes += 2 * act->input.signal->payload->data.len;
    gateway_part_begin(&act->part, gateway, &act->intent, on_done);
    return event_log_submit(gateway->log, &act->intent);
}

/* Of a saga that has ended: what it says to this, without changing anything. */
static struct status ask(struct saga_act *act, struct saga *saga, struct arena *arena)
{
    struct saga_decision decision = {0};
    bool broken = false;

    act->input.now_us = saga->changed_us;
    TRY(saga_decide(saga, &act->input, &act->part.gateway->secret, arena, &decision, &broken));
    act->duplicate = decision.duplicate;
    act->status = (Sagabase__V1__SagaStatus)saga->status;
    if (decision.event_count > 0)
        return status_make(STATUS_INTERNAL, "%.*s: it has ended, and yet something follows",
                           (int)act->id.size, (const char *)act->id.data);
    return OK;
}

/* It has started since: what was there when it was asked for? */
static struct status tell_before(const struct saga_act *act, uint32_t run)
{
    if (run == 1)
        return status_make(STATUS_NOT_FOUND, "%.*s/%.*s: no such saga", (int)act->type.size,
                           (const char *)act->type.data, (int)act->id.size,
                           (const char *)act->id.data);
    return status_make(STATUS_FAILED_PRECONDITION,
                       "%.*s: run %u had ended, and run %u had not begun", (int)act->id.size,
                       (const char *)act->id.data, run - 1, run);
}

struct status saga_act_settle(struct saga_act *act, struct arena *arena)
{
    struct saga *saga;

    if (!status_ok(act->intent.status) || act->is_open)
        return act->intent.status;
    TRY(act->intent.status = gateway_get_saga(act->part.gateway, act->type, act->id, &saga));
    act->intent.status = saga_has_ended(saga) ? ask(act, saga, arena) : tell_before(act, saga->run);
    saga_free(saga);
    return act->intent.status;
}
