/* Commands about the connection itself. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/version.h"
#include "server/resp/commands.h"
#include "server/resp/face.h"
#include "server/resp/number.h"
#include "server/resp/version.h"

enum { CLIENT_LINE_BYTES_MAX = 1536 };

void command_ping(struct client *client, const struct request *request, struct reply *reply)
{
    (void)client;
    if (request->count > 2)
        reply_error(reply, "ERR wrong number of arguments for 'ping' command");
    else if (request->count == 2)
        reply_bulk(reply, request_argument(request, 1));
    else
        reply_simple(reply, "PONG");
}

void command_echo(struct client *client, const struct request *request, struct reply *reply)
{
    (void)client;
    reply_bulk(reply, request_argument(request, 1));
}

void command_quit(struct client *client, const struct request *request, struct reply *reply)
{
    (void)request;
    client->closing = true;
    reply_simple(reply, "OK");
}

void command_select(struct client *client, const struct request *request, struct reply *reply)
{
    int64_t index;

    (void)client;
    if (!number_read(request_argument(request, 1), &index))
        reply_error(reply, "ERR value is not an integer or out of range");
    else if (index != 0)
        reply_error(reply, "ERR DB index is out of range");
    else
        reply_simple(reply, "OK");
}

void command_reset(struct client *client, const struct request *request, struct reply *reply)
{
    (void)request;
    client_reset(client);
    client->authenticated = client->face->password == NULL;
    reply->protocol = client->protocol;
    reply_simple(reply, "RESET");
}

/* --- who it is ------------------------------------------------------------------------------ */

/* Takes as long for a wrong password as for the right one. */
static bool is_password(const struct face *face, struct bytes tried)
{
    size_t size = strlen(face->password);
    unsigned different = tried.size != size;

    for (size_t i = 0; i < tried.size; i++)
        different |= tried.data[i] ^ (uint8_t)face->password[size ? i % size : 0];
    return different == 0;
}

/* False: the error was replied. There is one user, "default", as in Redis without ACLs. */
static bool authenticate(struct client *client, struct bytes user, struct bytes password,
                         struct reply *reply)
{
    const struct face *face = client->face;
    bool is_default = bytes_equal(user, bytes_of_text("default"));

    if (!is_default || (face->password && !is_password(face, password))) {
        reply_error(reply, "WRONGPASS invalid username-password pair or user is disabled.");
        return false;
    }
    client->authenticated = true;
    return true;
}

void command_auth(struct client *client, const struct request *request, struct reply *reply)
{
    struct bytes user = bytes_of_text("default");
    struct bytes password = request_argument(request, request->count - 1);

    if (request->count > 3) {
        reply_syntax_error(reply);
        return;
    }
    if (request->count == 2 && !client->face->password) {
        reply_error(reply, "ERR AUTH <password> called without any password configured for the "
                           "default user. Are you sure your configuration is correct?");
        return;
    }
    if (request->count == 3)
        user = request_argument(request, 1);
    if (authenticate(client, user, password, reply))
        reply_simple(reply, "OK");
}

/* Names are shown in lists, so they may not break them (networking.c, validateClientAttr). */
static bool is_plain(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '!' || text.data[i] > '~')
            return false;
    return true;
}

static bool set_name(struct client *client, struct bytes name, struct reply *reply)
{
    if (!is_plain(name)) {
        reply_error(reply,
                    "ERR Client names cannot contain spaces, newlines or special characters.");
        return false;
    }
    if (name.size > CLIENT_TEXT_BYTES_MAX) {
        reply_error(reply, "ERR Client names have at most %d bytes", CLIENT_TEXT_BYTES_MAX);
        return false;
    }
    if (client_set_text(client, CLIENT_NAME, name))
        return true;
    reply_error(reply, "OOM out of memory");
    return false;
}

static void reply_hello(struct client *client, struct reply *reply)
{
    reply_map(reply, 7);
    reply_text(reply, "server");
    reply_text(reply, "redis");
    reply_text(reply, "version");
    reply_text(reply, RESP_REDIS_VERSION);
    reply_text(reply, "proto");
    reply_integer(reply, client->protocol);
    reply_text(reply, "id");
    reply_integer(reply, (int64_t)client->id);
    reply_text(reply, "mode");
    reply_text(reply, "standalone");
    reply_text(reply, "role");
    reply_text(reply, "master");
    reply_text(reply, "modules");
    reply_array(reply, 0);
}

/* What HELLO asks for behind the version. */
struct greeting {
    struct bytes user, password, name; /* data NULL: not given */
};

static bool read_greeting(const struct request *request, struct greeting *greeting,
                          struct reply *reply)
{
    for (uint32_t i = 2; i < request->count; i++) {
        uint32_t more = request->count - 1 - i;
        if (argument_is(request, i, "auth") && more >= 2) {
            greeting->user = request_argument(request, i + 1);
            greeting->password = request_argument(request, i + 2);
            i += 2;
        } else if (argument_is(request, i, "setname") && more >= 1) {
            greeting->name = request_argument(request, ++i);
        } else {
            struct bytes option = request_argument(request, i);
            reply_error(reply, "ERR Syntax error in HELLO option '%.*s'",
                        option.size < 128 ? (int)option.size : 128, option.data);
            return false;
        }
    }
    return true;
}

