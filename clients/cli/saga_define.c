/* sagabase saga define: a definition from a file. */
#include <inttypes.h>
#include <string.h>

#include "clients/cli/connection.h"
#include "clients/cli/message_json.h"
#include "clients/cli/saga_print.h"
#include "clients/cli/source.h"

static const char command[] = "saga define";

enum { FILE_BYTES_MAX = 4 << 20, MEMORY_MAX = 64 << 20 };

struct saga_define {
    struct connection connection;
    uint64_t version;
    bool keep_default;
    bool check;
};

static const struct option options[] = {
    {.name = "version",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct saga_define, version),
     .min = 1,
     .max = 1000000,
     .help = "The version to register it as. Without it: the\nnext free one."},
    {.name = "keep-default",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct saga_define, keep_default),
     .help = "Sagas that are started without a version go on\nwith the one that was the default."},
    {.name = "check",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct saga_define, check),
     .help = "Only tell what is wrong with it."},
    CONNECTION_OPTIONS(struct saga_define, "30", "Print one JSON object."),
};

static struct sagabase_status put(struct saga_define *self,
                                  Sagabase__V1__SagaDefinition *definition)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__PutDefinitionRequest request = SAGABASE__V1__PUT_DEFINITION_REQUEST__INIT;
    Sagabase__V1__PutDefinitionResponse *response;
    struct sagabase_status status;

    request.definition = definition;
    request.version = (uint32_t)self->version;
    request.keep_default = self->keep_default;
    status = sagabase_put_definition(self->connection.client, &request, &call, &response);
    if (status.code != SAGABASE_OK)
        return status;
    if (self->connection.json)
        message_print_json(&response->base);
    else
        printf("%s version %" PRIu32 "%s\n", definition->type, response->version,
               response->existed ? ", as before" : "");
    sagabase__v1__put_definition_response__free_unpacked(response, NULL);
    return status;
}

/* *code tells whether there was a problem. */
static struct sagabase_status check(struct saga_define *self,
                                    Sagabase__V1__SagaDefinition *definition, int *code)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__ValidateDefinitionRequest request =
        SAGABASE__V1__VALIDATE_DEFINITION_REQUEST__INIT;
    Sagabase__V1__ValidateDefinitionResponse *response;
    struct sagabase_status status;

    request.definition = definition;
    status = sagabase_validate_definition(self->connection.client, &request, &call, &response);
    if (status.code != SAGABASE_OK)
        return status;
    if (self->connection.json)
        message_print_json(&response->base);
    for (size_t i = 0; i < response->n_problems && !self->connection.json; i++)
        printf("%s: %s\n", response->problems[i]->path, response->problems[i]->message);
    *code = response->n_problems > 0 ? EXIT_FAILED : EXIT_DONE;
    if (response->n_problems == 0 && !self->connection.json)
        printf("%s is in order\n", definition->type);
    sagabase__v1__validate_definition_response__free_unpacked(response, NULL);
    return status;
}

static int define(struct saga_define *self, const char *file,
                  Sagabase__V1__SagaDefinition *definition)
{
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    struct sagabase_status status =
        self->check ? check(self, definition, &code) : put(self, definition);
    if (status.code != SAGABASE_OK)
        code = connection_failed(&self->connection, command, file, &status);
    connection_close(&self->connection);
    return code;
}

static int run(void *settings, char **arguments)
{
    struct saga_define *self = settings;
    ProtobufCMessage *definition = NULL;
    struct buffer file;
    struct arena arena;
    int code;

    buffer_init(&file, FILE_BYTES_MAX);
    arena_init(&arena, MEMORY_MAX);
    struct status status = source_read_file("FILE", arguments[0], FILE_BYTES_MAX, &file);
    if (status_ok(status)) {
        status = message_read_json(&sagabase__v1__saga_definition__descriptor, buffer_bytes(&file),
                                   &arena, &definition);
        code = status_ok(status)
                   ? define(self, arguments[0], (Sagabase__V1__SagaDefinition *)definition)
                   : failed(command, arguments[0], "%s", status.message);
    } else {
        code = failed(command, NULL, "%s", status.message);
    }
    arena_destroy(&arena);
    buffer_destroy(&file);
    return code;
}

const struct command saga_define_command = {
    .name = "saga define",
    .arguments = "FILE|-",
    .summary = "Register a saga definition",
    .about = "Reads a SagaDefinition (protos/sagabase/v1/saga_definition.proto) in JSON and\n"
             "registers it as a version of its type. Versions never change; the same file again\n"
             "is the version it was.\n"
             "\n"
             "  {\"type\": \"order\", \"nodes\": [\n"
             "    {\"name\": \"reserve\", \"step\": {\n"
             "      \"action\": {\"queue\": \"stock\", \"type\": \"ReserveStock\"},\n"
             "      \"compensation\": {\"queue\": \"stock\", \"type\": \"ReleaseStock\"},\n"
             "      \"timeouts\": {\"start_to_close_ms\": 30000}}},\n"
             "    {\"name\": \"charge\", \"step\": {\"kind\": \"STEP_KIND_PIVOT\",\n"
             "      \"action\": {\"queue\": \"cards\", \"type\": \"Charge\"}, \"nothing_to_undo\": "
             "true,\n"
             "      \"timeouts\": {\"start_to_close_ms\": 30000}}}]}\n",
    .examples = "  sagabase saga define order.json\n"
                "  sagabase saga define order.json --check\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct saga_define),
    .run = run,
};
