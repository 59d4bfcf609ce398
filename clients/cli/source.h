/* Bytes that an argument names: a file, or stdin as "-". */
#ifndef CLIENTS_CLI_SOURCE_H
#define CLIENTS_CLI_SOURCE_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/status.h"

/* All of it, into a buffer that is initialised already and the caller destroys. INVALID_ARGUMENT:
 * "WHAT: ..." where it cannot be read, or has more than `bytes_max`. */
struct status source_read_file(const char *what, const char *name, size_t bytes_max,
                               struct buffer *bytes);

/* The value of an option that says "TEXT|@FILE|-": borrowed from it, or from `file`, which is
 * initialised here and the caller destroys in any case. */
struct status source_read_option(const char *what, const char *value, size_t bytes_max,
                                 struct buffer *file, struct bytes *bytes);

#endif
