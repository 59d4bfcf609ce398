/* sagabase saga cancel, terminate, pause, resume, retry, skip, resolve: what an operator does. They
 * differ by their method only, so they share one run: each gives the function that calls
 * it. */
#include <string.h>

#include "clients/cli/connection.h"
#include "clients/cli/message_json.h"
#include "clients/cli/proposal.h"
#include "clients/cli/saga_print.h"
#include "clients/cli/source.h"

enum { OUTPUT_BYTES_MAX = 64 << 10 };

struct saga_steer {
    struct connection connection;
    const char *reason;
    const char *principal;
    const char *output;
    bool failure;

    Sagabase__V1__SagaName saga;
    char *step; /* of the commands that name one */
    Sagabase__V1__Payload payload;
};

/* Calls the method and gives the saga's status behind it, where the method tells it. */
typedef struct sagabase_status steer(struct saga_steer *self, const struct sagabase_options *call,
                                     Sagabase__V1__SagaStatus *status);

#define REASON_OPTION(text)                                                                        \
    {                                                                                              \
        .name = "reason", .value = "TEXT", .kind = OPTION_TEXT,                                    \
        .offset = offsetof(struct saga_steer, reason), .help = text                                \
    }

#define STEER_OPTIONS                                                                              \
    {.name = "principal",                                                                          \
     .value = "WHO",                                                                               \
     .kind = OPTION_TEXT,                                                                          \
     .offset = offsetof(struct saga_steer, principal),                                             \
     .help = "Who does it; kept in the saga's history."},                                          \
        CONNECTION_OPTIONS(struct saga_steer, "30", "Print one JSON object.")

static const struct option options[] = {
    REASON_OPTION("Why; kept in the saga's history."),
    STEER_OPTIONS,
};

static const struct option options_with_reason[] = {
    REASON_OPTION("Why; kept in the saga's history. Required."),
    STEER_OPTIONS,
};

static const struct option resume_options[] = {
    STEER_OPTIONS,
};

static const struct option resolve_options[] = {
    {.name = "failure",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct saga_steer, failure),
     .help = "The step was not done. Without it: it was."},
    {.name = "output",
     .value = "TEXT|@FILE|-",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct saga_steer, output),
     .help = "What the step gives, at most 64 KiB."},
    REASON_OPTION("Why; kept in the saga's history. Required."),
    STEER_OPTIONS,
};

static void print(const struct saga_steer *self, Sagabase__V1__SagaStatus status)
{
    Sagabase__V1__CancelSagaResponse response = SAGABASE__V1__CANCEL_SAGA_RESPONSE__INIT;
    char words[MESSAGE_WORDS_BYTES];

    response.status = status; /* any of the responses that have just that */
    if (self->connection.json)
        return message_print_json(&response.base);
    if (status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_UNSPECIFIED)
        printf("done\n");
    else
        printf("%s\n", message_enum_words(&sagabase__v1__saga_status__descriptor, (int)status,
                                          "SAGA_STATUS_", words));
}

static int run(struct saga_steer *self, const char *command, char **arguments, steer *call)
{
    struct sagabase_options call_options = connection_call(&self->connection);
    Sagabase__V1__SagaStatus now = SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_UNSPECIFIED;
    int code = EXIT_DONE;

    self->saga = saga_name(arguments);
    self->step = arguments[2];
    if (!self->reason)
        self->reason = "";
    if (!self->principal)
        self->principal = "";
    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    struct sagabase_status status = call(self, &call_options, &now);
    if (status.code == SAGABASE_OK)
        print(self, now);
    else
        code = connection_failed(&self->connection, command, arguments[1], &status);
    connection_close(&self->connection);
    return code;
}

static int run_with_reason(struct saga_steer *self, const char *command, char **arguments,
                           steer *call)
{
    if (!self->reason || !*self->reason)
        return misused(command, "--reason: is required");
    return run(self, command, arguments, call);
}

static struct sagabase_status call_cancel_saga(struct saga_steer *self,
                                               const struct sagabase_options *call,
                                               Sagabase__V1__SagaStatus *now)
{
    Sagabase__V1__CancelSagaRequest request = SAGABASE__V1__CANCEL_SAGA_REQUEST__INIT;
    Sagabase__V1__CancelSagaResponse *response;

    request.saga = &self->saga;
    request.reason = (char *)self->reason;
    request.principal = (char *)self->principal;
    struct sagabase_status status =
        sagabase_cancel_saga(self->connection.client, &request, call, &response);
    if (status.code != SAGABASE_OK)
        return status;
    *now = response->status;
    sagabase__v1__cancel_saga_response__free_unpacked(response, NULL);
    return status;
}

static int run_cancel(void *settings, char **arguments)
{
    return run(settings, "saga cancel", arguments, call_cancel_saga);
}

