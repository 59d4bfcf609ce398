/* Names, arities, flags and keys are those of Redis 7.0, so that clients which ask COMMAND behave
 * as they do there. */
#include <assert.h>

#include "server/resp/commands.h"
#include "server/resp/face.h"

#define READ     COMMAND_READONLY
#define WRITE    COMMAND_WRITE
#define GROWING  COMMAND_DENYOOM
#define FAST     COMMAND_FAST
#define ALWAYS   (COMMAND_LOADING | COMMAND_STALE)
#define SESSION  (ALWAYS | COMMAND_NOSCRIPT)
#define STRANGER (SESSION | COMMAND_FAST | COMMAND_NO_AUTH | COMMAND_ALLOW_BUSY)
#define ADMIN    (SESSION | COMMAND_ADMIN)

#define HELP(of, flags_, categories_)                                                              \
    {                                                                                              \
        "help", command_help, 2, flags_, 0, 0, 0, categories_, of, "5.0.0", "O(1)",                \
            "Lists the subcommands", NULL                                                          \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL                              \
    }

static const struct command client_commands[] = {
    {"getname", command_client_getname, 2, SESSION, 0, 0, 0, "@connection", "connection", "2.6.9",
     "O(1)", "The name of this connection", NULL},
    HELP("connection", ALWAYS, "@connection"),
    {"id", command_client_id, 2, SESSION, 0, 0, 0, "@connection", "connection", "5.0.0", "O(1)",
     "The number of this connection", NULL},
    {"info", command_client_info, 2, SESSION, 0, 0, 0, "@connection", "connection", "6.2.0", "O(1)",
     "What is known of this connection", NULL},
    {"list", command_client_list, -2, ADMIN, 0, 0, 0, "@connection", "connection", "2.4.0",
     "O(N), N connections", "What is known of all connections", NULL},
    {"no-evict", command_client_no_evict, 3, ADMIN, 0, 0, 0, "@connection", "connection", "7.0.0",
     "O(1)", "Accepted; no connection is ever closed to free memory for another", NULL},
    {"reply", command_client_reply, 3, SESSION, 0, 0, 0, "@connection", "connection", "3.2.0",
     "O(1)", "Whether commands are replied to", NULL},
    {"setinfo", command_client_setinfo, 4, SESSION, 0, 0, 0, "@connection", "connection", "7.2.0",
     "O(1)", "Tells the name or the version of the client's library", NULL},
    {"setname", command_client_setname, 3, SESSION, 0, 0, 0, "@connection", "connection", "2.6.9",
     "O(1)", "Names this connection", NULL},
    END,
};

static const struct command command_commands[] = {
    {"count", command_command_count, 2, ALWAYS, 0, 0, 0, "@connection", "server", "2.8.13", "O(1)",
     "How many commands there are", NULL},
    {"docs", command_command_docs, -2, ALWAYS, 0, 0, 0, "@connection", "server", "7.0.0",
     "O(N), N commands", "What commands do", NULL},
    HELP("server", ALWAYS, "@connection"),
    {"info", command_command_info, -2, ALWAYS, 0, 0, 0, "@connection", "server", "2.8.13",
     "O(N), N commands", "Arity, flags and keys of commands", NULL},
    {"list", command_command_list, -2, ALWAYS, 0, 0, 0, "@connection", "server", "7.0.0",
     "O(N), N commands", "The names of all commands", NULL},
    END,
};

static const struct command config_commands[] = {
    {"get", command_config_get, -3, ADMIN, 0, 0, 0, NULL, "server", "2.0.0",
     "O(N), N settings times patterns", "Settings by their names in Redis", NULL},
    HELP("server", ALWAYS, NULL),
    END,
};

static const struct command memory_commands[] = {
    HELP("server", ALWAYS, NULL),
    {"usage", command_memory_usage, -3, READ, 2, 2, 1, NULL, "server", "4.0.0", "O(1)",
     "How many bytes a key and its value take in memory", NULL},
    END,
};

static const struct command object_commands[] = {
    {"encoding", command_object_encoding, 3, READ, 2, 2, 1, "@keyspace", "generic", "2.2.3", "O(1)",
     "How Redis would hold the value: int, embstr or raw", NULL},
    HELP("generic", ALWAYS, "@keyspace"),
    END,
};

