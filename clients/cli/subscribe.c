/* sagabase subscribe: past events, then new ones, across the server's restarts.
 *
 *   main thread                                 signal's thread
 *   subscribe, print message after message  <-- interrupted: cancel, wake
 *      ^ lost: wait, from behind the last event
 */
#include <inttypes.h>
#include <string.h>

#include "clients/cli/connection.h"
#include "clients/cli/event_printer.h"
#include "clients/cli/follow.h"
#include "clients/cli/place.h"
#include "clients/cli/selection.h"

struct subscribe {
    struct connection connection;
    const char *from;
    const char *since;
    struct selection selection;
    struct patterns patterns;
    bool until_caught_up;
    uint64_t count;
    bool upcast;

    char *stream; /* NULL: all */
    struct event_printer printer;
    uint64_t printed;
    bool done;
    bool stood; /* the subscription stood before: when it is lost, it is waited for */

    /* Where to go on: behind `last` (a revision, or a position), or from the time, or from the
     * edge. */
    bool has_last;
    uint64_t last;
    bool has_time;
    int64_t time_us;
    Sagabase__V1__Edge edge;

    struct follow follow;
    struct sagabase_subscription *subscription;
};

static const struct option options[] = {
    {.name = "from",
     .value = "N|start|end",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct subscribe, from),
     .help = "The first event: its revision in the stream, or\nits position when following all. "
             "end: only new\nevents. Without it: the start."},
    {.name = "since",
     .value = "TIME",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct subscribe, since),
     .help = "The first event taken in at or after this time, in\nISO 8601."},
    SELECTION_OPTIONS(struct subscribe),
    PATTERN_OPTIONS(struct subscribe),
    {.name = "until-caught-up",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct subscribe, until_caught_up),
     .help = "End when everything stored so far is printed."},
    {.name = "count",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct subscribe, count),
     .min = 1,
     .max = UINT64_MAX - 1,
     .help = "End after so many events. Without it: never."},
    {.name = "upcast",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct subscribe, upcast),
     .help = "Show events in their newest form, as `upcaster put`\nsays it."},
    CONNECTION_OPTIONS(struct subscribe, "0", "Print one JSON object per event and line."),
};

static void cancel(void *subscription)
{
    sagabase_subscription_cancel(subscription);
}

/* "From the end" of one stream must stay the same place when the connection is lost before
 * anything was appended, so it is looked up. */
static struct sagabase_status find_end(struct subscribe *self)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__GetStreamRequest request = SAGABASE__V1__GET_STREAM_REQUEST__INIT;
    Sagabase__V1__GetStreamResponse *response;

    request.stream = self->stream;
    struct sagabase_status status =
        sagabase_get_stream(self->connection.client, &request, &call, &response);
    if (status.code == SAGABASE_NOT_FOUND) {
        self->edge = SAGABASE__V1__EDGE__EDGE_START;
        return (struct sagabase_status){.code = SAGABASE_OK};
    }
    if (status.code != SAGABASE_OK)
        return status;
    self->has_last = true;
    self->last = response->stream->last_revision;
    sagabase__v1__get_stream_response__free_unpacked(response, NULL);
    return status;
}

static struct sagabase_status open_subscription(struct subscribe *self)
{
    struct sagabase_options call = {.timeout_ms = self->connection.timeout_ms,
                                    .wait_for_server = self->stood};
    Sagabase__V1__SubscribeRequest request = SAGABASE__V1__SUBSCRIBE_REQUEST__INIT;

    request.stream = self->stream ? self->stream : "";
    request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_EDGE;
    request.edge = self->edge;
    if (self->has_last && self->stream) {
        request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_AFTER_REVISION;
        request.after_revision = self->last;
    } else if (self->has_last) {
        request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_AFTER_POSITION;
        request.after_position = self->last;
    } else if (self->has_time) {
        request.from_case = SAGABASE__V1__SUBSCRIBE_REQUEST__FROM_TIME_US;
        request.time_us = self->time_us;
    }
    request.query = selection_query(&self->selection);
    request.filter = patterns_filter(&self->patterns);
    request.upcast = self->upcast;

    struct sagabase_status status =
        sagabase_subscribe(self->connection.client, &request, &call, &self->subscription);
    if (status.code == SAGABASE_OK)
        follow_call(&self->follow, self->subscription);
    return status;
}

static void close_subscription(struct subscribe *self)
{
    follow_call(&self->follow, NULL);
    sagabase_subscription_close(self->subscription);
    self->subscription = NULL;
}

