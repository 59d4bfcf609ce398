/* Starting a saga, or attaching to the one there is. */
#include <stdlib.h>

#include "server/sagas/gateway_state.h"
#include "server/sagas/saga_keys.h"

enum { START_BYTES = 4096 }; /* about what it adds to a commit, its input aside */

static struct bytes type_of(const struct saga_start *start)
{
    return bytes_of_text(start->request->type);
}

static struct bytes id_of(const struct saga_start *start)
{
    return bytes_of_text(start->request->id);
}

/* --- what there is ----------------------------------------------------------------------- */

/* Reads the newest run of the id, if it is on disk and over. One that is open, the writer has. */
static struct status read_ended(struct gateway *gateway, struct saga_start *start)
{
    struct saga *saga;
    uint64_t number;

    start->known_ended = atomic_load_explicit(&gateway->ended_count, memory_order_acquire);
    TRY(saga_rows_find(gateway, type_of(start), id_of(start), &number));
    if (number == 0)
        return OK;
    TRY(saga_rows_read(gateway, number, &saga));
    if (saga_has_ended(saga))
        start->ended = saga;
    else
        saga_free(saga);
    return OK;
}

/* @thread writer. The newest run of the id; NULL: there is none. */
static struct status find_newest(struct saga_start *start, struct open_saga **open,
                                 struct saga **newest)
{
    struct gateway *gateway = start->part.gateway;
    uint64_t hash = saga_name_hash(type_of(start), id_of(start));

    *open = open_sagas_find_named(&gateway->open, hash, type_of(start), id_of(start));
    if (!*open && gateway_has_ended_since(gateway, hash, start->known_ended)) {
        if (start->ended)
            saga_free(start->ended);
        start->ended = NULL;
        TRY(read_ended(gateway, start));
    }
    *newest = *open ? (*open)->saga : start->ended;
    return OK;
}

/* --- @thread writer: attaching ----------------------------------------------------------- */

static bool may_run_again(const struct saga *newest, Sagabase__V1__IdReuse reuse)
{
    if (!saga_has_ended(newest))
        return false;
    if (reuse == SAGABASE__V1__ID_REUSE__ID_REUSE_ALLOW_IF_NOT_COMPLETED)
        return newest->status != SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED;
    return reuse == SAGABASE__V1__ID_REUSE__ID_REUSE_ALLOW;
}

static bool is_same_request(const struct saga_start *start, const struct saga *newest)
{
    struct bytes request_id = bytes_of_text(start->request->request_id);

    return request_id.size > 0 && bytes_equal(request_id, newest->request_id);
}

static void tell(struct saga_start *start, Sagabase__V1__StartOutcome outcome,
                 const struct saga *saga)
{
    start->outcome = outcome;
    start->status = (Sagabase__V1__SagaStatus)saga->status;
    start->run = saga->run;
    start->position = saga->position;
}

/* Whether an open saga would take all the signals: tried on a copy, because some may be refused
 * after others were taken. */
static struct status try_signals(struct saga_start *start, struct commit *commit,
                                 const struct saga *saga)
{
    struct status status = OK;
    struct open_saga copy = {0};
    struct saga_change change;
    struct bytes row;

    TRY(saga_encode(saga, commit_arena(commit), &row));
    TRY(saga_decode(row, saga->definition, &copy.saga));
    for (size_t i = 0; i < start->request->n_signals && status_ok(status); i++) {
        struct saga_input input = {.kind = INPUT_SIGNAL, .signal = start->request->signals[i]};
        saga_change_begin(&change, start->part.gateway, commit, &copy);
        change.is_trial = true;
        status = saga_change_decide(&change, &input);
    }
    saga_free(copy.saga);
    return status;
}

static struct status give_signals(struct saga_start *start, struct commit *commit,
                                  struct open_saga *open)
{
    if (start->request->n_signals == 0)
        return OK;
    TRY(try_signals(start, commit, open->saga));
    for (size_t i = 0; i < start->request->n_signals && !open->has_ended; i++) {
        struct saga_input input = {.kind = INPUT_SIGNAL, .signal = start->request->signals[i]};
        struct saga_change change;
        saga_change_begin(&change, start->part.gateway, commit, open);
        TRY(saga_change_decide(&change, &input));
        if (saga_change_write(&change))
            start->part.added = true;
    }
    return OK;
}

/* A start that names no version means the saga's own: the default may be another one since. */
static struct status attach(struct saga_start *start, struct commit *commit, struct open_saga *open,
                            const struct saga *newest)
{
    uint64_t hash = saga_input_hash(
        start->request->version > 0 ? start->definition : newest->definition, start->request);

    if (newest->input_hash != hash)
        return status_make(STATUS_ALREADY_EXISTS,
                           "id: run %u was started with another input or definition (%016llx, "
                           "not %016llx)",
                           newest->run, (unsigned long long)newest->input_hash,
                           (unsigned long long)hash);
    if (open && !open->has_ended)
        TRY(give_signals(start, commit, open));
    tell(start, SAGABASE__V1__START_OUTCOME__START_OUTCOME_ATTACHED, newest);
    return OK;
}

/* --- @thread writer: starting ------------------------------------------------------------ */

