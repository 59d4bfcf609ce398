/* One connection: bytes in, commands run, replies out.
 *
 *   read --> whole requests --> run one after another --> replies, sent together
 *
 * It stops running commands, and soon reading, so that TCP holds the client back,
 *   - while a command waits for its reply from another thread,
 *   - while a change has to wait until others were flushed (keys_have_room),
 *   - while too many of its changes are on their way to disk (no reply that tells of one is
 *     sent before it is there),
 *   - while the client does not read its replies.
 *
 * A connection at rest owns no buffer: requests are read into memory of the thread, and replies
 * sent from there; only what is left over is kept. RESP thread only. */
#ifndef SERVER_RESP_SESSION_H
#define SERVER_RESP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "server/resp/client.h"
#include "server/resp/request.h"

enum {
    READ_BYTES_MAX = 64 << 10,     /* at one turn of a connection */
    OUTPUT_STOP_BYTES = 256 << 10, /* unsent: no further command is run */
    OUTPUT_BYTES_MAX = 128 << 20,  /* unsent: the connection is closed */
    BUFFERS_BYTES_MAX = 512 << 20, /* of all connections: who needs more is closed */
    UNSAVED_MAX = 1024,            /* changes of one connection on their way to disk */
};

struct session {
    struct client client;
    struct request_parser parser;
    struct buffer input;  /* what is not run yet */
    struct buffer output; /* what is not sent yet */
    size_t sent;          /* of the output, which is given back when all of it is */
    size_t buffer_bytes;  /* as they are counted in face->buffer_bytes */

    size_t held;  /* bytes of the request that comes first: it is parsed, and waits for room */
    bool stopped; /* the input holds something that was not run, though it may be whole */

    bool readable; /* the socket may have bytes */
    bool hung_up;  /* and behind them the end */
    bool ended;    /* which was read */
    bool broken;   /* nothing can be read or sent any more */

    bool in_turn; /* in the list of those that have something to do */
    struct session *next;
};

/* Memory of the thread that all connections use in turn. */
struct workbench {
    uint8_t input[READ_BYTES_MAX];
    struct buffer output;
};

/* NULL: out of memory. Takes the socket. */
struct session *session_open(struct face *face, int socket);

/* Closes the socket and frees it. */
void session_free(struct session *session);

/* Does what can be done now: reads once, runs, sends. True: there is more to do, after the others
 * had their turn. */
bool session_work(struct session *session, struct workbench *workbench);

/* An errand is back. The connection has something to do now. */
void session_finish(struct errand *errand);

/* Nothing more will happen on it, so it may be freed. */
bool session_is_over(const struct session *session);

#endif
