/* sagabase saga start: one saga. */
#include <inttypes.h>
#include <string.h>

#include "clients/cli/attributes.h"
#include "clients/cli/connection.h"
#include "clients/cli/message_json.h"
#include "clients/cli/proposal.h"
#include "clients/cli/saga_print.h"
#include "clients/cli/source.h"

static const char command[] = "saga start";

enum { INPUT_BYTES_MAX = 64 << 10 };

struct saga_start {
    struct connection connection;
    uint64_t version;
    const char *input;
    const char *content_type;
    struct texts attributes;
    bool again;
    const char *request_id;
    bool wait;
};

static const struct option options[] = {
    {.name = "input",
     .value = "TEXT|@FILE|-",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct saga_start, input),
     .help = "What it is about, at most 64 KiB: as given, from a\nfile, or from stdin."},
    {.name = "content-type",
     .value = "TYPE",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct saga_start, content_type),
     .help = "Media type of the input. Without it: by what it is."},
    {.name = "attribute",
     .value = "NAME=VALUE",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct saga_start, attributes),
     .help = "A fact for choices and for finding the saga; may\nbe repeated, at most 32 times."},
    {.name = "definition",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct saga_start, version),
     .min = 1,
     .max = UINT32_MAX,
     .help = "The version of the definition. Without it: the\ndefault one."},
    {.name = "again",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct saga_start, again),
     .help = "If a saga with this ID has ended: another run."},
    {.name = "request-id",
     .value = "TEXT",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct saga_start, request_id),
     .help = "With --again: makes the same call twice harmless."},
    {.name = "wait",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct saga_start, wait),
     .help = "End when the saga has ended or is parked: with 0\nonly if it has completed."},
    CONNECTION_OPTIONS(struct saga_start, "30", "Print JSON: one object per answer and line."),
};

static struct status set_request(const struct saga_start *self, struct bytes input,
                                 Sagabase__V1__Payload *payload,
                                 Sagabase__V1__StartSagaRequest *request)
{
    request->version = (uint32_t)self->version;
    if (self->again)
        request->id_reuse = SAGABASE__V1__ID_REUSE__ID_REUSE_ALLOW;
    if (self->request_id)
        request->request_id = (char *)self->request_id;
    if (!self->input)
        return OK;
    payload->data = (ProtobufCBinaryData){input.size, (uint8_t *)input.data};
    payload->content_type =
        self->content_type ? (char *)self->content_type : (char *)proposal_content_type(input);
    request->input = payload;
    return OK;
}

static struct sagabase_status start(struct saga_start *self,
                                    const Sagabase__V1__StartSagaRequest *request)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__StartSagaResponse *response;
    char words[MESSAGE_WORDS_BYTES];
    struct sagabase_status status =
        sagabase_start_saga(self->connection.client, request, &call, &response);

    if (status.code != SAGABASE_OK)
        return status;
    if (self->connection.json)
        message_print_json(&response->base);
    else
        printf("%s %s %s, run %" PRIu32 ", %s, position %" PRIu64 "\n",
               response->outcome == SAGABASE__V1__START_OUTCOME__START_OUTCOME_STARTED
                   ? "started"
                   : "was there:",
               request->type, request->id, response->run,
               message_enum_words(&sagabase__v1__saga_status__descriptor, (int)response->status,
                                  "SAGA_STATUS_", words),
               response->position);
    fflush(stdout);
    sagabase__v1__start_saga_response__free_unpacked(response, NULL);
    return status;
}

/* The answers of a wait until its end; *code: whether it has completed. */
static struct sagabase_status wait_for(struct saga_start *self, char **arguments, int *code)
{
    struct sagabase_options call = {.timeout_ms = self->connection.timeout_ms};
    Sagabase__V1__WaitSagaRequest request = SAGABASE__V1__WAIT_SAGA_REQUEST__INIT;
    Sagabase__V1__SagaName name = saga_name(arguments);
    const Sagabase__V1__WaitSagaResponse *response = NULL;
    struct sagabase_saga_stream *stream;
    struct sagabase_status status;

    request.saga = &name;
    status = sagabase_wait_saga(self->connection.client, &request, &call, &stream);
    if (status.code != SAGABASE_OK)
        return status;
    while ((status = sagabase_wait_saga_next(stream, &response)).code == SAGABASE_OK && response) {
        if (self->connection.json)
            message_print_json(&response->base);
        else
            saga_print_row(response->summary);
        *code = response->summary->status == SAGABASE__V1__SAGA_STATUS__SAGA_STATUS_COMPLETED
                    ? EXIT_DONE
                    : EXIT_FAILED;
    }
    sagabase_saga_stream_close(stream);
    return status;
}

static int send(struct saga_start *self, char **arguments,
                const Sagabase__V1__StartSagaRequest *request)
{
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    struct sagabase_status status = start(self, request);
    if (status.code == SAGABASE_OK && self->wait)
        status = wait_for(self, arguments, &code);
    if (status.code != SAGABASE_OK)
        code = connection_failed(&self->connection, command, arguments[1], &status);
    connection_close(&self->connection);
    return code;
}

static int run(void *settings, char **arguments)
{
    struct saga_start *self = settings;
    Sagabase__V1__StartSagaRequest request = SAGABASE__V1__START_SAGA_REQUEST__INIT;
    Sagabase__V1__Payload payload = SAGABASE__V1__PAYLOAD__INIT;
    struct attributes attributes;
    struct buffer file;
    struct bytes input;
    int code;

    request.type = arguments[0];
    request.id = arguments[1];
    struct status status = source_read_option("--input", self->input ? self->input : "",
                                              INPUT_BYTES_MAX, &file, &input);
    if (status_ok(status))
        status = attributes_read(&self->attributes, &attributes);
    if (status_ok(status))
        status = set_request(self, input, &payload, &request);
    if (status_ok(status)) {
        request.attributes = attributes.pointers;
        request.n_attributes = attributes.count;
        code = send(self, arguments, &request);
    } else {
        code = misused(command, "%s", status.message);
    }
    buffer_destroy(&file);
    return code;
}

const struct command saga_start_command = {
    .name = "saga start",
    .arguments = "TYPE ID",
    .summary = "Start a saga",
    .about = "Starts a saga of a registered type, or attaches to the one that was started with\n"
             "the same id, input and attributes. Choose the id from what causes the saga: then a\n"
             "trigger that is repeated starts nothing twice.\n",
    .examples = "  sagabase saga start order 17 --input '{\"total\": 42}'\n"
                "  sagabase saga start order 17 --input @order.json --attribute region=eu --wait\n",
    .options = options,
    .arguments_min = 2,
    .arguments_max = 2,
    .settings_bytes = sizeof(struct saga_start),
    .run = run,
};