static void put_name(struct commit *commit, const struct saga *saga)
{
    uint8_t *key = arena_alloc_raw(commit_arena(commit), SAGA_NAME_KEY_BYTES);
    uint8_t *value = arena_alloc_raw(commit_arena(commit), SAGA_NAME_VALUE_BYTES);

    if (!key || !value)
        return commit_fail(commit, status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory"));
    commit_put(commit, FAMILY_SAGA_IDS, saga_name_key(key, saga->type, saga->id),
               saga_name_value(value, saga->number));
}

static void put_secret(struct gateway *gateway, struct commit *commit)
{
    if (gateway->secret_is_new)
        commit_put(commit, FAMILY_META, bytes_of_text(COMMAND_SECRET_KEY),
                   bytes_of(gateway->secret.bytes, COMMAND_SECRET_BYTES));
    gateway->secret_is_new = false;
}

/* Decides everything that can be refused; nothing is added yet. */
static struct status decide_start(struct saga_start *start, struct commit *commit, uint32_t run,
                                  struct saga_change *change)
{
    struct gateway *gateway = start->part.gateway;
    struct saga_input input = {.kind = INPUT_START,
                               .start = {.number = gateway->next_number,
                                         .run = run,
                                         .traceparent = start->traceparent,
                                         .tracestate = start->tracestate,
                                         .request = start->request}};
    struct saga *saga = saga_create(start->definition);
    struct open_saga *open = saga ? open_sagas_create(&gateway->open, saga) : NULL;

    if (!open) {
        if (saga)
            saga_free(saga);
        return status_make(STATUS_RESOURCE_EXHAUSTED, "sagas: out of memory");
    }
    saga_change_begin(change, gateway, commit, open);
    change->is_trial = true;
    struct status status = saga_change_decide(change, &input);
    if (!status_ok(status))
        open_saga_free(open);
    return status;
}

static struct status begin(struct saga_start *start, struct commit *commit, uint32_t run)
{
    struct gateway *gateway = start->part.gateway;
    struct saga_change change;

    if (atomic_load(&gateway->open.counts.bytes) >= gateway->options.memory_bytes_max) {
        counter_add(&gateway->totals.refused, 1);
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "sagas: %llu are open and use %zu bytes (--saga-memory)",
                           (unsigned long long)atomic_load(&gateway->open.counts.open),
                           atomic_load(&gateway->open.counts.bytes));
    }
    if (start->append) {
        start->append->intent.status = append_check(commit, start->append);
        TRY(start->append->intent.status);
    }
    TRY(decide_start(start, commit, run, &change));
    gateway->next_number++;
    start->part.added = true;
    if (start->append)
        append_add(commit, start->append);
    change.open->name_hash = saga_name_hash(type_of(start), id_of(start));
    open_sagas_add(&gateway->open, change.open);
    saga_change_write(&change);
    put_name(commit, change.open->saga);
    put_secret(gateway, commit);
    counter_add(&gateway->totals.started, 1);
    tell(start, SAGABASE__V1__START_OUTCOME__START_OUTCOME_STARTED, change.open->saga);
    start->position = change.position;
    return OK;
}

static struct status decide(struct intent *intent, struct commit *commit)
{
    struct saga_start *start = container_of(intent, struct saga_start, intent);
    struct open_saga *open;
    struct saga *newest;

    TRY(find_newest(start, &open, &newest));
    if (!newest)
        return begin(start, commit, 1);
    if (!is_same_request(start, newest) && may_run_again(newest, start->request->id_reuse))
        return begin(start, commit, newest->run + 1);
    return attach(start, commit, open, newest);
}

static void on_done(struct intent *intent)
{
    gateway_part_end(&container_of(intent, struct saga_start, intent)->part, intent);
}

/* --- any thread -------------------------------------------------------------------------- */

static void give_back(struct saga_start *start)
{
    if (start->ended)
        saga_free(start->ended);
    if (start->definition)
        definition_release(start->definition);
    start->ended = NULL;
    start->definition = NULL;
}

static struct status prepare(struct gateway *gateway, struct saga_start *start, struct arena *arena)
{
    size_t bytes = 0;
    bool is_default;

    TRY(saga_check_start(start->request));
    if (event_log_is_busy(gateway->log)) {
        counter_add(&gateway->totals.store_busy, 1);
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "store: it is busy with sagas and appends that have begun");
    }
    TRY(gateway_get_definition(gateway, type_of(start), start->request->version, &start->definition,
                               &is_default));
    TRY(read_ended(gateway, start));
    if (start->append)
        TRY(append_prepare(gateway->log, start->append, arena, &bytes));
    start->intent.bytes =
        START_BYTES + bytes + (start->request->input ? 3 * start->request->input->data.len : 0);
    return OK;
}

struct status saga_start_submit(struct gateway *gateway, struct saga_start *start,
                                struct arena *arena)
{
    start->definition = NULL;
    start->ended = NULL;
    struct status status = prepare(gateway, start, arena);
    if (status_ok(status)) {
        start->intent.decide = decide;
        gateway_part_begin(&start->part, gateway, &start->intent, on_done);
        status = event_log_submit(gateway->log, &start->intent);
    }
    if (!status_ok(status))
        give_back(start);
    return status;
}

struct status saga_start_settle(struct saga_start *start, struct arena *arena)
{
    (void)arena;
    give_back(start);
    return start->intent.status;
}
