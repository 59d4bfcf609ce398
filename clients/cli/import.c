/* sagabase import: a file of rows as events. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/connection.h"
#include "clients/cli/importer.h"
#include "clients/cli/progress.h"
#include "clients/cli/rows.h"
#include "clients/cli/text.h"

struct import {
    struct connection connection;
    const char *format;
    const char *stream_column;
    const char *type_column;
    const char *time_column;
    const char *id_column;
    struct texts tag_columns;
    const char *separator;
    uint64_t skip_bad_rows;

    const char *file; /* as given */
    const char *name; /* as told in messages: its last part, or "stdin" */
    struct input *input;
    struct rows *rows;
    struct importer importer;
    struct progress progress;
    uint64_t row_count, skipped;
};

static const struct option options[] = {
    {.name = "stream-column",
     .value = "NAME",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct import, stream_column),
     .help = "The column that names the stream. Without it:\n\"stream\"."},
    {.name = "type-column",
     .value = "NAME",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct import, type_column),
     .help = "The column that holds the event's type. Without it:\n\"type\"."},
    {.name = "time-column",
     .value = "NAME",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct import, time_column),
     .help = "A column that tells when it happened, kept as\nmetadata \"time\": ISO 8601 or RFC "
             "3339, as in\n2026-11-21 01:02:03.004+01:00."},
    {.name = "id-column",
     .value = "NAME",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct import, id_column),
     .help = "A column that holds the event's id, a UUID.\nWithout it: made from file name, line "
             "and content."},
    {.name = "tag-column",
     .value = "NAME",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct import, tag_columns),
     .help = "A column whose value becomes the tag NAME:VALUE,\nif it is not empty; may be "
             "repeated."},
    {.name = "format",
     .value = "csv|jsonl",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct import, format),
     .help = "Without it: jsonl if the name ends with .jsonl,\n.ndjson or .json (and perhaps .gz), "
             "else csv."},
    {.name = "separator",
     .value = "CHARACTER",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct import, separator),
     .fallback = ",",
     .help = "Between the columns of a CSV; \"tab\" for tabs."},
    {.name = "skip-bad-rows",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct import, skip_bad_rows),
     .max = UINT64_MAX - 1,
     .fallback = "0",
     .help = "Tell and leave out up to so many rows that break a\nrule; the next one ends the "
             "import."},
    CONNECTION_OPTIONS(struct import, "0", "Print the summary as one JSON object."),
};

/* --- what the options say --------------------------------------------------- */

static bool ends_with(const char *text, size_t size, const char *end)
{
    size_t end_size = strlen(end);
    return size >= end_size && memcmp(text + size - end_size, end, end_size) == 0;
}

static bool is_jsonl(const struct import *self)
{
    size_t size = strlen(self->file);

    if (self->format)
        return strcmp(self->format, "jsonl") == 0;
    if (ends_with(self->file, size, ".gz"))
        size -= strlen(".gz");
    return ends_with(self->file, size, ".jsonl") || ends_with(self->file, size, ".ndjson") ||
           ends_with(self->file, size, ".json");
}

/* 0: it is not one character. */
static char separator(const char *text)
{
    if (strcmp(text, "tab") == 0)
        return '\t';
    bool fits = strlen(text) == 1 && !strchr("\"\r\n", text[0]);
    return fits ? text[0] : 0;
}

static struct rows_options rows_options(const struct import *self)
{
    bool columns_told = self->stream_column || self->type_column || self->tag_columns.count;
    enum rows_format jsonl = columns_told ? ROWS_JSON : ROWS_EVENTS;

    return (struct rows_options){
        .source = self->name,
        .format = is_jsonl(self) ? jsonl : ROWS_CSV,
        .stream_column = self->stream_column ? self->stream_column : "stream",
        .type_column = self->type_column ? self->type_column : "type",
        .time_column = self->time_column,
        .id_column = self->id_column,
        .tag_columns = self->tag_columns.at,
        .tag_column_count = self->tag_columns.count,
        .separator = separator(self->separator),
    };
}

/* --- importing ---------------------------------------------------------------- */

static bool tell_bad_row(struct import *self, const struct status *why)
{
    if (self->skipped == self->skip_bad_rows)
        return false;
    self->skipped++;
    fprintf(stderr, "sagabase: import: %s:%" PRIu64 ": %s (left out)\n", self->name,
            rows_line(self->rows), why->message);
    return true;
}

/* One row; *more is false after the last. */
static bool import_row(struct import *self, bool *more, struct status *why)
{
    Sagabase__V1__ProposedEvent *event;
    struct bytes stream;
    enum row_result result = rows_next(self->rows, &stream, why);

    *more = result == ROW_READ || result == ROW_BAD;
    if (result == ROW_BAD)
        return tell_bad_row(self, why);
    if (result != ROW_READ)
        return result == ROW_END;
    struct arena *arena = importer_prepare(&self->importer, stream);
    if (!arena)
        return false;
    *why = rows_event(self->rows, arena, &event);
    if (!status_ok(*why))
        return tell_bad_row(self, why);
    importer_add(&self->importer, event, rows_line(self->rows));
    self->row_count++;
    progress_update(&self->progress, self->row_count, input_offset(self->input), self->input->size);
    return true;
}

