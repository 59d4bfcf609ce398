/* What an input must be before it is decided. */
#include <stdio.h>

#include "base/uuid.h"
#include "server/sagas/decision.h"

enum {
    NAME_BYTES_MAX = 128, /* of an attribute, a signal, a signal's id, a principal, an error type */
    VALUE_BYTES_MAX = 256,
    CONTENT_TYPE_BYTES_MAX = 128,
    APPENDS_MAX = 100,
};

static const int64_t delay_ms_max = INT64_C(30) * 24 * 3600 * 1000;

static struct status check_text(const char *path, const char *field, const char *text,
                                size_t bytes_min, size_t bytes_max)
{
    size_t size = strlen(text);

    if (size < bytes_min || size > bytes_max)
        return status_make(STATUS_INVALID_ARGUMENT, "%s%s: %zu to %zu bytes", path, field,
                           bytes_min, bytes_max);
    return OK;
}

static struct status check_payload(const char *path, const char *field,
                                   const Sagabase__V1__Payload *payload)
{
    if (!payload)
        return OK;
    if (payload->data.len > SAGA_PAYLOAD_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%s%s.data: at most %d bytes", path, field,
                           SAGA_PAYLOAD_BYTES_MAX);
    if (strlen(payload->content_type) > CONTENT_TYPE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%s%s.content_type: at most %d bytes", path,
                           field, CONTENT_TYPE_BYTES_MAX);
    return OK;
}

static struct status check_attributes(const char *path, Sagabase__V1__Attribute **attributes,
                                      size_t count, size_t most)
{
    if (count > most)
        return status_make(STATUS_INVALID_ARGUMENT, "%sattributes: at most %zu", path, most);
    for (size_t i = 0; i < count; i++) {
        char field[48];
        snprintf(field, sizeof field, "attributes[%zu].name", i);
        TRY(check_text(path, field, attributes[i]->name, 1, NAME_BYTES_MAX));
        for (size_t j = 0; j < i; j++)
            if (strcmp(attributes[i]->name, attributes[j]->name) == 0)
                return status_make(STATUS_INVALID_ARGUMENT, "%s%s: \"%.64s\" is there twice", path,
                                   field, attributes[i]->name);
        snprintf(field, sizeof field, "attributes[%zu].value", i);
        TRY(check_text(path, field, attributes[i]->value, 0, VALUE_BYTES_MAX));
    }
    return OK;
}

struct status saga_check_signal(const Sagabase__V1__Signal *signal, const char *path)
{
    char inner[64];

    if (!signal)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: required", path);
    snprintf(inner, sizeof inner, "%s.", path);
    TRY(check_text(inner, "name", signal->name, 1, NAME_BYTES_MAX));
    TRY(check_text(inner, "key", signal->key, 0, VALUE_BYTES_MAX));
    TRY(check_text(inner, "signal_id", signal->signal_id, 1, NAME_BYTES_MAX));
    TRY(check_text(inner, "principal", signal->principal, 0, NAME_BYTES_MAX));
    TRY(check_payload(inner, "payload", signal->payload));
    return check_attributes(inner, signal->attributes, signal->n_attributes,
                            SAGA_ADDED_ATTRIBUTES_MAX);
}

struct status saga_check_start(const Sagabase__V1__StartSagaRequest *request)
{
    TRY(check_text("", "type", request->type, 1, SAGA_TYPE_BYTES_MAX));
    TRY(check_text("", "id", request->id, 1, SAGA_ID_BYTES_MAX));
    TRY(check_payload("", "input", request->input));
    TRY(check_attributes("", request->attributes, request->n_attributes,
                         SAGA_START_ATTRIBUTES_MAX));
    if (!protobuf_c_enum_descriptor_get_value(&sagabase__v1__id_reuse__descriptor,
                                              (int)request->id_reuse))
        return status_make(STATUS_INVALID_ARGUMENT, "id_reuse: %d is not known",
                           (int)request->id_reuse);
    TRY(check_text("", "request_id", request->request_id, 0, NAME_BYTES_MAX));
    if (request->run_timeout_ms < 0 || request->run_timeout_ms > SAGA_TIME_US_MAX / 1000)
        return status_make(STATUS_INVALID_ARGUMENT, "run_timeout_ms: 0 to 10 years");
    if (request->n_appends > APPENDS_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "appends: at most %d streams", APPENDS_MAX);
    if (request->n_signals > SAGA_START_SIGNALS_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "signals: at most %d", SAGA_START_SIGNALS_MAX);
    for (size_t i = 0; i < request->n_signals; i++) {
        char path[32];
        snprintf(path, sizeof path, "signals[%zu]", i);
        TRY(saga_check_signal(request->signals[i], path));
    }
    return OK;
}

/* --- replies ------------------------------------------------------------------------------------
 */

static struct status check_error(const char *path, const Sagabase__V1__SagaError *error)
{
    if (!error)
        return OK;
    TRY(check_text(path, "error.type", error->type, 0, NAME_BYTES_MAX));
    if (error->type[0] == '$')
        return status_make(STATUS_INVALID_ARGUMENT,
                           "%serror.type: those with \"$\" in front are the server's", path);
    return check_text(path, "error.message", error->message, 0, SAGA_ERROR_MESSAGE_BYTES_MAX);
}

