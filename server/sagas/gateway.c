/* The gateway as a whole: opening, closing, and the end of each intent. */
#include "server/sagas/gateway.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "server/sagas/gateway_state.h"
#include "server/sagas/saga_trace.h"

enum { RESUME_WITHIN_US = 10000000 };
#define MEMORY_BYTES_MAX ((size_t)512 << 20)

/* --- opening -------------------------------------------------------------------------------------
 */

static void look_earlier(void *context)
{
    struct gateway *gateway = context;

    saga_timers_look(&gateway->timers);
}

static struct gateway *create(const struct gateway_options *options)
{
    struct gateway *gateway = calloc(1, sizeof *gateway);

    if (!gateway)
        return NULL;
    gateway->options = *options;
    if (gateway->options.memory_bytes_max == 0)
        gateway->options.memory_bytes_max = MEMORY_BYTES_MAX;
    if (gateway->options.resume_within_us == 0)
        gateway->options.resume_within_us = RESUME_WITHIN_US;
    gateway->log = options->log;
    gateway->engine = event_log_engine(options->log);
    gateway->clock = event_log_clock(options->log);
    gateway->group.effects_last = &gateway->group.effects;
    atomic_store(&gateway->open.counts.due_us, INT64_MAX);
    definitions_init(&gateway->definitions);
    saga_timers_init(&gateway->timers, gateway);
    gateway->dispatch = dispatch_create(&(struct dispatch_options){
        .clock = gateway->clock,
        .resume_within_us = gateway->options.resume_within_us,
        .earlier = look_earlier,
        .context = gateway,
    });
    return gateway;
}

static void destroy(struct gateway *gateway)
{
    if (gateway->dispatch)
        dispatch_free(gateway->dispatch);
    open_sagas_destroy(&gateway->open);
    definitions_destroy(&gateway->definitions);
    saga_timers_destroy(&gateway->timers);
    free(gateway);
}

struct status gateway_open(const struct gateway_options *options, struct gateway **opened)
{
    struct gateway *gateway = create(options);

    if (!gateway)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory");
    struct status status = gateway->dispatch
                               ? gateway_recover(gateway)
                               : status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory");
    if (status_ok(status))
        status = saga_timers_start(&gateway->timers);
    if (status_ok(status))
        *opened = gateway;
    else
        destroy(gateway);
    return status;
}

void gateway_close(struct gateway *gateway)
{
    saga_timers_stop(&gateway->timers);
    destroy(gateway);
}

struct dispatch *gateway_dispatch(struct gateway *gateway)
{
    return gateway->dispatch;
}

int64_t gateway_resume_within_us(const struct gateway *gateway)
{
    return gateway->options.resume_within_us;
}

void gateway_look_at_clock(struct gateway *gateway)
{
    saga_timers_look(&gateway->timers);
}

const struct command_secret *gateway_secret(const struct gateway *gateway)
{
    return &gateway->secret;
}

