/* sagabase append: one event from the command line, or several from stdin, as one append. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/uuid.h"
#include "clients/cli/connection.h"
#include "clients/cli/expected.h"
#include "clients/cli/lines.h"
#include "clients/cli/place.h"
#include "clients/cli/proposal.h"
#include "clients/cli/selection.h"
#include "clients/cli/source.h"

enum {
    EVENTS_MAX = 10000,
    APPEND_MEMORY_MAX = 64 << 20,
};

struct append {
    struct connection connection;
    const char *type;
    const char *data;
    const char *content_type;
    struct texts metadata;
    struct texts tags;
    const char *id;
    const char *expect;
    struct texts fail_if;
    struct place after;
    const char *after_text;
    bool jsonl;
};

static const struct option options[] = {
    {.name = "type",
     .value = "TYPE",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct append, type),
     .help = "What happened, for example OrderPlaced: 1 to\n256 bytes. Required without --jsonl."},
    {.name = "data",
     .value = "TEXT|@FILE|-",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct append, data),
     .help = "The event itself, at most 1 MiB: as given, from\na file, or from stdin. Without it: "
             "empty."},
    {.name = "content-type",
     .value = "TYPE",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct append, content_type),
     .help = "Media type of the data. Without it: by what they\nare, application/json, text/plain "
             "or\napplication/octet-stream."},
    {.name = "metadata",
     .value = "KEY=VALUE",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct append, metadata),
     .help = "A fact about the event; may be repeated, at most\n64 times."},
    {.name = "tag",
     .value = "TAG",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct append, tags),
     .help = "What the event is about, for queries, for example\ncourse:1; may be repeated, at "
             "most 32 times."},
    {.name = "id",
     .value = "UUID",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct append, id),
     .help = "The event's id. The same append with the same id\nis stored once. Without it: a new "
             "one."},
    {.name = "expect",
     .value = "any|none|exists|N",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct append, expect),
     .fallback = "any",
     .help = "Append only if the stream is in this state: does\nnot exist, exists, or has revision "
             "N as its newest."},
    {.name = "fail-if",
     .value = "QUERY",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct append, fail_if),
     .help = "Do not append if an event matches, of any stream:\n\"type=A,B tag=x tag=y "
             "category=c correlation=id\"\nis one of these types, has all these tags, and "
             "so\non. Repeated: any of the queries. Values end at a\nspace."},
    {.name = "after",
     .value = "POSITION",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct append, after_text),
     .help = "With --fail-if: events up to this position were\nseen; only later ones count."},
    {.name = "jsonl",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct append, jsonl),
     .help =
         "Read events from stdin, one JSON object per line\nwith \"type\" and perhaps "
         "\"data\", \"id\",\n\"content_type\", \"metadata\", \"tags\". All or none is\nstored."},
    CONNECTION_OPTIONS(struct append, "30", "Print the result as JSON."),
};

static struct status set_data(const struct append *self, struct arena *arena,
                              Sagabase__V1__ProposedEvent *event)
{
    struct buffer file;
    struct bytes data;
    struct status status = source_read_option("--data", self->data ? self->data : "",
                                              PROPOSAL_DATA_BYTES_MAX, &file, &data);

    if (status_ok(status)) {
        data = arena_copy(arena, data);
        event->data = (ProtobufCBinaryData){data.size, (uint8_t *)data.data};
        if (self->content_type)
            event->content_type = (char *)self->content_type;
        else if (self->data)
            event->content_type = (char *)proposal_content_type(data);
    }
    buffer_destroy(&file);
    return status;
}

static struct status set_metadata(const struct append *self, struct arena *arena,
                                  Sagabase__V1__ProposedEvent *event)
{
    for (size_t i = 0; i < self->metadata.count; i++) {
        const char *entry = self->metadata.at[i];
        const char *equals = strchr(entry, '=');
        if (!equals || equals == entry)
            return status_make(STATUS_INVALID_ARGUMENT, "--metadata: KEY=VALUE, not \"%s\"", entry);
        if (!proposal_add_metadata(event, arena, bytes_of(entry, (size_t)(equals - entry)),
                                   bytes_of_text(equals + 1)))
            return status_make(STATUS_INVALID_ARGUMENT, "--metadata: at most 64 entries");
    }
    return OK;
}

static struct status read_options(const struct append *self, struct arena *arena,
                                  Sagabase__V1__AppendToStreamRequest *request)
{
    Sagabase__V1__ProposedEvent *event = proposal_create(arena);
    struct uuid id;

    if (!self->type)
        return status_make(STATUS_INVALID_ARGUMENT, "--type: is required");
    TRY(proposal_check_text("--type", bytes_of_text(self->type), PROPOSAL_TYPE_BYTES_MAX));
    event->type = (char *)self->type;
    if (self->id && !uuid_parse(bytes_of_text(self->id), &id))
        return status_make(STATUS_INVALID_ARGUMENT, "--id: a UUID, not \"%s\"", self->id);
    if (self->id)
        event->id = (char *)self->id;
    TRY(set_data(self, arena, event));
    TRY(set_metadata(self, arena, event));
    event->tags = (char **)self->tags.at;
    event->n_tags = self->tags.count;
    request->events[request->n_events++] = event;
    return OK;
}

static struct status read_lines(struct arena *arena, Sagabase__V1__AppendToStreamRequest *request)
{
    struct input *input = malloc(sizeof *input);
    struct lines lines;
    struct bytes object;
    struct status status = input_open(input, dup(STDIN_FILENO));
    enum row_result result = ROW_READ;

    lines_init(&lines, input);
    while (status_ok(status) &&
           (result = lines_next_object(&lines, &object, &status)) == ROW_READ) {
        if (request->n_events == EVENTS_MAX)
            status = status_make(STATUS_INVALID_ARGUMENT, "at most %d events", EVENTS_MAX);
        else
            status = proposal_read_json(object, arena, &request->events[request->n_events++]);
    }
    if (!status_ok(status))
        status = status_make(status.code, "stdin:%" PRIu64 ": %s", lines.line, status.message);
    else if (request->n_events == 0)
        status = status_make(STATUS_INVALID_ARGUMENT, "stdin: holds no event");
    lines_destroy(&lines);
    input_close(input);
    free(input);
    return status;
}

static struct status set_expected(const char *text, Sagabase__V1__AppendToStreamRequest *request)
{
    struct sagabase_stream_state expected;

    TRY(expected_read(text, EXPECTED_ANYTHING, &expected));
    if (expected.state == SAGABASE__V1__STREAM_STATE__STREAM_STATE_UNSPECIFIED) {
        request->expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_REVISION;
        request->revision = expected.revision;
    } else {
        request->expected_case = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE;
        request->state = expected.state;
    }
    return OK;
}

static void print_result(bool json, const Sagabase__V1__AppendToStreamResponse *response)
{
    if (json) {
        printf("{\"first_revision\":%" PRIu64 ",\"last_revision\":%" PRIu64 ",\"position\":%" PRIu64
               ",\"replayed\":%s}\n",
               response->first_revision, response->last_revision, response->position,
               response->replayed ? "true" : "false");
        return;
    }
    if (response->first_revision == response->last_revision)
        printf("revision %" PRIu64, response->last_revision);
    else
        printf("revisions %" PRIu64 " to %" PRIu64, response->first_revision,
               response->last_revision);
    printf(", position %" PRIu64 "%s\n", response->position,
           response->replayed ? " (stored before)" : "");
}

static struct sagabase_status append_to_stream(struct append *self,
                                               const Sagabase__V1__AppendToStreamRequest *request)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__AppendToStreamResponse *response;
    struct sagabase_status status =
        sagabase_append_to_stream(self->connection.client, request, &call, &response);

    if (status.code == SAGABASE_OK) {
        print_result(self->connection.json, response);
        sagabase__v1__append_to_stream_response__free_unpacked(response, NULL);
    }
    return status;
}

/* The same append with a condition, which only an Append takes. */
static struct sagabase_status append_if(struct append *self,
                                        const Sagabase__V1__AppendToStreamRequest *request,
                                        Sagabase__V1__AppendCondition *condition)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__StreamAppend part = SAGABASE__V1__STREAM_APPEND__INIT, *parts = &part;
    Sagabase__V1__AppendRequest whole = SAGABASE__V1__APPEND_REQUEST__INIT;
    Sagabase__V1__AppendToStreamResponse told = SAGABASE__V1__APPEND_TO_STREAM_RESPONSE__INIT;
    Sagabase__V1__AppendResponse *response;

    part.stream = request->stream;
    part.events = request->events;
    part.n_events = request->n_events;
    if (request->expected_case == SAGABASE__V1__APPEND_TO_STREAM_REQUEST__EXPECTED_STATE) {
        part.expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_STATE;
        part.state = request->state;
    } else {
        part.expected_case = SAGABASE__V1__STREAM_APPEND__EXPECTED_REVISION;
        part.revision = request->revision;
    }
    whole.appends = &parts;
    whole.n_appends = 1;
    whole.condition = condition;
    struct sagabase_status status =
        sagabase_append(self->connection.client, &whole, &call, &response);
    if (status.code != SAGABASE_OK)
        return status;
    told.first_revision = response->streams[0]->first_revision;
    told.last_revision = response->streams[0]->last_revision;
    told.position = response->position;
    told.replayed = response->replayed;
    print_result(self->connection.json, &told);
    sagabase__v1__append_response__free_unpacked(response, NULL);
    return status;
}

