#include "server/resp/session.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "server/resp/command.h"
#include "server/resp/face.h"
#include "server/resp/keys.h"

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

struct session *session_open(struct face *face, int socket)
{
    struct session *session = calloc(1, sizeof *session);
    struct client *client = session ? &session->client : NULL;

    if (!session)
        return NULL;
    *client = (struct client){.face = face,
                              .id = ++face->next_id,
                              .socket = socket,
                              .authenticated = face->password == NULL,
                              .connected_us = face->now_us,
                              .active_us = face->now_us};
    client_reset(client);
    request_parser_init(&session->parser);
    session->parser.stranger = !client->authenticated;
    buffer_init(&session->input, INPUT_BYTES_MAX);
    buffer_init(&session->output, OUTPUT_BYTES_MAX);
    list_enter(client);
    face->client_count++;
    counter_add_alone(&face->counts.connections, 1);
    return session;
}

void session_free(struct session *session)
{
    struct client *client = &session->client;

    assert(client->errands == 0);
    list_leave(client);
    client->face->client_count--;
    counter_add_alone(&client->face->counts.closed, 1);
    client->face->buffer_bytes -= session->buffer_bytes;
    close(client->socket);
    client_reset(client);
    request_parser_destroy(&session->parser);
    buffer_destroy(&session->input);
    buffer_destroy(&session->output);
    free(session);
}

bool session_is_over(const struct session *session)
{
    const struct client *client = &session->client;
    bool last_said = client->closing || (session->ended && !session->stopped);

    if (client->errands > 0)
        return false; /* they will come back to it */
    return session->broken || (last_said && session->output.size == 0);
}

/* --- output -------------------------------------------------------------------------------- */

