/* "HOST:PORT" or "[IPV6]:PORT", as operators write where something listens. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdint.h>

#include "base/status.h"

enum { ADDRESS_HOST_BYTES = 254 }; /* a name of DNS has at most 253 */

struct address {
    char host[ADDRESS_HOST_BYTES]; /* without brackets */
    uint16_t port;
};

/* INVALID_ARGUMENT: the message is the rule, without the name of what is read. */
struct status address_parse(const char *text, struct address *address);

#endif
