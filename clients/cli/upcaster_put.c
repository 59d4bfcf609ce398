/* sagabase upcaster put: what brings events of a type into the form of today, from a file. */
#include <string.h>

#include "clients/cli/connection.h"
#include "clients/cli/message_json.h"
#include "clients/cli/source.h"

static const char command[] = "upcaster put";

enum { SOURCE_BYTES_MAX = 65536 }; /* as the server takes it */

struct upcaster_put {
    struct connection connection;
};

static const struct option options[] = {
    CONNECTION_OPTIONS(struct upcaster_put, "30", "Print one JSON object."),
};

static int put(struct upcaster_put *self, const char *file, Sagabase__V1__Upcaster *upcaster)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__PutUpcasterRequest request = SAGABASE__V1__PUT_UPCASTER_REQUEST__INIT;
    Sagabase__V1__PutUpcasterResponse *response;
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    request.upcaster = upcaster;
    struct sagabase_status status =
        sagabase_put_upcaster(self->connection.client, &request, &call, &response);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, command, file, &status);
    } else {
        if (self->connection.json)
            message_print_json(&response->base);
        else
            printf("%s upcaster %s\n", upcaster->event_type, response->hash);
        sagabase__v1__put_upcaster_response__free_unpacked(response, NULL);
    }
    connection_close(&self->connection);
    return code;
}

static int run(void *settings, char **arguments)
{
    struct upcaster_put *self = settings;
    Sagabase__V1__Upcaster upcaster = SAGABASE__V1__UPCASTER__INIT;
    struct buffer file;
    int code;

    buffer_init(&file, SOURCE_BYTES_MAX);
    struct status status = source_read_file("FILE", arguments[1], SOURCE_BYTES_MAX, &file);
    if (!status_ok(status)) {
        code = failed(command, NULL, "%s", status.message);
    } else if (memchr(file.data, 0, file.size)) {
        code = failed(command, arguments[1], "Lua as text, no bytecode");
    } else {
        buffer_put_byte(&file, '\0');
        upcaster.event_type = arguments[0];
        upcaster.source = (char *)file.data;
        code = put(self, arguments[1], &upcaster);
    }
    buffer_destroy(&file);
    return code;
}

const struct command upcaster_put_command = {
    .name = "upcaster put",
    .arguments = "EVENT_TYPE FILE|-",
    .summary = "Register what shows old events in their newest form",
    .about =
        "Reads Lua 5.4 that returns a function of an event that returns the event in its\n"
        "newest form. Reads and subscriptions with --upcast show events of EVENT_TYPE so; what\n"
        "is stored stays as it is. One that is of the newest form already is returned as it is.\n"
        "\n"
        "  return function(event)\n"
        "    local name = event.data.name\n"
        "    if not name then return event end\n"
        "    local space = name:find(\" \")\n"
        "    event.data = { first = name:sub(1, space - 1), last = name:sub(space + 1) }\n"
        "    return event\n"
        "  end\n",
    .examples = "  sagabase upcaster put CustomerRegistered names.lua\n",
    .options = options,
    .arguments_min = 2,
    .arguments_max = 2,
    .settings_bytes = sizeof(struct upcaster_put),
    .run = run,
};
