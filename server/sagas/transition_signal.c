/* Signals and decisions of people. Each is kept first, with its id; then a node that waits for it
 * takes it, now or when it is reached. */
#include "base/hash.h"
#include "server/sagas/decision.h"

bool signal_was_given(const struct saga *saga, const Sagabase__V1__Signal *signal)
{
    uint64_t id = checksum_bytes(bytes_of_text(signal->signal_id));

    for (uint32_t i = 0; i < saga->signal_id_count; i++)
        if (saga->signal_ids[i] == id)
            return true;
    return false;
}

/* The approval of that name; NULL: there is none. */
static const Sagabase__V1__Approval *find_approval(const struct saga *saga, const char *name)
{
    uint16_t node = definition_find(saga->definition, bytes_of_text(name));

    if (node == NODE_NONE ||
        saga->definition->nodes[node].source->kind_case != SAGABASE__V1__NODE__KIND_APPROVAL)
        return NULL;
    return saga->definition->nodes[node].source->approval;
}

static struct status check_signal_allowed(const struct saga *saga,
                                          const Sagabase__V1__Signal *signal)
{
    const Sagabase__V1__Approval *approval = find_approval(saga, signal->name);

    if (!approval || approval->n_principals == 0)
        return OK;
    for (size_t i = 0; i < approval->n_principals; i++)
        if (strcmp(approval->principals[i], signal->principal) == 0)
            return OK;
    return status_make(STATUS_PERMISSION_DENIED,
                       "signal.principal: \"%.64s\" is not one of those who may decide \"%.64s\"",
                       signal->principal, signal->name);
}

/* What the saga's attribute is once it has those of the signal, too. */
static const char *attribute_behind(const struct saga *saga, const Sagabase__V1__Signal *signal,
                                    const char *name)
{
    for (size_t i = 0; i < signal->n_attributes; i++)
        if (strcmp(signal->attributes[i]->name, name) == 0)
            return signal->attributes[i]->value;
    return saga_find_attribute(saga, name);
}

static bool is_taken_by(const struct saga *saga, uint32_t activity,
                        const Sagabase__V1__Signal *signal)
{
    const Sagabase__V1__Node *node = activity_node(saga, activity)->source;

    if (!activity_is_open(&saga->activities[activity]))
        return false;
    if (node->kind_case == SAGABASE__V1__NODE__KIND_APPROVAL)
        return strcmp(node->name, signal->name) == 0;
    if (node->kind_case != SAGABASE__V1__NODE__KIND_WAIT_EVENT ||
        strcmp(node->wait_event->event, signal->name) != 0)
        return false;
    if (node->wait_event->key_attribute[0] == 0)
        return true;
    const char *key = attribute_behind(saga, signal, node->wait_event->key_attribute);
    return key && strcmp(key, signal->key) == 0;
}

/* The first that takes it; activity_count: nothing waits for it. */
static uint32_t find_taker(const struct saga *saga, const Sagabase__V1__Signal *signal)
{
    uint32_t activity = 0;

    while (activity < saga->activity_count && !is_taken_by(saga, activity, signal))
        activity++;
    return activity;
}

static struct status give(struct deciding *deciding, uint32_t activity,
                          const Sagabase__V1__Signal *signal)
{
    const Sagabase__V1__Node *node = activity_node(deciding->saga, activity)->source;
    Sagabase__V1__SagaError *error;

    if (node->kind_case == SAGABASE__V1__NODE__KIND_WAIT_EVENT || signal->approved)
        return emit_finished(deciding, activity, SUCCESS, NULL, signal, "");
    error = error_make(deciding, "$rejected", signal->principal);
    return emit_finished(deciding, activity, FAILURE, error, signal, "");
}