void command_hello(struct client *client, const struct request *request, struct reply *reply)
{
    struct greeting greeting = {0};
    int64_t version = 0;

    if (request->count > 1) {
        if (!number_read(request_argument(request, 1), &version)) {
            reply_error(reply, "ERR Protocol version is not an integer or out of range");
            return;
        }
        if (version < 2 || version > 3) {
            reply_error(reply, "NOPROTO unsupported protocol version");
            return;
        }
    }
    if (!read_greeting(request, &greeting, reply))
        return;
    if (greeting.user.data && !authenticate(client, greeting.user, greeting.password, reply))
        return;
    if (!client->authenticated) {
        reply_error(reply, "NOAUTH HELLO must be called with the client already authenticated, "
                           "otherwise the HELLO AUTH <user> <pass> option can be used to "
                           "authenticate the client and select the RESP protocol version at the "
                           "same time");
        return;
    }
    if (greeting.name.data && !set_name(client, greeting.name, reply))
        return;
    if (version)
        client->protocol = reply->protocol = (int)version;
    reply_hello(client, reply);
}

/* --- CLIENT --------------------------------------------------------------------------------- */

void command_client_id(struct client *client, const struct request *request, struct reply *reply)
{
    (void)request;
    reply_integer(reply, (int64_t)client->id);
}

void command_client_getname(struct client *client, const struct request *request,
                            struct reply *reply)
{
    (void)request;
    if (client->texts[CLIENT_NAME])
        reply_text(reply, client->texts[CLIENT_NAME]);
    else
        reply_null(reply);
}

void command_client_setname(struct client *client, const struct request *request,
                            struct reply *reply)
{
    if (set_name(client, request_argument(request, 2), reply))
        reply_simple(reply, "OK");
}

void command_client_setinfo(struct client *client, const struct request *request,
                            struct reply *reply)
{
    struct bytes value = request_argument(request, 3);
    enum client_text kind = CLIENT_LIBRARY_NAME;
    const char *name = "lib-name";

    if (argument_is(request, 2, "lib-ver")) {
        kind = CLIENT_LIBRARY_VERSION;
        name = "lib-ver";
    } else if (!argument_is(request, 2, name)) {
        struct bytes option = request_argument(request, 2);
        reply_error(reply, "ERR Unrecognized option '%.*s'",
                    option.size < 128 ? (int)option.size : 128, option.data);
        return;
    }
    if (!is_plain(value) || value.size > CLIENT_TEXT_BYTES_MAX)
        reply_error(reply, "ERR %s cannot contain spaces, newlines or special characters.", name);
    else if (!client_set_text(client, kind, value))
        reply_error(reply, "OOM out of memory");
    else
        reply_simple(reply, "OK");
}

void command_client_no_evict(struct client *client, const struct request *request,
                             struct reply *reply)
{
    (void)client;
    if (argument_is(request, 2, "on") || argument_is(request, 2, "off"))
        reply_simple(reply, "OK");
    else
        reply_syntax_error(reply);
}

void command_client_reply(struct client *client, const struct request *request, struct reply *reply)
{
    if (argument_is(request, 2, "on")) {
        client->replies = REPLIES_ON;
        reply_simple(reply, "OK");
    } else if (argument_is(request, 2, "off")) {
        client->replies = REPLIES_OFF;
    } else if (argument_is(request, 2, "skip")) {
        if (client->replies != REPLIES_OFF) /* itself may be skipped */
            client->replies = REPLIES_SKIP_NEXT;
    } else {
        reply_syntax_error(reply);
    }
}

typedef int name_of_end(int, struct sockaddr *restrict, socklen_t *restrict);

/* "127.0.0.1:6380", "[::1]:6380" */
static void format_end(int socket, name_of_end *name, char text[CLIENT_ADDRESS_BYTES])
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    socklen_t size = sizeof address;
    char host[INET6_ADDRSTRLEN] = "?";

    name(socket, (struct sockaddr *)&address, &size);
    if (address.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(text, CLIENT_ADDRESS_BYTES, "[%s]:%d", host, ntohs(v6->sin6_port));
    } else {
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(text, CLIENT_ADDRESS_BYTES, "%s:%d", host, ntohs(v4->sin_port));
    }
}

static const char *text_of(const struct client *client, enum client_text kind)
{
    return client->texts[kind] ? client->texts[kind] : "";
}

static void put_client(struct buffer *lines, const struct client *client)
{
    char address[CLIENT_ADDRESS_BYTES], local[CLIENT_ADDRESS_BYTES];
    const struct command *command = client->command;

    format_end(client->socket, getpeername, address);
    format_end(client->socket, getsockname, local);
    buffer_print(lines,
                 "id=%" PRIu64 " addr=%s laddr=%s fd=%d name=%s age=%" PRId64 " idle=%" PRId64
                 " flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=%zu omem=%zu cmd=%s user=default "
                 "resp=%d lib-name=%s lib-ver=%s\n",
                 client->id, address, local, client->socket, text_of(client, CLIENT_NAME),
                 (client->face->now_us - client->connected_us) / 1000000,
                 (client->face->now_us - client->active_us) / 1000000, client->input_bytes,
                 client->output_bytes, command ? command->name : "NULL", client->protocol,
                 text_of(client, CLIENT_LIBRARY_NAME), text_of(client, CLIENT_LIBRARY_VERSION));
}

void command_client_info(struct client *client, const struct request *request, struct reply *reply)
{
    struct buffer lines;

    (void)request;
    buffer_init(&lines, CLIENT_LINE_BYTES_MAX);
    put_client(&lines, client);
    reply_verbatim(reply, buffer_bytes(&lines));
    buffer_destroy(&lines);
}

void command_client_list(struct client *client, const struct request *request, struct reply *reply)
{
    struct buffer lines;

    if (request->count != 2) {
        reply_syntax_error(reply);
        return;
    }
    buffer_init(&lines, CLIENT_LINE_BYTES_MAX * client->face->client_count);
    for (struct client *one = client->face->clients; one; one = one->next)
        put_client(&lines, one);
    reply_verbatim(reply, buffer_bytes(&lines));
    buffer_destroy(&lines);
}