const struct command saga_cancel_command = {
    .name = "saga cancel",
    .arguments = "TYPE ID",
    .summary = "Turn a saga backward",
    .about = "Nothing new is started; what was done is compensated. A saga that has passed its\n"
             "pivot cannot turn back.\n",
    .examples = "  sagabase saga cancel order 17 --reason 'customer called'\n",
    .options = options,
    .arguments_min = 2,
    .arguments_max = 2,
    .settings_bytes = sizeof(struct saga_steer),
    .run = run_cancel,
};

static struct sagabase_status call_terminate_saga(struct saga_steer *self,
                                                  const struct sagabase_options *call,
                                                  Sagabase__V1__SagaStatus *now)
{
    Sagabase__V1__TerminateSagaRequest request = SAGABASE__V1__TERMINATE_SAGA_REQUEST__INIT;
    Sagabase__V1__TerminateSagaResponse *response;

    request.saga = &self->saga;
    request.reason = (char *)self->reason;
    request.principal = (char *)self->principal;
    struct sagabase_status status =
        sagabase_terminate_saga(self->connection.client, &request, call, &response);
    if (status.code != SAGABASE_OK)
        return status;
    (void)now;
    sagabase__v1__terminate_saga_response__free_unpacked(response, NULL);
    return status;
}

static int run_terminate(void *settings, char **arguments)
{
    return run_with_reason(settings, "saga terminate", arguments, call_terminate_saga);
}

const struct command saga_terminate_command = {
    .name = "saga terminate",
    .arguments = "TYPE ID",
    .summary = "End a saga as it stands",
    .about =
        "Nothing is compensated: what was done stays done. Rather cancel it, if that can be.\n",
    .examples = "  sagabase saga terminate order 17 --reason 'cleaned up by hand'\n",
    .options = options_with_reason,
    .arguments_min = 2,
    .arguments_max = 2,
    .settings_bytes = sizeof(struct saga_steer),
    .run = run_terminate,
};

static struct sagabase_status call_pause_saga(struct saga_steer *self,
                                              const struct sagabase_options *call,
                                              Sagabase__V1__SagaStatus *now)
{
    Sagabase__V1__PauseSagaRequest request = SAGABASE__V1__PAUSE_SAGA_REQUEST__INIT;
    Sagabase__V1__PauseSagaResponse *response;

    request.saga = &self->saga;
    request.reason = (char *)self->reason;
    request.principal = (char *)self->principal;
    struct sagabase_status status =
        sagabase_pause_saga(self->connection.client, &request, call, &response);
    if (status.code != SAGABASE_OK)
        return status;
    (void)now;
    sagabase__v1__pause_saga_response__free_unpacked(response, NULL);
    return status;
}

static int run_pause(void *settings, char **arguments)
{
    return run(settings, "saga pause", arguments, call_pause_saga);
}

const struct command saga_pause_command = {
    .name = "saga pause",
    .arguments = "TYPE ID",
    .summary = "Hold a saga",
    .about = "Nothing new is issued until it is resumed. Answers and signals are still taken, and\n"
             "its time goes on.\n",
    .examples = "  sagabase saga pause order 17 --reason 'stock is being counted'\n",
    .options = options,
    .arguments_min = 2,
    .arguments_max = 2,
    .settings_bytes = sizeof(struct saga_steer),
    .run = run_pause,
};

static struct sagabase_status call_resume_saga(struct saga_steer *self,
                                               const struct sagabase_options *call,
                                               Sagabase__V1__SagaStatus *now)
{
    Sagabase__V1__ResumeSagaRequest request = SAGABASE__V1__RESUME_SAGA_REQUEST__INIT;
    Sagabase__V1__ResumeSagaResponse *response;

    request.saga = &self->saga;
    request.principal = (char *)self->principal;
    struct sagabase_status status =
        sagabase_resume_saga(self->connection.client, &request, call, &response);
    if (status.code != SAGABASE_OK)
        return status;
    (void)now;
    sagabase__v1__resume_saga_response__free_unpacked(response, NULL);
    return status;
}

static int run_resume(void *settings, char **arguments)
{
    return run(settings, "saga resume", arguments, call_resume_saga);
}

const struct command saga_resume_command = {
    .name = "saga resume",
    .arguments = "TYPE ID",
    .summary = "Let a paused saga go on",
    .about = "Ends a pause; what was held is issued now.\n",
    .examples = "  sagabase saga resume order 17\n",
    .options = resume_options,
    .arguments_min = 2,
    .arguments_max = 2,
    .settings_bytes = sizeof(struct saga_steer),
    .run = run_resume,
};

