#include "server/resp/connection.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "server/resp/command.h"
#include "server/resp/face.h"

enum { INPUT_BYTES_MAX = REQUEST_BYTES_MAX + READ_BYTES_MAX };

/* --- the list of all, by activity ---------------------------------------------------------- */

static void list_leave(struct client *client)
{
    struct face *face = client->face;

    *(client->previous ? &client->previous->next : &face->clients) = client->next;
    *(client->next ? &client->next->previous : &face->quietest) = client->previous;
}

static void list_enter(struct client *client)
{
    struct face *face = client->face;

    client->previous = NULL;
    client->next = face->clients;
    *(client->next ? &client->next->previous : &face->quietest) = client;
    face->clients = client;
}

static void mark_active(struct client *client)
{
    client->active_us = client->face->now_us;
    if (client->previous) {
        list_leave(client);
        list_enter(client);
    }
}

/* --- life ---------------------------------------------------------------------------------- */

struct connection *connection_open(struct face *face, int socket)
{
    struct connection *connection = calloc(1, sizeof *connection);
    struct client *client = connection ? &connection->client : NULL;

    if (!connection)
        return NULL;
    *client = (struct client){.face = face,
                              .id = ++face->counts.connections,
                              .socket = socket,
                              .unsafe = OK,
                              .authenticated = face->password == NULL,
                              .connected_us = face->now_us,
                              .active_us = face->now_us};
    client_reset(client);
    request_parser_init(&connection->parser);
    connection->parser.stranger = !client->authenticated;
    buffer_init(&connection->input, INPUT_BYTES_MAX);
    buffer_init(&connection->output, OUTPUT_BYTES_MAX);
    list_enter(client);
    face->client_count++;
    return connection;
}

void connection_free(struct connection *connection)
{
    struct client *client = &connection->client;

    assert(client->errands == 0);
    list_leave(client);
    client->face->client_count--;
    client->face->buffer_bytes -= connection->buffer_bytes;
    close(client->socket);
    client_reset(client);
    request_parser_destroy(&connection->parser);
    buffer_destroy(&connection->input);
    buffer_destroy(&connection->output);
    free(connection);
}

bool connection_is_over(const struct connection *connection)
{
    const struct client *client = &connection->client;
    bool last_said = client->closing || (connection->ended && !connection->stopped);

    if (client->errands > 0)
        return false; /* they will come back to it */
    return connection->broken || (last_said && connection->output.size == 0);
}

/* --- output -------------------------------------------------------------------------------- */

