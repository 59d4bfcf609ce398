/* sagabase reducer put: what folds the streams of a category, from a file. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/connection.h"
#include "clients/cli/message_json.h"
#include "clients/cli/source.h"

static const char command[] = "reducer put";

enum { FILE_BYTES_MAX = 8 << 20, MEMORY_MAX = 64 << 20 };

struct reducer_put {
    struct connection connection;
};

static const struct option options[] = {
    CONNECTION_OPTIONS(struct reducer_put, "30", "Print one JSON object."),
};

/* No chunk of Lua begins so. */
static bool is_json(struct bytes text)
{
    size_t at = 0;

    while (at < text.size && strchr(" \t\r\n", text.data[at]))
        at++;
    return at < text.size && (text.data[at] == '{' || text.data[at] == '[');
}

/* A rule's patch may be written as what it is, while the message has it as text. */
static void quote_patches(json_t *reducer)
{
    json_t *rules = json_object_get(reducer, "rules");

    for (size_t i = 0; i < json_array_size(rules); i++) {
        json_t *rule = json_array_get(rules, i);
        json_t *patch = json_object_get(rule, "patch");
        if (!patch || json_is_string(patch))
            continue;
        char *text = json_dumps(patch, JSON_COMPACT | JSON_ENCODE_ANY);
        json_object_set_new(rule, "patch", json_string(text));
        free(text);
    }
}

static struct status read_rules(struct bytes text, struct arena *arena,
                                Sagabase__V1__Reducer *reducer)
{
    json_error_t error;
    json_t *json = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    ProtobufCMessage *rules;

    if (!json)
        return status_make(STATUS_INVALID_ARGUMENT, "line %d, column %d: %.80s", error.line,
                           error.column, error.text);
    quote_patches(json);
    char *quoted = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(json);
    struct status status = message_read_json(&sagabase__v1__merge_patch_reducer__descriptor,
                                             bytes_of_text(quoted), arena, &rules);
    free(quoted);
    if (!status_ok(status))
        return status;
    reducer->kind_case = SAGABASE__V1__REDUCER__KIND_MERGE_PATCH;
    reducer->merge_patch = (Sagabase__V1__MergePatchReducer *)rules;
    return OK;
}

static struct status read_reducer(struct bytes text, struct arena *arena,
                                  Sagabase__V1__Reducer *reducer, Sagabase__V1__LuaReducer *lua)
{
    if (is_json(text))
        return read_rules(text, arena, reducer);
    if (memchr(text.data, 0, text.size))
        return status_make(STATUS_INVALID_ARGUMENT, "Lua as text, no bytecode");
    lua->source = (char *)arena_copy(arena, text).data;
    if (!lua->source)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "too large");
    reducer->kind_case = SAGABASE__V1__REDUCER__KIND_LUA;
    reducer->lua = lua;
    return OK;
}

static int put(struct reducer_put *self, const char *file, Sagabase__V1__Reducer *reducer)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__PutReducerRequest request = SAGABASE__V1__PUT_REDUCER_REQUEST__INIT;
    Sagabase__V1__PutReducerResponse *response;
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    request.reducer = reducer;
    struct sagabase_status status =
        sagabase_put_reducer(self->connection.client, &request, &call, &response);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, command, file, &status);
    } else {
        if (self->connection.json)
            message_print_json(&response->base);
        else
            printf("%s reducer %s\n", reducer->category, response->hash);
        sagabase__v1__put_reducer_response__free_unpacked(response, NULL);
    }
    connection_close(&self->connection);
    return code;
}

static int run(void *settings, char **arguments)
{
    struct reducer_put *self = settings;
    Sagabase__V1__Reducer reducer = SAGABASE__V1__REDUCER__INIT;
    Sagabase__V1__LuaReducer lua = SAGABASE__V1__LUA_REDUCER__INIT;
    struct buffer file;
    struct arena arena;
    int code;

    reducer.category = arguments[0];
    buffer_init(&file, FILE_BYTES_MAX);
    arena_init(&arena, MEMORY_MAX);
    struct status status = source_read_file("FILE", arguments[1], FILE_BYTES_MAX, &file);
    if (!status_ok(status)) {
        code = failed(command, NULL, "%s", status.message);
    } else {
        status = read_reducer(buffer_bytes(&file), &arena, &reducer, &lua);
        code = status_ok(status) ? put(self, arguments[1], &reducer)
                                 : failed(command, arguments[1], "%s", status.message);
    }
    arena_destroy(&arena);
    buffer_destroy(&file);
    return code;
}

const struct command reducer_put_command = {
    .name = "reducer put",
    .arguments = "CATEGORY FILE|-",
    .summary = "Register what folds a category's streams",
    .about =
        "Reads a reducer, from which the server computes the state of each stream of CATEGORY\n"
        "(`state`) and makes their snapshots by policy (`snapshot policy`). Takes the place of\n"
        "the one before, also of a disabled one. FILE is Lua 5.4 that returns a function of\n"
        "state and event that returns the next state; the first state is nil:\n"
        "\n"
        "  return function(state, event)\n"
        "    state = state or { balance = 0 }\n"
        "    if event.type == \"Deposited\" then\n"
        "      state.balance = state.balance + event.data.amount\n"
        "    end\n"
        "    return state\n"
        "  end\n"
        "\n"
        "or JSON: merge patches (RFC 7396) by type of event. Without a patch it is the event's\n"
        "data; \"at\" names the part of the state that is patched. A patch that is a string holds\n"
        "JSON, as `reducer list --json` prints it:\n"
        "\n"
        "  {\"rules\": [\n"
        "    {\"event_type\": \"CustomerRegistered\"},\n"
        "    {\"event_type\": \"AddressChanged\", \"at\": [\"address\"]},\n"
        "    {\"event_type\": \"CustomerLeft\", \"patch\": {\"left\": true, \"address\": "
        "null}}]}\n",
    .examples = "  sagabase reducer put account account.lua\n"
                "  sagabase reducer put customer customer.json\n",
    .options = options,
    .arguments_min = 2,
    .arguments_max = 2,
    .settings_bytes = sizeof(struct reducer_put),
    .run = run,
};
