/* How a call ended, as a value; and why an append was aborted. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "clients/c/client.h"
#include "google/rpc/status.pb-c.h"

static const char details_key[] = "grpc-status-details-bin";

const char *sagabase_code_name(enum sagabase_code code)
{
    return status_code_name((enum status_code)code);
}

struct sagabase_status client_status(enum sagabase_code code, const char *format, ...)
{
    struct sagabase_status status = {.code = code};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(status.message, sizeof status.message, format, arguments);
    va_end(arguments);
    return status;
}

static void read_conflict(struct sagabase_conflict *conflict,
                          const Sagabase__V1__RevisionConflict *detail)
{
    snprintf(conflict->stream, sizeof conflict->stream, "%s", detail->stream);
    if (detail->expected_case == SAGABASE__V1__REVISION_CONFLICT__EXPECTED_EXPECTED_REVISION)
        conflict->expected.revision = detail->expected_revision;
    if (detail->expected_case == SAGABASE__V1__REVISION_CONFLICT__EXPECTED_EXPECTED_STATE)
        conflict->expected.state = detail->expected_state;
    if (detail->actual_case == SAGABASE__V1__REVISION_CONFLICT__ACTUAL_ACTUAL_REVISION)
        conflict->actual.revision = detail->actual_revision;
    if (detail->actual_case == SAGABASE__V1__REVISION_CONFLICT__ACTUAL_ACTUAL_STATE)
        conflict->actual.state = detail->actual_state;
}

static void read_condition(struct sagabase_status *status,
                           const Sagabase__V1__ConditionConflict *detail)
{
    status->condition_failed = true;
    status->condition_position = detail->position;
}

/* An Any names its type behind the last "/" of its URL. */
static bool is_of_type(const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *type)
{
    const char *slash = strrchr(any->type_url, '/');
    return strcmp(slash ? slash + 1 : any->type_url, type->name) == 0;
}

static void read_detail(struct sagabase_status *status, const Google__Protobuf__Any *any)
{
    const ProtobufCMessageDescriptor *const types[] = {
        &sagabase__v1__revision_conflict__descriptor,
        &sagabase__v1__condition_conflict__descriptor,
    };

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!is_of_type(any, types[i]))
            continue;
        ProtobufCMessage *detail =
            protobuf_c_message_unpack(types[i], NULL, any->value.len, any->value.data);
        if (detail && i == 0)
            read_conflict(&status->conflict, (const Sagabase__V1__RevisionConflict *)detail);
        else if (detail)
            read_condition(status, (const Sagabase__V1__ConditionConflict *)detail);
        protobuf_c_message_free_unpacked(detail, NULL);
    }
}

static void read_details(struct sagabase_status *status, grpc_slice bytes)
{
    Google__Rpc__Status *details =
        google__rpc__status__unpack(NULL, GRPC_SLICE_LENGTH(bytes), GRPC_SLICE_START_PTR(bytes));

    for (size_t i = 0; details && i < details->n_details; i++)
        read_detail(status, details->details[i]);
    google__rpc__status__free_unpacked(details, NULL);
}

struct sagabase_status client_status_of_call(grpc_status_code code, grpc_slice message,
                                             const grpc_metadata_array *trailing)
{
    /* gRPC's core resets a call that arrives in the very moment in which its server ends with
     * CANCEL; the server itself never answers so to a client that is still there. */
    if (code == GRPC_STATUS_CANCELLED)
        code = GRPC_STATUS_UNAVAILABLE;

    struct sagabase_status status =
        client_status((enum sagabase_code)code, "%.*s", (int)GRPC_SLICE_LENGTH(message),
                      (const char *)GRPC_SLICE_START_PTR(message));

    for (size_t i = 0; i < trailing->count; i++)
        if (grpc_slice_str_cmp(trailing->metadata[i].key, details_key) == 0)
            read_details(&status, trailing->metadata[i].value);
    return status;
}

struct sagabase_status sagabase_failure(const Sagabase__V1__AppendFailure *failure)
{
    struct sagabase_status status =
        client_status((enum sagabase_code)failure->code, "%s", failure->message);

    if (failure->conflict)
        read_conflict(&status.conflict, failure->conflict);
    if (failure->condition)
        read_condition(&status, failure->condition);
    return status;
}