/* How much of it the socket took. */
static size_t send_some(struct connection *connection, struct bytes bytes)
{
    size_t sent = 0;

    while (sent < bytes.size && !connection->broken) {
        ssize_t count =
            send(connection->client.socket, bytes.data + sent, bytes.size - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (count < 0)
            connection->broken = true;
        else
            sent += (size_t)count;
    }
    connection->client.face->counts.output_bytes += sent;
    return sent;
}

static void close_full(struct connection *connection, const char *cause)
{
    struct client *client = &connection->client;

    client->face->counts.closed_full++;
    connection->broken = true;
    log_line(LOG_WARN, "resp", "closed", "client=%" PRIu64 " cause=\"%s\"", client->id, cause);
}

/* Sends what `output` holds, unless it tells of changes that are not on disk; keeps the rest. */
static void flush(struct connection *connection, struct buffer *output)
{
    struct buffer *kept = &connection->output;

    if (output->failed)
        close_full(connection, "its replies are more than it may leave unread");
    if (output->size == 0 || connection->broken)
        return;
    if (connection->client.unsaved > 0)
        ; /* nothing */
    else if (output == kept)
        connection->sent += send_some(
            connection, bytes_of(output->data + connection->sent, output->size - connection->sent));
    else
        connection->sent = send_some(connection, buffer_bytes(output));
    if (connection->sent == output->size) {
        connection->sent = 0;
        buffer_destroy(kept);
    } else if (output != kept) {
        buffer_put(kept,
                   bytes_of(output->data + connection->sent, output->size - connection->sent));
        connection->sent = 0;
        connection->broken |= kept->failed;
    }
}

/* --- commands ------------------------------------------------------------------------------ */

/* CLIENT REPLY has a say in whether the reply behind `from` is sent. */
static void filter_reply(struct client *client, struct buffer *output, size_t from)
{
    if (client->replies == REPLIES_OFF || client->replies == REPLIES_SKIP)
        output->size = from;
    if (client->replies == REPLIES_SKIP)
        client->replies = REPLIES_ON;
    else if (client->replies == REPLIES_SKIP_NEXT)
        client->replies = REPLIES_SKIP;
}

static void run_command(struct connection *connection, const struct request *request,
                        struct buffer *output)
{
    struct client *client = &connection->client;
    struct reply reply = {output, client->protocol};
    size_t from = output->size;
    const struct command *command = command_choose(client, request, &reply);

    client->face->counts.commands++;
    if (command) {
        client->command = command;
        command->run(client, request, &reply);
        connection->parser.stranger = !client->authenticated;
    }
    if (!client->waiting)
        filter_reply(client, output, from);
}

/* The replies that were held back say that it was saved: none of them may be sent. */
static void refuse_unsafe(struct connection *connection)
{
    struct reply reply = {&connection->output, connection->client.protocol};

    connection->broken |= connection->sent > 0; /* in the midst of a reply */
    connection->client.closing = true;
    connection->output.size = 0;
    reply_error(&reply, "MISCONF could not be saved, and may be lost: %s",
                connection->client.unsafe.message);
}

void connection_finish(struct errand *errand)
{
    struct client *client = errand->client;
    struct connection *connection = container_of(client, struct connection, client);
    struct reply reply = {&connection->output, client->protocol};
    size_t from = connection->output.size;

    client->errands--;
    errand->finish(errand, &reply);
    if (!status_ok(client->unsafe))
        refuse_unsafe(connection);
    if (connection->output.size > from)
        filter_reply(client, &connection->output, from);
}

static bool may_run(const struct connection *connection, const struct buffer *output)
{
    return !connection->broken && !connection->client.closing && !output->failed &&
           output->size < OUTPUT_STOP_BYTES && !connection->client.waiting &&
           connection->client.unsaved < UNSAVED_MAX;
}

/* Runs whole requests at the front of the bytes; how many bytes are done with. */
static size_t run_commands(struct connection *connection, uint8_t *data, size_t size,
                           struct buffer *output)
{
    struct reply reply = {output, connection->client.protocol};
    size_t done = 0, taken;

    connection->stopped = true;
    while (may_run(connection, output)) {
        enum parsed parsed = request_parse(&connection->parser, data + done, size - done, &taken);
        if (parsed == PARSED_PART) {
            connection->stopped = false;
            break;
        }
        done += taken;
        if (parsed == PARSED_BROKEN) {
            reply_error(&reply, "ERR %s", connection->parser.error);
            connection->client.closing = true;
            return size;
        }
        if (parsed == PARSED_REQUEST) {
            struct request request = request_parsed(&connection->parser, data + done - taken);
            run_command(connection, &request, output);
        }
    }
    return done;
}

/* --- input --------------------------------------------------------------------------------- */

/* Reads once, into the connection's own buffer if that holds something, else into the workbench.
 * What there is to run now. */
static struct bytes read_some(struct connection *connection, struct workbench *workbench)
{
    struct buffer *input = &connection->input;
    size_t missing = request_bytes_min(&connection->parser);
    uint8_t *target = workbench->input;
    size_t room = READ_BYTES_MAX;

    missing = missing > input->size ? missing - input->size : 1;
    if (input->size > 0) {
        target = buffer_reserve(input, missing < READ_BYTES_MAX ? READ_BYTES_MAX : missing);
        room = input->capacity - input->size;
    }
    if (!target) {
        connection->broken = true;
        return bytes_of(NULL, 0);
    }
    ssize_t count;
    do
        count = recv(connection->client.socket, target, room, 0);
    while (count < 0 && errno == EINTR);
    if (count <= 0) {
        bool later = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        connection->readable = false;
        connection->ended |= count == 0;
        connection->broken |= count < 0 && !later;
        return buffer_bytes(input);
    }
    /* A short read has emptied the socket, unless the end is behind it. */
    connection->readable = (size_t)count == room || connection->hung_up;
    connection->client.face->counts.input_bytes += (uint64_t)count;
    mark_active(&connection->client);
    if (target == workbench->input)
        return bytes_of(target, (size_t)count);
    input->size += (size_t)count;
    return buffer_bytes(input);
}

/* Keeps what is left of the bytes, which are the connection's own or the workbench's. */
static void keep_rest(struct connection *connection, struct bytes bytes, size_t done)
{
    struct buffer *input = &connection->input;
    size_t left = bytes.size - done;

    if (left == 0) {
        buffer_destroy(input);
    } else if (bytes.data == input->data) {
        memmove(input->data, input->data + done, done ? left : 0);
        input->size = left;
    } else {
        buffer_put(input, bytes_of(bytes.data + done, left));
        connection->broken |= input->failed;
    }
}

/* For the next connection. What one large reply needed is given back. */
static void workbench_clear(struct workbench *workbench)
{
    struct buffer *output = &workbench->output;

    if (output->capacity > OUTPUT_STOP_BYTES * 2)
        buffer_destroy(output);
    output->size = 0;
    output->failed = false;
}

/* Memory that waits is counted, and bounded over all connections. */
static void count_buffers(struct connection *connection)
{
    struct client *client = &connection->client;
    size_t bytes = connection->input.capacity + connection->output.capacity +
                   (connection->parser.spans != connection->parser.kept
                        ? connection->parser.capacity * sizeof(struct span)
                        : 0);

    client->face->buffer_bytes += bytes - connection->buffer_bytes;
    connection->buffer_bytes = bytes;
    client->input_bytes = connection->input.size;
    client->output_bytes = connection->output.size - connection->sent;
    if (bytes > 0 && client->face->buffer_bytes > BUFFERS_BYTES_MAX)
        close_full(connection, "all connections together hold too much");
}

bool connection_work(struct connection *connection, struct workbench *workbench)
{
    struct buffer *output = connection->output.size ? &connection->output : &workbench->output;

    if (may_run(connection, output)) {
        bool fresh = connection->readable && !connection->stopped && !connection->ended;
        struct bytes bytes =
            fresh ? read_some(connection, workbench) : buffer_bytes(&connection->input);
        size_t done = run_commands(connection, (uint8_t *)bytes.data, bytes.size, output);
        keep_rest(connection, bytes, done);
    }
    flush(connection, output);
    workbench_clear(workbench);
    count_buffers(connection);
    if (!may_run(connection, &connection->output))
        return false; /* until something was sent, or an errand comes back */
    return connection->stopped || (connection->readable && !connection->ended);
}