static struct status check_success(const Sagabase__V1__Success *success)
{
    TRY(check_payload("success.", "output", success->output));
    TRY(check_text("success.", "code", success->code, 0, VALUE_BYTES_MAX));
    return check_attributes("success.", success->attributes, success->n_attributes,
                            SAGA_ADDED_ATTRIBUTES_MAX);
}

static struct status check_delay(const char *field, int64_t delay_ms, int64_t lowest)
{
    if (delay_ms < lowest || delay_ms > delay_ms_max)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: %lld milliseconds to 30 days", field,
                           (long long)lowest);
    return OK;
}

struct status saga_check_reply_fields(const Sagabase__V1__Reply *reply)
{
    bool ends = reply->outcome_case == SAGABASE__V1__REPLY__OUTCOME_SUCCESS ||
                reply->outcome_case == SAGABASE__V1__REPLY__OUTCOME_FAILURE;
    struct uuid id;

    if (!uuid_parse(bytes_of_text(reply->command_id), &id))
        return status_make(STATUS_INVALID_ARGUMENT, "command_id: a UUID of 36 characters");
    if (reply->n_appends > 0 && !ends)
        return status_make(STATUS_INVALID_ARGUMENT,
                           "appends: only with success and failure, which end the command");
    if (reply->n_appends > APPENDS_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "appends: at most %d streams", APPENDS_MAX);
    switch (reply->outcome_case) {
    case SAGABASE__V1__REPLY__OUTCOME_SUCCESS:
        return check_success(reply->success);
    case SAGABASE__V1__REPLY__OUTCOME_FAILURE:
        return check_error("failure.", reply->failure->error);
    case SAGABASE__V1__REPLY__OUTCOME_ERROR:
        TRY(check_error("error.", reply->error->error));
        return check_delay("error.next_retry_delay_ms", reply->error->next_retry_delay_ms, 0);
    case SAGABASE__V1__REPLY__OUTCOME_ONGOING:
        return check_delay("ongoing.check_after_ms", reply->ongoing->check_after_ms, 1);
    default:
        return status_make(STATUS_INVALID_ARGUMENT,
                           "outcome: one of success, failure, error and ongoing is required");
    }
}

/* Of a command that has its outcome. */
static Sagabase__V1__ReplyOutcome answered(uint8_t outcome, bool given_up,
                                           Sagabase__V1__Outcome *recorded)
{
    *recorded = outcome;
    return given_up ? SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_SUPERSEDED
                    : SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_DUPLICATE;
}

/* Of one that has none yet. */
static Sagabase__V1__ReplyOutcome would_take(const struct saga *saga,
                                             const struct activity *activity,
                                             const Sagabase__V1__Reply *reply)
{
    bool older = reply->attempt != 0 && reply->attempt < activity->attempt;
    bool ongoing = activity->state == SAGABASE__V1__ACTIVITY_STATE__ACTIVITY_STATE_ONGOING;
    bool counts;

    if (reply->attempt > activity->attempt)
        return SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNKNOWN_COMMAND;
    switch (reply->outcome_case) {
    case SAGABASE__V1__REPLY__OUTCOME_SUCCESS: /* of whatever attempt */
        counts = true;
        break;
    case SAGABASE__V1__REPLY__OUTCOME_FAILURE: /* the same, unless it is no more than an error */
        counts = !saga->past_pivot || (!older && (activity_is_open(activity) || ongoing));
        break;
    case SAGABASE__V1__REPLY__OUTCOME_ERROR:
        counts = !older && (activity_is_open(activity) || ongoing);
        break;
    default:
        counts = !older && activity_is_open(activity);
    }
    return counts ? SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_ACCEPTED
                  : SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_DUPLICATE;
}

Sagabase__V1__ReplyOutcome saga_check_reply(const struct saga *saga, uint32_t activity,
                                            bool compensation, const Sagabase__V1__Reply *reply,
                                            Sagabase__V1__Outcome *recorded)
{
    *recorded = SAGABASE__V1__OUTCOME__OUTCOME_UNSPECIFIED;
    if (activity >= saga->activity_count || !activity_step(saga, activity))
        return SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNKNOWN_COMMAND;
    const struct activity *at = &saga->activities[activity];
    if (!compensation && at->outcome != SAGABASE__V1__OUTCOME__OUTCOME_UNSPECIFIED)
        return answered(at->outcome, at->given_up, recorded);
    /* Without an attempt its compensation was never issued: it was parked for having none. */
    if (compensation && (!activity_undoes(at) || !activity_step(saga, activity)->compensation))
        return SAGABASE__V1__REPLY_OUTCOME__REPLY_OUTCOME_UNKNOWN_COMMAND;
    bool success = reply->outcome_case == SAGABASE__V1__REPLY__OUTCOME_SUCCESS;
    if (compensation && (activity_is_closed(at) || (activity_is_parked(at) && !success)))
        return answered(at->compensation_outcome, at->compensation_given_up, recorded);
    return would_take(saga, at, reply);
}