static uint64_t load(const _Atomic(uint64_t) *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

struct gateway_counts gateway_counts(struct gateway *gateway)
{
    const struct open_counts *open = &gateway->open.counts;
    const struct gateway_totals *totals = &gateway->totals;

    return (struct gateway_counts){
        .open = load(&open->open),
        .running = load(&open->running),
        .compensating = load(&open->compensating),
        .parked = load(&open->parked),
        .paused = load(&open->paused),
        .started = counter_get(&totals->started),
        .memory_bytes = atomic_load(&open->bytes),
        .oldest_due_us = atomic_load(&open->due_us),
        .replies = counter_get(&totals->replies),
        .late_replies = counter_get(&totals->late_replies),
        .timeouts = counter_get(&totals->timeouts),
        .timers = counter_get(&totals->timers),
        .stuck = counter_get(&totals->stuck),
    };
}

/* --- what ended lately: @thread writer ----------------------------------------------------------
 */

uint64_t saga_name_hash(struct bytes type, struct bytes id)
{
    return hash_bytes(id) * 31 + hash_bytes(type);
}

bool gateway_has_ended_since(const struct gateway *gateway, uint64_t name_hash,
                             uint64_t known_ended)
{
    return gateway->ended_at[name_hash % ENDED_SLOTS] > known_ended;
}

/* --- the end of an intent: @thread writer --------------------------------------------------------
 */

void gateway_part_begin(struct gateway_part *part, struct gateway *gateway, struct intent *intent,
                        void (*done)(struct intent *intent))
{
    *part = (struct gateway_part){.gateway = gateway, .done = intent->done};
    intent->done = done;
}

void gateway_add_effect(struct gateway *gateway, struct commit *commit, const struct effect *effect)
{
    struct effect *added = arena_alloc_raw(commit_arena(commit), sizeof *added);

    if (!added)
        return commit_fail(commit, status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory"));
    *added = *effect;
    added->next = NULL;
    *gateway->group.effects_last = added;
    gateway->group.effects_last = &added->next;
}

static void take_effect(struct gateway *gateway, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_OPEN:
        if (!dispatch_open(gateway->dispatch, &effect->command))
            log_line(LOG_ERROR, "sagas", "short_of_memory",
                     "cause=\"a command waits for the next start of the server\"");
        return;
    case EFFECT_REST:
        if (effect->saga)
            saga_trace_attempt_end(gateway, &effect->command.id, effect->saga, effect->event);
        dispatch_rest(gateway->dispatch, &effect->command.id, effect->tell);
        return;
    case EFFECT_CLOSE:
        if (effect->saga)
            saga_trace_attempt_end(gateway, &effect->command.id, effect->saga, effect->event);
        dispatch_close(gateway->dispatch, &effect->command.id, effect->tell);
        return;
    case EFFECT_CANCEL:
        dispatch_cancel(gateway->dispatch, &effect->command.id);
        return;
    case EFFECT_PUBLISH:
        definitions_publish(&gateway->definitions, effect->definition);
        return;
    }
}

static void count_ended(struct gateway *gateway, const struct saga *saga)
{
    switch (saga->status) {
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED:
        return counter_add(&gateway->totals.completed, 1);
    case SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPENSATED:
        return counter_add(&gateway->totals.compensated, 1);
    default:
        return counter_add(&gateway->totals.terminated, 1);
    }
}

static void forget_ended(struct gateway *gateway, bool is_durable)
{
    uint64_t count = load(&gateway->ended_count);

    while (gateway->group.ended) {
        struct open_saga *open = gateway->group.ended;
        gateway->group.ended = open->next_ended;
        if (!is_durable)
            continue;
        gateway->ended_at[open->name_hash % ENDED_SLOTS] = ++count;
        count_ended(gateway, open->saga);
        saga_trace_end(gateway, open->saga);
        open_sagas_remove(&gateway->open, open);
    }
    atomic_store_explicit(&gateway->ended_count, count, memory_order_release);
}

static void publish_due(struct gateway *gateway)
{
    int64_t due_us = due_heap_first_us(&gateway->open.due);
    int64_t before_us = atomic_exchange(&gateway->open.counts.due_us, due_us);

    if (due_us < before_us)
        saga_timers_look(&gateway->timers);
}

/* By the first intent of a group that has added something, for all of them. */
static void end_group(struct gateway *gateway, bool is_durable)
{
    struct group *group = &gateway->group;

    if (is_durable)
        for (const struct effect *effect = group->effects; effect; effect = effect->next)
            take_effect(gateway, effect);
    forget_ended(gateway, is_durable);
    if (is_durable)
        publish_due(gateway);
    *group = (struct group){.effects_last = &group->effects};
}

void gateway_part_end(struct gateway_part *part, struct intent *intent)
{
    if (part->added)
        end_group(part->gateway, status_ok(intent->status));
    intent->done = part->done;
    intent->done(intent);
}
