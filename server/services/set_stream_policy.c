/* EventStore.SetStreamPolicy: how many events of a stream, or of a category's streams, are to be
 * seen (stream_change_call.h). */
#include "sagabase/v1/event_store.pb-c.h"
#include "server/services/methods.h"
#include "server/services/stream_change_call.h"
#include "server/services/stream_name.h"

static struct status read_request(const Sagabase__V1__SetStreamPolicyRequest *request,
                                  struct stream_change *change)
{
    if (request->policy)
        change->policy = (struct stream_policy){.max_count = request->policy->max_count,
                                                .max_age_us = request->policy->max_age_us,
                                                .encrypt = request->policy->encrypt};
    if (change->policy.max_age_us < 0)
        return status_make(STATUS_INVALID_ARGUMENT, "policy.max_age_us: not negative");
    change->before = request->truncate_before;
    switch (request->target_case) {
    case SAGABASE__V1__SET_STREAM_POLICY_REQUEST__TARGET_STREAM:
        change->kind = CHANGE_POLICY;
        return stream_name_read(request->stream, &change->name);
    case SAGABASE__V1__SET_STREAM_POLICY_REQUEST__TARGET_CATEGORY:
        if (request->truncate_before)
            return status_make(STATUS_INVALID_ARGUMENT, "truncate_before: only with a stream");
        change->kind = CHANGE_CATEGORY_POLICY;
        change->name = bytes_of_text(request->category);
        return OK;
    default:
        return status_make(STATUS_INVALID_ARGUMENT, "target: set stream or category");
    }
}

void set_stream_policy(struct call *call, const ProtobufCMessage *message)
{
    static const Sagabase__V1__SetStreamPolicyResponse response =
        SAGABASE__V1__SET_STREAM_POLICY_RESPONSE__INIT;
    struct stream_change change = {0};
    struct status status = read_request((const void *)message, &change);

    if (!status_ok(status))
        return call_fail(call, status);
    stream_change_call(call, &change, &response.base);
}
