#define _GNU_SOURCE
#include "server/resp/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST_BYTES_MAX = 256, BACKLOG = 1024 };

/* "[::1]:6380" is host "::1", port "6380". */
static struct status split(const char *address, char host[HOST_BYTES_MAX], const char **port)
{
    const char *colon = strrchr(address, ':');
    size_t size = colon ? (size_t)(colon - address) : 0;
    bool brackets = size > 2 && address[0] == '[' && colon[-1] == ']';

    if (!colon || size == 0 || size >= HOST_BYTES_MAX || colon[1] == '\0')
        return status_make(STATUS_INVALID_ARGUMENT, "resp-listen: HOST:PORT, not \"%.100s\"",
                           address);
    snprintf(host, HOST_BYTES_MAX, "%.*s", (int)(brackets ? size - 2 : size), address + brackets);
    *port = colon + 1;
    return OK;
}

static struct status listen_one(const struct addrinfo *found, const char *address, int *result)
{
    int on = 1;
    int listener =
        socket(found->ai_family, found->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

    if (listener >= 0) {
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(listener, found->ai_addr, found->ai_addrlen) == 0 &&
            listen(listener, BACKLOG) == 0) {
            *result = listener;
            return OK;
        }
    }
    struct status status =
        status_make(STATUS_UNAVAILABLE, "resp-listen %.100s: %s", address, strerror(errno));
    if (listener >= 0)
        close(listener);
    return status;
}

struct status listen_on(const char *address, int *result)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    char host[HOST_BYTES_MAX];
    const char *port;

    TRY(split(address, host, &port));
    int error = getaddrinfo(host, port, &wanted, &found);
    if (error != 0)
        return status_make(STATUS_INVALID_ARGUMENT, "resp-listen %.100s: %s", address,
                           gai_strerror(error));
    struct status status = listen_one(found, address, result);
    freeaddrinfo(found);
    return status;
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static union address own_address(int listener)
{
    union address address = {0};
    socklen_t size = sizeof address;

    getsockname(listener, &address.any, &size);
    return address;
}

int listen_port(int listener)
{
    union address address = own_address(listener);

    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

bool listen_is_local(int listener)
{
    union address address = own_address(listener);

    if (address.any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
    return ntohl(address.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}
