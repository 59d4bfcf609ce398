/* Sockets that listen for TCP connections. */
#ifndef BASE_LISTEN_H
#define BASE_LISTEN_H

#include <stdbool.h>

#include "base/status.h"

/* Listens on "HOST:PORT" or "[IPV6]:PORT"; port 0 picks a free one. The socket does not block.
 * INVALID_ARGUMENT: it is no address, and the message names the option. UNAVAILABLE: it cannot be
 * had. */
struct status listen_on(const char *option, const char *text, int *listener);

/* The port, as it was picked. */
int listen_port(int listener);

/* Whether only programs on this machine can reach it. */
bool listen_is_local(int listener);

#endif
