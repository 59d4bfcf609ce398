/* sagabase info: what runs there and how much it holds. */
#include <inttypes.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "clients/cli/connection.h"
#include "clients/cli/json.h"
#include "clients/cli/text.h"

struct info {
    struct connection connection;
};

static const struct option options[] = {
    CONNECTION_OPTIONS(struct info, "30", "Print one JSON object."),
};

static bool has_position(const Sagabase__V1__GetInfoResponse *info)
{
    return info->newest_case == SAGABASE__V1__GET_INFO_RESPONSE__NEWEST_POSITION;
}

static void print_json(const Sagabase__V1__GetInfoResponse *info)
{
    enum { INFO_BYTES_MAX = 4096 };
    char started[CLOCK_TEXT_BYTES];
    struct buffer line;

    clock_format_us(info->started_us, started);
    buffer_init(&line, INFO_BYTES_MAX);
    buffer_print(&line,
                 "{\"events\":%" PRIu64 ",\"streams\":%" PRIu64 ",\"types\":%" PRIu64
                 ",\"position\":",
                 info->events, info->streams, info->types);
    if (has_position(info))
        buffer_print(&line, "%" PRIu64, info->position);
    else
        buffer_put_text(&line, "null");
    buffer_put_text(&line, ",\"version\":");
    json_put_text(&line, bytes_of_text(info->version));
    buffer_put_text(&line, ",\"commit\":");
    json_put_text(&line, bytes_of_text(info->commit));
    buffer_put_text(&line, ",\"engine\":");
    json_put_text(&line, bytes_of_text(info->engine));
    buffer_print(&line, ",\"format\":%" PRIu32 ",\"started\":\"%s\"}\n", info->format, started);
    fwrite(line.data, 1, line.size, stdout);
    buffer_destroy(&line);
}

static void print_table(const Sagabase__V1__GetInfoResponse *info)
{
    char events[TEXT_NUMBER_BYTES], streams[TEXT_NUMBER_BYTES], types[TEXT_NUMBER_BYTES];
    char started[CLOCK_TEXT_BYTES];

    clock_format_us(info->started_us, started);
    printf("events    %s\n", text_number(info->events, events));
    printf("streams   %s\n", text_number(info->streams, streams));
    printf("types     %s\n", text_number(info->types, types));
    if (has_position(info))
        printf("position  %" PRIu64 "\n", info->position);
    else
        printf("position  none yet\n");
    printf("version   %s (%s)\n", info->version, info->commit);
    printf("engine    %s\n", info->engine);
    printf("format    %" PRIu32 "\n", info->format);
    printf("started   %s\n", started);
}

static int run(void *settings, char **arguments)
{
    struct info *self = settings;
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__GetInfoRequest request = SAGABASE__V1__GET_INFO_REQUEST__INIT;
    Sagabase__V1__GetInfoResponse *info;
    int code = EXIT_DONE;

    (void)arguments;
    if (!connection_open(&self->connection, "info"))
        return EXIT_FAILED;
    struct sagabase_status status =
        sagabase_get_info(self->connection.client, &request, &call, &info);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, "info", NULL, &status);
    } else {
        if (self->connection.json)
            print_json(info);
        else
            print_table(info);
        sagabase__v1__get_info_response__free_unpacked(info, NULL);
    }
    connection_close(&self->connection);
    return code;
}

const struct command info_command = {
    .name = "info",
    .arguments = "",
    .summary = "Tell what a server holds",
    .about = "Prints how many events, streams and event types the store holds, the position of\n"
             "the newest event, and the server's version, storage engine, format of the data\n"
             "directory and start time.\n",
    .examples = "  sagabase info\n"
                "  sagabase info --json\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 0,
    .settings_bytes = sizeof(struct info),
    .run = run,
};
