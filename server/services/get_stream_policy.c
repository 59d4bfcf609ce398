/* EventStore.GetStreamPolicy: what SetStreamPolicy has set. */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/methods.h"
#include "server/services/services.h"
#include "server/services/stream_name.h"
#include "storage/log/stream_change.h"

static struct status find_policy(struct event_log *log,
                                 const Sagabase__V1__GetStreamPolicyRequest *request,
                                 struct stream_policy *policy, uint64_t *first_revision)
{
    struct bytes name;

    switch (request->target_case) {
    case SAGABASE__V1__GET_STREAM_POLICY_REQUEST__TARGET_STREAM:
        TRY(stream_name_read(request->stream, &name));
        return event_log_get_policy(log, name, policy, first_revision);
    case SAGABASE__V1__GET_STREAM_POLICY_REQUEST__TARGET_CATEGORY:
        *policy = event_log_get_category_policy(log, bytes_of_text(request->category));
        return OK;
    default:
        return status_make(STATUS_INVALID_ARGUMENT, "target: set stream or category");
    }
}

void get_stream_policy(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    Sagabase__V1__GetStreamPolicyResponse response = SAGABASE__V1__GET_STREAM_POLICY_RESPONSE__INIT;
    Sagabase__V1__StreamPolicy answer = SAGABASE__V1__STREAM_POLICY__INIT;
    struct stream_policy policy = {0};
    struct status status =
        find_policy(services->log, (const void *)message, &policy, &response.first_revision);

    if (!status_ok(status))
        return call_fail(call, status);
    answer.max_count = policy.max_count;
    answer.max_age_us = policy.max_age_us;
    answer.encrypt = policy.encrypt;
    response.policy = &answer;
    call_reply(call, &response.base);
}
