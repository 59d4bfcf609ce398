/* sagabase saga list: sagas that match, newest first. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/attributes.h"
#include "clients/cli/connection.h"
#include "clients/cli/iso_time.h"
#include "clients/cli/message_json.h"
#include "clients/cli/saga_print.h"
#include "clients/cli/saga_status.h"

static const char command[] = "saga list";

enum { PAGE_SAGAS = 1000 };

struct saga_list {
    struct connection connection;
    const char *type;
    struct texts statuses;
    struct texts attributes;
    const char *queue;
    const char *error_type;
    const char *since;
    bool paused;
    uint64_t count;

    struct saga_statuses wanted;
    struct attributes having;
    bool begun; /* the table's head is printed */
};

static const struct option options[] = {
    {.name = "type",
     .value = "TYPE",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct saga_list, type),
     .help = "Only sagas of this type."},
    {.name = "status",
     .value = "STATUS",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct saga_list, statuses),
     .help = SAGA_STATUS_HELP},
    {.name = "attribute",
     .value = "NAME=VALUE",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct saga_list, attributes),
     .help = "Only sagas with this attribute; repeated, at most\n8 times: with all of them."},
    {.name = "queue",
     .value = "QUEUE",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct saga_list, queue),
     .help = "Only sagas that wait for a participant of this\nqueue."},
    {.name = "error",
     .value = "TYPE",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct saga_list, error_type),
     .help = "Only sagas whose cause or newest error is of this\ntype."},
    {.name = "since",
     .value = "TIME",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct saga_list, since),
     .help = "Only sagas that were started at or after this time,\nin ISO 8601."},
    {.name = "paused",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct saga_list, paused),
     .help = "Only sagas that are paused."},
    {.name = "count",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct saga_list, count),
     .min = 1,
     .max = UINT64_MAX - 1,
     .help = "How many sagas at most. Without it: all."},
    CONNECTION_OPTIONS(struct saga_list, "30", "Print one JSON object per saga and line."),
};

static struct status set_request(struct saga_list *self, Sagabase__V1__ListSagasRequest *request)
{
    TRY(saga_statuses_read(&self->statuses, &self->wanted));
    TRY(attributes_read(&self->attributes, &self->having));
    if (self->since && !iso_time_parse(bytes_of_text(self->since), &request->started_from_us))
        return status_make(STATUS_INVALID_ARGUMENT, "--since: a time in ISO 8601, not \"%s\"",
                           self->since);
    request->type = self->type ? (char *)self->type : "";
    request->queue = self->queue ? (char *)self->queue : "";
    request->error_type = self->error_type ? (char *)self->error_type : "";
    request->paused = self->paused;
    request->statuses = self->wanted.at;
    request->n_statuses = self->wanted.count;
    request->attributes = self->having.pointers;
    request->n_attributes = self->having.count;
    return OK;
}

static void print(struct saga_list *self, const Sagabase__V1__SagaSummary *saga)
{
    if (self->connection.json)
        return message_print_json(&saga->base);
    if (!self->begun)
        saga_print_head();
    self->begun = true;
    saga_print_row(saga);
}

static struct sagabase_status list(struct saga_list *self, Sagabase__V1__ListSagasRequest *request)
{
    struct sagabase_options call = connection_call(&self->connection);
    uint64_t left = self->count ? self->count : UINT64_MAX;
    struct sagabase_status status;
    char *token = NULL;

    do {
        Sagabase__V1__ListSagasResponse *page;

        request->page_size = left < PAGE_SAGAS ? (uint32_t)left : PAGE_SAGAS;
        status = sagabase_list_sagas(self->connection.client, request, &call, &page);
        free(token);
        token = NULL;
        if (status.code != SAGABASE_OK)
            break;
        for (size_t i = 0; i < page->n_sagas; i++)
            print(self, page->sagas[i]);
        left -= page->n_sagas < left ? page->n_sagas : left;
        if (page->next_page_token[0])
            request->page_token = token = strdup(page->next_page_token);
        sagabase__v1__list_sagas_response__free_unpacked(page, NULL);
    } while (token && left > 0);
    free(token);
    return status;
}

static int run(void *settings, char **arguments)
{
    struct saga_list *self = settings;
    Sagabase__V1__ListSagasRequest request = SAGABASE__V1__LIST_SAGAS_REQUEST__INIT;
    struct status told = set_request(self, &request);
    int code = EXIT_DONE;

    (void)arguments;
    if (!status_ok(told))
        return misused(command, "%s", told.message);
    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    struct sagabase_status status = list(self, &request);
    if (status.code != SAGABASE_OK)
        code = connection_failed(&self->connection, command, NULL, &status);
    connection_close(&self->connection);
    return code;
}

const struct command saga_list_command = {
    .name = "saga list",
    .arguments = "",
    .summary = "List sagas, newest first",
    .about = "Prints the sagas that match all the options, ended ones too.\n",
    .examples = "  sagabase saga list --status parked\n"
                "  sagabase saga list --type order --attribute region=eu --count 20\n"
                "  sagabase saga list --queue cards --json | jq .id\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 0,
    .settings_bytes = sizeof(struct saga_list),
    .run = run,
};
