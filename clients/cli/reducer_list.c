/* sagabase reducer list, upcaster list: what is registered, and why one does not run any more. */
#include <inttypes.h>

#include "base/clock.h"
#include "clients/cli/connection.h"
#include "clients/cli/message_json.h"
#include "clients/cli/terminal.h"
#include "clients/cli/text.h"

struct reducer_list {
    struct connection connection;
};

static const struct option options[] = {
    CONNECTION_OPTIONS(struct reducer_list, "30",
                       "Print one JSON object, with the source, per line."),
};

/* --- the table --------------------------------------------------------------------- */

struct row {
    const char *kind;
    const char *name;
    int64_t put_us;
    const char *hash;
    const Sagabase__V1__Disabled *disabled; /* NULL: it runs */
};

enum { KIND_COLUMNS = 11, SECONDS_BYTES = sizeof "2026-11-21T01:02:03" - 1 };

static void print_head(const char *what)
{
    printf("%s%-*s  %-20s  %-16s  %-8s  %s%s\n", terminal_bold(stdout), KIND_COLUMNS, "KIND", "PUT",
           "HASH", "STATE", what, terminal_plain(stdout));
}

static void put_failure(struct buffer *row, const Sagabase__V1__Disabled *disabled)
{
    char failed[CLOCK_TEXT_BYTES];

    clock_format_us(disabled->failed_us, failed);
    buffer_print(row, "%*s  failed %.*sZ at revision %" PRIu64 " of ", KIND_COLUMNS, "",
                 SECONDS_BYTES, failed, disabled->revision);
    text_put_name(row, disabled->stream, 0);
    buffer_print(row, ":\n%*s  %s", KIND_COLUMNS, "", terminal_red(stdout));
    text_put_line(row, bytes_of_text(disabled->error), 0);
    buffer_print(row, "%s\n", terminal_plain(stdout));
}

static void print_row(const struct row *one)
{
    enum { ROW_BYTES_MAX = 32 << 10 };
    char put[CLOCK_TEXT_BYTES];
    struct buffer row;

    clock_format_us(one->put_us, put);
    buffer_init(&row, ROW_BYTES_MAX);
    buffer_print(&row, "%-*s  %.*sZ  %-16s  %s%-8s%s  ", KIND_COLUMNS, one->kind, SECONDS_BYTES,
                 put, one->hash, one->disabled ? terminal_red(stdout) : terminal_green(stdout),
                 one->disabled ? "disabled" : "runs", terminal_plain(stdout));
    text_put_name(&row, one->name, 0);
    buffer_put_byte(&row, '\n');
    if (one->disabled)
        put_failure(&row, one->disabled);
    fwrite(row.data, 1, row.size, stdout);
    buffer_destroy(&row);
}

static const char *kind_of(const Sagabase__V1__Reducer *reducer)
{
    switch ((int)reducer->kind_case) {
    case SAGABASE__V1__REDUCER__KIND_LUA:
        return "lua";
    case SAGABASE__V1__REDUCER__KIND_MERGE_PATCH:
        return "merge patch";
    default:
        return "?";
    }
}

/* --- the commands -------------------------------------------------------------------- */

static struct sagabase_status list_reducers(struct reducer_list *self)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__ListReducersRequest request = SAGABASE__V1__LIST_REDUCERS_REQUEST__INIT;
    Sagabase__V1__ListReducersResponse *response;
    struct sagabase_status status =
        sagabase_list_reducers(self->connection.client, &request, &call, &response);

    if (status.code != SAGABASE_OK)
        return status;
    if (!self->connection.json)
        print_head("CATEGORY");
    for (size_t i = 0; i < response->n_reducers; i++) {
        const Sagabase__V1__ReducerInfo *info = response->reducers[i];
        struct row row = {kind_of(info->reducer), info->reducer->category, info->put_us, info->hash,
                          info->disabled};
        if (self->connection.json)
            message_print_json(&info->base);
        else
            print_row(&row);
    }
    sagabase__v1__list_reducers_response__free_unpacked(response, NULL);
    return status;
}

static struct sagabase_status list_upcasters(struct reducer_list *self)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__ListUpcastersRequest request = SAGABASE__V1__LIST_UPCASTERS_REQUEST__INIT;
    Sagabase__V1__ListUpcastersResponse *response;
    struct sagabase_status status =
        sagabase_list_upcasters(self->connection.client, &request, &call, &response);

    if (status.code != SAGABASE_OK)
        return status;
    if (!self->connection.json)
        print_head("EVENT TYPE");
    for (size_t i = 0; i < response->n_upcasters; i++) {
        const Sagabase__V1__UpcasterInfo *info = response->upcasters[i];
        struct row row = {"lua", info->upcaster->event_type, info->put_us, info->hash,
                          info->disabled};
        if (self->connection.json)
            message_print_json(&info->base);
        else
            print_row(&row);
    }
    sagabase__v1__list_upcasters_response__free_unpacked(response, NULL);
    return status;
}

static int run(struct reducer_list *self, const char *command,
               struct sagabase_status (*list)(struct reducer_list *self))
{
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    struct sagabase_status status = list(self);
    if (status.code != SAGABASE_OK)
        code = connection_failed(&self->connection, command, NULL, &status);
    connection_close(&self->connection);
    return code;
}

static int run_reducers(void *settings, char **arguments)
{
    (void)arguments;
    return run(settings, "reducer list", list_reducers);
}

static int run_upcasters(void *settings, char **arguments)
{
    (void)arguments;
    return run(settings, "upcaster list", list_upcasters);
}

const struct command reducer_list_command = {
    .name = "reducer list",
    .arguments = "",
    .summary = "List what folds streams",
    .about = "Prints the reducers by category. One that failed does not run any more; where and\n"
             "why is told below it. It runs again when it is put again.\n",
    .examples = "  sagabase reducer list\n"
                "  sagabase reducer list --json | jq -r .reducer.lua.source\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 0,
    .settings_bytes = sizeof(struct reducer_list),
    .run = run_reducers,
};

const struct command upcaster_list_command = {
    .name = "upcaster list",
    .arguments = "",
    .summary = "List what shows old events in their newest form",
    .about = "Prints the upcasters by type of event. One that failed does not run any more; where\n"
             "and why is told below it. It runs again when it is put again.\n",
    .examples = "  sagabase upcaster list\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 0,
    .settings_bytes = sizeof(struct reducer_list),
    .run = run_upcasters,
};
