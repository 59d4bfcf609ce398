#include "base/address.h"

#include <stdlib.h>
#include <string.h>

static struct status refuse(const char *rule)
{
    return status_make(STATUS_INVALID_ARGUMENT, "%s", rule);
}

struct status address_parse(const char *text, struct address *address)
{
    const char *colon = strrchr(text, ':');

    if (!colon || colon == text)
        return refuse("must be HOST:PORT or [IPV6]:PORT");
    bool has_brackets = text[0] == '[' && colon[-1] == ']';
    const char *host = text + has_brackets;
    size_t host_size = (size_t)(colon - text) - 2 * has_brackets;

    if (host_size == 0)
        return refuse("must be HOST:PORT or [IPV6]:PORT");
    if (host_size >= sizeof address->host)
        return refuse("too long");
    if (!has_brackets && memchr(text, ':', (size_t)(colon - text)))
        return refuse("an IPv6 address stands in brackets: [::1]:2113");
    size_t digits = strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits] || strtol(colon + 1, NULL, 10) > UINT16_MAX)
        return refuse("the port must be 0 to 65535");
    memcpy(address->host, host, host_size);
    address->host[host_size] = 0;
    address->port = (uint16_t)strtol(colon + 1, NULL, 10);
    return OK;
}
