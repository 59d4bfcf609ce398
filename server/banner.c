#define _GNU_SOURCE /* program_invocation_name */
#include "server/banner.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/version.h"

enum { ADDRESS_TEXT_BYTES = 300 };

/* "0.0.0.0:2113" with the port that was picked; a wildcard is reached by loopback. */
static void format_address(const char *listen, int port, bool to_connect,
                           char text[ADDRESS_TEXT_BYTES])
{
    const char *colon = strrchr(listen, ':');
    int host_size = colon ? (int)(colon - listen) : (int)strlen(listen);
    bool wildcard = strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0;

    if (to_connect && wildcard)
        snprintf(text, ADDRESS_TEXT_BYTES, "127.0.0.1:%d", port);
    else
        snprintf(text, ADDRESS_TEXT_BYTES, "%.*s:%d", host_size > 250 ? 250 : host_size, listen,
                 port);
}

static void print_places(const struct banner *banner, const char *connect)
{
    char http[ADDRESS_TEXT_BYTES];

    if (banner->data)
        printf("  data     %s\n", banner->data);
    else
        printf("  data     in memory only: nothing is kept\n");
    printf("  endpoint grpc %s\n", connect);
    if (banner->resp_port)
        printf("  redis    port %d\n", banner->resp_port);
    if (!banner->http_port)
        return;
    format_address(banner->http_listen, banner->http_port, true, http);
    printf("  metrics  http://%s/metrics\n", http);
}

void banner_print(const struct banner *banner)
{
    char listen[ADDRESS_TEXT_BYTES], connect[ADDRESS_TEXT_BYTES];

    format_address(banner->listen, banner->port, false, listen);
    format_address(banner->listen, banner->port, true, connect);
    printf("sagabase %s (%s) is serving\n", sagabase_version, sagabase_commit);
    print_places(banner, connect);
    printf("try it:\n"
           "  grpcurl -plaintext %s list\n"
           "  %s info --server %s\n"
           "  pip install ./clients/python && python3 examples/python/append_and_read.py %s\n",
           connect, program_invocation_name, connect, connect);
    printf("listening on %s\n", listen);
    fflush(stdout);
}
