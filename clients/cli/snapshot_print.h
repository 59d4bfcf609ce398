/* A snapshot on stdout. */
#ifndef CLIENTS_CLI_SNAPSHOT_PRINT_H
#define CLIENTS_CLI_SNAPSHOT_PRINT_H

#include <stdbool.h>

#include "clients/c/sagabase.h"

/* One JSON object with a line end, or the state alone: as it is, and a line end if it has none. */
void snapshot_print(const Sagabase__V1__Snapshot *snapshot, bool json);

/* "2026-11-21T01:02:03.000004Z", or "never" for 0. At least CLOCK_TEXT_BYTES of room. */
void snapshot_format_expiry(int64_t expires_us, char *text);

#endif
