/* Events that are about to be appended, in an arena; the rules that a line or row can break are
 * checked here, so that errors name the line instead of an append of many. */
#ifndef CLIENTS_CLI_PROPOSAL_H
#define CLIENTS_CLI_PROPOSAL_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"
#include "clients/c/sagabase.h"

enum {
    PROPOSAL_STREAM_BYTES_MAX = 1024,
    PROPOSAL_TYPE_BYTES_MAX = 256,
    PROPOSAL_DATA_BYTES_MAX = 1 << 20,
    PROPOSAL_TAG_BYTES_MAX = 256,
};

/* INVALID_ARGUMENT: "NAME: rule" for a text that is empty, too long, or no UTF-8 without NUL. */
struct status proposal_check_text(const char *name, struct bytes text, size_t bytes_max);

/* An empty event with a new id; NULL: the arena is full. */
Sagabase__V1__ProposedEvent *proposal_create(struct arena *arena);

/* Copies both. False: the arena is full. */
bool proposal_add_metadata(Sagabase__V1__ProposedEvent *event, struct arena *arena,
                           struct bytes key, struct bytes value);

/* Copies it. False: there are 32 already, or the arena is full. */
bool proposal_add_tag(Sagabase__V1__ProposedEvent *event, struct arena *arena, struct bytes tag);

/* What data look like: JSON, UTF-8 text, or bytes. Static memory. */
const char *proposal_content_type(struct bytes data);

/* An event as `read --json` prints it: "type" is required; "id", "content_type", "data" or
 * "data_base64", "metadata", "tags" may follow; anything else is ignored. Data that are no string
 * are JSON, as they stand. `line` is one JSON object. INVALID_ARGUMENT names the member and its
 * rule. */
struct status proposal_read_json(struct bytes line, struct arena *arena,
                                 Sagabase__V1__ProposedEvent **event);

#endif
