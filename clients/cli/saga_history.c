/* sagabase saga history: everything that has happened to a saga. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "clients/cli/connection.h"
#include "clients/cli/message_json.h"
#include "clients/cli/saga_event.h"
#include "clients/cli/saga_print.h"
#include "clients/cli/terminal.h"
#include "clients/cli/text.h"

static const char command[] = "saga history";

struct saga_history {
    struct connection connection;
    bool begun; /* the table's head is printed */
};

static const struct option options[] = {
    CONNECTION_OPTIONS(struct saga_history, "30", "Print one JSON object per event and line."),
};

enum { TYPE_COLUMNS = 20, LINE_BYTES_MAX = 1 << 20 };

/* "CommandIssued": the message's own name. */
static void print_row(struct saga_history *self, const Sagabase__V1__HistoryEntry *entry)
{
    enum { MILLISECONDS_BYTES = sizeof "2026-11-21T01:02:03.000" - 1, ROW_COLUMNS = 58 };
    const ProtobufCMessage *what = entry->event ? saga_event_case(entry->event) : NULL;
    size_t terminal = terminal_columns(stdout);
    char created[CLOCK_TEXT_BYTES];
    struct buffer row, told;

    if (!self->begun)
        printf("%s%8s  %-24s  %-*s  WHAT%s\n", terminal_bold(stdout), "REVISION", "TIME",
               TYPE_COLUMNS, "EVENT", terminal_plain(stdout));
    self->begun = true;
    buffer_init(&row, LINE_BYTES_MAX);
    buffer_init(&told, LINE_BYTES_MAX);
    clock_format_us(entry->created_us, created);
    buffer_print(&row, "%8" PRIu64 "  %.*sZ  ", entry->revision, MILLISECONDS_BYTES, created);
    text_put_name(&row, what ? what->descriptor->short_name : "?", TYPE_COLUMNS);
    buffer_put_text(&row, "  ");
    if (what)
        message_put_json(&told, what);
    text_put_line(&row, buffer_bytes(&told),
                  terminal > ROW_COLUMNS + 10 ? terminal - ROW_COLUMNS
                  : terminal                  ? 10
                                              : 0);
    buffer_put_byte(&row, '\n');
    fwrite(row.data, 1, row.size, stdout);
    buffer_destroy(&told);
    buffer_destroy(&row);
}

static struct sagabase_status print(struct saga_history *self, struct sagabase_saga_stream *stream)
{
    const Sagabase__V1__GetHistoryResponse *page = NULL;
    struct sagabase_status status;

    while ((status = sagabase_get_history_next(stream, &page)).code == SAGABASE_OK && page)
        for (size_t i = 0; i < page->n_entries; i++)
            if (self->connection.json)
                message_print_json(&page->entries[i]->base);
            else
                print_row(self, page->entries[i]);
    return status;
}

static int run(void *settings, char **arguments)
{
    struct saga_history *self = settings;
    Sagabase__V1__GetHistoryRequest request = SAGABASE__V1__GET_HISTORY_REQUEST__INIT;
    Sagabase__V1__SagaName name = saga_name(arguments);
    struct sagabase_saga_stream *stream;
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    request.saga = &name;
    struct sagabase_options call = {.timeout_ms = self->connection.timeout_ms};
    struct sagabase_status status =
        sagabase_get_history(self->connection.client, &request, &call, &stream);
    if (status.code == SAGABASE_OK) {
        status = print(self, stream);
        sagabase_saga_stream_close(stream);
    }
    if (status.code != SAGABASE_OK)
        code = connection_failed(&self->connection, command, arguments[1], &status);
    connection_close(&self->connection);
    return code;
}

const struct command saga_history_command = {
    .name = "saga history",
    .arguments = "TYPE ID",
    .summary = "List what has happened to a saga",
    .about = "Prints every event of the saga's stream, oldest first, all runs together. The same\n"
             "events can be read and subscribed to as stream \"$saga-TYPE-ID\".\n",
    .examples = "  sagabase saga history order 17\n"
                "  sagabase saga history order 17 --json | jq .event\n",
    .options = options,
    .arguments_min = 2,
    .arguments_max = 2,
    .settings_bytes = sizeof(struct saga_history),
    .run = run,
};
