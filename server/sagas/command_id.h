/* The name of a command: a UUID of version 8 (RFC 9562 §5.8) that says whose it is, so that no
 * table from commands to sagas is needed, on disk or in memory.
 *
 *   48 bits saga number | version | 11 bits activity, 1 bit operation | variant | 62 bits hash
 *
 * The hash, over the rest and a secret of the store, keeps made-up ids from being taken for
 * commands; it is no protection against somebody who can read the store. */
#ifndef SERVER_SAGAS_COMMAND_ID_H
#define SERVER_SAGAS_COMMAND_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/trace.h"
#include "base/uuid.h"

enum { COMMAND_SECRET_BYTES = 32 };

struct command_secret {
    uint8_t bytes[COMMAND_SECRET_BYTES];
};

/* What a command is about. */
struct command_name {
    uint64_t saga; /* its number, from 1, below 2^48 */
    uint32_t activity;
    bool compensation;
};

/* Any thread, all of it. */
struct uuid command_id(const struct command_secret *secret, struct command_name name);

/* False: nobody with this secret has made it. */
bool command_id_read(const struct command_secret *secret, const struct uuid *id,
                     struct command_name *name);

/* The id of an event that a saga appends: of its own stream by the event's revision, or of a
 * queue's stream by the command's attempt. The first attempt's event has the command's own id. */
struct uuid saga_event_id(const struct command_secret *secret, uint64_t saga, uint64_t revision);
struct uuid command_event_id(const struct command_secret *secret, struct command_name name,
                             uint32_t attempt);

/* The ids of spans: of a saga's run, and of an attempt. They have to be known before the span is
 * over, also to a server that has restarted since. */
void saga_span_id(const struct command_secret *secret, uint64_t saga, uint8_t id[SPAN_ID_BYTES]);
void attempt_span_id(const struct command_secret *secret, struct command_name name,
                     uint32_t attempt, uint8_t id[SPAN_ID_BYTES]);

#endif
