/* sagabase stream list: streams by name, page after page. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "clients/cli/connection.h"
#include "clients/cli/stream_info.h"
#include "clients/cli/terminal.h"

enum { PAGE_STREAMS = 1000 };

struct stream_list {
    struct connection connection;
    uint64_t count;
    bool begun; /* the table's head is printed */
};

static const struct option options[] = {
    {.name = "count",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct stream_list, count),
     .min = 1,
     .max = UINT64_MAX - 1,
     .help = "How many streams at most. Without it: all."},
    CONNECTION_OPTIONS(struct stream_list, "30", "Print one JSON object per stream and line."),
};

static void print_row(struct stream_list *self, const Sagabase__V1__StreamInfo *stream)
{
    enum { SECONDS_BYTES = sizeof "2026-11-21T01:02:03" - 1 };
    char appended[CLOCK_TEXT_BYTES];

    if (self->connection.json)
        return stream_info_print_json(stream);
    if (!self->begun)
        printf("%s%10s  %-20s  STREAM%s\n", terminal_bold(stdout), "EVENTS", "LAST APPEND",
               terminal_plain(stdout));
    self->begun = true;
    clock_format_us(stream->appended_us, appended);
    printf("%10" PRIu64 "  %.*sZ  ", stream_info_events(stream), SECONDS_BYTES, appended);
    stream_info_print_name(stream->name);
}

static struct sagabase_status list(struct stream_list *self, char *prefix)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__ListStreamsRequest request = SAGABASE__V1__LIST_STREAMS_REQUEST__INIT;
    uint64_t left = self->count ? self->count : UINT64_MAX;
    struct sagabase_status status;
    char *token = NULL;

    request.prefix = prefix;
    do {
        Sagabase__V1__ListStreamsResponse *page;
        request.page_size = left < PAGE_STREAMS ? (uint32_t)left : PAGE_STREAMS;
        status = sagabase_list_streams(self->connection.client, &request, &call, &page);
        free(token);
        token = NULL;
        if (status.code != SAGABASE_OK)
            break;
        for (size_t i = 0; i < page->n_streams; i++)
            print_row(self, page->streams[i]);
        left -= page->n_streams < left ? page->n_streams : left;
        if (page->next_page_token[0])
            request.page_token = token = strdup(page->next_page_token);
        sagabase__v1__list_streams_response__free_unpacked(page, NULL);
    } while (token && left > 0);
    free(token);
    return status;
}

static int run(void *settings, char **arguments)
{
    struct stream_list *self = settings;
    char *prefix = arguments[0] ? arguments[0] : "";
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, "stream list"))
        return EXIT_FAILED;
    struct sagabase_status status = list(self, prefix);
    if (status.code != SAGABASE_OK)
        code = connection_failed(&self->connection, "stream list", arguments[0], &status);
    connection_close(&self->connection);
    return code;
}

const struct command stream_list_command = {
    .name = "stream list",
    .arguments = "[PREFIX]",
    .summary = "List streams by name",
    .about = "Prints the streams whose names start with PREFIX, or all, in the byte order of\n"
             "their names.\n",
    .examples = "  sagabase stream list\n"
                "  sagabase stream list order- --count 10\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct stream_list),
    .run = run,
};
