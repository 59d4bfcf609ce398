/* Times as they stand in data. */
#ifndef CLIENTS_CLI_ISO_TIME_H
#define CLIENTS_CLI_ISO_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* ISO 8601 and RFC 3339: a date, then perhaps "T" or a space and a time of day, with or without
 * seconds and a fraction, then perhaps "Z" or an offset (+01:00, +0100, +01). Without an offset it
 * is UTC. Microseconds since 1970-01-01T00:00:00Z. False: it is none of that, or no such day. */
bool iso_time_parse(struct bytes text, int64_t *time_us);

#endif