/* How much of it the socket took. */
static size_t send_some(struct session *session, struct bytes bytes)
{
    size_t sent = 0;

    while (sent < bytes.size && !session->broken) {
        ssize_t count =
            send(session->client.socket, bytes.data + sent, bytes.size - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (count < 0)
            session->broken = true;
        else
            sent += (size_t)count;
    }
    counter_add_alone(&session->client.face->counts.output_bytes, sent);
    return sent;
}

static void close_full(struct session *session, struct counter *hits, const char *cause)
{
    struct client *client = &session->client;

    counter_add_alone(hits, 1);
    session->broken = true;
    log_line(LOG_WARN, "resp", "closed", "client=%" PRIu64 " cause=\"%s\"", client->id, cause);
}

/* Sends what `output` holds, unless it tells of changes that are not on disk; keeps the rest. */
static void flush(struct session *session, struct buffer *output)
{
    struct buffer *kept = &session->output;

    if (output->failed)
        close_full(session, &session->client.face->counts.closed_output,
                   "its replies are more than it may leave unread");
    if (output->size == 0 || session->broken)
        return;
    if (session->client.unsaved > 0)
        ; /* nothing */
    else if (output == kept)
        session->sent += send_some(
            session, bytes_of(output->data + session->sent, output->size - session->sent));
    else
        session->sent = send_some(session, buffer_bytes(output));
    if (session->sent == output->size) {
        session->sent = 0;
        buffer_destroy(kept);
    } else if (output != kept) {
        buffer_put(kept, bytes_of(output->data + session->sent, output->size - session->sent));
        session->sent = 0;
        session->broken |= kept->failed;
    }
}

/* --- commands ------------------------------------------------------------------------------ */

/* The reply behind `from` is written. CLIENT REPLY has a say in whether it is sent. */
static void end_reply(struct client *client, struct buffer *output, size_t from)
{
    if (!output->failed)
        face_count_reply(client->face, bytes_of(output->data + from, output->size - from));
    if (client->replies == REPLIES_OFF || client->replies == REPLIES_SKIP)
        output->size = from;
    if (client->replies == REPLIES_SKIP)
        client->replies = REPLIES_ON;
    else if (client->replies == REPLIES_SKIP_NEXT)
        client->replies = REPLIES_SKIP;
}

/* False: it has to be run again when there is room. */
static bool run_command(struct session *session, const struct request *request,
                        struct buffer *output)
{
    struct client *client = &session->client;
    struct reply reply = {output, client->protocol};
    size_t from = output->size;
    size_t row;
    const struct command *command = command_choose(client, request, &reply, &row);

    if (command && command->flags & COMMAND_WRITE && !keys_have_room(client, request))
        return false;
    counter_add_alone(&client->face->counts.commands, 1);
    counter_add_alone(&client->face->counts.commands_by_row[row], 1);
    if (command) {
        client->command = command;
        command->run(client, request, &reply);
        session->parser.stranger = !client->authenticated;
    }
    if (!client->waiting)
        end_reply(client, output, from);
    return true;
}

/* The replies that were held back say that it was saved: none of them may be sent. */
static void refuse_unsafe(struct session *session)
{
    struct reply reply = {&session->output, session->client.protocol};

    session->broken |= session->sent > 0; /* in the midst of a reply */
    session->client.closing = true;
    session->output.size = 0;
    reply_error(&reply, "MISCONF could not be saved, and may be lost: %s",
                session->client.face->save_failure.message);
}

void session_finish(struct errand *errand)
{
    struct client *client = errand->client;
    struct session *session = container_of(client, struct session, client);
    struct reply reply = {&session->output, client->protocol};
    size_t from = session->output.size;

    client->errands--;
    errand->finish(errand, &reply);
    if (client->unsafe) {
        refuse_unsafe(session);
        from = 0;
    }
    if (session->output.size > from)
        end_reply(client, &session->output, from);
}

static bool may_run(const struct session *session, const struct buffer *output)
{
    return !session->broken && !session->client.closing && !output->failed &&
           output->size < OUTPUT_STOP_BYTES && !session->client.waiting &&
           session->client.unsaved < UNSAVED_MAX;
}

/* Runs whole requests at the front of the bytes; how many bytes are done with. */
static size_t run_commands(struct session *session, uint8_t *data, size_t size,
                           struct buffer *output)
{
    struct reply reply = {output, session->client.protocol};
    size_t done = 0, taken;

    session->stopped = true;
    while (may_run(session, output)) {
        enum parsed parsed = PARSED_REQUEST;
        taken = session->held;
        if (taken == 0)
            parsed = request_parse(&session->parser, data + done, size - done, &taken);
        if (parsed == PARSED_PART) {
            session->stopped = false;
            break;
        }
        done += taken;
        if (parsed == PARSED_BROKEN) {
            reply_error(&reply, "ERR %s", session->parser.error);
            counter_add_alone(&session->client.face->counts.protocol_errors, 1);
            session->client.closing = true;
            return size;
        }
        if (parsed == PARSED_REQUEST) {
            struct request request = request_parsed(&session->parser, data + done - taken);
            bool is_run = run_command(session, &request, output);
            session->held = is_run ? 0 : taken;
            done -= session->held;
        }
    }
    return done;
}

/* --- input --------------------------------------------------------------------------------- */

/* Reads once, into the connection's own buffer if that holds something, else into the workbench.
 * What there is to run now. */
static struct bytes read_some(struct session *session, struct workbench *workbench)
{
    struct buffer *input = &session->input;
    size_t missing = request_bytes_min(&session->parser);
    uint8_t *target = workbench->input;
    size_t room = READ_BYTES_MAX;

    missing = missing > input->size ? missing - input->size : 1;
    if (input->size > 0) {
        target = buffer_reserve(input, missing < READ_BYTES_MAX ? READ_BYTES_MAX : missing);
        room = input->capacity - input->size;
    }
    if (!target) {
        session->broken = true;
        return bytes_of(NULL, 0);
    }
    ssize_t count;
    do
        count = recv(session->client.socket, target, room, 0);
    while (count < 0 && errno == EINTR);
    if (count <= 0) {
        bool later = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        session->readable = false;
        session->ended |= count == 0;
        session->broken |= count < 0 && !later;
        return buffer_bytes(input);
    }
    /* A short read has emptied the socket, unless the end is behind it. */
    session->readable = (size_t)count == room || session->hung_up;
    counter_add_alone(&session->client.face->counts.input_bytes, (uint64_t)count);
    mark_active(&session->client);
    if (target == workbench->input)
        return bytes_of(target, (size_t)count);
    input->size += (size_t)count;
    return buffer_bytes(input);
}

/* Keeps what is left of the bytes, which are the connection's own or the workbench's. */
static void keep_rest(struct session *session, struct bytes bytes, size_t done)
{
    struct buffer *input = &session->input;
    size_t left = bytes.size - done;

    if (left == 0) {
        buffer_destroy(input);
    } else if (bytes.data == input->data) {
        memmove(input->data, input->data + done, done ? left : 0);
        input->size = left;
    } else {
        buffer_put(input, bytes_of(bytes.data + done, left));
        session->broken |= input->failed;
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
static void count_buffers(struct session *session)
{
    struct client *client = &session->client;
    size_t bytes = session->input.capacity + session->output.capacity +
                   (session->parser.spans != session->parser.kept
                        ? session->parser.capacity * sizeof(struct span)
                        : 0);

    client->face->buffer_bytes += bytes - session->buffer_bytes;
    session->buffer_bytes = bytes;
    client->input_bytes = session->input.size;
    client->output_bytes = session->output.size - session->sent;
    if (bytes > 0 && client->face->buffer_bytes > BUFFERS_BYTES_MAX)
        close_full(session, &client->face->counts.closed_full,
                   "all connections together hold too much");
}

bool session_work(struct session *session, struct workbench *workbench)
{
    struct buffer *output = session->output.size ? &session->output : &workbench->output;

    if (may_run(session, output)) {
        bool fresh = session->readable && !session->stopped && !session->ended;
        struct bytes bytes = fresh ? read_some(session, workbench) : buffer_bytes(&session->input);
        size_t done = run_commands(session, (uint8_t *)bytes.data, bytes.size, output);
        keep_rest(session, bytes, done);
    }
    flush(session, output);
    workbench_clear(workbench);
    count_buffers(session);
    if (!may_run(session, &session->output))
        return false; /* until something was sent, or an errand comes back */
    return session->stopped || (session->readable && !session->ended);
}
