/* sagabase read: events of a stream, or of all. */
#include <string.h>

#include "clients/cli/connection.h"
#include "clients/cli/event_printer.h"
#include "clients/cli/place.h"
#include "clients/cli/selection.h"

struct read {
    struct connection connection;
    bool all;
    struct selection selection;
    struct patterns patterns;
    const char *from;
    const char *since;
    bool backwards;
    uint64_t count;
    bool upcast;
};

static const struct option options[] = {
    {.name = "all",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct read, all),
     .help = "Read the whole store in commit order, instead of\none stream."},
    {.name = "from",
     .value = "N|start|end",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct read, from),
     .help = "The first event: its revision, with --all its\nposition. Without it: the start; "
             "backwards, the\nend."},
    {.name = "since",
     .value = "TIME",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct read, since),
     .help = "The first event taken in at or after this time, in\nISO 8601; backwards, the last "
             "one before it."},
    SELECTION_OPTIONS(struct read),
    PATTERN_OPTIONS(struct read),
    {.name = "backwards",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct read, backwards),
     .help = "Newest first."},
    {.name = "count",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct read, count),
     .min = 1,
     .max = INT64_MAX,
     .help = "How many events at most. Without it: all."},
    {.name = "upcast",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct read, upcast),
     .help = "Show events in their newest form, as `upcaster put`\nsays it."},
    CONNECTION_OPTIONS(struct read, "0", "Print one JSON object per event and line."),
};

static struct sagabase_status open_stream(struct read *self, char *stream, const struct place *from,
                                          struct sagabase_read **read)
{
    struct sagabase_options call = {.timeout_ms = self->connection.timeout_ms};
    Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;

    request.stream = stream;
    request.filter = patterns_filter(&self->patterns);
    request.count = (int64_t)self->count;
    request.upcast = self->upcast;
    if (self->backwards)
        request.direction = SAGABASE__V1__DIRECTION__DIRECTION_BACKWARDS;
    if (from->kind == PLACE_NUMBER) {
        request.from_case = SAGABASE__V1__READ_STREAM_REQUEST__FROM_REVISION;
        request.revision = from->number;
    } else if (from->kind == PLACE_EDGE) {
        request.from_case = SAGABASE__V1__READ_STREAM_REQUEST__FROM_EDGE;
        request.edge = from->edge;
    } else if (from->kind == PLACE_TIME) {
        request.from_case = SAGABASE__V1__READ_STREAM_REQUEST__FROM_TIME_US;
        request.time_us = from->time_us;
    }
    return sagabase_read_stream(self->connection.client, &request, &call, read);
}

static struct sagabase_status open_all(struct read *self, const struct place *from,
                                       struct sagabase_read **read)
{
    struct sagabase_options call = {.timeout_ms = self->connection.timeout_ms};
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;

    request.query = selection_query(&self->selection);
    request.filter = patterns_filter(&self->patterns);
    request.count = (int64_t)self->count;
    request.upcast = self->upcast;
    if (self->backwards)
        request.direction = SAGABASE__V1__DIRECTION__DIRECTION_BACKWARDS;
    if (from->kind == PLACE_NUMBER) {
        request.from_case = SAGABASE__V1__READ_ALL_REQUEST__FROM_POSITION;
        request.position = from->number;
    } else if (from->kind == PLACE_EDGE) {
        request.from_case = SAGABASE__V1__READ_ALL_REQUEST__FROM_EDGE;
        request.edge = from->edge;
    } else if (from->kind == PLACE_TIME) {
        request.from_case = SAGABASE__V1__READ_ALL_REQUEST__FROM_TIME_US;
        request.time_us = from->time_us;
    }
    return sagabase_read_all(self->connection.client, &request, &call, read);
}

static struct sagabase_status print_pages(struct sagabase_read *read, bool json, bool all)
{
    struct event_printer printer;
    struct sagabase_page page;
    struct sagabase_status status;

    event_printer_init(&printer, stdout, json, all);
    while ((status = sagabase_read_next(read, &page)).code == SAGABASE_OK && page.count > 0 &&
           !ferror(stdout))
        event_printer_print(&printer, page.events, page.count);
    event_printer_destroy(&printer);
    return status;
}

static int run(void *settings, char **arguments)
{
    struct read *self = settings;
    struct sagabase_read *read = NULL;
    struct place from;
    int code = EXIT_DONE;

    if (self->all == (arguments[0] != NULL))
        return misused("read", self->all ? "either STREAM or --all, not both"
                                         : "STREAM or --all is required");
    if (!self->all && selection_query(&self->selection))
        return misused("read", "--tag, --type, --category, --correlation: only with --all");
    struct status told = place_read(self->from, self->since, &from);
    if (!status_ok(told))
        return misused("read", "%s", told.message);
    if (!connection_open(&self->connection, "read"))
        return EXIT_FAILED;
    struct sagabase_status status =
        self->all ? open_all(self, &from, &read) : open_stream(self, arguments[0], &from, &read);
    if (status.code == SAGABASE_OK)
        status = print_pages(read, self->connection.json, self->all);
    if (status.code != SAGABASE_OK)
        code = connection_failed(&self->connection, "read", arguments[0], &status);
    sagabase_read_close(read);
    connection_close(&self->connection);
    return code;
}

const struct command read_command = {
    .name = "read",
    .arguments = "STREAM | --all",
    .summary = "Read the events of a stream, or of the whole store",
    .about = "Prints events in order: a table, on a terminal shortened to its width, or with\n"
             "--json one object per line. JSON data are printed as they stand, other text as a\n"
             "string, anything else as \"data_base64\". `import` takes these lines back.\n",
    .examples = "  sagabase read order-17\n"
                "  sagabase read order-17 --backwards --count 1\n"
                "  sagabase read --all --from 1000 --json | jq .type\n"
                "  sagabase read --all --category order --type OrderPlaced --since 2026-11-21\n"
                "  sagabase read --all --tag course:1 --tag student:7\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct read),
    .run = run,
};
