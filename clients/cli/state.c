/* sagabase state: what a stream's reducer has made of its events. */
#include <inttypes.h>
#include <stdio.h>

#include "clients/cli/connection.h"

static const char command[] = "state";

struct state {
    struct connection connection;
    uint64_t revision;
};

static const struct option options[] = {
    {.name = "revision",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct state, revision),
     .max = UINT64_MAX,
     .fallback = "18446744073709551615",
     .help = "The state that this event has led to. Without it:\nas of now."},
    CONNECTION_OPTIONS(struct state, "30",
                       "Print one JSON object: the state, its revision, and\nhow many events were "
                       "folded for it."),
};

static void print(const Sagabase__V1__GetStateResponse *response, bool json)
{
    if (json)
        printf("{\"revision\":%" PRIu64 ",\"folded\":%" PRIu64
               ",\"reducer_hash\":\"%s\",\"state\":",
               response->revision, response->folded, response->reducer_hash);
    fwrite(response->state.data, 1, response->state.len, stdout);
    fputs(json ? "}\n" : "\n", stdout);
}

static int run(void *settings, char **arguments)
{
    struct state *self = settings;
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__GetStateRequest request = SAGABASE__V1__GET_STATE_REQUEST__INIT;
    Sagabase__V1__GetStateResponse *response;
    int code = EXIT_DONE;

    request.stream = arguments[0];
    if (self->revision != UINT64_MAX)
        request.at_case = SAGABASE__V1__GET_STATE_REQUEST__AT_REVISION;
    request.revision = self->revision;
    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    struct sagabase_status status =
        sagabase_get_state(self->connection.client, &request, &call, &response);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, command, arguments[0], &status);
    } else {
        print(response, self->connection.json);
        sagabase__v1__get_state_response__free_unpacked(response, NULL);
    }
    connection_close(&self->connection);
    return code;
}

const struct command state_command = {
    .name = "state",
    .arguments = "STREAM",
    .summary = "Print the state that a stream's reducer computes",
    .about = "Prints JSON: what the reducer of the stream's category (`reducer put`) makes of its\n"
             "events, beginning with the newest snapshot that it has made.\n",
    .examples = "  sagabase state account-7\n"
                "  sagabase state account-7 --revision 41 --json\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct state),
    .run = run,
};
