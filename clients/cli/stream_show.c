/* sagabase stream show: what is known of one stream. */
#include <inttypes.h>

#include "base/clock.h"
#include "clients/cli/connection.h"
#include "clients/cli/stream_info.h"
#include "clients/cli/text.h"

struct stream_show {
    struct connection connection;
};

static const struct option options[] = {
    CONNECTION_OPTIONS(struct stream_show, "30", "Print one JSON object."),
};

static void print_table(const Sagabase__V1__StreamInfo *stream)
{
    char events[TEXT_NUMBER_BYTES], created[CLOCK_TEXT_BYTES], appended[CLOCK_TEXT_BYTES];

    clock_format_us(stream->created_us, created);
    clock_format_us(stream->appended_us, appended);
    printf("name            ");
    stream_info_print_name(stream->name);
    printf("category        ");
    stream_info_print_name(stream->category);
    printf("events          %s\n", text_number(stream_info_events(stream), events));
    printf("first revision  %" PRIu64 "\n", stream->first_revision);
    printf("last revision   %" PRIu64 "\n", stream->last_revision);
    printf("last position   %" PRIu64 "\n", stream->last_position);
    printf("created         %s\n", created);
    printf("appended        %s\n", appended);
}

static int run(void *settings, char **arguments)
{
    struct stream_show *self = settings;
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__GetStreamRequest request = SAGABASE__V1__GET_STREAM_REQUEST__INIT;
    Sagabase__V1__GetStreamResponse *response;
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, "stream show"))
        return EXIT_FAILED;
    request.stream = arguments[0];
    struct sagabase_status status =
        sagabase_get_stream(self->connection.client, &request, &call, &response);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, "stream show", arguments[0], &status);
    } else {
        if (self->connection.json)
            stream_info_print_json(response->stream);
        else
            print_table(response->stream);
        sagabase__v1__get_stream_response__free_unpacked(response, NULL);
    }
    connection_close(&self->connection);
    return code;
}

const struct command stream_show_command = {
    .name = "stream show",
    .arguments = "STREAM",
    .summary = "Tell what is known of one stream",
    .about = "Prints the stream's category (its name up to the first \"-\"), how many events it\n"
             "shows, where the oldest and the newest are, and when these were appended.\n",
    .examples = "  sagabase stream show order-17\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct stream_show),
    .run = run,
};