static struct sagabase_status call_retry_step(struct saga_steer *self,
                                              const struct sagabase_options *call,
                                              Sagabase__V1__SagaStatus *now)
{
    Sagabase__V1__RetryStepRequest request = SAGABASE__V1__RETRY_STEP_REQUEST__INIT;
    Sagabase__V1__RetryStepResponse *response;

    request.saga = &self->saga;
    request.step = self->step;
    request.reason = (char *)self->reason;
    request.principal = (char *)self->principal;
    struct sagabase_status status =
        sagabase_retry_step(self->connection.client, &request, call, &response);
    if (status.code != SAGABASE_OK)
        return status;
    *now = response->status;
    sagabase__v1__retry_step_response__free_unpacked(response, NULL);
    return status;
}

static int run_retry(void *settings, char **arguments)
{
    return run(settings, "saga retry", arguments, call_retry_step);
}

const struct command saga_retry_command = {
    .name = "saga retry",
    .arguments = "TYPE ID STEP",
    .summary = "Try a step again now",
    .about = "Of a step that waits for its next attempt, or whose compensation is parked. Its\n"
             "attempts count anew.\n",
    .examples = "  sagabase saga retry order 17 charge\n",
    .options = options,
    .arguments_min = 3,
    .arguments_max = 3,
    .settings_bytes = sizeof(struct saga_steer),
    .run = run_retry,
};

static struct sagabase_status call_skip_step(struct saga_steer *self,
                                             const struct sagabase_options *call,
                                             Sagabase__V1__SagaStatus *now)
{
    Sagabase__V1__SkipStepRequest request = SAGABASE__V1__SKIP_STEP_REQUEST__INIT;
    Sagabase__V1__SkipStepResponse *response;

    request.saga = &self->saga;
    request.step = self->step;
    request.reason = (char *)self->reason;
    request.principal = (char *)self->principal;
    struct sagabase_status status =
        sagabase_skip_step(self->connection.client, &request, call, &response);
    if (status.code != SAGABASE_OK)
        return status;
    *now = response->status;
    sagabase__v1__skip_step_response__free_unpacked(response, NULL);
    return status;
}

static int run_skip(void *settings, char **arguments)
{
    return run_with_reason(settings, "saga skip", arguments, call_skip_step);
}

const struct command saga_skip_command = {
    .name = "saga skip",
    .arguments = "TYPE ID STEP",
    .summary = "Take a step as done",
    .about = "The step, or its parked compensation, is not done any more and the saga goes on.\n",
    .examples = "  sagabase saga skip order 17 reserve --reason 'released by hand'\n",
    .options = options_with_reason,
    .arguments_min = 3,
    .arguments_max = 3,
    .settings_bytes = sizeof(struct saga_steer),
    .run = run_skip,
};

static struct sagabase_status call_resolve_step(struct saga_steer *self,
                                                const struct sagabase_options *call,
                                                Sagabase__V1__SagaStatus *now)
{
    Sagabase__V1__ResolveStepRequest request = SAGABASE__V1__RESOLVE_STEP_REQUEST__INIT;
    Sagabase__V1__ResolveStepResponse *response;

    request.saga = &self->saga;
    request.step = self->step;
    request.reason = (char *)self->reason;
    request.principal = (char *)self->principal;
    request.outcome = self->failure ? SAGABASE__V1__OUTCOME__OUTCOME_FAILURE
                                    : SAGABASE__V1__OUTCOME__OUTCOME_SUCCESS;
    if (self->output)
        request.output = &self->payload;
    struct sagabase_status status =
        sagabase_resolve_step(self->connection.client, &request, call, &response);
    if (status.code != SAGABASE_OK)
        return status;
    *now = response->status;
    sagabase__v1__resolve_step_response__free_unpacked(response, NULL);
    return status;
}

static int run_resolve(void *settings, char **arguments)
{
    static const char command[] = "saga resolve";
    struct saga_steer *self = settings;
    struct buffer file;
    struct bytes output;
    struct status status = source_read_option("--output", self->output ? self->output : "",
                                              OUTPUT_BYTES_MAX, &file, &output);
    int code = EXIT_USAGE;

    sagabase__v1__payload__init(&self->payload);
    self->payload.data = (ProtobufCBinaryData){output.size, (uint8_t *)output.data};
    self->payload.content_type = (char *)proposal_content_type(output);
    if (!status_ok(status))
        misused(command, "%s", status.message);
    else if (self->failure && self->output)
        misused(command, "--output: not with --failure");
    else
        code = run_with_reason(self, command, arguments, call_resolve_step);
    buffer_destroy(&file);
    return code;
}

const struct command saga_resolve_command = {
    .name = "saga resolve",
    .arguments = "TYPE ID STEP",
    .summary = "Answer a step in the participant's place",
    .about = "Its open or parked command is answered: done, or with --failure not done.\n",
    .examples = "  sagabase saga resolve order 17 charge --reason 'seen on the statement' "
                "--output '{\"receipt\": 9}'\n",
    .options = resolve_options,
    .arguments_min = 3,
    .arguments_max = 3,
    .settings_bytes = sizeof(struct saga_steer),
    .run = run_resolve,
};