static struct status read_condition(struct append *self, struct arena *arena,
                                    Sagabase__V1__AppendCondition *condition)
{
    enum { QUERIES_MAX = 32 };
    Sagabase__V1__Query *query = arena_alloc(arena, sizeof *query);

    if (self->fail_if.count == 0 && self->after_text)
        return status_make(STATUS_INVALID_ARGUMENT, "--after: only with --fail-if");
    if (self->fail_if.count > QUERIES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "--fail-if: at most %d times", QUERIES_MAX);
    if (self->after_text &&
        (!place_parse(self->after_text, &self->after) || self->after.kind != PLACE_NUMBER))
        return status_make(STATUS_INVALID_ARGUMENT, "--after: a position, not \"%s\"",
                           self->after_text);
    sagabase__v1__query__init(query);
    query->items = arena_alloc(arena, QUERIES_MAX * sizeof(Sagabase__V1__QueryItem *));
    for (; query->n_items < self->fail_if.count; query->n_items++) {
        Sagabase__V1__QueryItem *item = arena_alloc(arena, sizeof *item);

        TRY(selection_parse_item(self->fail_if.at[query->n_items], arena, item));
        query->items[query->n_items] = item;
    }
    condition->fail_if = query;
    if (self->after_text) {
        condition->seen_case = SAGABASE__V1__APPEND_CONDITION__SEEN_AFTER_POSITION;
        condition->after_position = self->after.number;
    }
    return OK;
}