static int tell_failure(struct import *self)
{
    const struct importer *importer = &self->importer;
    char subject[512];

    if (importer->failed_first_line == 0)
        snprintf(subject, sizeof subject, "%s", self->name);
    else if (importer->failed_first_line == importer->failed_last_line)
        snprintf(subject, sizeof subject, "%s:%" PRIu64, self->name, importer->failed_first_line);
    else
        snprintf(subject, sizeof subject, "%s: lines %" PRIu64 " to %" PRIu64, self->name,
                 importer->failed_first_line, importer->failed_last_line);
    return connection_failed(&self->connection, "import", subject, &importer->failure);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void print_summary(const struct import *self, double seconds)
{
    const struct importer *importer = &self->importer;
    char events[TEXT_NUMBER_BYTES], streams[TEXT_NUMBER_BYTES], rate[TEXT_NUMBER_BYTES],
        number[TEXT_NUMBER_BYTES];
    double per_second = seconds > 0 ? (double)importer->events_stored / seconds : 0;

    if (self->connection.json) {
        printf("{\"events\":%" PRIu64 ",\"streams\":%zu,\"stored_before\":%" PRIu64
               ",\"skipped\":%" PRIu64 ",\"seconds\":%.3f}\n",
               importer->events_stored, importer->streams.count, importer->events_replayed,
               self->skipped, seconds);
        return;
    }
    printf("imported %s event%s into %s stream%s in %.1f s (%s events/s)",
           text_number(importer->events_stored, events), plural(importer->events_stored),
           text_number(importer->streams.count, streams), plural(importer->streams.count), seconds,
           text_number((uint64_t)per_second, rate));
    if (importer->events_replayed)
        printf(", %s stored before", text_number(importer->events_replayed, number));
    if (self->skipped)
        printf(", %s bad row%s left out", text_number(self->skipped, number),
               plural(self->skipped));
    putchar('\n');
}

static int import_rows(struct import *self)
{
    struct status why = OK;
    bool more = true, good = true;

    progress_start(&self->progress);
    while (good && more)
        good = import_row(self, &more, &why);
    bool stored = self->importer.failure.code == SAGABASE_OK && importer_finish(&self->importer);
    double seconds = progress_end(&self->progress);
    if (!stored)
        return tell_failure(self);
    if (good) {
        print_summary(self, seconds);
        return EXIT_DONE;
    }
    failed("import", NULL, "%s:%" PRIu64 ": %s", self->name, rows_line(self->rows), why.message);
    fprintf(stderr,
            "Rows stored before it: %" PRIu64 ". Mend it and import the file again: nothing is "
            "stored twice. Or see --skip-bad-rows.\n",
            self->row_count);
    return EXIT_FAILED;
}

/* An importer waits long for a server that was there; one that never was is told at once. */
static struct sagabase_status find_server(const struct import *self)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__GetInfoRequest request = SAGABASE__V1__GET_INFO_REQUEST__INIT;
    Sagabase__V1__GetInfoResponse *response;
    struct sagabase_status status =
        sagabase_get_info(self->connection.client, &request, &call, &response);

    if (status.code == SAGABASE_OK)
        sagabase__v1__get_info_response__free_unpacked(response, NULL);
    return status;
}

static int import_over_session(struct import *self)
{
    struct sagabase_options call = {.timeout_ms = self->connection.timeout_ms};
    struct sagabase_status status = find_server(self);

    if (status.code != SAGABASE_OK)
        return connection_failed(&self->connection, "import", self->name, &status);
    status = importer_init(&self->importer, self->connection.client, &call);
    int code = status.code == SAGABASE_OK
                   ? import_rows(self)
                   : connection_failed(&self->connection, "import", self->name, &status);
    importer_destroy(&self->importer);
    return code;
}

static int import_into(struct import *self)
{
    struct rows_options told = rows_options(self);
    struct status status = rows_open(&told, self->input, &self->rows);
    int code;

    if (!status_ok(status))
        return failed("import", self->name, "%s", status.message);
    if (!connection_open(&self->connection, "import")) {
        code = EXIT_FAILED;
    } else {
        code = import_over_session(self);
        connection_close(&self->connection);
    }
    rows_close(self->rows);
    return code;
}

static int open_file(const char *file)
{
    return strcmp(file, "-") == 0 ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC);
}

static int run(void *settings, char **arguments)
{
    struct import *self = settings;
    const char *slash = strrchr(arguments[0], '/');
    int code;

    self->file = arguments[0];
    self->name = strcmp(self->file, "-") == 0 ? "stdin" : slash ? slash + 1 : self->file;
    if (self->format && strcmp(self->format, "csv") != 0 && strcmp(self->format, "jsonl") != 0)
        return misused("import", "--format: csv or jsonl, not \"%s\"", self->format);
    if (!separator(self->separator))
        return misused("import", "--separator: one character, not \"%s\"", self->separator);
    int descriptor = open_file(self->file);
    if (descriptor < 0)
        return failed("import", self->file, "%s", strerror(errno));
    self->input = malloc(sizeof *self->input);
    if (!self->input)
        return failed("import", self->file, "out of memory");
    struct status status = input_open(self->input, descriptor);
    if (status_ok(status))
        code = import_into(self);
    else
        code = failed("import", self->file, "%s", status.message);
    input_close(self->input);
    free(self->input);
    return code;
}

const struct command import_command = {
    .name = "import",
    .arguments = "FILE|-",
    .summary = "Append the rows of a CSV or JSON lines file",
    .about = "Each row becomes an event of the stream that a column names; the data are all its\n"
             "columns as a JSON object of strings. CSV is RFC 4180 with a head of column names. A\n"
             "line of JSON lines is an object: with --stream-column or --type-column it is the\n"
             "event's data as it stands, without them it is a line of `sagabase read --json`.\n"
             "gzip is unpacked. Importing the same file again stores nothing twice.\n",
    .examples =
        "  sagabase import orders.csv --stream-column order --type-column status\n"
        "  sagabase import log.csv.gz --stream-column case:concept:name \\\n"
        "      --type-column concept:name --time-column time:timestamp\n"
        "  sagabase read --all --json | sagabase import - --format jsonl --server other:2113\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct import),
    .run = run,
};