const struct command command_table[] = {
    {"auth", command_auth, -2, STRANGER, 0, 0, 0, "@connection", "connection", "1.0.0", "O(1)",
     "Tells the password", NULL},
    {"client", NULL, -2, 0, 0, 0, 0, NULL, "connection", "2.4.0", "Depends on subcommand.",
     "About connections", client_commands},
    {"command", command_command, -1, ALWAYS, 0, 0, 0, "@connection", "server", "2.8.13",
     "O(N), N commands", "Arity, flags and keys of all commands", command_commands},
    {"config", NULL, -2, 0, 0, 0, 0, NULL, "server", "2.0.0", "Depends on subcommand.",
     "About settings", config_commands},
    {"dbsize", command_dbsize, 1, READ | FAST, 0, 0, 0, "@keyspace", "server", "1.0.0", "O(1)",
     "How many keys there are", NULL},
    {"del", command_del, -2, WRITE, 1, -1, 1, "@keyspace", "generic", "1.0.0", "O(N), N keys",
     "Deletes keys", NULL},
    {"echo", command_echo, 2, ALWAYS | FAST, 0, 0, 0, "@connection", "connection", "1.0.0", "O(1)",
     "Says the same", NULL},
    {"exists", command_exists, -2, READ | FAST, 1, -1, 1, "@keyspace", "generic", "1.0.0",
     "O(N), N keys", "How many of the keys there are", NULL},
    {"expire", command_expire, -3, WRITE | FAST, 1, 1, 1, "@keyspace", "generic", "1.0.0", "O(1)",
     "Lets a key expire in so many seconds", NULL},
    {"expireat", command_expireat, -3, WRITE | FAST, 1, 1, 1, "@keyspace", "generic", "1.2.0",
     "O(1)", "Lets a key expire at a time, in seconds since 1970", NULL},
    {"expiretime", command_expiretime, 2, READ | FAST, 1, 1, 1, "@keyspace", "generic", "7.0.0",
     "O(1)", "When a key expires, in seconds since 1970", NULL},
    {"get", command_get, 2, READ | FAST, 1, 1, 1, "@string", "string", "1.0.0", "O(1)",
     "The value of a key", NULL},
    {"getdel", command_getdel, 2, WRITE | FAST, 1, 1, 1, "@string", "string", "6.2.0", "O(1)",
     "The value of a key, which is deleted", NULL},
    {"getex", command_getex, -2, WRITE | FAST, 1, 1, 1, "@string", "string", "6.2.0", "O(1)",
     "The value of a key, which gets another time to expire", NULL},
    {"hello", command_hello, -1, STRANGER, 0, 0, 0, "@connection", "connection", "6.0.0", "O(1)",
     "Chooses RESP2 or RESP3, and may tell the password", NULL},
    {"info", command_info, -1, ALWAYS, 0, 0, 0, "@dangerous", "server", "1.0.0", "O(1)",
     "What the server is and does", NULL},
    {"memory", NULL, -2, 0, 0, 0, 0, NULL, "server", "4.0.0", "Depends on subcommand.",
     "About memory", memory_commands},
    {"mget", command_mget, -2, READ | FAST, 1, -1, 1, "@string", "string", "1.0.0", "O(N), N keys",
     "The values of keys", NULL},
    {"mset", command_mset, -3, WRITE | GROWING, 1, -1, 2, "@string", "string", "1.0.1",
     "O(N), N keys", "Sets keys, all or none", NULL},
    {"object", NULL, -2, 0, 0, 0, 0, NULL, "generic", "2.2.3", "Depends on subcommand.",
     "About values", object_commands},
    {"persist", command_persist, 2, WRITE | FAST, 1, 1, 1, "@keyspace", "generic", "2.2.0", "O(1)",
     "Lets a key never expire", NULL},
    {"pexpire", command_pexpire, -3, WRITE | FAST, 1, 1, 1, "@keyspace", "generic", "2.6.0", "O(1)",
     "Lets a key expire in so many milliseconds", NULL},
    {"pexpireat", command_pexpireat, -3, WRITE | FAST, 1, 1, 1, "@keyspace", "generic", "2.6.0",
     "O(1)", "Lets a key expire at a time, in milliseconds since 1970", NULL},
    {"pexpiretime", command_pexpiretime, 2, READ | FAST, 1, 1, 1, "@keyspace", "generic", "7.0.0",
     "O(1)", "When a key expires, in milliseconds since 1970", NULL},
    {"ping", command_ping, -1, FAST, 0, 0, 0, "@connection", "connection", "1.0.0", "O(1)",
     "Says PONG, or what it was told", NULL},
    {"psetex", command_psetex, 4, WRITE | GROWING, 1, 1, 1, "@string", "string", "2.6.0", "O(1)",
     "Sets a key that expires in so many milliseconds", NULL},
    {"pttl", command_pttl, 2, READ | FAST, 1, 1, 1, "@keyspace", "generic", "2.6.0", "O(1)",
     "In how many milliseconds a key expires", NULL},
    {"quit", command_quit, -1, STRANGER, 0, 0, 0, "@connection", "connection", "1.0.0", "O(1)",
     "Closes the connection", NULL},
    {"reset", command_reset, 1, STRANGER, 0, 0, 0, "@connection", "connection", "6.2.0", "O(1)",
     "Makes the connection as it was when it was new", NULL},
    {"scan", command_scan, -2, READ, 0, 0, 0, "@keyspace", "generic", "2.8.0",
     "O(1) for every call", "The next keys, and where to go on", NULL},
    {"select", command_select, 2, ALWAYS | FAST, 0, 0, 0, "@connection", "connection", "1.0.0",
     "O(1)", "Chooses database 0, the only one", NULL},
    {"set", command_set, -3, WRITE | GROWING, 1, 1, 1, "@string", "string", "1.0.0", "O(1)",
     "Sets the value of a key", NULL},
    {"setex", command_setex, 4, WRITE | GROWING, 1, 1, 1, "@string", "string", "2.0.0", "O(1)",
     "Sets a key that expires in so many seconds", NULL},
    {"setnx", command_setnx, 3, WRITE | GROWING | FAST, 1, 1, 1, "@string", "string", "1.0.0",
     "O(1)", "Sets a key that does not exist", NULL},
    {"strlen", command_strlen, 2, READ | FAST, 1, 1, 1, "@string", "string", "2.2.0", "O(1)",
     "How many bytes the value of a key has", NULL},
    {"ttl", command_ttl, 2, READ | FAST, 1, 1, 1, "@keyspace", "generic", "1.0.0", "O(1)",
     "In how many seconds a key expires", NULL},
    {"type", command_type, 2, READ | FAST, 1, 1, 1, "@keyspace", "generic", "1.0.0", "O(1)",
     "The type of a value: string", NULL},
    {"unlink", command_del, -2, WRITE | FAST, 1, -1, 1, "@keyspace", "generic", "4.0.0",
     "O(N), N keys", "As DEL", NULL},
    END,
};

static_assert(sizeof command_table / sizeof *command_table <= COMMANDS_MAX, "each is counted");
