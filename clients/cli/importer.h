/* Appends many events fast: consecutive events of one stream become one append, and many
 * appends are in flight on one session. A lost session is opened again and what has no
 * result is sent again; event ids make that harmless. One thread. */
#ifndef CLIENTS_CLI_IMPORTER_H
#define CLIENTS_CLI_IMPORTER_H

#include "base/arena.h"
#include "base/bytes.h"
#include "clients/c/sagabase.h"
#include "clients/cli/name_set.h"

enum {
    GROUP_EVENTS_MAX = 500,
    GROUP_BYTES_MAX = 256 << 10, /* of data; the last event of a group may pass it */
    GROUPS_IN_FLIGHT_MAX = 128,  /* the server allows 256 */
};

struct group {
    struct arena arena; /* all of it */
    char *stream;
    Sagabase__V1__ProposedEvent *events[GROUP_EVENTS_MAX];
    size_t event_count;
    size_t bytes;
    uint64_t first_line, last_line;
    uint64_t correlation_id;
    bool settled; /* its result is known */
};

struct importer {
    struct sagabase_client *client;
    struct sagabase_options options; /* of the session */
    struct sagabase_session *session;
    struct group *groups;    /* a ring of GROUPS_IN_FLIGHT_MAX + 1: those in flight, then the one
                              * that is filled */
    uint64_t oldest, filled; /* counted from 0; the ring's place is the remainder */
    unsigned losses;         /* of sessions, one after another without a result */

    uint64_t events_stored;
    uint64_t events_replayed; /* which had been stored before */
    struct name_set streams;  /* that events were stored in */

    /* After a function returned false: */
    struct sagabase_status failure;
    uint64_t failed_first_line, failed_last_line; /* 0: not about certain lines */
};

/* Borrows the client. */
struct sagabase_status importer_init(struct importer *importer, struct sagabase_client *client,
                                     const struct sagabase_options *options);
void importer_destroy(struct importer *importer);

/* The arena for the next event of this stream, which importer_add then takes; NULL: failed. */
struct arena *importer_prepare(struct importer *importer, struct bytes stream);
void importer_add(struct importer *importer, Sagabase__V1__ProposedEvent *event, uint64_t line);

/* Sends the rest and waits for all results. */
bool importer_finish(struct importer *importer);

#endif
