/* What commands know and change of the client that sent them. Everything here belongs to the
 * RESP thread. */
#ifndef SERVER_RESP_CLIENT_H
#define SERVER_RESP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/inbox.h"
#include "server/resp/reply.h"
#include "server/resp/request.h"

struct command; /* command.h */
struct face;    /* face.h */

enum { CLIENT_TEXT_BYTES_MAX = 256, CLIENT_ADDRESS_BYTES = 64 };

/* CLIENT REPLY */
enum client_replies { REPLIES_ON, REPLIES_SKIP_NEXT, REPLIES_SKIP, REPLIES_OFF };

/* What clients tell of themselves; NULL: nothing. malloc'ed. */
enum client_text { CLIENT_NAME, CLIENT_LIBRARY_NAME, CLIENT_LIBRARY_VERSION, CLIENT_TEXT_COUNT };

/* What another thread does for a client, to be sent back to the RESP thread. */
struct errand {
    struct inbox_link link;
    struct client *client;

    /* RESP thread, once: writes a reply if one is owed, and frees the errand. */
    void (*finish)(struct errand *errand, struct reply *reply);
};

struct client {
    struct face *face;
    uint64_t id; /* 1, 2 ... */
    int socket;
    int protocol; /* 2 or 3 */
    bool authenticated;
    bool closing; /* once the replies so far are sent */
    enum client_replies replies;
    char *texts[CLIENT_TEXT_COUNT];
    int64_t connected_us;          /* monotonic */
    int64_t active_us;             /* when bytes came last */
    const struct command *command; /* the newest; NULL: none */

    struct client *next, *previous; /* of all, the one that was active last first */

    size_t errands;    /* underway */
    size_t unsaved;    /* of these, changes that have to be on disk before anything more is sent */
    bool unsafe;       /* a change of it could not be saved: face->save_failure */
    bool waiting;      /* for the reply of one of them, or for room: no further command is run */
    bool was_held;     /* its command is the next to be run when there is room */
    bool refused_room; /* by the newest flush, which failed: the next change is not held back */

    size_t input_bytes, output_bytes; /* unused and unsent, as CLIENT LIST tells */
};

/* As after connecting; texts are gone. */
void client_reset(struct client *client);

/* Copies; false: out of memory. Empty text: none. */
bool client_set_text(struct client *client, enum client_text kind, struct bytes text);

#endif
