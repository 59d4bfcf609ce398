/* sagabase snapshot put: keep a state of a stream. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/connection.h"

enum { STATE_BYTES_MAX = 1 << 20, US_PER_MS = 1000, KEEP_MAX = 100 };

struct snapshot_put {
    struct connection connection;
    const char *revision;
    const char *state;
    const char *content_type;
    int64_t ttl_us;
    uint64_t keep;
    const char *newer_than;
};

static const struct option options[] = {
    {.name = "revision",
     .value = "N",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct snapshot_put, revision),
     .help = "Required. Of the newest event that the state knows."},
    {.name = "state",
     .value = "TEXT",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct snapshot_put, state),
     .help = "The state, at most 1 MiB. Without it: what comes\nfrom stdin."},
    {.name = "content-type",
     .value = "TYPE",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct snapshot_put, content_type),
     .fallback = "application/json",
     .help = "What the state is."},
    {.name = "ttl",
     .value = "DURATION",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct snapshot_put, ttl_us),
     .help = "After this time it is gone, such as 30d. Without\nit: never."},
    {.name = "keep",
     .value = "N",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct snapshot_put, keep),
     .fallback = "1",
     .min = 1,
     .max = KEEP_MAX,
     .help = "How many of the stream's newest snapshots stay."},
    {.name = "newer-than",
     .value = "N",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct snapshot_put, newer_than),
     .help = "Only if no snapshot is newer than this revision."},
    CONNECTION_OPTIONS(struct snapshot_put, "30", "Print one JSON object."),
};

static bool read_revision(const char *text, uint64_t *revision)
{
    char *end;

    errno = 0;
    *revision = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

/* False: stdin holds too much. */
static bool read_state(const struct snapshot_put *self, uint8_t *memory, size_t *size)
{
    *size = self->state ? strlen(self->state) : fread(memory, 1, STATE_BYTES_MAX + 1, stdin);
    if (*size > STATE_BYTES_MAX)
        return false;
    if (self->state)
        memcpy(memory, self->state, *size);
    return true;
}

static int put(struct snapshot_put *self, Sagabase__V1__PutSnapshotRequest *request)
{
    struct sagabase_options call = connection_call(&self->connection);
    Sagabase__V1__PutSnapshotResponse *response;
    int code = EXIT_DONE;

    if (!connection_open(&self->connection, "snapshot put"))
        return EXIT_FAILED;
    struct sagabase_status status =
        sagabase_put_snapshot(self->connection.client, request, &call, &response);
    if (status.code != SAGABASE_OK) {
        code = connection_failed(&self->connection, "snapshot put", request->stream, &status);
    } else {
        const char *form = self->connection.json ? "{\"revision\":%llu,\"state_bytes\":%zu}\n"
                                                 : "revision %llu, %zu bytes\n";
        printf(form, (unsigned long long)request->revision, request->state.len);
        sagabase__v1__put_snapshot_response__free_unpacked(response, NULL);
    }
    connection_close(&self->connection);
    return code;
}

static int run(void *settings, char **arguments)
{
    struct snapshot_put *self = settings;
    Sagabase__V1__PutSnapshotRequest request = SAGABASE__V1__PUT_SNAPSHOT_REQUEST__INIT;

    if (!self->revision || !read_revision(self->revision, &request.revision))
        return misused("snapshot put", "--revision: required, a number");
    if (self->newer_than && !read_revision(self->newer_than, &request.newer_than))
        return misused("snapshot put", "--newer-than: a number");
    if (self->newer_than)
        request.expected_case = SAGABASE__V1__PUT_SNAPSHOT_REQUEST__EXPECTED_NEWER_THAN;
    request.stream = arguments[0];
    request.content_type = (char *)self->content_type;
    request.ttl_ms = self->ttl_us / US_PER_MS;
    request.keep = (uint32_t)self->keep;
    request.state.data = malloc(STATE_BYTES_MAX + 1);
    if (!request.state.data)
        return failed("snapshot put", request.stream, "out of memory");
    int code = read_state(self, request.state.data, &request.state.len)
                   ? put(self, &request)
                   : failed("snapshot put", request.stream, "state: at most 1 MiB");
    free(request.state.data);
    return code;
}

const struct command snapshot_put_command = {
    .name = "snapshot put",
    .arguments = "STREAM",
    .summary = "Keep a state of a stream",
    .about = "The state is what a program made of the stream's events up to a revision. It is on\n"
             "disk when the command ends. An older state never takes the place of a newer one.\n",
    .examples = "  sagabase snapshot put order-17 --revision 41 --state '{\"total\": 42}'\n"
                "  sagabase snapshot put order-17 --revision 41 --keep 3 <state.json\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .settings_bytes = sizeof(struct snapshot_put),
    .run = run,
};
