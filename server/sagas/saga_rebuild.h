/* Comparing the sagas' rows with their streams, and making them again, in a store that nobody
 * serves. */
#ifndef SERVER_SAGAS_SAGA_REBUILD_H
#define SERVER_SAGAS_SAGA_REBUILD_H

#include <stdint.h>

#include "base/status.h"
#include "storage/log/event_log.h"

struct saga_rebuild {
    struct event_log *log; /* nobody else uses it */

    /* One row that was made anew, or one disagreement, in printable characters. NULL: nobody wants
     * to know. */
    void (*tell)(void *context, const char *line);
    void *context;

    uint64_t sagas;   /* results: runs that there are */
    uint64_t renewed; /* rows that were missing, damaged or not what the stream says */
    uint64_t kept;  /* rows of streams that were scavenged or erased in part: nothing to check by */
    uint64_t wrong; /* of saga_verify(): rows, names and entries that disagree */
};

/* Folds each stream "$saga-..." and puts right what differs of sagas, saga_ids and saga_index. What
 * is right is not touched, and nothing is taken away before what replaces it is there, so it can be
 * killed and repeated. Definitions and the secret of command ids follow from nothing else.
 *
 * DATA_LOSS: definitions are damaged. */
struct status saga_rebuild(struct saga_rebuild *rebuild);

/* Changes nothing: tells and counts what saga_rebuild() would put right. The log may have been
 * opened with `only_reads`. As saga_rebuild(). */
struct status saga_verify(struct saga_rebuild *rebuild);

#endif
