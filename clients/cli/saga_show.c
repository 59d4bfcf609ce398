/* sagabase saga show: one saga as a timeline. */
#include <inttypes.h>

#include "base/clock.h"
#include "clients/cli/connection.h"
#include "clients/cli/duration.h"
#include "clients/cli/message_json.h"
#include "clients/cli/saga_print.h"
#include "clients/cli/terminal.h"
#include "clients/cli/timeline.h"

static const char command[] = "saga show";

struct saga_show {
    struct connection connection;
    struct timeline timeline;
};

static const struct option options[] = {
    CONNECTION_OPTIONS(struct saga_show, "30",
                       "Print one JSON object: the saga with all its steps."),
};

static struct sagabase_status read_history(struct saga_show *self, Sagabase__V1__SagaName *name)
{
    struct sagabase_options call = {.timeout_ms = self->connection.timeout_ms};
    Sagabase__V1__GetHistoryRequest request = SAGABASE__V1__GET_HISTORY_REQUEST__INIT;
    const Sagabase__V1__GetHistoryResponse *page = NULL;
    struct sagabase_saga_stream *stream;
    struct sagabase_status status;

    request.saga = name;
    status = sagabase_get_history(self->connection.client, &request, &call, &stream);
    if (status.code != SAGABASE_OK)
        return status;
    while ((status = sagabase_get_history_next(stream, &page)).code == SAGABASE_OK && page)
        for (size_t i = 0; i < page->n_entries; i++)
            timeline_add(&self->timeline, page->entries[i]);
    sagabase_saga_stream_close(stream);
    return status;
}

static void print_head(const Sagabase__V1__SagaSummary *saga, int64_t now_us)
{
    char started[CLOCK_TEXT_BYTES], took[DURATION_TEXT_BYTES], status[SAGA_STATUS_BYTES];
    int64_t end_us = saga->ended_us > 0 ? saga->ended_us : now_us;

    clock_format_us(saga->started_us, started);
    duration_round(end_us > saga->started_us ? end_us - saga->started_us : 0, took);
    printf("%s%s %s%s  %s%s%s\n", terminal_bold(stdout), saga->type, saga->id,
           terminal_plain(stdout), saga_status_colour(saga->status),
           saga_status_words(saga, status), terminal_plain(stdout));
    printf("definition %" PRIu32 ", run %" PRIu32 ", started %s, %s %s%s\n", saga->version,
           saga->run, started, saga->ended_us > 0 ? "took" : "for", took,
           saga->past_pivot ? ", past its pivot" : "");
    if (saga->cause)
        printf("because %s%s%s\n", saga->cause->type, *saga->cause->message ? ": " : "",
               saga->cause->message);
    for (size_t i = 0; i < saga->n_waiting_for; i++)
        printf("%s %s\n", i == 0 ? "waiting for" : "           ", saga->waiting_for[i]);
    for (size_t i = 0; i < saga->n_attributes; i++)
        printf("%s %s=%s\n", i == 0 ? "attributes " : "           ", saga->attributes[i]->name,
               saga->attributes[i]->value);
}

static struct sagabase_status show(struct saga_show *self, Sagabase__V1__SagaName *name)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__GetSagaRequest request = SAGABASE__V1__GET_SAGA_REQUEST__INIT;
    int64_t now_us = clock_wall_us(system_clock());
    Sagabase__V1__GetSagaResponse *response;
    struct sagabase_status status;

    request.saga = name;
    status = sagabase_get_saga(self->connection.client, &request, &call, &response);
    if (status.code != SAGABASE_OK)
        return status;
    if (self->connection.json) {
        message_print_json(&response->base);
    } else {
        status = read_history(self, name);
        print_head(response->summary, now_us);
        putchar('\n');
        timeline_print(&self->timeline, now_us, terminal_columns(stdout), stdout);
    }
    sagabase__v1__get_saga_response__free_unpacked(response, NULL);
    return status;
}

static int run(void *settings, char **arguments)
{
    struct saga_show *self = settings;
    Sagabase__V1__SagaName name = saga_name(arguments);
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    timeline_init(&self->timeline);
    struct sagabase_status status = show(self, &name);
    if (status.code != SAGABASE_OK)
        code = connection_failed(&self->connection, command, arguments[1], &status);
    timeline_destroy(&self->timeline);
    connection_close(&self->connection);
    return code;
}

const struct command saga_show_command = {
    .name = "saga show",
    .arguments = "TYPE ID",
    .summary = "Show a saga as a timeline",
    .about = "Draws the newest run of a saga: each step and its compensation with a bar from\n"
             "its beginning to its end, and where it stands.\n"
             "\n"
             "  ●  done       ✗  failed, or an attempt that was repeated\n"
             "  ▶  underway   …  waits for its next attempt\n"
             "  ?  unknown    ○  skipped by an operator\n",
    .examples = "  sagabase saga show order 17\n"
                "  sagabase saga show order 17 --json | jq .activities\n",
    .options = options,
    .arguments_min = 2,
    .arguments_max = 2,
    .settings_bytes = sizeof(struct saga_show),
    .run = run,
};
