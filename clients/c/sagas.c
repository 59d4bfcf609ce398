/* Sagas and participants: calls with one answer, and those that stream. */
#include <assert.h>
#include <stdlib.h>

#include "clients/c/stream.h"

struct sagabase_status sagabase_put_definition(struct sagabase_client *client,
                                               const Sagabase__V1__PutDefinitionRequest *request,
                                               const struct sagabase_options *options,
                                               Sagabase__V1__PutDefinitionResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.SagaDefinitions/PutDefinition",
                                                &sagabase__v1__put_definition_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_validate_definition(
    struct sagabase_client *client, const Sagabase__V1__ValidateDefinitionRequest *request,
    const struct sagabase_options *options, Sagabase__V1__ValidateDefinitionResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.SagaDefinitions/ValidateDefinition",
        &sagabase__v1__validate_definition_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_get_definition(struct sagabase_client *client,
                                               const Sagabase__V1__GetDefinitionRequest *request,
                                               const struct sagabase_options *options,
                                               Sagabase__V1__GetDefinitionResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.SagaDefinitions/GetDefinition",
                                                &sagabase__v1__get_definition_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_list_definitions(
    struct sagabase_client *client, const Sagabase__V1__ListDefinitionsRequest *request,
    const struct sagabase_options *options, Sagabase__V1__ListDefinitionsResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.SagaDefinitions/ListDefinitions",
        &sagabase__v1__list_definitions_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_set_default_version(
    struct sagabase_client *client, const Sagabase__V1__SetDefaultVersionRequest *request,
    const struct sagabase_options *options, Sagabase__V1__SetDefaultVersionResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.SagaDefinitions/SetDefaultVersion",
        &sagabase__v1__set_default_version_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_start_saga(struct sagabase_client *client,
                                           const Sagabase__V1__StartSagaRequest *request,
                                           const struct sagabase_options *options,
                                           Sagabase__V1__StartSagaResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Sagas/StartSaga",
                                                &sagabase__v1__start_saga_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_get_saga(struct sagabase_client *client,
                                         const Sagabase__V1__GetSagaRequest *request,
                                         const struct sagabase_options *options,
                                         Sagabase__V1__GetSagaResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Sagas/GetSaga",
                                                &sagabase__v1__get_saga_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_list_sagas(struct sagabase_client *client,
                                           const Sagabase__V1__ListSagasRequest *request,
                                           const struct sagabase_options *options,
                                           Sagabase__V1__ListSagasResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Sagas/ListSagas",
                                                &sagabase__v1__list_sagas_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_signal_saga(struct sagabase_client *client,
                                            const Sagabase__V1__SignalSagaRequest *request,
                                            const struct sagabase_options *options,
                                            Sagabase__V1__SignalSagaResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Sagas/SignalSaga",
                                                &sagabase__v1__signal_saga_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_cancel_saga(struct sagabase_client *client,
                                            const Sagabase__V1__CancelSagaRequest *request,
                                            const struct sagabase_options *options,
                                            Sagabase__V1__CancelSagaResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Sagas/CancelSaga",
                                                &sagabase__v1__cancel_saga_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_terminate_saga(struct sagabase_client *client,
                                               const Sagabase__V1__TerminateSagaRequest *request,
                                               const struct sagabase_options *options,
                                               Sagabase__V1__TerminateSagaResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Sagas/TerminateSaga",
                                                &sagabase__v1__terminate_saga_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_pause_saga(struct sagabase_client *client,
                                           const Sagabase__V1__PauseSagaRequest *request,
                                           const struct sagabase_options *options,
                                           Sagabase__V1__PauseSagaResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Sagas/PauseSaga",
                                                &sagabase__v1__pause_saga_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_resume_saga(struct sagabase_client *client,
                                            const Sagabase__V1__ResumeSagaRequest *request,
                                            const struct sagabase_options *options,
                                            Sagabase__V1__ResumeSagaResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Sagas/ResumeSaga",
                                                &sagabase__v1__resume_saga_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_retry_step(struct sagabase_client *client,
                                           const Sagabase__V1__RetryStepRequest *request,
                                           const struct sagabase_options *options,
                                           Sagabase__V1__RetryStepResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Sagas/RetryStep",
                                                &sagabase__v1__retry_step_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_skip_step(struct sagabase_client *client,
                                          const Sagabase__V1__SkipStepRequest *request,
                                          const struct sagabase_options *options,
                                          Sagabase__V1__SkipStepResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Sagas/SkipStep",
                                                &sagabase__v1__skip_step_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_resolve_step(struct sagabase_client *client,
                                             const Sagabase__V1__ResolveStepRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__ResolveStepResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Sagas/ResolveStep",
                                                &sagabase__v1__resolve_step_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_poll_command(struct sagabase_client *client,
                                             const Sagabase__V1__PollCommandRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__PollCommandResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Participant/PollCommand",
                                                &sagabase__v1__poll_command_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_complete_command(
    struct sagabase_client *client, const Sagabase__V1__CompleteCommandRequest *request,
    const struct sagabase_options *options, Sagabase__V1__CompleteCommandResponse **response)
{
    static const struct client_method method = {
        "/sagabase.v1.Participant/CompleteCommand",
        &sagabase__v1__complete_command_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_fail_command(struct sagabase_client *client,
                                             const Sagabase__V1__FailCommandRequest *request,
                                             const struct sagabase_options *options,
                                             Sagabase__V1__FailCommandResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Participant/FailCommand",
                                                &sagabase__v1__fail_command_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

struct sagabase_status sagabase_heartbeat(struct sagabase_client *client,
                                          const Sagabase__V1__HeartbeatRequest *request,
                                          const struct sagabase_options *options,
                                          Sagabase__V1__HeartbeatResponse **response)
{
    static const struct client_method method = {"/sagabase.v1.Participant/Heartbeat",
                                                &sagabase__v1__heartbeat_response__descriptor};
    return client_unary(client, &method, &request->base, options, (ProtobufCMessage **)response);
}

/* --- streams of responses ----------------------------------------------------- */

struct sagabase_saga_stream {
    struct client_stream stream;
};

static struct sagabase_status open_stream(struct sagabase_client *client, const char *path,
                                          const ProtobufCMessageDescriptor *response_type,
                                          const ProtobufCMessage *request,
                                          const struct sagabase_options *options,
                                          struct sagabase_saga_stream **stream)
{
    struct sagabase_saga_stream *opened = malloc(sizeof *opened);

    if (!opened)
        return client_status(SAGABASE_RESOURCE_EXHAUSTED, "out of memory");
    client_stream_open(&opened->stream, client, path, response_type, request, options);
    *stream = opened;
    return SAGABASE_STATUS_OK;
}

static struct sagabase_status next(struct sagabase_saga_stream *stream,
                                   const ProtobufCMessageDescriptor *type,
                                   const ProtobufCMessage **message)
{
    assert(stream->stream.response_type == type);
    (void)type;
    return client_stream_receive(&stream->stream, message);
}

struct sagabase_status sagabase_wait_saga(struct sagabase_client *client,
                                          const Sagabase__V1__WaitSagaRequest *request,
                                          const struct sagabase_options *options,
                                          struct sagabase_saga_stream **stream)
{
    return open_stream(client, "/sagabase.v1.Sagas/WaitSaga",
                       &sagabase__v1__wait_saga_response__descriptor, &request->base, options,
                       stream);
}

struct sagabase_status sagabase_wait_saga_next(struct sagabase_saga_stream *stream,
                                               const Sagabase__V1__WaitSagaResponse **response)
{
    const ProtobufCMessage *message;
    struct sagabase_status status =
        next(stream, &sagabase__v1__wait_saga_response__descriptor, &message);

    if (status.code == SAGABASE_OK)
        *response = (const Sagabase__V1__WaitSagaResponse *)message;
    return status;
}

struct sagabase_status sagabase_get_history(struct sagabase_client *client,
                                            const Sagabase__V1__GetHistoryRequest *request,
                                            const struct sagabase_options *options,
                                            struct sagabase_saga_stream **stream)
{
    return open_stream(client, "/sagabase.v1.Sagas/GetHistory",
                       &sagabase__v1__get_history_response__descriptor, &request->base, options,
                       stream);
}

struct sagabase_status sagabase_get_history_next(struct sagabase_saga_stream *stream,
                                                 const Sagabase__V1__GetHistoryResponse **response)
{
    const ProtobufCMessage *message;
    struct sagabase_status status =
        next(stream, &sagabase__v1__get_history_response__descriptor, &message);

    if (status.code == SAGABASE_OK)
        *response = (const Sagabase__V1__GetHistoryResponse *)message;
    return status;
}

struct sagabase_status sagabase_watch_sagas(struct sagabase_client *client,
                                            const Sagabase__V1__WatchSagasRequest *request,
                                            const struct sagabase_options *options,
                                            struct sagabase_saga_stream **stream)
{
    return open_stream(client, "/sagabase.v1.Sagas/WatchSagas",
                       &sagabase__v1__watch_sagas_response__descriptor, &request->base, options,
                       stream);
}

struct sagabase_status sagabase_watch_sagas_next(struct sagabase_saga_stream *stream,
                                                 const Sagabase__V1__WatchSagasResponse **response)
{
    const ProtobufCMessage *message;
    struct sagabase_status status =
        next(stream, &sagabase__v1__watch_sagas_response__descriptor, &message);

    if (status.code == SAGABASE_OK)
        *response = (const Sagabase__V1__WatchSagasResponse *)message;
    return status;
}

void sagabase_saga_stream_cancel(struct sagabase_saga_stream *stream)
{
    client_stream_cancel(&stream->stream);
}

void sagabase_saga_stream_close(struct sagabase_saga_stream *stream)
{
    if (!stream)
        return;
    client_stream_close(&stream->stream);
    free(stream);
}

/* --- work ------------------------------------------------------------------------ */

struct sagabase_work {
    struct client_stream stream;
};

struct sagabase_status sagabase_work_open(struct sagabase_client *client,
                                          const struct sagabase_options *options,
                                          struct sagabase_work **work)
{
    struct sagabase_work *opened = malloc(sizeof *opened);

    if (!opened)
        return client_status(SAGABASE_RESOURCE_EXHAUSTED, "out of memory");
    client_stream_open(&opened->stream, client, "/sagabase.v1.Participant/Work",
                       &sagabase__v1__work_response__descriptor, NULL, options);
    *work = opened;
    return SAGABASE_STATUS_OK;
}

static struct sagabase_status sent(bool ok)
{
    return ok ? SAGABASE_STATUS_OK : client_status(SAGABASE_CANCELLED, "the stream is over");
}

struct sagabase_status sagabase_work_send(struct sagabase_work *work,
                                          const Sagabase__V1__WorkRequest *request)
{
    return sent(client_stream_send(&work->stream, &request->base));
}

struct sagabase_status sagabase_work_finish(struct sagabase_work *work)
{
    return sent(client_stream_finish_sending(&work->stream));
}

struct sagabase_status sagabase_work_receive(struct sagabase_work *work,
                                             const Sagabase__V1__WorkResponse **response)
{
    const ProtobufCMessage *received;
    struct sagabase_status status = client_stream_receive(&work->stream, &received);

    if (status.code == SAGABASE_OK)
        *response = (const Sagabase__V1__WorkResponse *)received;
    return status;
}

void sagabase_work_cancel(struct sagabase_work *work)
{
    client_stream_cancel(&work->stream);
}

void sagabase_work_close(struct sagabase_work *work)
{
    if (!work)
        return;
    client_stream_close(&work->stream);
    free(work);
}