static int append(struct append *self, const Sagabase__V1__AppendToStreamRequest *request,
                  Sagabase__V1__AppendCondition *condition)
{
    struct sagabase_status status;
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, "append"))
        return EXIT_FAILED;
    status = self->fail_if.count > 0 ? append_if(self, request, condition)
                                     : append_to_stream(self, request);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, "append", request->stream, &status);
    }
    connection_close(&self->connection);
    return code;
}

static int run(void *settings, char **arguments)
{
    struct append *self = settings;
    Sagabase__V1__AppendToStreamRequest request = SAGABASE__V1__APPEND_TO_STREAM_REQUEST__INIT;
    Sagabase__V1__AppendCondition condition = SAGABASE__V1__APPEND_CONDITION__INIT;
    struct arena arena;
    int code;

    if (self->jsonl &&
        (self->type || self->data || self->id || self->metadata.count || self->tags.count))
        return misused("append", "--jsonl: the events come from stdin, not from other options");
    arena_init(&arena, APPEND_MEMORY_MAX);
    request.stream = arguments[0];
    request.events = arena_alloc(&arena, EVENTS_MAX * sizeof(void *));
    struct status status = set_expected(self->expect, &request);
    if (status_ok(status))
        status = read_condition(self, &arena, &condition);
    if (status_ok(status))
        status = self->jsonl ? read_lines(&arena, &request) : read_options(self, &arena, &request);
    if (status_ok(status))
        code = append(self, &request, &condition);
    else if (self->jsonl)
        code = failed("append", arguments[0], "%s", status.message);
    else
        code = misused("append", "%s", status.message);
    arena_destroy(&arena);
    return code;
}

const struct command append_command = {
    .name = "append",
    .arguments = "STREAM",
    .summary = "Append events to a stream, all or nothing",
    .about = "Appends one event, or those that stdin holds as JSON lines, and prints their\n"
             "revision in the stream and position in the store once they are on disk.\n",
    .examples = "  sagabase append order-17 --type OrderPlaced --data '{\"total\": 42}'\n"
                "  sagabase append order-17 --type OrderPaid --expect 0 --metadata by=anna\n"
                "  sagabase append student-7 --type Joined --tag course:1 --tag student:7 \\\n"
                "      --fail-if 'type=Joined tag=course:1' --after 41\n"
                "  sagabase append order-17 --type ScanAdded --data @scan.pdf\n"
                "  printf '{\"type\":\"A\"}\\n{\"type\":\"B\",\"data\":[1]}\\n' |\n"
                "      sagabase append order-17 --jsonl\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct append),
    .run = run,
};
