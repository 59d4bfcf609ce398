/* The commands: one table says what there is; dispatch, COMMAND and COMMAND DOCS follow from it. */
#ifndef SERVER_RESP_COMMAND_H
#define SERVER_RESP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "server/resp/client.h"
#include "server/resp/reply.h"
#include "server/resp/request.h"

/* As COMMAND names them. */
enum command_flags {
    COMMAND_READONLY = 1 << 0,
    COMMAND_WRITE = 1 << 1,
    COMMAND_DENYOOM = 1 << 2, /* may need memory */
    COMMAND_ADMIN = 1 << 3,
    COMMAND_NOSCRIPT = 1 << 4,
    COMMAND_LOADING = 1 << 5,
    COMMAND_STALE = 1 << 6,
    COMMAND_FAST = 1 << 7,
    COMMAND_NO_AUTH = 1 << 8, /* for strangers, too */
    COMMAND_ALLOW_BUSY = 1 << 9,
    COMMAND_FLAG_COUNT = 10,
};

typedef void command_run(struct client *client, const struct request *request, struct reply *reply);

struct command {
    const char *name; /* in lower case; a subcommand's without the command's; NULL ends a table */
    command_run *run; /* NULL: it has subcommands */
    int arity;        /* arguments, the name included; negative: at least so many */
    unsigned flags;
    int first_key, last_key, key_step; /* 0: no keys; last_key -1: all that follow */
    const char *categories;            /* of access, behind those that follow from the flags */
    const char *group, *since, *complexity, *summary;
    const struct command *subcommands;
};

/* In the order of their names. */
extern const struct command command_table[];
size_t command_count(void);

/* NULL: there is none. Any case. */
const struct command *command_find(const struct command *table, struct bytes name);

/* The command that a request means, if the client may run it now; else NULL, and the error
 * was replied. *row: of the table, COMMANDS_MAX for an unknown one. */
const struct command *command_choose(struct client *client, const struct request *request,
                                     struct reply *reply, size_t *row);

#endif
