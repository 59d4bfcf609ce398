/* The name of a stream in a request that reads. (What an append names is checked where its
 * other limits are: storage/log/append.h.) */
#ifndef SERVER_SERVICES_STREAM_NAME_H
#define SERVER_SERVICES_STREAM_NAME_H

#include "base/bytes.h"
#include "base/status.h"

/* *name borrows from `text`. INVALID_ARGUMENT: empty or too long. */
struct status stream_name_read(const char *text, struct bytes *name);

/* INVALID_ARGUMENT: names that start with "$" are for what the server itself stores, and nobody
 * else changes those streams. `path` is put before the field's name. */
struct status stream_name_check_owner(const char *path, const char *name);

/* NOT_FOUND, with the name. */
struct status stream_name_not_found(struct bytes name);

#endif