struct status check_start_room(const struct saga *saga,
                               const Sagabase__V1__StartSagaRequest *request)
{
    size_t attributes = request->n_attributes + saga->definition->timeout_codes, payloads = 0;

    for (size_t i = 0; i < request->n_signals; i++) {
        const Sagabase__V1__Signal *signal = request->signals[i];
        attributes += signal->n_attributes;
        payloads += signal->payload ? signal->payload->data.len : 0;
        TRY(check_signal_allowed(saga, signal));
    }
    if (attributes > SAGA_ATTRIBUTES_MAX)
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "attributes: with those of signals, and the codes of its steps, a saga "
                           "has at most %d",
                           SAGA_ATTRIBUTES_MAX);
    if (payloads > SAGA_PAYLOADS_BYTES_MAX)
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "signals: a saga keeps at most %d bytes of outputs and signals",
                           SAGA_PAYLOADS_BYTES_MAX);
    return OK;
}

/* What it added to the saga's attributes is there, or was replaced since. NULL: the arena is full.
 */
static Sagabase__V1__Signal *kept_signal(struct deciding *deciding, uint32_t index)
{
    Sagabase__V1__Signal *signal =
        saga_signal_unpack(deciding->saga->signals[index], deciding->arena);

    if (signal)
        signal->n_attributes = 0;
    return signal;
}

struct status take_kept_signal(struct deciding *deciding, uint32_t activity)
{
    const struct saga *saga = deciding->saga;

    for (uint32_t i = 0; i < saga->signal_count; i++) {
        Sagabase__V1__Signal *signal = kept_signal(deciding, i);
        if (!signal)
            return status_make(STATUS_RESOURCE_EXHAUSTED, "saga: a decision too large");
        if (is_taken_by(saga, activity, signal))
            return give(deciding, activity, signal);
    }
    return OK;
}

static bool waits_by_key(const struct saga *saga)
{
    for (uint32_t i = 0; i < saga->activity_count; i++) {
        const Sagabase__V1__Node *node = activity_node(saga, i)->source;
        if (activity_is_open(&saga->activities[i]) &&
            node->kind_case == SAGABASE__V1__NODE__KIND_WAIT_EVENT &&
            node->wait_event->key_attribute[0] != 0)
            return true;
    }
    return false;
}

struct status take_keyed_signals(struct deciding *deciding)
{
    const struct saga *saga = deciding->saga;

    if (saga->signal_count == 0 || !waits_by_key(saga))
        return OK;
    for (uint32_t i = 0; i < saga->signal_count;) {
        Sagabase__V1__Signal *signal = kept_signal(deciding, i);
        if (!signal)
            return status_make(STATUS_RESOURCE_EXHAUSTED, "saga: a decision too large");
        uint32_t taker = find_taker(saga, signal);
        if (taker < saga->activity_count)
            TRY(give(deciding, taker, signal)); /* another has its place then */
        else
            i++;
    }
    return OK;
}

struct status take_signal(struct deciding *deciding, const Sagabase__V1__Signal *signal)
{
    struct saga *saga = deciding->saga;

    if (signal_was_given(saga, signal)) {
        deciding->decision->duplicate = true;
        return OK;
    }
    if (saga->status == COMPENSATING || (saga->status == PARKED && !saga->past_pivot))
        return status_make(STATUS_FAILED_PRECONDITION,
                           "signal: nothing will wait for it, the saga is %s",
                           saga_status_name(saga));
    TRY(check_signal_allowed(saga, signal));
    TRY(check_room(saga, signal->attributes, signal->n_attributes, 0, signal->payload));
    if (saga->signal_id_count == SAGA_SIGNAL_IDS_MAX)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "signal: a saga takes at most %d",
                           SAGA_SIGNAL_IDS_MAX);
    uint32_t taker = find_taker(saga, signal);
    if (taker == saga->activity_count && saga->signal_count == SAGA_SIGNALS_MAX)
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "signal: a saga keeps at most %d that nothing waits for yet",
                           SAGA_SIGNALS_MAX);
    TRY(emit_signal(deciding, signal));
    return taker < saga->activity_count ? give(deciding, taker, signal) : OK;
}
