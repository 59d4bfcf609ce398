/* sagabase export: events as JSON lines that `sagabase import` reads back as they were. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "clients/cli/connection.h"
#include "clients/cli/event_printer.h"
#include "clients/cli/place.h"
#include "clients/cli/progress.h"
#include "clients/cli/text.h"

enum { LINE_BYTES_MAX = 16 << 20, PATH_BYTES_MAX = 4096 };

struct export
{
    struct connection connection;
    const char *stream;
    bool all;
    const char *from_text;
    struct place from;

    const char *file;          /* as given */
    char part[PATH_BYTES_MAX]; /* what is written, until it is complete; empty: stdout */
    gzFile out;
    struct buffer line;
    struct progress progress;
    uint64_t total, written; /* events */
};

static const struct option options[] = {
    {.name = "all",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct export, all),
     .help = "Export the whole store in commit order."},
    {.name = "stream",
     .value = "STREAM",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct export, stream),
     .help = "Export one stream."},
    {.name = "from",
     .value = "N",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct export, from_text),
     .help = "The first event: its position, with --stream its\nrevision. Without it: the start."},
    CONNECTION_OPTIONS(struct export, "0", "Print the summary as one JSON object."),
};

/* --- reading ------------------------------------------------------------------------ */

static struct sagabase_status count_events(struct export *self)
{
    struct sagabase_options call = connection_call(&self->connection);
    struct sagabase_status status;

    if (self->stream) {
        Sagabase__V1__GetStreamRequest request = SAGABASE__V1__GET_STREAM_REQUEST__INIT;
        Sagabase__V1__GetStreamResponse *response;

        request.stream = (char *)self->stream;
        status = sagabase_get_stream(self->connection.client, &request, &call, &response);
        if (status.code == SAGABASE_OK) {
            self->total = response->stream->last_revision + 1;
            sagabase__v1__get_stream_response__free_unpacked(response, NULL);
        }
    } else {
        Sagabase__V1__GetInfoRequest request = SAGABASE__V1__GET_INFO_REQUEST__INIT;
        Sagabase__V1__GetInfoResponse *response;

        status = sagabase_get_info(self->connection.client, &request, &call, &response);
        if (status.code == SAGABASE_OK) {
            self->total = response->events;
            sagabase__v1__get_info_response__free_unpacked(response, NULL);
        }
    }
    self->total -= self->from.number < self->total ? self->from.number : self->total;
    return status;
}

static struct sagabase_status open_read(struct export *self, struct sagabase_read **read)
{
    struct sagabase_options call = {.timeout_ms = self->connection.timeout_ms};

    if (self->stream) {
        Sagabase__V1__ReadStreamRequest request = SAGABASE__V1__READ_STREAM_REQUEST__INIT;

        request.stream = (char *)self->stream;
        request.from_case = SAGABASE__V1__READ_STREAM_REQUEST__FROM_REVISION;
        request.revision = self->from.number;
        return sagabase_read_stream(self->connection.client, &request, &call, read);
    }
    Sagabase__V1__ReadAllRequest request = SAGABASE__V1__READ_ALL_REQUEST__INIT;

    request.from_case = SAGABASE__V1__READ_ALL_REQUEST__FROM_POSITION;
    request.position = self->from.number;
    return sagabase_read_all(self->connection.client, &request, &call, read);
}

/* --- writing ------------------------------------------------------------------------ */

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

/* "T": written as it stands, not packed. */
static bool open_output(struct export *self)
{
    if (strcmp(self->file, "-") == 0) {
        self->out = gzdopen(dup(STDOUT_FILENO), "wbT");
        return self->out != NULL;
    }
    int size = snprintf(self->part, sizeof self->part, "%s.part", self->file);
    if (size >= (int)sizeof self->part) {
        errno = ENAMETOOLONG;
        return false;
    }
    self->out = gzopen(self->part, ends_with(self->file, ".gz") ? "wbe" : "wbTe");
    return self->out != NULL;
}

static bool write_events(struct export *self, const struct sagabase_page *page)
{
    for (size_t i = 0; i < page->count; i++, self->written++) {
        self->line.size = 0;
        event_put_exact_json(&self->line, page->events[i]);
        buffer_put_byte(&self->line, '\n');
        if (!buffer_ok(&self->line) ||
            gzwrite(self->out, self->line.data, (unsigned)self->line.size) <= 0)
            return false;
    }
    progress_update(&self->progress, self->written, self->written, self->total);
    return true;
}

/* Only what is complete gets the name that was asked for. */
static bool close_output(struct export *self, bool complete)
{
    bool good = gzclose(self->out) == Z_OK && complete;

    if (!*self->part)
        return good;
    if (good)
        return rename(self->part, self->file) == 0;
    unlink(self->part);
    return false;
}

static void print_summary(const struct export *self, double seconds)
{
    char events[TEXT_NUMBER_BYTES];

    if (!*self->part)
        return; /* stdout holds the events */
    if (self->connection.json)
        printf("{\"events\":%" PRIu64 ",\"seconds\":%.3f}\n", self->written, seconds);
    else
        printf("exported %s event%s in %.1f s\n", text_number(self->written, events),
               self->written == 1 ? "" : "s", seconds);
}

static int export_events(struct export *self)
{
    struct sagabase_read *read = NULL;
    struct sagabase_page page = {0};
    bool written = true;
    struct sagabase_status status = count_events(self);

    if (status.code == SAGABASE_OK)
        status = open_read(self, &read);
    if (status.code != SAGABASE_OK)
        return connection_failed(&self->connection, "export", self->stream, &status);
    if (!open_output(self)) {
        sagabase_read_close(read);
        return failed("export", self->file, "%s", strerror(errno));
    }
    progress_start(&self->progress);
    while (written && (status = sagabase_read_next(read, &page)).code == SAGABASE_OK &&
           page.count > 0)
        written = write_events(self, &page);
    sagabase_read_close(read);
    bool complete = close_output(self, written && status.code == SAGABASE_OK);
    double seconds = progress_end(&self->progress);
    if (status.code != SAGABASE_OK)
        return connection_failed(&self->connection, "export", self->stream, &status);
    if (!complete)
        return failed("export", self->file, "cannot be written: %s", strerror(errno));
    print_summary(self, seconds);
    return EXIT_DONE;
}

static int run(void *settings, char **arguments)
{
    struct export *self = settings;
    int code;

    self->file = arguments[0];
    if (self->all == (self->stream != NULL))
        return misused("export", "either --stream STREAM or --all");
    if (!place_parse(self->from_text, &self->from) || self->from.kind == PLACE_EDGE)
        return misused("export", "--from: a number, not \"%s\"", self->from_text);
    if (!connection_open(&self->connection, "export"))
        return EXIT_FAILED;
    buffer_init(&self->line, LINE_BYTES_MAX);
    code = export_events(self);
    buffer_destroy(&self->line);
    connection_close(&self->connection);
    return code;
}

const struct command export_command = {
    .name = "export",
    .arguments = "FILE|-",
    .summary = "Write events to a file of JSON lines",
    .about =
        "Writes events as `sagabase read --json` prints them, with data that would not come\n"
        "back byte by byte as \"data_base64\". `sagabase import FILE` appends them again with\n"
        "the same ids, types, metadata, tags and data; revisions, positions and times are\n"
        "given anew. A FILE that ends with .gz is packed. It appears once it is complete.\n",
    .examples = "  sagabase export --all backup.jsonl.gz\n"
                "  sagabase export --stream order-17 - | jq .type\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct export),
    .run = run,
};
