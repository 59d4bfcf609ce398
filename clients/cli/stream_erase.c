/* sagabase stream erase: takes payloads away, for good. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "clients/cli/connection.h"
#include "clients/cli/terminal.h"
#include "clients/cli/text.h"

static const char command[] = "stream erase";

struct stream_erase {
    struct connection connection;
    const char *reason, *by, *revision_text;
    uint64_t revision; /* if there is a text */
    bool yes;
};

static const struct option options[] = {
    {.name = "reason",
     .value = "TEXT",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct stream_erase, reason),
     .help = "Why, for the record. Required."},
    {.name = "by",
     .value = "WHO",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct stream_erase, by),
     .help = "Who asked for it, for the record."},
    {.name = "revision",
     .value = "N",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct stream_erase, revision_text),
     .help = "Only the event with this revision."},
    {.name = "yes",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct stream_erase, yes),
     .help = "Do not ask. Required where there is no terminal to\nask on."},
    CONNECTION_OPTIONS(struct stream_erase, "0", "Print one JSON object."),
};

/* EXIT_DONE: go on. */
static int ask(const struct stream_erase *self, const char *stream)
{
    if (!terminal_is(stdin))
        return misused(command,
                       "--yes: is required without a terminal, because nothing brings it back");
    if (self->revision_text)
        fprintf(stderr, "Erase the payload of event %" PRIu64 " of %s, for good? [y/N] ",
                self->revision, stream);
    else
        fprintf(stderr, "Erase the payloads of all events of %s, for good? [y/N] ", stream);
    if (terminal_agrees())
        return EXIT_DONE;
    return failed(command, stream, "nothing was changed");
}

static bool read_revision(const char *text, uint64_t *revision)
{
    char *end;

    errno = 0;
    *revision = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == 0 && errno == 0;
}

static void tell(const struct stream_erase *self, uint64_t erased_events)
{
    char number[TEXT_NUMBER_BYTES];

    if (self->connection.json)
        printf("{\"erased_events\":%" PRIu64 "}\n", erased_events);
    else
        printf("%s payload%s erased\n", text_number(erased_events, number),
               erased_events == 1 ? "" : "s");
}

static struct sagabase_status erase_all(struct stream_erase *self, char *stream)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__EraseStreamRequest request = SAGABASE__V1__ERASE_STREAM_REQUEST__INIT;
    Sagabase__V1__EraseStreamResponse *response;

    request.stream = stream;
    request.reason = (char *)self->reason;
    if (self->by)
        request.by = (char *)self->by;
    struct sagabase_status status =
        sagabase_erase_stream(self->connection.client, &request, &call, &response);
    if (status.code == SAGABASE_OK) {
        tell(self, response->erased_events);
        sagabase__v1__erase_stream_response__free_unpacked(response, NULL);
    }
    return status;
}

static struct sagabase_status erase_one(struct stream_erase *self, char *stream)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__EraseEventRequest request = SAGABASE__V1__ERASE_EVENT_REQUEST__INIT;
    Sagabase__V1__EraseEventResponse *response;

    request.stream = stream;
    request.revision = self->revision;
    request.reason = (char *)self->reason;
    if (self->by)
        request.by = (char *)self->by;
    struct sagabase_status status =
        sagabase_erase_event(self->connection.client, &request, &call, &response);
    if (status.code == SAGABASE_OK) {
        tell(self,
             response->notice_case == SAGABASE__V1__ERASE_EVENT_RESPONSE__NOTICE_NOTICE_POSITION);
        sagabase__v1__erase_event_response__free_unpacked(response, NULL);
    }
    return status;
}

static int run(void *settings, char **arguments)
{
    struct stream_erase *self = settings;

    if (!self->reason)
        return misused(command, "--reason: is required");
    if (self->revision_text && !read_revision(self->revision_text, &self->revision))
        return misused(command, "--revision: a whole number, not \"%s\"", self->revision_text);
    int code = self->yes ? EXIT_DONE : ask(self, arguments[0]);
    if (code != EXIT_DONE)
        return code;
    if (!connection_open(&self->connection, command))
        return EXIT_FAILED;
    struct sagabase_status status =
        self->revision_text ? erase_one(self, arguments[0]) : erase_all(self, arguments[0]);
    if (status.code != SAGABASE_OK)
        code = connection_failed(&self->connection, command, arguments[0], &status);
    connection_close(&self->connection);
    return code;
}

const struct command stream_erase_command = {
    .name = "stream erase",
    .arguments = "STREAM",
    .summary = "Erase payloads of a stream, for good",
    .about = "Takes data, metadata and tags of the stream's events away, for good: from reads at\n"
             "once, from the server's files when the command is done. The events stay, without\n"
             "them. Checkpoints made before still hold them. Who asked for it and why is recorded\n"
             "in the stream $erasures. Asks on a terminal; elsewhere --yes is required.\n",
    .examples = "  sagabase stream erase customer-17 --reason \"asked for by letter\"\n"
                "  sagabase stream erase order-17 --revision 3 --reason \"wrong file\" --yes\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct stream_erase),
    .run = run,
};