static void on_events(struct subscribe *self, const Sagabase__V1__EventPage *page)
{
    size_t count = page->n_events;

    if (self->count && count > self->count - self->printed)
        count = (size_t)(self->count - self->printed);
    if (count == 0)
        return;
    event_printer_print(&self->printer, page->events, count);
    self->printed += count;
    self->has_last = true;
    self->last =
        self->stream ? page->events[count - 1]->revision : page->events[count - 1]->position;
    self->done = (self->count && self->printed == self->count) || ferror(stdout);
}

/* A place to go on from, where nothing had to be printed. */
static void on_looked_at(struct subscribe *self, uint64_t position)
{
    if (self->stream)
        return;
    self->has_last = true;
    self->last = position;
}

static void on_message(struct subscribe *self, const Sagabase__V1__SubscribeResponse *message)
{
    switch (message->message_case) {
    case SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_EVENTS:
        return on_events(self, message->events);
    case SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CHECKPOINT:
        return on_looked_at(self, message->checkpoint->position);
    case SAGABASE__V1__SUBSCRIBE_RESPONSE__MESSAGE_CAUGHT_UP:
        if (message->caught_up->has_position)
            on_looked_at(self, message->caught_up->position);
        else
            self->edge = SAGABASE__V1__EDGE__EDGE_START; /* of a store without events */
        self->done |= self->until_caught_up;
        return;
    default: /* confirmed, fell_behind, or what a newer server says */
        return;
    }
}

/* One subscription, until it is lost or done. */
static struct sagabase_status follow_once(struct subscribe *self)
{
    struct sagabase_status status = open_subscription(self);

    while (status.code == SAGABASE_OK && !self->done) {
        const Sagabase__V1__SubscribeResponse *message;
        status = sagabase_subscription_next(self->subscription, &message);
        if (status.code != SAGABASE_OK)
            break;
        self->stood = true;
        on_message(self, message);
    }
    close_subscription(self);
    return status;
}

static struct sagabase_status follow(struct subscribe *self)
{
    const struct sagabase_status good = {.code = SAGABASE_OK};

    for (;;) {
        struct sagabase_status status = follow_once(self);
        char from[64] = "";
        if (self->done || follow_is_interrupted(&self->follow))
            return good;
        if (status.code != SAGABASE_UNAVAILABLE || !self->stood)
            return status;
        if (self->has_last)
            snprintf(from, sizeof from, " from behind %s %" PRIu64,
                     self->stream ? "revision" : "position", self->last);
        if (!follow_again(&self->follow, "subscribe", self->connection.server, &status, from))
            return good;
    }
}

static struct status set_place(struct subscribe *self)
{
    struct place from;

    TRY(place_read(self->from, self->since, &from));
    self->has_time = from.kind == PLACE_TIME;
    self->time_us = from.time_us;
    self->edge = from.kind == PLACE_EDGE ? from.edge : SAGABASE__V1__EDGE__EDGE_START;
    self->has_last = from.kind == PLACE_NUMBER && from.number > 0;
    self->last = self->has_last ? from.number - 1 : 0;
    return OK;
}

static int run(void *settings, char **arguments)
{
    struct subscribe *self = settings;
    struct sagabase_status status = {.code = SAGABASE_OK};
    int code = EXIT_DONE;

    self->stream = arguments[0];
    struct status told = set_place(self);
    if (!status_ok(told))
        return misused("subscribe", "%s", told.message);
    if (self->stream && selection_query(&self->selection))
        return misused("subscribe", "--tag, --type, --category, --correlation: only without "
                                    "STREAM");
    event_printer_init(&self->printer, stdout, self->connection.json, !self->stream);
    follow_start(&self->follow, cancel);
    if (!connection_open(&self->connection, "subscribe")) {
        code = EXIT_FAILED;
    } else {
        if (self->stream && self->edge == SAGABASE__V1__EDGE__EDGE_END)
            status = find_end(self);
        if (status.code == SAGABASE_OK)
            status = follow(self);
        if (status.code != SAGABASE_OK)
            code = connection_failed(&self->connection, "subscribe", self->stream, &status);
    }
    follow_stop(&self->follow);
    connection_close(&self->connection);
    event_printer_destroy(&self->printer);
    return code;
}

const struct command subscribe_command = {
    .name = "subscribe",
    .arguments = "[STREAM]",
    .summary = "Print events as they are appended",
    .about =
        "Prints past events, then new ones as they are committed, of STREAM or of all streams,\n"
        "until Ctrl-C. When the server is lost, waits for it and goes on behind the last event.\n"
        "The output is that of `read`.\n",
    .examples = "  sagabase subscribe\n"
                "  sagabase subscribe order-17 --from end\n"
                "  sagabase subscribe --stream-prefix order- --type-regex 'Placed$' --json\n",
    .options = options,
    .arguments_min = 0,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct subscribe),
    .run = run,
};
