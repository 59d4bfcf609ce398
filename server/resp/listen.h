/* Listening sockets. */
#ifndef SERVER_RESP_LISTEN_H
#define SERVER_RESP_LISTEN_H

#include <stdbool.h>

#include "base/status.h"

/* Listens on "host:port", "[v6]:port"; port 0 picks a free one. *socket does not block.
 * INVALID_ARGUMENT: it is no address. UNAVAILABLE: it is taken, or not ours. */
struct status listen_on(const char *address, int *socket);

/* The port, as it was picked. */
int listen_port(int socket);

/* Whether only this machine can reach it. */
bool listen_is_local(int socket);

#endif
