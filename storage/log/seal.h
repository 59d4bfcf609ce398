/* Sealing at rest for what is stored beside the log, as the log seals payloads (sealing.h): under a
 * key of the stream, if its policy says so, so that erasing the stream makes every copy unreadable.
 */
#ifndef STORAGE_LOG_SEAL_H
#define STORAGE_LOG_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/keys/key_store.h"

struct event_log;

struct seal {
    bool is_needed; /* else nothing is to be sealed, and there is no key */
    uint64_t epoch;
    struct key key;
};

/* For what will be written of a stream; the key is made if need be. Any thread but the writer.
 * FAILED_PRECONDITION: the server has no keys. */
struct status event_log_find_seal(struct event_log *log, uint64_t stream_number,
                                  struct bytes stream, struct seal *seal);

/* @thread writer, in decide. UNAVAILABLE: a key was destroyed since the seal was found. */
struct status event_log_check_seal(struct event_log *log, const struct seal *seal);

/* What seal_put adds to the bytes. */
enum { SEAL_MORE_BYTES = SEAL_BYTES };

/* `sealed` has room for plain.size + SEAL_MORE_BYTES. `about` has to be told again. */
void seal_put(const struct seal *seal, struct bytes about, struct bytes plain, uint8_t *sealed);

/* `plain` has room for sealed.size - SEAL_MORE_BYTES. *opened is false if the key is gone: what was
 * sealed is lost. Any thread. */
struct status event_log_open_seal(struct event_log *log, struct bytes stream, struct bytes about,
                                  struct bytes sealed, uint8_t *plain, bool *opened);

#endif
