/* Times to live, in the units in which commands give them. */
#ifndef SERVER_RESP_EXPIRY_H
#define SERVER_RESP_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "server/resp/reply.h"
#include "server/resp/request.h"
#include "storage/snapshots/value_store.h"

/* How a command gives a time. */
struct expiry_form {
    bool seconds;  /* else milliseconds */
    bool absolute; /* since 1970, else from now on */
};

/* Microseconds since 1970 as whole milliseconds, rounded up. */
int64_t expiry_ms(int64_t expires_us);

/* A time as EXPIRE takes it (positive false: it may be over) or SET. False: it is none, and the
 * error was replied, which names the command. */
bool expiry_read(struct bytes text, struct expiry_form form, bool positive, const char *command,
                 int64_t *expires_us, struct reply *reply);

/* EX 10, PXAT 1700000000000 and the like at argument *index, which moves to the time. False: it is
 * none of these. */
bool expiry_is_option(const struct request *request, uint32_t *index, struct expiry_form *form);

#endif
