/* sagabase reducer delete, upcaster delete. */
#include "clients/cli/connection.h"

struct reducer_delete {
    struct connection connection;
};

static const struct option options[] = {
    CONNECTION_OPTIONS(struct reducer_delete, "30", "Print one JSON object."),
};

static struct sagabase_status delete_reducer(struct reducer_delete *self, char *category,
                                             bool *deleted)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__DeleteReducerRequest request = SAGABASE__V1__DELETE_REDUCER_REQUEST__INIT;
    Sagabase__V1__DeleteReducerResponse *response;

    request.category = category;
    struct sagabase_status status =
        sagabase_delete_reducer(self->connection.client, &request, &call, &response);
    if (status.code == SAGABASE_OK) {
        *deleted = response->deleted;
        sagabase__v1__delete_reducer_response__free_unpacked(response, NULL);
    }
    return status;
}

static struct sagabase_status delete_upcaster(struct reducer_delete *self, char *event_type,
                                              bool *deleted)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__DeleteUpcasterRequest request = SAGABASE__V1__DELETE_UPCASTER_REQUEST__INIT;
    Sagabase__V1__DeleteUpcasterResponse *response;

    request.event_type = event_type;
    struct sagabase_status status =
        sagabase_delete_upcaster(self->connection.client, &request, &call, &response);
    if (status.code == SAGABASE_OK) {
        *deleted = response->deleted;
        sagabase__v1__delete_upcaster_response__free_unpacked(response, NULL);
    }
    return status;
}

static int run(struct reducer_delete *self, const char *command, char *name,
               struct sagabase_status (*take_away)(struct reducer_delete *self, char *name,
                                                   bool *deleted))
{
    bool deleted = false;
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    struct sagabase_status status = take_away(self, name, &deleted);
    if (status.code != SAGABASE_OK)
        code = connection_failed(&self->connection, command, name, &status);
    else if (self->connection.json)
        printf("{\"deleted\":%s}\n", deleted ? "true" : "false");
    else
        printf("%s\n", deleted ? "deleted" : "there was none");
    connection_close(&self->connection);
    return code;
}

static int run_reducer(void *settings, char **arguments)
{
    return run(settings, "reducer delete", arguments[0], delete_reducer);
}

static int run_upcaster(void *settings, char **arguments)
{
    return run(settings, "upcaster delete", arguments[0], delete_upcaster);
}

const struct command reducer_delete_command = {
    .name = "reducer delete",
    .arguments = "CATEGORY",
    .summary = "Delete what folds a category's streams",
    .about = "Snapshots that it made stay until they are replaced.\n",
    .examples = "  sagabase reducer delete account\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct reducer_delete),
    .run = run_reducer,
};

const struct command upcaster_delete_command = {
    .name = "upcaster delete",
    .arguments = "EVENT_TYPE",
    .summary = "Delete what shows old events in their newest form",
    .about = "Events of EVENT_TYPE are shown as they are stored.\n",
    .examples = "  sagabase upcaster delete CustomerRegistered\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct reducer_delete),
    .run = run_upcaster,
};
