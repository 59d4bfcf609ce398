/* sagabase stream types, sagabase stream categories: names, page after page. */
#include <stdlib.h>
#include <string.h>

#include "clients/cli/connection.h"
#include "clients/cli/stream_info.h"

enum { PAGE_NAMES = 1000 };

struct stream_names {
    struct connection connection;
};

static const struct option options[] = {
    CONNECTION_OPTIONS(struct stream_names, "30", "Print each name as a JSON string."),
};

/* Names of one kind behind a token; the response is the caller's to free. */
struct names {
    ProtobufCMessage *response;
    char *const *list;
    size_t count;
    const char *next_page_token;
};

typedef struct sagabase_status ask_names(const struct connection *connection, char *prefix,
                                         char *token, struct names *names);

static struct sagabase_status ask_types(const struct connection *connection, char *prefix,
                                        char *token, struct names *names)
{
    struct sagabase_options call = connection_call(connection);
    Sagabase__V1__ListEventTypesRequest request = SAGABASE__V1__LIST_EVENT_TYPES_REQUEST__INIT;
    Sagabase__V1__ListEventTypesResponse *response;
    struct sagabase_status status;

    request.prefix = prefix;
    request.page_size = PAGE_NAMES;
    request.page_token = token;
    status = sagabase_list_event_types(connection->client, &request, &call, &response);
    if (status.code == SAGABASE_OK)
        *names = (struct names){&response->base, response->types, response->n_types,
                                response->next_page_token};
    return status;
}

static struct sagabase_status ask_categories(const struct connection *connection, char *prefix,
                                             char *token, struct names *names)
{
    struct sagabase_options call = connection_call(connection);
    Sagabase__V1__ListCategoriesRequest request = SAGABASE__V1__LIST_CATEGORIES_REQUEST__INIT;
    Sagabase__V1__ListCategoriesResponse *response;
    struct sagabase_status status;

    request.prefix = prefix;
    request.page_size = PAGE_NAMES;
    request.page_token = token;
    status = sagabase_list_categories(connection->client, &request, &call, &response);
    if (status.code == SAGABASE_OK)
        *names = (struct names){&response->base, response->categories, response->n_categories,
                                response->next_page_token};
    return status;
}

static struct sagabase_status print_names(const struct connection *connection, char *prefix,
                                          ask_names *ask)
{
    struct sagabase_status status;
    struct names names;
    char *token = NULL;

    do {
        status = ask(connection, prefix, token ? token : "", &names);
        free(token);
        token = NULL;
        if (status.code != SAGABASE_OK)
            break;
        for (size_t i = 0; i < names.count; i++)
            connection->json ? stream_info_print_json_name(names.list[i])
                             : stream_info_print_name(names.list[i]);
        if (*names.next_page_token)
            token = strdup(names.next_page_token);
        protobuf_c_message_free_unpacked(names.response, NULL);
    } while (token);
    return status;
}

static int list(struct stream_names *self, const char *command, char *prefix, ask_names *ask)
{
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    struct sagabase_status status = print_names(&self->connection, prefix ? prefix : "", ask);
    if (status.code != SAGABASE_OK)
        code = connection_failed(&self->connection, command, prefix, &status);
    connection_close(&self->connection);
    return code;
}

static int run_types(void *settings, char **arguments)
{
    return list(settings, "stream types", arguments[0], ask_types);
}

static int run_categories(void *settings, char **arguments)
{
    return list(settings, "stream categories", arguments[0], ask_categories);
}

const struct command stream_types_command = {
    .name = "stream types",
    .arguments = "[PREFIX]",
    .summary = "List the types of the events",
    .about = "Prints the event types that start with PREFIX, or all, in byte order.\n",
    .examples = "  sagabase stream types\n"
                "  sagabase stream types Order\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct stream_names),
    .run = run_types,
};

const struct command stream_categories_command = {
    .name = "stream categories",
    .arguments = "[PREFIX]",
    .summary = "List the categories of the streams",
    .about = "Prints the categories that start with PREFIX, or all, in byte order. A stream's\n"
             "category is the part of its name before the first \"-\".\n",
    .examples = "  sagabase stream categories\n"
                "  sagabase read --all --category order\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct stream_names),
    .run = run_categories,
};
