#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "base/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"

enum { PORT_TEXT_BYTES = 6, BACKLOG = 1024 };

static struct status refuse(const char *text, const char *cause)
{
    return status_make(STATUS_UNAVAILABLE, "%.128s: cannot be bound: %s", text, cause);
}

static int bind_one(const struct addrinfo *info)
{
    int yes = 1;
    int listener = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                          info->ai_protocol);

    if (listener < 0)
        return -1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, info->ai_addr, info->ai_addrlen) == 0 && listen(listener, BACKLOG) == 0)
        return listener;
    int cause = errno;
    close(listener);
    errno = cause;
    return -1;
}

struct status listen_on(const char *option, const char *text, int *listener)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    struct address address;
    char port[PORT_TEXT_BYTES];
    struct status status = address_parse(text, &address);

    if (!status_ok(status))
        return status_make(STATUS_INVALID_ARGUMENT, "%s: \"%.128s\": %s", option, text,
                           status.message);
    snprintf(port, sizeof port, "%u", address.port);
    int error = getaddrinfo(address.host, port, &wanted, &found);
    if (error != 0)
        return refuse(text, gai_strerror(error));
    int bound = bind_one(found);
    int cause = errno;
    freeaddrinfo(found);
    if (bound < 0)
        return refuse(text, strerror(cause));
    *listener = bound;
    return OK;
}

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static union any_address address_of(int listener)
{
    union any_address address = {0};
    socklen_t size = sizeof address;

    getsockname(listener, &address.any, &size);
    return address;
}

int listen_port(int listener)
{
    union any_address address = address_of(listener);

    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

bool listen_is_local(int listener)
{
    union any_address address = address_of(listener);

    if (address.any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
    return ntohl(address.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}
