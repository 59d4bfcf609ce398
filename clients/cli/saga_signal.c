/* sagabase saga signal: a fact or a decision for a saga. */
#include "clients/cli/attributes.h"
#include "clients/cli/connection.h"
#include "clients/cli/message_json.h"
#include "clients/cli/proposal.h"
#include "clients/cli/saga_print.h"
#include "clients/cli/source.h"

static const char command[] = "saga signal";

enum { DATA_BYTES_MAX = 64 << 10 };

struct saga_signal {
    struct connection connection;
    const char *key;
    const char *id;
    const char *data;
    struct texts attributes;
    const char *principal;
    bool approve, reject;
};

static const struct option options[] = {
    {.name = "approve",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct saga_signal, approve),
     .help = "NAME is an approval: decide for it."},
    {.name = "reject",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct saga_signal, reject),
     .help = "NAME is an approval: decide against it."},
    {.name = "principal",
     .value = "WHO",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct saga_signal, principal),
     .help = "Who gives it; for an approval one of those who may."},
    {.name = "key",
     .value = "TEXT",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct saga_signal, key),
     .help = "Compared with the attribute that the saga names."},
    {.name = "data",
     .value = "TEXT|@FILE|-",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct saga_signal, data),
     .help = "What comes with it, at most 64 KiB."},
    {.name = "attribute",
     .value = "NAME=VALUE",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct saga_signal, attributes),
     .help = "Added to the saga's attributes; may be repeated, at\nmost 16 times."},
    {.name = "id",
     .value = "TEXT",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct saga_signal, id),
     .help = "The signal's id: the same one again does nothing.\nWithout it: a new one."},
    CONNECTION_OPTIONS(struct saga_signal, "30", "Print one JSON object."),
};

static int send(struct saga_signal *self, const Sagabase__V1__SignalSagaRequest *request)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__SignalSagaResponse *response;
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    struct sagabase_status status =
        sagabase_signal_saga(self->connection.client, request, &call, &response);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, command, request->saga->id, &status);
    } else {
        if (self->connection.json)
            message_print_json(&response->base);
        else
            printf("%s\n", response->duplicate ? "it had been given before" : "given");
        sagabase__v1__signal_saga_response__free_unpacked(response, NULL);
    }
    connection_close(&self->connection);
    return code;
}

static void set_signal(const struct saga_signal *self, struct bytes data,
                       struct attributes *attributes, Sagabase__V1__Payload *payload,
                       Sagabase__V1__Signal *signal)
{
    signal->key = self->key ? (char *)self->key : "";
    signal->principal = self->principal ? (char *)self->principal : "";
    signal->approved = self->approve;
    signal->attributes = attributes->pointers;
    signal->n_attributes = attributes->count;
    if (!self->data)
        return;
    payload->data = (ProtobufCBinaryData){data.size, (uint8_t *)data.data};
    payload->content_type = (char *)proposal_content_type(data);
    signal->payload = payload;
}

static int run(void *settings, char **arguments)
{
    struct saga_signal *self = settings;
    Sagabase__V1__SignalSagaRequest request = SAGABASE__V1__SIGNAL_SAGA_REQUEST__INIT;
    Sagabase__V1__Signal signal = SAGABASE__V1__SIGNAL__INIT;
    Sagabase__V1__Payload payload = SAGABASE__V1__PAYLOAD__INIT;
    Sagabase__V1__SagaName name = saga_name(arguments);
    char id[SAGABASE_UUID_BYTES];
    struct attributes attributes;
    struct buffer file;
    struct bytes data;
    int code;

    if (self->approve && self->reject)
        return misused(command, "either --approve or --reject");
    struct status status =
        source_read_option("--data", self->data ? self->data : "", DATA_BYTES_MAX, &file, &data);
    if (status_ok(status))
        status = attributes_read(&self->attributes, &attributes);
    if (status_ok(status)) {
        sagabase_uuid(id);
        signal.name = arguments[2];
        signal.signal_id = self->id ? (char *)self->id : id;
        set_signal(self, data, &attributes, &payload, &signal);
        request.saga = &name;
        request.signal = &signal;
        code = send(self, &request);
    } else {
        code = misused(command, "%s", status.message);
    }
    buffer_destroy(&file);
    return code;
}

const struct command saga_signal_command = {
    .name = "saga signal",
    .arguments = "TYPE ID NAME",
    .summary = "Give a saga a signal or a decision",
    .about = "NAME is the event that a wait_event waits for, or the name of an approval. A signal\n"
             "that nothing waits for yet is kept until something does.\n",
    .examples = "  sagabase saga signal order 17 PaymentReceived --data '{\"amount\": 42}'\n"
                "  sagabase saga signal trip 4 manager --approve --principal ann\n",
    .options = options,
    .arguments_min = 3,
    .arguments_max = 3,
    .settings_bytes = sizeof(struct saga_signal),
    .run = run,
};
